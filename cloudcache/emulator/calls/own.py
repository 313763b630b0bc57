"""The five endpoints outside `/settings`, each with a verb and a shape of its own."""

from __future__ import annotations

from collections.abc import Mapping

from cloudcache.emulator import refusals
from cloudcache.emulator.catalogue import BOT_FIELDS, PAGE_SHIELD_FIELDS, Setting
from cloudcache.emulator.exchange import Exchange
from cloudcache.emulator.generated import Zone
from cloudcache.emulator.reading import bot_result, current, page_shield_result, value_result
from cloudcache.emulator.wire import JSON, Outcome, Refusal
from cloudcache.emulator.writing import accepted

_VALUE_ENDPOINTS = {
    "argo/tiered_caching": ("tiered_caching", "tiered_caching"),
    "cache/tiered_cache_smart_topology_enable": ("smart_tiered_cache", "tiered_cache_smart_topology_enable"),
}


def read_value(exchange: Exchange, zone: Zone, rest: str) -> Outcome:
    """Tiered Cache or Smart Tiered Cache."""
    name, shown_id = _VALUE_ENDPOINTS[rest]
    return Outcome(value_result(zone, exchange.held(zone.id), name, shown_id, exchange.now))


def write_value(exchange: Exchange, zone: Zone, rest: str) -> Outcome:
    """Changes one of the two."""
    name, shown_id = _VALUE_ENDPOINTS[rest]
    value = accepted(zone, name, exchange.body().get("value"))
    exchange.world.change(zone, {name: value}, exchange.origin())
    return Outcome(value_result(zone, exchange.world.held(zone.id), name, shown_id, exchange.now))


def read_leaked_credentials(exchange: Exchange, zone: Zone, _: str) -> Outcome:
    """Whether leaked credentials are looked for."""
    enabled = current(zone, exchange.held(zone.id), "leaked_credential_checks", exchange.now)
    return Outcome({"enabled": enabled})


def write_leaked_credentials(exchange: Exchange, zone: Zone, _: str) -> Outcome:
    """Turns the check on or off."""
    enabled = exchange.body().get("enabled")
    if not isinstance(enabled, bool):
        raise refusals.bad_request("enabled must be true or false")
    exchange.world.change(zone, {"leaked_credential_checks": enabled}, exchange.origin())
    return Outcome({"enabled": enabled})


def read_page_shield(exchange: Exchange, zone: Zone, _: str) -> Outcome:
    """The client-side security monitor."""
    return Outcome(page_shield_result(zone, exchange.held(zone.id), exchange.now))


def write_page_shield(exchange: Exchange, zone: Zone, _: str) -> Outcome:
    """Changes the fields that were sent."""
    exchange.world.change(zone, _sent(exchange, zone, PAGE_SHIELD_FIELDS), exchange.origin())
    return Outcome(page_shield_result(zone, exchange.world.held(zone.id), exchange.now))


def read_bots(exchange: Exchange, zone: Zone, _: str) -> Outcome:
    """The bot settings of the zone's plan."""
    return Outcome(bot_result(zone, exchange.held(zone.id), exchange.now))


def write_bots(exchange: Exchange, zone: Zone, _: str) -> Outcome:
    """Changes the fields that were sent and leaves the others."""
    exchange.world.change(zone, _sent(exchange, zone, BOT_FIELDS), exchange.origin())
    return Outcome(bot_result(zone, exchange.world.held(zone.id), exchange.now))


def _sent(exchange: Exchange, zone: Zone, fields: Mapping[str, Setting]) -> dict[str, JSON]:
    """The fields of the body under their flat names, all of them acceptable."""
    payload = exchange.call.payload()
    if not isinstance(payload, dict):
        raise refusals.bad_request("the body must be a JSON object")
    values: dict[str, JSON] = {}
    for field, value in payload.items():
        setting = fields.get(field)
        if setting is None:
            raise refusals.bad_request(f"unknown field {field}")
        try:
            values[setting.name] = accepted(zone, setting.name, value)
        except Refusal as refusal:
            raise refusals.bad_request(f"{field} is not allowed here, or not with this value") from refusal
    return values
