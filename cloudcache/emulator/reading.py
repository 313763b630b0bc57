"""What a setting reads as, which is not always what was written.

    tls_1_3           reads zrt while 0-RTT is on (unless TLS 1.3 itself is off)
    development_mode  counts down from three hours and then is off, though nobody turned it off
    nel               says that it was changed in the year 1 when it never was
    rum               has no time of change at all

Pure functions of a zone, the values it holds and the time.
"""

from __future__ import annotations

from collections.abc import Mapping

from cloudcache.emulator.catalogue import (
    BOT_FIELDS,
    BOT_PRODUCTS,
    PAGE_SHIELD_FIELDS,
    SETTINGS,
    Plan,
    Setting,
)
from cloudcache.emulator.generated import Zone
from cloudcache.emulator.store import Held
from cloudcache.emulator.wire import JSON, moment

DEVELOPMENT_SECONDS = 10_800
SCAN_SECONDS = 7 * 86_400
NEVER_FOR_NEL = "0001-01-01T00:00:00Z"


def current(zone: Zone, held: Mapping[str, Held], name: str, now: float) -> JSON:
    """The value that a reader sees now."""
    kept = held.get(name)
    value = SETTINGS[name].initial(zone.plan) if kept is None else kept.value
    if name == "development_mode" and value == "on":
        return "on" if development_seconds(held, now) > 0 else "off"
    if name == "tls_1_3" and value == "on" and current(zone, held, "0rtt", now) == "on":
        return "zrt"
    return value


def development_seconds(held: Mapping[str, Held], now: float) -> int:
    """Seconds left of development mode; below zero the seconds since it ended; zero when it was never on."""
    kept = held.get("development_mode")
    if kept is None or kept.changed_at is None:
        return 0
    if kept.value == "on":
        return int(kept.changed_at + DEVELOPMENT_SECONDS - now)
    return int(kept.changed_at - now)


def setting_result(zone: Zone, held: Mapping[str, Held], setting: Setting, now: float) -> dict[str, JSON]:
    """The object that a read or write of one setting below `/settings/` answers with."""
    name = setting.name
    value = current(zone, held, name, now)
    result: dict[str, JSON] = {"id": name, setting.member: value, "editable": setting.editable(zone.plan)}
    if name == "rum":
        return result
    result["modified_on"] = changed_on(zone, held, name)
    if name == "development_mode":
        result["time_remaining"] = development_seconds(held, now)
    elif name == "ssl":
        result |= {"certificate_status": "active", "validation_errors": []}
    elif name == "ssl_automatic_mode" and value == "auto":
        result["next_scheduled_scan"] = moment(now + SCAN_SECONDS)
    return result


def changed_on(zone: Zone, held: Mapping[str, Held], name: str) -> str | None:
    """When the setting was last changed, in the words that its service has for never."""
    kept = held.get(name)
    if kept is not None and kept.changed_at is not None:
        return moment(kept.changed_at)
    if name == "nel":
        return NEVER_FOR_NEL
    # This service's schema demands a time, so a zone that never chose shows when it was made.
    return moment(zone.created_at) if name == "ssl_automatic_mode" else None


def value_result(
    zone: Zone, held: Mapping[str, Held], name: str, shown_id: str, now: float
) -> dict[str, JSON]:
    """The object of the two cache endpoints, which look like a plain setting."""
    return {
        "id": shown_id,
        "value": current(zone, held, name, now),
        "editable": SETTINGS[name].editable(zone.plan),
        "modified_on": changed_on(zone, held, name),
    }


def page_shield_result(zone: Zone, held: Mapping[str, Held], now: float) -> dict[str, JSON]:
    """The object of the page shield endpoint."""
    times = [held[setting.name].changed_at for setting in PAGE_SHIELD_FIELDS.values() if setting.name in held]
    updated_at = max((at for at in times if at is not None), default=zone.created_at)
    fields: dict[str, JSON] = {
        field: current(zone, held, setting.name, now) for field, setting in PAGE_SHIELD_FIELDS.items()
    }
    return fields | {"updated_at": moment(updated_at)}


def bot_result(zone: Zone, held: Mapping[str, Held], now: float) -> dict[str, JSON]:
    """The object of the bot endpoint: the fields of the zone's plan, and what an earlier plan left behind."""
    shown = bot_fields(zone.plan)
    fields: dict[str, JSON] = {field: current(zone, held, BOT_FIELDS[field].name, now) for field in shown}
    stale: dict[str, JSON] = {
        field: held[setting.name].value
        for field, setting in BOT_FIELDS.items()
        if field not in shown and setting.name in held and held[setting.name].value != setting.default
    }
    return fields | ({"stale_zone_configuration": stale} if stale else {})


def bot_fields(plan: Plan) -> tuple[str, ...]:
    """The fields that a zone of that plan has: each plan's bot product has some of its own, and not the others'."""
    others = {field for product in BOT_PRODUCTS.values() for field in product} - set(BOT_PRODUCTS[plan])
    return tuple(field for field in BOT_FIELDS if field not in others)


def zone_result(zone: Zone, held: Mapping[str, Held], account_name: str, now: float) -> dict[str, JSON]:
    """A zone as the zone list shows it. `modified_on` does not move with settings: nobody promises that it
    does.
    """
    made = moment(zone.created_at)
    plan = zone.plan.name.lower()
    return {
        "id": zone.id,
        "name": zone.name,
        "status": "active",
        "paused": False,
        "type": "full",
        "development_mode": development_seconds(held, now),
        "name_servers": ["ada.ns.cloudflare.com", "bob.ns.cloudflare.com"],
        "original_name_servers": None,
        "original_registrar": None,
        "original_dnshost": None,
        "created_on": made,
        "modified_on": made,
        "activated_on": made,
        "meta": {"step": 2, "custom_certificate_quota": 0, "page_rule_quota": 3, "phishing_detected": False},
        "owner": {"id": zone.account_id, "type": "organization", "name": account_name},
        "account": {"id": zone.account_id, "name": account_name},
        "permissions": [],
        "plan": {
            "id": f"{zone.plan + 1:x}" * 32,
            "name": f"{plan.capitalize()} Website",
            "price": 0,
            "currency": "USD",
            "frequency": "",
            "is_subscribed": True,
            "can_subscribe": False,
            "legacy_id": plan,
            "legacy_discount": False,
            "externally_managed": False,
        },
    }
