"""The zones as a queue: `Place` of `domain/freshness.py`, carried out by the database.

A lease is taken with `FOR UPDATE SKIP LOCKED`, so that many workers share one queue without waiting for each other;
SQLite has one writer at a time anyway. What a look brought is accepted from the lease's holder only.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    case,
    func,
    literal_column,
    or_,
    select,
    text,
    true,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from cloudcache.adapters.db.ends import earlier, end_due, ended
from cloudcache.adapters.db.engine import ACROSS_TENANTS, Whose
from cloudcache.adapters.db.leased_zone import PLACE, Line, leased, stored_unread
from cloudcache.adapters.db.locks import lock_accounts, lock_zones
from cloudcache.adapters.db.models import accounts, entries, suspensions, zones
from cloudcache.adapters.db.rows import (
    FOLLOWED_UNTIL,
    ZONE,
    fitted,
    stored_toggles,
    toggles_of,
)
from cloudcache.adapters.db.token_ids import with_the_same_tokens
from cloudcache.adapters.db.transactions import OnDatabase, Values, still_holds
from cloudcache.domain.feed import FeedStatus, Named
from cloudcache.domain.freshness import NEVER, Urgency
from cloudcache.domain.ids import CredentialId, CustomerId
from cloudcache.ports import NONE_NAMED, Finished, LeasedZone, Unread

# Literally, not as a parameter: only then may the partial indexes be used.
CONNECTED = zones.c.status == literal_column("'active'")
OPEN = text("feed_entries.is_open")

FOLLOWED_WITHIN_MS = 20 * 60_000
"""A feed read within the quiet cadence, and a little, tells of changes; an older one may have missed some."""

WATCHED_AT_ONCE = 100


class Queue(OnDatabase):
    """The part of the store that says which zone is next."""

    async def add(self, customer: CustomerId, *, due: int, urgency: Urgency) -> None:
        async with self.database.writing(customer) as connection:
            await add_zones(connection, zones.c.customer_id == customer, due, urgency)

    async def lease(
        self,
        urgency: Urgency,
        *,
        platform: bool,
        now: int,
        owner: str,
        until: int,
        limit: int,
        without: Collection[CredentialId] = (),
    ) -> list[LeasedZone]:
        of_pool = zones.c.credential_id.is_(None) if platform else zones.c.credential_id.is_not(None)
        ready = (
            select(zones.c.customer_id, ended(now))
            .where(CONNECTED, of_pool, zones.c.priority == urgency.value, zones.c.sync_due_at <= now)
            .where(_free(now))
            .order_by(zones.c.sync_due_at)
            .limit(limit)
        )
        if without and not platform:
            async with self.database.reading(ACROSS_TENANTS) as connection:
                same = await with_the_same_tokens(connection, without)
            ready = ready.where(zones.c.credential_id.not_in(same or list(without)))
        return await self._take(ACROSS_TENANTS, ready, now, owner, until)

    async def lease_one(self, customer: CustomerId, *, now: int, owner: str, until: int) -> LeasedZone | None:
        this = select(zones.c.customer_id, ended(now)).where(
            zones.c.customer_id == customer, CONNECTED, _free(now)
        )
        taken = await self._take(customer, this, now, owner, until)
        return taken[0] if taken else None

    async def prolong(self, customers: Collection[CustomerId], *, owner: str, until: int) -> None:
        mine = zones.c.customer_id.in_(customers) & (zones.c.lease_owner == owner)
        async with self.database.writing(ACROSS_TENANTS) as connection:
            await lock_zones(connection, zones.c.customer_id.in_(customers))
            await connection.execute(update(zones).where(mine).values(lease_until=until))

    async def finish(self, zone: LeasedZone, done: Finished, *, owner: str, now: int) -> bool:
        unchanged = zones.c.generation == zone.generation
        end = end_due(zone, now)
        ends_first = end < done.due
        urgency = case((ends_first, max(done.urgency, Urgency.NAMED).value), else_=done.urgency.value)
        values: Values = {
            **_GIVEN_BACK,
            "silent_since": None,
            "sync_due_at": case((unchanged, earlier(end, done.due)), else_=zones.c.sync_due_at),
            "priority": case((unchanged, urgency), else_=zones.c.priority),
            "revision": zones.c.revision + 1,
            "updated_at": now,
        }
        if not done.keeps_unread:
            values |= {"failures": 0, "last_error": "", **stored_unread(None), "unread_at": done.unread_at}
        if done.read_at is not None:
            values["full_read_at"] = done.read_at
        return await self._give_back(zone, owner, values, done.entries)

    async def fail(
        self,
        zone: LeasedZone,
        *,
        owner: str,
        due: int,
        now: int,
        why: str,
        silent: bool,
        entries: Collection[int] = (),
        still_named: Mapping[int, Named] = NONE_NAMED,
        unread: Unread | None = None,
    ) -> bool:
        asked_meanwhile = and_(zones.c.generation != zone.generation, zones.c.sync_due_at <= NEVER)
        values: Values = {
            **_GIVEN_BACK,
            "failures": zones.c.failures + 1,
            "last_error": fitted(zones.c.last_error, why),
            "sync_due_at": case(
                (asked_meanwhile, zones.c.sync_due_at), else_=earlier(end_due(zone, now), due)
            ),
            "revision": zones.c.revision + 1,
            "updated_at": now,
        }
        if unread is not None:
            values |= stored_unread(unread)
        if silent:
            values["silent_since"] = func.coalesce(zones.c.silent_since, now)
        return await self._give_back(zone, owner, values, entries, still_named)

    async def _give_back(
        self,
        zone: LeasedZone,
        owner: str,
        values: Values,
        answered: Collection[int],
        still_named: Mapping[int, Named] = NONE_NAMED,
    ) -> bool:
        """Write what a lease's holder found, close the lines it answered and shorten those it answered in part; False
        when the lease was lost."""
        async with self.database.writing(zone.customer.id) as connection:
            if not await _accepted(connection, zone, owner, values):
                return False
            if answered:
                await connection.execute(
                    update(entries).where(entries.c.id.in_(answered)).values(is_open=False)
                )
            for line, names in still_named.items():
                await connection.execute(
                    update(entries).where(entries.c.id == line).values(toggles=stored_toggles(names))
                )
            return True

    async def release(self, owner: str) -> None:
        my_zones, my_accounts = zones.c.lease_owner == owner, accounts.c.feed_lease_owner == owner
        async with self.database.writing(ACROSS_TENANTS) as connection:
            await lock_zones(connection, my_zones)
            await connection.execute(update(zones).where(my_zones).values(_GIVEN_BACK))
            await lock_accounts(connection, my_accounts)
            await connection.execute(
                update(accounts).where(my_accounts).values(feed_lease_owner=None, feed_lease_until=None)
            )

    async def watch(self, customers: Collection[CustomerId], *, until: int, now: int) -> None:
        for batch in _batches(customers):
            await self._watch(batch, until, now)

    async def _watch(self, customers: Sequence[CustomerId], until: int, now: int) -> None:
        mine = zones.c.customer_id.in_(customers)
        theirs = accounts.c.account_id.in_(select(zones.c.account_id).where(mine, zones.c.account_id != ""))
        unwatched = func.coalesce(accounts.c.watched_until, 0) <= now
        async with self.database.writing(ACROSS_TENANTS) as connection:
            await lock_zones(connection, mine)
            await connection.execute(
                update(zones).where(mine).values(watched_until=until, last_viewed_at=now)
            )
            await lock_accounts(connection, theirs)
            await connection.execute(
                update(accounts)
                .where(theirs)
                .values(
                    watched_until=until,
                    feed_due_at=case(
                        (and_(unwatched, accounts.c.feed_due_at > now), now), else_=accounts.c.feed_due_at
                    ),
                )
            )

    async def unwatch(self, customers: Collection[CustomerId], *, now: int) -> None:
        for batch in _batches(customers):
            await self._unwatch(batch, now)

    async def _unwatch(self, customers: Sequence[CustomerId], now: int) -> None:
        mine = zones.c.customer_id.in_(customers)
        async with self.database.writing(ACROSS_TENANTS) as connection:
            await lock_zones(connection, mine)
            await connection.execute(update(zones).where(mine).values(watched_until=now))

    async def across_tenants_set_back(self, by: int, *, now: int) -> None:
        async with self.database.writing(ACROSS_TENANTS) as connection:
            await lock_zones(connection, true())  # rows that begin to match meanwhile must be locked as well
            await lock_accounts(connection, true())
            for table, names in _TIMES:
                for name in names:
                    column = table.c[name]
                    await connection.execute(update(table).where(column > now).values({name: column - by}))

    async def across_tenants_add_all(
        self, *, due: int, account: str | None = None, read_before: int | None = None
    ) -> int:
        which = [CONNECTED]
        if account is not None:
            which.append(zones.c.account_id == account)
        if read_before is not None:
            which.append(or_(zones.c.full_read_at.is_(None), zones.c.full_read_at < read_before))
        async with self.database.writing(ACROSS_TENANTS) as connection:
            return await add_zones(connection, and_(*which), due, Urgency.SWEEP)

    async def _take(
        self, whose: Whose, which: Select[int, str | None], now: int, owner: str, until: int
    ) -> list[LeasedZone]:
        async with self.database.writing(whose) as connection:
            chosen = await connection.execute(which.with_for_update(skip_locked=True))
            ends = {int(id_): toggles_of(names or "") for id_, names in chosen}
            ids = list(ends)
            if not ids:
                return []
            taken = await connection.execute(
                update(zones)
                .where(zones.c.customer_id.in_(ids))
                .values(lease_owner=owner, lease_until=until, lease_number=zones.c.lease_number + 1)
                .returning(*ZONE, *PLACE)
            )
            rows = {int(row[0]): row for row in taken}
            asked = await _asked_for(connection, ids)
            followed = await _followed(connection, {str(row.account_id) for row in rows.values()}, now)
        return [leased(rows[one], asked.get(one, ()), followed, ends[one]) for one in ids if one in rows]


_TIMES = (
    (zones, ("sync_due_at", "lease_until", "watched_until", "unread_due_at")),
    (accounts, ("feed_due_at", "feed_lease_until", "watched_until")),
    (suspensions, ("due_at",)),
)
"""What is still to come, and moves with the clock."""

_GIVEN_BACK: Values = {"lease_owner": None, "lease_until": None}


async def add_zones(
    connection: AsyncConnection, which: ColumnElement[bool], due: int, urgency: Urgency
) -> int:
    """Add zones (again): the earlier time, the higher urgency, one generation further."""
    await lock_zones(connection, which)
    added = await connection.execute(
        update(zones)
        .where(which)
        .values(
            sync_due_at=case((zones.c.sync_due_at < due, zones.c.sync_due_at), else_=due),
            priority=case((zones.c.priority > urgency.value, zones.c.priority), else_=urgency.value),
            generation=zones.c.generation + 1,
        )
    )
    return added.rowcount


def _batches(customers: Collection[CustomerId]) -> Iterator[Sequence[CustomerId]]:
    """The customers by rising id, `WATCHED_AT_ONCE` in a transaction: few locks, and none held for long."""
    in_order = sorted(customers)
    return (in_order[at : at + WATCHED_AT_ONCE] for at in range(0, len(in_order), WATCHED_AT_ONCE))


def _free(now: int) -> ColumnElement[bool]:
    return or_(zones.c.lease_until.is_(None), zones.c.lease_until <= now)


async def _accepted(connection: AsyncConnection, zone: LeasedZone, owner: str, values: Values) -> bool:
    """Write what the lease's holder found; False, and nothing is written, when that lease or zone is another now."""
    holds = still_holds(zone.customer.zone_id, zone.lease)
    changed = await connection.execute(
        update(zones)
        .where(zones.c.customer_id == zone.customer.id, zones.c.lease_owner == owner, *holds)
        .values(values)
    )
    return changed.rowcount == 1


async def _asked_for(connection: AsyncConnection, ids: Sequence[int]) -> Mapping[int, Sequence[Line]]:
    """The open lines of the feeds that name these zones, in the order they were done."""
    query = select(
        entries.c.id,
        entries.c.customer_id,
        entries.c.toggles,
        entries.c.person,
        entries.c.change_id,
        entries.c.at,
    ).where(OPEN, entries.c.customer_id.in_(ids))
    found: dict[int, list[Line]] = {}
    for row in await connection.execute(query.order_by(entries.c.at, entries.c.id)):
        found.setdefault(int(row.customer_id), []).append(row)
    return found


async def _followed(connection: AsyncConnection, which: set[str], now: int) -> frozenset[str]:
    query = select(accounts.c.account_id).where(
        accounts.c.account_id.in_(which),
        accounts.c.feed_status == FeedStatus.ON.value,
        now - FOLLOWED_WITHIN_MS < FOLLOWED_UNTIL,
    )
    return frozenset((await connection.execute(query)).scalars())
