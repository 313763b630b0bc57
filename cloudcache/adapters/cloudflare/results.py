"""Cloudflare's `result`, turned into what the services know; None for a shape that cannot be used.

Values that nobody knows are passed through untouched: the catalogue decides whether they mean on or off.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TypeVar

from cloudcache.domain.catalog import Read, Toggle, ZonePlan
from cloudcache.domain.events import Observation
from cloudcache.domain.ids import JSON, ZoneId
from cloudcache.ports import DnsRecord, TokenFacts, ZoneFacts

Seen = TypeVar("Seen", Observation | None, list[Observation] | None)

YEAR_ONE = "0001-"
"""Network Error Logging gives a date in the year 1 while it was never changed; the others give null."""
LONGEST_COUNTDOWN_S = 86_400
LONGEST_DATE = 40


def observe(toggle: Toggle, result: JSON, at: int, ray: str) -> Observation | None:
    """What a `result` says of a toggle; None when it does not hold its value."""
    if not isinstance(result, dict):
        return None
    value = toggle.extract(result)
    if value is None:
        return None
    editable = result.get("editable")
    return Observation(
        toggle.id,
        value,
        at,
        editable=editable if isinstance(editable, bool) else None,
        modified_on=_date(result.get("modified_on")),
        ends_at=_ends_at(result.get("time_remaining"), at),
        ray_id=ray,
    )


def observe_all(read: Read, result: JSON, at: int, ray: str) -> list[Observation] | None:
    """What one read says of its toggles; unknown ids are skipped, toggles missing in it are left out."""
    if read.batch:
        if not isinstance(result, list):
            return None
        items = {
            item["id"]: item for item in result if isinstance(item, dict) and isinstance(item.get("id"), str)
        }
        pairs = [(toggle, items.get(toggle.setting)) for toggle in read.toggles]
    else:
        if not isinstance(result, dict):
            return None
        pairs = [(toggle, result) for toggle in read.toggles]
    seen = [observe(toggle, item, at, ray) for toggle, item in pairs]
    return [one for one in seen if one is not None]


def read_at(found: Seen, at: int | None) -> Seen:
    """The same with the time, by Cloudflare's clock, at which the call began."""
    if isinstance(found, Observation):
        return replace(found, cloudflare_at=at)
    return found if found is None else [replace(one, cloudflare_at=at) for one in found]


def zone_facts(result: JSON) -> ZoneFacts | None:
    """A zone's name, plan and account."""
    if not isinstance(result, dict):
        return None
    account, plan = _part(result, "account"), _part(result, "plan")
    name, plan_name, account_id = _text(result, "name"), _text(plan, "legacy_id"), _text(account, "id")
    if not (name and plan_name and account_id):
        return None
    return ZoneFacts(name, ZonePlan.named(plan_name), account_id, _text(account, "name"))


def zone_list(result: JSON) -> list[tuple[ZoneId, ZoneFacts]] | None:
    """The zones of a list, each with its id; what is no zone is left out."""
    if not isinstance(result, list):
        return None
    found = [(_text(one, "id"), zone_facts(one)) for one in result if isinstance(one, dict)]
    return [(ZoneId(id_), facts) for id_, facts in found if id_ and facts is not None]


def dns_records(result: JSON) -> list[DnsRecord] | None:
    """The records of a list; what is no record is left out."""
    if not isinstance(result, list):
        return None
    return [
        DnsRecord(
            _text(one, "name").lower(),
            _text(one, "type"),
            _text(one, "content").lower(),
            one.get("proxied") is True,
        )
        for one in result
        if isinstance(one, dict) and _text(one, "name") and _text(one, "type")
    ]


def token_facts(result: JSON) -> TokenFacts | None:
    """Whether a token is active, disabled or expired."""
    if not isinstance(result, dict) or not _text(result, "status"):
        return None
    return TokenFacts(status=_text(result, "status"), id=_text(result, "id"))


def accounts(result: JSON) -> list[str] | None:
    """The ids of the accounts that own the zones of a list, each once."""
    if not isinstance(result, list):
        return None
    owners = [_text(_part(zone, "account"), "id") for zone in result if isinstance(zone, dict)]
    return list(dict.fromkeys(filter(None, owners)))


def _date(value: JSON) -> str | None:
    if not isinstance(value, str) or value.startswith(YEAR_ONE) or not 0 < len(value) <= LONGEST_DATE:
        return None
    return value


def _ends_at(seconds: JSON, at: int) -> int | None:
    """When development mode ends; the countdown is absent, 0 or false while never used, negative after."""
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        return None
    return at + int(seconds * 1000) if 0 < seconds <= LONGEST_COUNTDOWN_S else None


def _part(result: Mapping[str, JSON], name: str) -> Mapping[str, JSON]:
    part = result.get(name)
    return part if isinstance(part, dict) else {}


def _text(result: Mapping[str, JSON], name: str) -> str:
    text = result.get(name)
    return text if isinstance(text, str) else ""
