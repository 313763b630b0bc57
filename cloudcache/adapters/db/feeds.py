"""The change feeds: which account's log to read next, how far it was read, and the lines that matter.

Lines are kept for a day. Their ids make a line known when it is read again, which the overlap of two looks makes
the rule; so a look can be repeated from anywhere without asking Cloudflare for a setting twice.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import (
    ColumnElement,
    Row,
    and_,
    case,
    delete,
    func,
    insert,
    literal_column,
    or_,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from cloudcache.adapters.db.engine import ACROSS_TENANTS
from cloudcache.adapters.db.locks import lock_zones
from cloudcache.adapters.db.models import accounts, changes, entries, toggles, zones
from cloudcache.adapters.db.queue import CONNECTED, add_zones, stored_toggles
from cloudcache.adapters.db.rows import fitted
from cloudcache.adapters.db.transactions import OnDatabase, Values, next_revision
from cloudcache.adapters.db.values import show_reported
from cloudcache.domain.access import ActorKind
from cloudcache.domain.feed import Entry, FeedStatus, FeedVersion, Position, Window
from cloudcache.domain.freshness import Urgency
from cloudcache.domain.ids import CredentialId, CustomerId, ToggleId, ZoneId
from cloudcache.ports import LeasedFeed

READ_AFTER_MS = 2_000
"""A value read this long after a line's time has it: two clocks that are kept by the hour differ by less."""

LONGEST_ID = 80
RESTED_FOR_MS = 3_600_000
AT_ONCE = 400
"""Lines in one statement; SQLite takes 32,766 parameters, a line needs nine."""


_GIVEN_BACK: Values = {"feed_lease_owner": None, "feed_lease_until": None}


@dataclass(frozen=True, slots=True)
class Known:
    """A line of ours: whose zone it names."""

    entry: Entry
    customer: CustomerId


