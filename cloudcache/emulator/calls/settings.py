"""Settings below `/zones/{zone_id}/settings`: one at a time, or all that the old bulk calls know."""

from __future__ import annotations

from cloudcache.emulator import refusals
from cloudcache.emulator.catalogue import BATCH, PLAIN, Setting
from cloudcache.emulator.exchange import Exchange
from cloudcache.emulator.generated import Zone
from cloudcache.emulator.reading import setting_result
from cloudcache.emulator.wire import JSON, Failure, Outcome, Refusal
from cloudcache.emulator.writing import accepted


def read_one(exchange: Exchange, zone: Zone, name: str) -> Outcome:
    """One setting."""
    return Outcome(setting_result(zone, exchange.held(zone.id), _setting(name), exchange.now))


def write_one(exchange: Exchange, zone: Zone, name: str) -> Outcome:
    """Changes one setting and answers with what it reads as now."""
    setting = _setting(name)
    value = accepted(zone, name, exchange.body().get(setting.member))
    exchange.world.change(zone, {name: value}, exchange.origin())
    return Outcome(setting_result(zone, exchange.world.held(zone.id), setting, exchange.now))


def read_batch(exchange: Exchange, zone: Zone, _: str) -> Outcome:
    """All settings that the bulk read knows, which is about half of them, and a few that nobody documents."""
    _insist_on_bulk(exchange)
    held = exchange.held(zone.id)
    results: list[JSON] = [setting_result(zone, held, PLAIN[name], exchange.now) for name in BATCH]
    return Outcome(results)


def write_batch(exchange: Exchange, zone: Zone, _: str) -> Outcome:
    """Changes several settings, or none of them when any is refused."""
    _insist_on_bulk(exchange)
    items = exchange.body().get("items")
    if not isinstance(items, list):
        raise refusals.missing_items()
    values = _accept_all(zone, items)
    if values:
        exchange.world.change(zone, values, exchange.origin())
    held = exchange.world.held(zone.id)
    results: list[JSON] = [setting_result(zone, held, PLAIN[name], exchange.now) for name in values]
    return Outcome(results)


def _accept_all(zone: Zone, items: list[JSON]) -> dict[str, JSON]:
    values: dict[str, JSON] = {}
    failures: list[Failure] = []
    for item in items:
        fields = item if isinstance(item, dict) else {}
        name = str(fields.get("id", ""))
        try:
            values[name] = accepted(zone, name, fields.get(_setting(name).member))
        except Refusal as refusal:
            failures.extend(refusal.failures)
    if failures:
        raise Refusal(400, *failures)
    return values


def _setting(name: str) -> Setting:
    setting = PLAIN.get(name)
    if setting is None:
        raise refusals.unknown_setting(name)
    return setting


def _insist_on_bulk(exchange: Exchange) -> None:
    mode = exchange.world.options.batch_read
    if mode == "off":
        raise refusals.withdrawn()
    if mode == "missing":
        raise refusals.no_route(exchange.call.path)
