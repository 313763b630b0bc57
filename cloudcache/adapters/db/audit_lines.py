"""Takes in lines of an account's audit log: what each asks to be read, and whose change it tells of.

A line of our own write, known by its ray id, answers for the setting that was written. What else that write can have
altered is asked for like any other change. Times of lines are Cloudflare's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import func, insert, literal_column, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from cloudcache.adapters.db.locks import lock_zones
from cloudcache.adapters.db.models import accounts, changes, entries, toggles, zones
from cloudcache.adapters.db.queue import add_zones
from cloudcache.adapters.db.rows import fitted, stored_toggles
from cloudcache.adapters.db.transactions import Values, next_revision
from cloudcache.adapters.db.values import show_reported
from cloudcache.domain.access import ActorKind
from cloudcache.domain.change_time import SAME_WITHIN_MS
from cloudcache.domain.feed import Entry, Named
from cloudcache.domain.freshness import Urgency
from cloudcache.domain.ids import ChangeId, CustomerId, ToggleId, ZoneId

READ_AFTER_MS = 2_000
"""A value read this long after a line's time has it. Both times are Cloudflare's; its machines differ by less."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line that names a zone of ours: whose, which settings are to be read for it, and our change it tells of."""

    entry: Entry
    customer: CustomerId
    asks: Named
    change: ChangeId | None = None


async def note_lines(
    connection: AsyncConnection, account: str, found: Sequence[Entry], now: int, clock_offset_ms: int
) -> list[Entry]:
    """Store the lines that were never seen and queue what they ask for; returns their entries."""
    new = await _unseen(connection, account, found)
    if new and await lock_zones(connection, zones.c.customer_id.in_({one.customer for one in new})):
        new = await _unseen(connection, account, found)  # another reader may have been first
    if not new:
        return []
    lines = await _without_own_writes(connection, new)
    answered = await _answered(connection, lines, now - clock_offset_ms)
    for line in sorted(lines, key=lambda one: one.entry.at, reverse=True):
        if line.change is None:
            await _name_person(connection, line, now, clock_offset_ms)
    for line in lines:
        if line.change is None and line.entry.id not in answered:
            await show_reported(connection, line.customer, line.entry, now, clock_offset_ms)
    await connection.execute(insert(entries), [_row(account, one, now, answered) for one in lines])
    waiting = {one.customer for one in lines if one.entry.id not in answered}
    if waiting:
        await add_zones(connection, zones.c.customer_id.in_(waiting), now, Urgency.NAMED)
    await connection.execute(update(accounts).where(accounts.c.account_id == account).values(active_at=now))
    return [one.entry for one in new]


async def _unseen(connection: AsyncConnection, account: str, found: Sequence[Entry]) -> list[Line]:
    """The lines that name a zone of ours in that very account and were never stored, each once."""
    query = select(zones.c.zone_id, zones.c.customer_id).where(
        zones.c.zone_id.in_({one.zone for one in found if one.zone}), zones.c.account_id == account
    )
    ours = {ZoneId(zone): CustomerId(customer) for zone, customer in await connection.execute(query)}
    known = {one.id: Line(one, ours[one.zone], one.named) for one in reversed(found) if one.zone in ours}
    stored = select(entries.c.entry_id).where(entries.c.account_id == account, entries.c.entry_id.in_(known))
    seen = set((await connection.execute(stored)).scalars())
    return [line for id_, line in reversed(known.items()) if id_ not in seen]


async def _without_own_writes(connection: AsyncConnection, new: Sequence[Line]) -> list[Line]:
    """The lines; those of our own calls, whose ray ids the journal has, no longer ask for what was written."""
    rays = {one.entry.ray_id for one in new if one.entry.ray_id}
    query = select(changes.c.customer_id, changes.c.ray_id, changes.c.id, changes.c.toggle_id).where(
        changes.c.ray_id.in_(rays),
        literal_column("changes.ray_id <> ''"),
        changes.c.actor_kind != ActorKind.OUTSIDE.value,
        changes.c.status != "observed",
    )
    rows = await connection.execute(query) if rays else ()
    ours = {(customer, ray): (ChangeId(id_), ToggleId(toggle)) for customer, ray, id_, toggle in rows}
    return [_of_own_write(one, ours.get((one.customer, one.entry.ray_id))) for one in new]


def _of_own_write(line: Line, written: tuple[ChangeId, ToggleId] | None) -> Line:
    if written is None:
        return line
    change, toggle = written
    return Line(line.entry, line.customer, line.asks - {toggle}, change)


async def _answered(connection: AsyncConnection, lines: Sequence[Line], now: int) -> set[str]:
    """The lines all of whose settings were read after they were done, by Cloudflare's clock. A time to come proves
    nothing: some clock was wrong then."""
    read_at = await _read_times(connection, lines)
    return {
        line.entry.id
        for line in lines
        if all(
            line.entry.at + READ_AFTER_MS < read_at.get((line.customer, toggle), 0) <= now
            for toggle in line.asks
        )
    }


async def _read_times(
    connection: AsyncConnection, lines: Sequence[Line]
) -> Mapping[tuple[CustomerId, ToggleId], int]:
    asked = {toggle for line in lines for toggle in line.asks}
    if not asked:
        return {}
    read_at = func.coalesce(toggles.c.cloudflare_at, toggles.c.last_synced_at, 0)
    query = select(toggles.c.customer_id, toggles.c.toggle_id, read_at).where(
        toggles.c.customer_id.in_({one.customer for one in lines}), toggles.c.toggle_id.in_(asked)
    )
    rows = await connection.execute(query)
    return {(CustomerId(customer), ToggleId(toggle)): int(at) for customer, toggle, at in rows}


async def _name_person(connection: AsyncConnection, line: Line, now: int, clock_offset_ms: int) -> None:
    """A read saw the change before the log told of it: the journal row learns who made it. One that is known to have
    been made clearly later is another's."""
    if not line.entry.person:
        return
    nameless = (
        select(func.min(changes.c.id))
        .where(
            changes.c.customer_id == line.customer,
            changes.c.toggle_id.in_(line.asks),
            changes.c.status == "observed",
            changes.c.actor_kind == ActorKind.OUTSIDE.value,
            changes.c.actor_id == "",
            changes.c.settled_at >= line.entry.at + clock_offset_ms,
            or_(
                changes.c.requested_at == changes.c.settled_at,
                changes.c.requested_at <= line.entry.at + clock_offset_ms + SAME_WITHIN_MS,
            ),
        )
        .group_by(changes.c.toggle_id)
    )
    found = (await connection.execute(nameless)).scalars().all()
    if not found:
        return
    revision = await next_revision(connection, line.customer, now)
    await connection.execute(
        update(changes)
        .where(changes.c.id.in_(found))
        .values(actor_id=fitted(changes.c.actor_id, line.entry.person))
    )
    await connection.execute(
        update(toggles)
        .where(toggles.c.customer_id == line.customer, toggles.c.change_id.in_(found))
        .values(revision=revision)
    )


def _row(account: str, line: Line, now: int, answered: set[str]) -> Values:
    return {
        "account_id": account,
        "entry_id": line.entry.id,
        "customer_id": line.customer,
        "change_id": line.change,
        "toggles": stored_toggles(line.asks),
        "person": fitted(entries.c.person, line.entry.person if line.change is None else ""),
        "at": line.entry.at,
        "first_seen_at": now,
        "is_open": line.entry.id not in answered,
    }
