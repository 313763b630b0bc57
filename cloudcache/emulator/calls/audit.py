"""The two audit logs of an account: the newer one by cursor, the older one by page."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from math import inf
from uuid import UUID

from cloudcache.emulator import refusals
from cloudcache.emulator.audit import Alteration, Deed
from cloudcache.emulator.exchange import Exchange
from cloudcache.emulator.parameters import Query, instant, one_of, single, whole
from cloudcache.emulator.wire import JSON, Outcome, moment

PRODUCT, RESOURCE_TYPE, SCOPE = "zone_settings", "setting", "zones"

_FIELDS: Mapping[str, Callable[[Deed], str]] = {
    "account_name": lambda deed: deed.account_name,
    "action_result": lambda deed: str(deed.result),
    "action_type": lambda deed: deed.action_type,
    "actor_context": lambda deed: deed.actor.context,
    "actor_email": lambda deed: deed.actor.email,
    "actor_id": lambda deed: deed.actor.id,
    "actor_ip_address": lambda deed: deed.actor.ip_address,
    "actor_token_id": lambda deed: deed.actor.token_id,
    "actor_token_name": lambda deed: deed.actor.token_name,
    "actor_type": lambda deed: deed.actor.type,
    "audit_log_id": lambda deed: deed.id,
    "id": lambda deed: deed.id,
    "raw_cf_ray_id": lambda deed: deed.ray_id,
    "raw_method": lambda deed: deed.method,
    "raw_status_code": lambda deed: str(deed.status),
    "raw_uri": lambda deed: deed.uri,
    "resource_id": lambda deed: deed.zone_id,
    "resource_product": lambda deed: PRODUCT,
    "resource_type": lambda deed: RESOURCE_TYPE,
    "resource_scope": lambda deed: SCOPE,
    "zone_id": lambda deed: deed.zone_id,
    "zone_name": lambda deed: deed.zone_name,
}
"""The filters of the newer log; each has a twin ending in `.not`."""


def read_newer(exchange: Exchange, account_id: str) -> Outcome:
    """One page of audit logs, version 2."""
    query = exchange.call.parameters()
    since, before = instant(query, "since"), instant(query, "before")
    if since is None or before is None:
        raise refusals.bad_request("since and before are required")
    if "product_category" in query:
        raise refusals.bad_request("unknown product_category")
    falling = one_of(query, "direction", "desc", ("asc", "desc")) == "desc"
    limit = whole(query, "limit", 100, 1, 1000)
    after = _place(single(query, "cursor"))
    deeds = _visible(exchange, account_id, "v2", since, before, falling=falling)
    rest = (deed for deed in deeds if _comes_later(deed, after, falling=falling) and _passes(deed, query))
    found = list(islice(rest, limit + 1))
    shown: list[JSON] = [_newer_entry(deed) for deed in found[:limit]]
    cursor = _cursor(found[limit - 1]) if len(found) > limit else ""
    return Outcome(shown, {"count": str(len(shown)), "cursor": cursor})


def read_older(exchange: Exchange, account_id: str) -> Outcome:
    """One page of audit logs, version 1."""
    query = exchange.call.parameters()
    since, before = instant(query, "since"), instant(query, "before")
    falling = one_of(query, "direction", "desc", ("asc", "desc")) == "desc"
    page, per_page = whole(query, "page", 1, 1, 1_000_000), whole(query, "per_page", 100, 1, 1000)
    deeds = _visible(
        exchange,
        account_id,
        "v1",
        -inf if since is None else since,
        inf if before is None else before,
        falling=falling,
    )
    entries = (
        _older_entry(deed, alteration, number)
        for deed in deeds
        for number, alteration in enumerate(deed.alterations)
        if _passes_older(deed, query)
    )
    wanted = single(query, "id")
    matching = (entry for entry in entries if wanted in (None, entry["id"]))
    shown: list[JSON] = list(islice(matching, (page - 1) * per_page, page * per_page))
    return Outcome(shown)


def _visible(
    exchange: Exchange, account_id: str, log: str, since: float, before: float, *, falling: bool
) -> Iterator[Deed]:
    """The deeds that this log shows by now."""
    world = exchange.world
    shown_until = exchange.now - world.options.audit_delay
    deeds = world.trail.between(account_id, since, before)
    drop = world.options.audit_drop
    ordered = reversed(deeds) if falling else iter(deeds)
    return (deed for deed in ordered if deed.at <= shown_until and not world.trail.is_lost(deed, log, drop))


def _passes(deed: Deed, query: Query) -> bool:
    for name, values in query.items():
        field = _FIELDS.get(name.removesuffix(".not"))
        if field is not None and (field(deed) in values) == name.endswith(".not"):
            return False
    return True


def _passes_older(deed: Deed, query: Query) -> bool:
    shown = {
        "action.type": "change_setting",
        "zone.name": deed.zone_name,
        "actor.email": deed.actor.email,
        "actor.ip": deed.actor.ip_address,
    }
    return all(name not in query or value in query[name] for name, value in shown.items())


def _comes_later(deed: Deed, after: tuple[float, int] | None, *, falling: bool) -> bool:
    if after is None:
        return True
    return deed.place < after if falling else deed.place > after


def _cursor(deed: Deed) -> str:
    return base64.urlsafe_b64encode(json.dumps(deed.place).encode()).decode()


def _place(cursor: str | None) -> tuple[float, int] | None:
    """The position that a cursor stands for."""
    if not cursor:
        return None
    try:
        at, sequence = json.loads(base64.b64decode(cursor, altchars=b"-_", validate=True))
        return float(at), int(sequence)
    except (ValueError, TypeError, binascii.Error):
        raise refusals.bad_request("cursor is not one that was given out") from None


def _newer_entry(deed: Deed) -> dict[str, JSON]:
    actor = deed.actor
    who: dict[str, JSON] = {"type": actor.type}
    texts = {
        "context": actor.context,
        "id": actor.id,
        "email": actor.email,
        "ip_address": actor.ip_address,
        "token_id": actor.token_id,
        "token_name": actor.token_name,
        "name": actor.name,
    }
    who |= {name: text for name, text in texts.items() if text}
    return {
        "id": deed.id,
        "account": {"id": deed.account_id, "name": deed.account_name},
        "action": {
            "type": deed.action_type,
            "result": deed.result,
            "time": moment(deed.at),
            "description": "Change zone settings",
        },
        "actor": who,
        "raw": {
            "cf_ray_id": deed.ray_id,
            "method": deed.method,
            "status_code": deed.status,
            "uri": deed.uri,
            "user_agent": deed.user_agent,
        },
        "resource": {"id": deed.zone_id, "product": PRODUCT, "type": RESOURCE_TYPE, "scope": {"type": SCOPE}},
        "zone": {"id": deed.zone_id, "name": deed.zone_name},
    }


_OLDER_TYPES = {"system": "Cloudflare", "cloudflare_admin": "admin"}
"""The older log knows three types of actors."""


def _older_entry(deed: Deed, alteration: Alteration, number: int) -> dict[str, JSON]:
    actor = deed.actor
    who: dict[str, JSON] = {"type": _OLDER_TYPES.get(actor.type, "user")}
    who |= {name: text for name, text in (("id", actor.id), ("ip", actor.ip_address)) if text}
    if actor.email:
        who["email"] = actor.email
    return {
        # The older log has ids of its own: one per setting, also when one call changed several.
        "id": str(UUID(int=(int(deed.id, 16) + number) % 2**128)),
        "action": {"result": deed.result == "success", "type": "change_setting"},
        "actor": who,
        "interface": "UI" if actor.context == "dash" else "API",
        "metadata": {
            "name": alteration.name,
            "type": PRODUCT,
            "value": _as_text(alteration.new),
            "zone_name": deed.zone_name,
        },
        "newValue": _as_text(alteration.new),
        "oldValue": _as_text(alteration.old),
        "owner": {"id": deed.account_id},
        "resource": {"id": deed.zone_id, "type": "zone"},
        "when": moment(deed.at),
    }


def _as_text(value: JSON) -> str:
    return value if isinstance(value, str) else json.dumps(value)
