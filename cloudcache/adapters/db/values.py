"""Writing what Cloudflare holds into the cache, by the one rule: nothing older overwrites anything newer.

A value may be written when the one held was established no later than the revision at which the look at Cloudflare
began. Ages only move forward. A whole look is four statements, however many toggles it saw, and a fifth when
something was changed.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from cloudcache.adapters.db.differences import journal_differences
from cloudcache.adapters.db.ends import bring_forward
from cloudcache.adapters.db.held import Held, Look, held_of, held_reading
from cloudcache.adapters.db.models import toggles, zones
from cloudcache.adapters.db.rows import dumps, fitted
from cloudcache.adapters.db.transactions import OnDatabase, Values, next_revision, touch, upsert
from cloudcache.domain.catalog import BY_ID
from cloudcache.domain.catalog.model import Reading, State
from cloudcache.domain.errors import NotFound
from cloudcache.domain.events import Change, Observation, Source
from cloudcache.domain.feed import Attribution, Entry
from cloudcache.domain.freshness import read_end_at
from cloudcache.domain.ids import CustomerId, ToggleId, ZoneId
from cloudcache.domain.toggle import ConfirmedBy
from cloudcache.ports import NO_GAPS, Gaps, Observed

ESTABLISHED = [column.name for column in toggles.columns if column.name not in ("customer_id", "toggle_id")]


class Observing(OnDatabase):
    """The part of the store that writes what reads saw."""

    async def revision(self, customer: CustomerId) -> int:
        async with self.database.reading(customer) as connection:
            found = await connection.execute(select(zones.c.revision).where(zones.c.customer_id == customer))
            revision = found.scalar_one_or_none()
        if revision is None:
            raise NotFound("no such customer")
        return int(revision)

    async def observe(
        self,
        customer: CustomerId,
        seen: Sequence[Observation],
        *,
        since: int,
        now: int,
        persons: Mapping[ToggleId, Attribution] | None = None,
        gaps: Gaps = NO_GAPS,
        zone: ZoneId | None = None,
        lease: int | None = None,
    ) -> Observed:
        if not seen and not gaps:
            return Observed((), frozenset(), since)
        latest = {one.toggle: one for one in seen}
        async with self.database.writing(customer) as connection:
            revision = await next_revision(connection, customer, now, answered=True, zone=zone, lease=lease)
            look = Look(customer, revision, since, now, ConfirmedBy.READ, persons or {})
            held = await held_of(connection, customer, latest.keys() | gaps.toggles)
            open_to_read = {
                toggle for toggle, one in held.items() if not one.wished and one.value_revision <= since
            }
            writable = [one for one in latest.values() if one.toggle in open_to_read]
            found = await _write_seen(connection, writable, held, look)
            gone = await _write_gaps(connection, gaps, held, open_to_read, look)
            return Observed(found, frozenset(one.toggle for one in writable), revision, gone)


async def _write_seen(
    connection: AsyncConnection, seen: Sequence[Observation], held: Mapping[ToggleId, Held], look: Look
) -> list[Change]:
    """Write these values and journal their differences; return the changes made elsewhere."""
    journaled = await journal_differences(connection, seen, held, look)
    newest = {change.toggle: change.id for change in journaled}
    rows = [established(one, held[one.toggle], look) for one in seen]
    for row, one in zip(rows, seen, strict=True):
        row["change_id"] = newest.get(one.toggle, held[one.toggle].change_id)
    await upsert(connection, toggles, rows, ESTABLISHED)
    await bring_forward(connection, look.customer, seen)
    found = [change for change in journaled if change.source is Source.CLOUDFLARE]
    if found:
        await connection.execute(
            update(zones).where(zones.c.customer_id == look.customer).values(changed_at=look.now)
        )
    return found


async def _write_gaps(
    connection: AsyncConnection,
    gaps: Gaps,
    held: Mapping[ToggleId, Held],
    open_to_read: Collection[ToggleId],
    look: Look,
) -> frozenset[ToggleId]:
    """Mark toggles that a read did not find, their last values kept; return those that the zone does not have.

    A single refusal may be a mistake of that moment: a toggle is absent when it was refused twice in a row, and
    until then it is omitted."""
    refused_again = {one for one in gaps.refused if held[one].absent_at or held[one].omitted_at}
    absent = gaps.absent | refused_again
    rows = [
        _gap(toggle, held[toggle], look, seen_at=gaps.at if toggle in absent else None)
        for toggle in sorted(gaps.toggles & set(open_to_read))
        if toggle in absent or held[toggle].absent_at is None
    ]
    await upsert(connection, toggles, rows, _GAP)
    return frozenset(absent)


def _gap(toggle: ToggleId, held: Held, look: Look, *, seen_at: int | None) -> Values:
    """The row of a toggle without a value: seen to be absent at `seen_at`, or omitted."""
    held_at = held.last_synced_at
    return {
        "customer_id": look.customer,
        "toggle_id": toggle,
        "updated_at": look.now,
        "confirmed_by": look.by.value,
        "last_synced_at": held_at if seen_at is None else _later(seen_at, held_at, look.now),
        "absent_at": seen_at,
        "omitted_at": look.now if seen_at is None else None,
        "revision": look.revision,
        "value_revision": look.revision,
    }


def never_had(toggle: ToggleId, look: Look) -> Values:
    """The whole row of a toggle that the zone was seen not to have, with nothing known from before."""
    return {**dict.fromkeys(ESTABLISHED), **_gap(toggle, Held(), look, seen_at=look.now)}


_GAP = ("last_synced_at", "absent_at", "omitted_at", "revision", "value_revision")


async def establish(
    connection: AsyncConnection,
    customer: CustomerId,
    seen: Observation,
    revision: int,
    now: int,
    *,
    since: int | None,
) -> None:
    """Write the value our own change brought about; an older look (`since`) must not beat a newer value."""
    held = (await held_of(connection, customer, [seen.toggle]))[seen.toggle]
    if since is not None and held.value_revision > since:
        await touch(connection, customer, [seen.toggle], revision)
        return
    look = Look(customer, revision, revision, now, ConfirmedBy.WRITE)
    await upsert(connection, toggles, [established(seen, held, look)], ESTABLISHED)
    await bring_forward(connection, customer, [seen])


async def keep_read(
    connection: AsyncConnection,
    customer: CustomerId,
    seen: Observation,
    revision: int,
    now: int,
    *,
    since: int,
) -> None:
    """Write what a read showed when a change of ours failed: a difference is journaled, and the row goes on showing
    the failed change."""
    held = (await held_of(connection, customer, [seen.toggle]))[seen.toggle]
    if held.wished or held.value_revision > since:
        return
    look = Look(customer, revision, since, now, ConfirmedBy.READ)
    await journal_differences(connection, [seen], {seen.toggle: held}, look)
    await upsert(connection, toggles, [established(seen, held, look)], ESTABLISHED)


async def show_reported(
    connection: AsyncConnection, customer: CustomerId, entry: Entry, now: int, clock_offset_ms: int = 0
) -> None:
    """Write a value that only the audit log tells: shown at once and marked, until a read confirms it.

    The entry's time is Cloudflare's; our clock is ahead of it by `clock_offset_ms`.
    Nothing is shown that is older than what is held, that an open intent will decide, or that nobody understands."""
    if entry.reported is None or len(entry.named) != 1:
        return
    (toggle,) = entry.named
    at = min(entry.at + clock_offset_ms, now)
    seen = Observation(toggle, entry.reported, at, ray_id=entry.ray_id, cloudflare_at=entry.at)
    reading = BY_ID[toggle].read(seen.value)
    held = (await held_of(connection, customer, [toggle]))[toggle]
    is_news = (
        held.state is not None
        and held.absent_at is None
        and reading.known
        and held_reading(seen, held) != reading
    )
    if not is_news or held.wished or (held.last_synced_at or 0) >= seen.at:
        return
    revision = await next_revision(connection, customer, now)
    by = {toggle: Attribution(entry.person, entry.at)}
    look = Look(customer, revision, revision, now, ConfirmedBy.REPORTED, by)
    found = await journal_differences(connection, [seen], {toggle: held}, look)
    row = established(seen, held, look)
    row["change_id"] = found[0].id
    await upsert(connection, toggles, [row], ESTABLISHED)


def established(seen: Observation, held: Held, look: Look) -> Values:
    """The whole row after this observation."""
    reading = BY_ID[seen.toggle].read(seen.value)
    value = dumps(seen.value)
    last_on, last_off = held.last_on, held.last_off
    may_be_sent = BY_ID[seen.toggle].accepts(seen.value)
    if may_be_sent and reading.state is State.ON:
        last_on = value
    elif may_be_sent:
        last_off = value
    modified_on = seen.modified_on and fitted(toggles.c.modified_on, seen.modified_on)
    is_same = held.state is not None and held_reading(seen, held) == reading
    return {
        "customer_id": look.customer,
        "toggle_id": seen.toggle,
        "state": reading.state.value,
        "value": value,
        "last_synced_at": _later(seen.at, held.last_synced_at, look.now),
        "cloudflare_at": seen.at if seen.cloudflare_at is None else seen.cloudflare_at,
        "updated_at": held.updated_at if is_same else look.now,
        "confirmed_by": look.by.value,
        "editable": seen.editable if seen.editable is not None else held.editable,
        "modified_on": modified_on or held.modified_on,
        "ends_at": _ends_at(seen, held, reading, look.by),
        "absent_at": None,
        "omitted_at": None,
        "last_on": last_on,
        "last_off": last_off,
        "revision": look.revision,
        "value_revision": look.revision,
        "change_id": held.change_id,
    }


def _ends_at(seen: Observation, held: Held, reading: Reading, by: ConfirmedBy) -> int | None:
    """Around its end a setting may still read as on, with nothing left to count: the end that was known stands.
    What was written here ends when that change says so."""
    if by is ConfirmedBy.WRITE:
        return seen.ends_at if reading.state is State.ON else None
    is_ending = reading.state is State.ON and held.ends_at is not None and seen.at < read_end_at(held.ends_at)
    return held.ends_at if seen.ends_at is None and is_ending else seen.ends_at


def _later(seen_at: int, held_at: int | None, now: int) -> int:
    """Ages only move forward, save when what is held was seen at a time still to come: the clock was wrong."""
    return seen_at if held_at is None or held_at > now else max(seen_at, held_at)
