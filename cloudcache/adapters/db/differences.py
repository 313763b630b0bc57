"""Journals what Cloudflare holds otherwise than the cache: who changed it and when, as far as that is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from secrets import token_hex

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from cloudcache.adapters.db.audit import append
from cloudcache.adapters.db.held import Held, Look, held_reading
from cloudcache.adapters.db.models import changes
from cloudcache.adapters.db.rows import CHANGE, change_of, dumps, fitted
from cloudcache.adapters.db.side_effects import attribute_side_effects
from cloudcache.adapters.db.transactions import Values
from cloudcache.domain.access import ActorKind
from cloudcache.domain.audit import AuditAction, Deed
from cloudcache.domain.catalog import BY_ID
from cloudcache.domain.catalog.model import State
from cloudcache.domain.change_time import is_later, made_at
from cloudcache.domain.events import Change, ChangeStatus, Observation, Source
from cloudcache.domain.finer import finer_values
from cloudcache.domain.ids import ToggleId
from cloudcache.domain.toggle import ConfirmedBy

ENDS_WITHIN_MS = 2_000
"""A read that begins this shortly before a known end and sees "off" has seen that end: Cloudflare counts seconds."""

CLOUDFLARE = "Cloudflare"
"""Who ended a setting that ends by itself."""


async def journal_differences(
    connection: AsyncConnection, seen: Sequence[Observation], held: Mapping[ToggleId, Held], look: Look
) -> list[Change]:
    """Journal each value that differs from a known one and was not requested here; return what was written."""
    rows = [
        _difference(one, held[one.toggle], look)
        for one in seen
        if held[one.toggle].state is not None
        and held_reading(one, held[one.toggle]) != BY_ID[one.toggle].read(one.value)
    ]
    if not rows:
        return []
    never_changed = {toggle for toggle, one in held.items() if one.change_id is None}
    await attribute_side_effects(connection, rows, never_changed, look.now)
    stored = await connection.execute(insert(changes).returning(*CHANGE), rows)
    found = sorted((change_of(row) for row in stored), key=lambda change: change.id)
    await append(connection, look.customer, [_told(change) for change in found], look.now)
    return found


def _told(change: Change) -> Deed:
    detail = {"to": change.to_state.value, "ray": change.ray_id, **finer_detail(change)}
    if change.has_known_time:
        detail["made_at"] = str(change.requested_at)
    action = _ACTIONS.get(change.source, AuditAction.CHANGED_ELSEWHERE)
    return Deed(change.actor, action, "observed", change.toggle, change.id, detail)


def finer_detail(change: Change) -> dict[str, str]:
    """What an audit event says of a change between two finer values."""
    values = finer_values(change)
    return {} if values is None else {"from": values[0], "value": values[1]}


_ACTIONS = {
    Source.SIDE_EFFECT: AuditAction.SIDE_EFFECT,
    Source.EXPIRY: AuditAction.ENDED_BY_ITSELF,
}


def person_of(seen: Observation, look: Look) -> str:
    """Who set this value, as far as the audit log has told; nobody who only did something clearly before."""
    named = look.persons.get(seen.toggle)
    return "" if named is None or is_later(seen, named.at) else named.person


def ended_by_itself(seen: Observation, held: Held, look: Look) -> bool:
    """Whether a setting that was to end by itself did, rather than being turned off by a person before."""
    is_off = BY_ID[seen.toggle].read(seen.value).state is State.OFF
    if held.ends_at is None or held.state != State.ON.value or not is_off or person_of(seen, look):
        return False
    ended_at = seen.at if seen.ended_at is None else seen.ended_at
    return seen.at >= held.ends_at - ENDS_WITHIN_MS and ended_at >= held.ends_at - ENDS_WITHIN_MS


def _difference(seen: Observation, held: Held, look: Look) -> Values:
    before, after = held_reading(seen, held), BY_ID[seen.toggle].read(seen.value)
    has_ended = ended_by_itself(seen, held, look)
    made = (
        seen.at
        if look.by is ConfirmedBy.REPORTED
        else made_at(seen, held.modified_on, held.last_synced_at, look.now)
    )
    return {
        "customer_id": look.customer,
        "toggle_id": seen.toggle,
        "from_state": before.state.value,
        "from_value": held.value,
        "to_state": after.state.value,
        "to_value": dumps(seen.value),
        "actor_kind": ActorKind.OUTSIDE.value,
        "actor_id": fitted(changes.c.actor_id, CLOUDFLARE if has_ended else person_of(seen, look)),
        "source": (Source.EXPIRY if has_ended else Source.CLOUDFLARE).value,
        "status": ChangeStatus.OBSERVED.value,
        "request_id": f"seen-{token_hex(12)}",
        "requested_at": look.now if made is None else min(made, look.now),
        "settled_at": look.now,
        "seen_at": look.now if has_ended else None,  # nothing to review
        "detail": fitted(changes.c.detail, after.detail),
        "ray_id": fitted(changes.c.ray_id, seen.ray_id),
    }
