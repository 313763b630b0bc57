"""Cloudflare's `result`, turned into what the services know; None for a shape that cannot be used.

Values that nobody knows are passed through untouched: the catalogue decides whether they mean on or off.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from cloudcache.domain.catalog import BY_ID, Read, Toggle, ZonePlan
from cloudcache.domain.events import Observation, ReadResult
from cloudcache.domain.ids import JSON, ToggleId, ZoneId
from cloudcache.ports import DnsRecord, TokenFacts, ZoneFacts

Seen = TypeVar("Seen", Observation | None, ReadResult | None)

YEAR_ONE = "0001-"
"""Network Error Logging gives a date in the year 1 while it was never changed; the others give null."""
LONGEST_COUNTDOWN_S = 86_400
LONGEST_DATE = 40
ENDS_BY_ITSELF = "development_mode"
"""The one setting whose object has a countdown; elsewhere such a field means nothing to us."""


def observe(toggle: Toggle, result: JSON, at: int, ray: str) -> Observation | None:
    """Return what a `result` says of a toggle; None when it does not hold its value."""
    if not isinstance(result, dict):
        return None
    value = toggle.extract(result)
    if value is None:
        return None
    editable = result.get("editable")
    left = _countdown_ms(result.get("time_remaining")) if toggle.setting == ENDS_BY_ITSELF else 0
    return Observation(
        toggle.id,
        value,
        at,
        editable=editable if isinstance(editable, bool) else None,
        modified_on=_date(result.get("modified_on")),
        ends_at=at + left if left > 0 else None,
        ended_at=at + left if left < 0 else None,
        ray_id=ray,
    )


def observe_written(toggle: Toggle, result: JSON, at: int, ray: str) -> Observation | None:
    """Return what the answer to a write says; None when its value cannot be used, so that it is read again."""
    seen = observe(toggle, result, at, ray)
    return seen if seen is not None and toggle.is_usable(seen.value) else None


def observe_all(read: Read, result: JSON, at: int, ray: str) -> ReadResult | None:
    """Return what one read says of its toggles; None for a result of another shape, or with none of them.

    Unknown ids and fields are skipped. An endpoint that carries several toggles shows the fields of the zone's plan:
    one that is missing beside another is absent. The bulk list has the same ids for every plan, so an id missing
    there is omitted, and so is a value that is null or garbled. A garbled value is returned all the same.
    """
    if read.batch:
        return _observe_list(read, result, at, ray) if isinstance(result, list) else None
    if not isinstance(result, dict):
        return None
    has_some = any(_has_field(toggle, result) for toggle in read.toggles)
    absent = {one.id for one in read.toggles if has_some and one.endpoint and not _has_field(one, result)}
    return _result(read, [(one, result) for one in read.toggles if one.id not in absent], absent, at, ray)


def _observe_list(read: Read, result: Sequence[JSON], at: int, ray: str) -> ReadResult | None:
    items = {
        item["id"]: item for item in result if isinstance(item, dict) and isinstance(item.get("id"), str)
    }
    if not any(toggle.setting in items for toggle in read.toggles):
        return None
    return _result(
        read, [(toggle, items.get(toggle.setting or "")) for toggle in read.toggles], set(), at, ray
    )


def _result(
    read: Read, items: Sequence[tuple[Toggle, JSON]], absent: Collection[ToggleId], at: int, ray: str
) -> ReadResult:
    found = [observe(toggle, item, at, ray) for toggle, item in items]
    seen = tuple(one for one in found if one is not None)
    usable = {one.toggle for one in seen if BY_ID[one.toggle].is_usable(one.value)}
    omitted = {one.id for one in read.toggles} - usable - set(absent)
    return ReadResult(seen, frozenset(absent), frozenset(omitted))


def _has_field(toggle: Toggle, result: Mapping[str, JSON]) -> bool:
    return toggle.extract(result) is not None


def read_at(found: Seen, at: int | None) -> Seen:
    """The same with the time, by Cloudflare's clock, at which the call began."""
    if isinstance(found, Observation):
        return replace(found, cloudflare_at=at)
    if found is None:
        return None
    return replace(found, seen=tuple(replace(one, cloudflare_at=at) for one in found))


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


def _countdown_ms(left: JSON) -> int:
    """Return the milliseconds that development mode has left, negative since it ended. Cloudflare's countdown is
    absent, 0 or false while it was never used; one that is out of bounds tells nothing."""
    if isinstance(left, bool) or not isinstance(left, int | float) or abs(left) > LONGEST_COUNTDOWN_S:
        return 0
    return int(left * 1000)


def _part(result: Mapping[str, JSON], name: str) -> Mapping[str, JSON]:
    part = result.get(name)
    return part if isinstance(part, dict) else {}


def _text(result: Mapping[str, JSON], name: str) -> str:
    text = result.get(name)
    return text if isinstance(text, str) else ""