class ChangeFeeds(OnDatabase):
    """The part of the store that follows the accounts' logs."""

    async def lease_feeds(self, *, now: int, owner: str, until: int, limit: int) -> list[LeasedFeed]:
        free = or_(accounts.c.feed_lease_until.is_(None), accounts.c.feed_lease_until <= now)
        ready = (
            select(accounts.c.account_id)
            .where(accounts.c.feed_due_at <= now, free)
            .order_by(accounts.c.feed_due_at)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        async with self.database.writing(ACROSS_TENANTS) as connection:
            ids = (await connection.execute(ready)).scalars().all()
            if not ids:
                return []
            taken = await connection.execute(
                update(accounts)
                .where(accounts.c.account_id.in_(ids))
                .values(feed_lease_owner=owner, feed_lease_until=until)
                .returning(accounts)
            )
            rows = {str(row.account_id): row for row in taken}
            customers = await _customers_of(connection, rows)
            orphans = [one for one in ids if one not in customers]
            if orphans:
                await _rest(connection, orphans, now)
        return [_leased(rows[one], customers[one], now) for one in ids if one in customers]

    async def note(self, feed: LeasedFeed, found: Sequence[Entry], *, now: int) -> list[Entry]:
        mine = [one for one in found if one.zone is not None and one.named and 0 < len(one.id) <= LONGEST_ID]
        new: list[Entry] = []
        for start in range(0, len(mine), AT_ONCE):
            new += await self._note(feed, mine[start : start + AT_ONCE], now)
        return new

    async def keep_position(
        self, feed: LeasedFeed, position: Position, *, owner: str, due: int, until: int | None
    ) -> bool:
        when = due if feed.is_watched else case((_opened_since(feed), feed.leased_at), else_=due)
        values: Values = {**_stored(position), "feed_failures": 0, "feed_error": "", "feed_due_at": when}
        values |= _GIVEN_BACK if until is None else {"feed_lease_until": until}
        return await self._accepted(feed, owner, values)

    async def feed_failed(
        self, feed: LeasedFeed, position: Position, *, owner: str, due: int, why: str
    ) -> bool:
        values: Values = {
            **_stored(position),
            "feed_failures": accounts.c.feed_failures + 1,
            "feed_error": fitted(accounts.c.feed_error, why),
            "feed_due_at": due,
            **_GIVEN_BACK,
        }
        return await self._accepted(feed, owner, values)

    async def feed_credential(self, feed: LeasedFeed) -> bool:
        tokens = select(func.min(zones.c.credential_id)).where(zones.c.account_id == feed.account, CONNECTED)
        later = tokens.where(zones.c.credential_id > (feed.credential or ""))
        async with self.database.writing(ACROSS_TENANTS) as connection:
            following = (await connection.execute(later)).scalar()
            first = following or (await connection.execute(tokens)).scalar()
            await connection.execute(
                update(accounts).where(accounts.c.account_id == feed.account).values(credential_id=first)
            )
            return following is not None

    async def forget_entries(self, before: int, limit: int) -> int:
        old = (
            select(entries.c.id)
            .where(entries.c.first_seen_at < before, entries.c.is_open.is_(False))
            .order_by(entries.c.first_seen_at)
            .limit(limit)
        )
        async with self.database.writing(ACROSS_TENANTS) as connection:
            ids = (await connection.execute(old)).scalars().all()
            if ids:
                await connection.execute(delete(entries).where(entries.c.id.in_(ids)))
            return len(ids)

    async def _note(self, feed: LeasedFeed, found: Sequence[Entry], now: int) -> list[Entry]:
        async with self.database.writing(ACROSS_TENANTS) as connection:
            new = await _unseen(connection, feed.account, found)
            if not new:
                return []
            await lock_zones(connection, zones.c.customer_id.in_({one.customer for one in new}))
            new = await _unseen(connection, feed.account, found)  # another reader may have been first
            if not new:
                return []
            own = await _own_writes(connection, new)
            others = [one for one in new if one.entry.id not in own]
            read_since = await _read_since(connection, others, now)
            answered = own | read_since
            for one in new:
                if one.entry.id not in own:
                    await _name_person(connection, one, now)
                if one.entry.id not in answered:
                    await show_reported(connection, one.customer, one.entry, now)
            rows = [_row(feed.account, one, now) for one in new]
            for row in rows:
                row["is_open"] = row["entry_id"] not in answered
                if row["entry_id"] in own:
                    row["toggles"] = ""  # it asks for nothing, and does not count as a change made elsewhere
            await connection.execute(insert(entries), rows)
            waiting = sorted({one.customer for one in new if one.entry.id not in answered})
            if waiting:
                await add_zones(connection, zones.c.customer_id.in_(waiting), now, Urgency.NAMED)
            await connection.execute(
                update(accounts).where(accounts.c.account_id == feed.account).values(active_at=now)
            )
            return [one.entry for one in new]

    async def _accepted(self, feed: LeasedFeed, owner: str, values: Values) -> bool:
        async with self.database.writing(ACROSS_TENANTS) as connection:
            changed = await connection.execute(
                update(accounts)
                .where(accounts.c.account_id == feed.account, accounts.c.feed_lease_owner == owner)
                .values(values)
            )
            return changed.rowcount == 1


async def _customers_of(
    connection: AsyncConnection, rows: Mapping[str, Row[*tuple[object, ...]]]
) -> dict[str, tuple[CustomerId, CredentialId | None]]:
    """A connected customer of each account, with the token that the account's feed is read with."""
    query = (
        select(zones.c.account_id, zones.c.credential_id, func.min(zones.c.customer_id))
        .join(accounts, accounts.c.account_id == zones.c.account_id)
        .where(zones.c.account_id.in_(list(rows)), CONNECTED)
        .where(
            or_(
                zones.c.credential_id == accounts.c.credential_id,
                and_(zones.c.credential_id.is_(None), accounts.c.credential_id.is_(None)),
            )
        )
        .group_by(zones.c.account_id, zones.c.credential_id)
    )
    return {
        str(account): (CustomerId(int(customer)), None if credential is None else CredentialId(credential))
        for account, credential, customer in await connection.execute(query)
    }


async def _rest(connection: AsyncConnection, orphans: Collection[str], now: int) -> None:
    """Accounts none of whose zones is connected with the chosen token: another one, or none for an hour."""
    another = (
        select(func.max(zones.c.credential_id))
        .where(zones.c.account_id == accounts.c.account_id, CONNECTED)
        .scalar_subquery()
    )
    await connection.execute(
        update(accounts)
        .where(accounts.c.account_id.in_(orphans))
        .values(
            credential_id=another,
            feed_due_at=case((another.is_not(None), now), else_=now + RESTED_FOR_MS),
            **_GIVEN_BACK,
        )
    )


def _leased(
    row: Row[*tuple[object, ...]], whose: tuple[CustomerId, CredentialId | None], now: int
) -> LeasedFeed:
    window = None
    if row.feed_since is not None and row.feed_before is not None:
        window = Window(row.feed_since, row.feed_before, row.feed_cursor or "")
    position = Position(
        FeedStatus(row.feed_status),
        FeedVersion(row.feed_version),
        row.feed_verified_until,
        window,
        row.feed_lateness_ms,
        row.feed_deep_at,
    )
    watched = row.watched_until is not None and row.watched_until > now
    return LeasedFeed(row.account_id, position, *whose, row.feed_failures, row.active_at, watched, now)


def _opened_since(feed: LeasedFeed) -> ColumnElement[bool]:
    """Somebody opened a page while the feed was being read; a due time was not there yet to be brought forward."""
    return func.coalesce(accounts.c.watched_until, 0) > feed.leased_at


def _stored(position: Position) -> Values:
    window = position.window
    cursor = window.cursor if window and len(window.cursor) <= 512 else ""
    kept = window if cursor else None  # without its cursor a window begins anew
    return {
        "feed_status": position.status.value,
        "feed_version": position.version.value,
        "feed_verified_until": position.verified_until,
        "feed_lateness_ms": position.lateness_ms,
        "feed_deep_at": position.deep_at,
        "feed_cursor": cursor or None,
        "feed_since": kept.since if kept else None,
        "feed_before": kept.before if kept else None,
    }


async def _of_this_account(connection: AsyncConnection, account: str, found: Sequence[Entry]) -> list[Known]:
    """The lines that name a zone of ours in that very account; a log says nothing of other accounts' zones."""
    query = select(zones.c.zone_id, zones.c.customer_id).where(
        zones.c.zone_id.in_({one.zone for one in found if one.zone}), zones.c.account_id == account
    )
    ours = {ZoneId(zone): CustomerId(customer) for zone, customer in await connection.execute(query)}
    return [Known(one, ours[one.zone]) for one in found if one.zone in ours]


async def _unseen(connection: AsyncConnection, account: str, found: Sequence[Entry]) -> list[Known]:
    """The lines of this account's zones that were never stored, each once."""
    known = await _of_this_account(connection, account, found)
    seen = await _seen_before(connection, account, [one.entry.id for one in known])
    return list({one.entry.id: one for one in known if one.entry.id not in seen}.values())


async def _seen_before(connection: AsyncConnection, account: str, ids: Sequence[str]) -> set[str]:
    query = select(entries.c.entry_id).where(entries.c.account_id == account, entries.c.entry_id.in_(ids))
    return set((await connection.execute(query)).scalars())


async def _own_writes(connection: AsyncConnection, new: Sequence[Known]) -> set[str]:
    """The lines that tell of our own calls: the journal has their ray ids."""
    rays = {one.entry.ray_id for one in new if one.entry.ray_id}
    if not rays:
        return set()
    query = select(changes.c.customer_id, changes.c.ray_id).where(
        changes.c.ray_id.in_(rays),
        literal_column("changes.ray_id <> ''"),
        changes.c.actor_kind != ActorKind.OUTSIDE.value,
    )
    ours = {(customer, ray) for customer, ray in await connection.execute(query)}
    return {one.entry.id for one in new if (one.customer, one.entry.ray_id) in ours}


async def _read_since(connection: AsyncConnection, new: Sequence[Known], now: int) -> set[str]:
    """The lines all of whose settings were read after they were done; a time to come proves nothing, the clock was
    wrong then."""
    if not new:
        return set()
    query = select(toggles.c.customer_id, toggles.c.toggle_id, toggles.c.last_synced_at).where(
        toggles.c.customer_id.in_({one.customer for one in new}),
        toggles.c.toggle_id.in_(set().union(*(one.entry.named for one in new))),
    )
    held: dict[tuple[int, ToggleId], int] = {
        (customer, ToggleId(toggle)): at or 0 for customer, toggle, at in await connection.execute(query)
    }
    return {
        one.entry.id
        for one in new
        if all(
            one.entry.at + READ_AFTER_MS < held.get((one.customer, name), 0) <= now
            for name in one.entry.named
        )
    }


async def _name_person(connection: AsyncConnection, known: Known, now: int) -> None:
    """A read saw the change before the log told of it: the journal row learns who it was."""
    if not known.entry.person:
        return
    nameless = (
        select(func.min(changes.c.id))
        .where(
            changes.c.customer_id == known.customer,
            changes.c.toggle_id.in_(known.entry.named),
            changes.c.status == "observed",
            changes.c.actor_id == "",
            changes.c.requested_at >= known.entry.at,
        )
        .group_by(changes.c.toggle_id)
    )
    found = (await connection.execute(nameless)).scalars().all()
    if not found:
        return
    revision = await next_revision(connection, known.customer, now)
    await connection.execute(
        update(changes)
        .where(changes.c.id.in_(found))
        .values(actor_id=fitted(changes.c.actor_id, known.entry.person))
    )
    await connection.execute(
        update(toggles)
        .where(toggles.c.customer_id == known.customer, toggles.c.change_id.in_(found))
        .values(revision=revision)
    )


def _row(account: str, known: Known, now: int) -> Values:
    return {
        "account_id": account,
        "entry_id": known.entry.id,
        "customer_id": known.customer,
        "toggles": stored_toggles(known.entry.named),
        "person": fitted(entries.c.person, known.entry.person),
        "at": known.entry.at,
        "first_seen_at": now,
    }
