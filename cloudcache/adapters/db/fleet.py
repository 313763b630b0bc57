"""What there is as a whole: counts for the planner, the depth of the queue, the zones that somebody must mend, and
what was changed elsewhere. Each is one pass over 100,000 zones at most, made every few seconds by one process."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Integer, and_, case, cast, func, literal_column, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from cloudcache.adapters.db.engine import ACROSS_TENANTS
from cloudcache.adapters.db.models import accounts, changes, entries, zones
from cloudcache.adapters.db.queue import CONNECTED, FOLLOWED_WITHIN_MS, OPEN
from cloudcache.adapters.db.settling import PENDING
from cloudcache.adapters.db.transactions import OnDatabase
from cloudcache.domain.customers import ZoneStatus
from cloudcache.domain.events import Source
from cloudcache.domain.feed import BUSY_FOR_MS, LIVELY_FOR_MS, FeedStatus
from cloudcache.domain.freshness import DAY_MS, REMEMBERED_MS, Urgency
from cloudcache.domain.ids import ToggleId
from cloudcache.domain.planner import Pool
from cloudcache.ports import AgeCounts, Drift, FleetCounts, Parked, Pending, QueueDepth

PLATFORM_POOL, OWN_POOL = "platform", "own"
OBSERVED = changes.c.status == literal_column("'observed'")
OUTSIDE = changes.c.source == Source.CLOUDFLARE.value
HOUR_MS = 3_600_000
AGES_MS = (900_000, HOUR_MS, 6 * HOUR_MS, DAY_MS, 7 * DAY_MS)


class Fleet(OnDatabase):
    """The part of the store that counts."""

    async def across_tenants_depth(self, now: int) -> QueueDepth:
        ready = and_(CONNECTED, zones.c.sync_due_at <= now)
        by_urgency = select(zones.c.priority, func.count(), func.min(zones.c.sync_due_at)).where(ready)
        async with self.database.reading(ACROSS_TENANTS) as connection:
            due = (await connection.execute(by_urgency.group_by(zones.c.priority))).all()
            leased = select(func.count()).where(zones.c.lease_owner.is_not(None), zones.c.lease_until > now)
            parked = select(func.count()).where(zones.c.status != ZoneStatus.ACTIVE.value)
            waiting = select(func.count()).select_from(entries).where(OPEN)
            counts = [(await connection.execute(one)).scalar_one() for one in (leased, parked, waiting)]
        oldest = min((int(row[2]) for row in due if row[2]), default=now)
        return QueueDepth({Urgency(row[0]): int(row[1]) for row in due}, max(0, now - oldest), *counts)

    async def across_tenants_counts(self, now: int) -> FleetCounts:
        async with self.database.reading(ACROSS_TENANTS) as connection:
            feeds = await _feeds_by_status(connection)
            pools = [
                await _pool(connection, name, now, platform=name == PLATFORM_POOL)
                for name in (PLATFORM_POOL, OWN_POOL)
            ]
        return FleetCounts(tuple(pool for pool in pools if pool.zones), feeds)

    async def across_tenants_parked(self, limit: int) -> list[Parked]:
        query = (
            select(zones.c.shop, zones.c.status, zones.c.last_error)
            .where(zones.c.status != ZoneStatus.ACTIVE.value)
            .order_by(zones.c.customer_id)
            .limit(limit)
        )
        async with self.database.reading(ACROSS_TENANTS) as connection:
            rows = await connection.execute(query)
            return [Parked(row.shop, ZoneStatus(row.status), row.last_error) for row in rows]

    async def across_tenants_drift(self, since: int, limit: int) -> Drift:
        seen = and_(OBSERVED, OUTSIDE, changes.c.requested_at >= since)
        count = func.count().label("count")
        zones_hit = func.count(changes.c.customer_id.distinct())
        by_zone = (
            select(changes.c.customer_id, count)
            .select_from(changes)
            .where(seen)
            .group_by(changes.c.customer_id)
            .order_by(count.desc(), changes.c.customer_id)
            .limit(limit)
        )
        by_toggle = (
            select(changes.c.toggle_id, count)
            .where(seen)
            .group_by(changes.c.toggle_id)
            .order_by(count.desc(), changes.c.toggle_id)
            .limit(limit)
        )
        async with self.database.reading(ACROSS_TENANTS) as connection:
            total = (await connection.execute(select(func.count(), zones_hit).where(seen))).one()
            most = (await connection.execute(by_zone)).all()
            shops = await _shops(connection, [int(row[0]) for row in most])
            settings = (await connection.execute(by_toggle)).all()
        return Drift(
            int(total[0]),
            int(total[1]),
            tuple((shops.get(int(row[0]), "?"), int(row[1])) for row in most),
            tuple((ToggleId(str(row[0])), int(row[1])) for row in settings),
        )

    async def across_tenants_ages(self, now: int) -> AgeCounts:
        read_at = zones.c.full_read_at
        query = select(
            *(_how_many(read_at >= now - within) for within in AGES_MS),
            func.count(read_at),
            _how_many(read_at.is_(None)),
            func.min(read_at),
        ).where(CONNECTED)
        async with self.database.reading(ACROSS_TENANTS) as connection:
            *counts, ever, never, oldest = (await connection.execute(query)).one()
        within = tuple(zip(AGES_MS, (int(one or 0) for one in counts), strict=True))
        return AgeCounts((*within, (now, int(ever))), int(never or 0), now - oldest if oldest else None)

    async def across_tenants_pending(self, now: int) -> Pending:
        query = select(func.count(), func.min(changes.c.requested_at)).where(PENDING)
        async with self.database.reading(ACROSS_TENANTS) as connection:
            count, oldest = (await connection.execute(query)).one()
        return Pending(int(count), max(0, now - int(oldest)) if oldest is not None else 0)


async def _shops(connection: AsyncConnection, ids: Sequence[int]) -> dict[int, str]:
    query = select(zones.c.customer_id, zones.c.shop).where(zones.c.customer_id.in_(ids))
    return {int(id_): str(shop) for id_, shop in await connection.execute(query)}


async def _feeds_by_status(connection: AsyncConnection) -> dict[FeedStatus, int]:
    query = select(accounts.c.feed_status, func.count()).group_by(accounts.c.feed_status)
    return {FeedStatus(status): int(count) for status, count in await connection.execute(query)}


async def _pool(connection: AsyncConnection, name: str, now: int, *, platform: bool) -> Pool:
    is_ours = zones.c.credential_id.is_(None) if platform else zones.c.credential_id.is_not(None)
    followed = and_(
        accounts.c.feed_status == FeedStatus.ON.value,
        accounts.c.feed_verified_until > now - FOLLOWED_WITHIN_MS,
    )
    watched = func.coalesce(zones.c.watched_until, 0) > now
    touched = func.coalesce(zones.c.changed_at, 0) > now - REMEMBERED_MS
    viewed = and_(~touched, func.coalesce(zones.c.last_viewed_at, 0) > now - REMEMBERED_MS)
    query = (
        select(
            func.count(),
            func.count(zones.c.credential_id.distinct()),
            _how_many(watched),
            _how_many(and_(watched, ~func.coalesce(followed, literal_column("false")))),
            _how_many(followed),
            _how_many(viewed),
            _how_many(touched),
        )
        .select_from(zones.outerjoin(accounts, accounts.c.account_id == zones.c.account_id))
        .where(CONNECTED, is_ours)
    )
    row = (await connection.execute(query)).one()
    total, tokens, open_pages, polled, told, seen, changed = (int(one or 0) for one in row)
    feeds = await _feeds(connection, now, platform=platform) if total else (0, 0, 0)
    return Pool(
        name,
        tokens=1 if platform else tokens,
        zones=total,
        accounts=feeds[0],
        busy_accounts=feeds[1],
        lively_accounts=feeds[2],
        watched=open_pages,
        polled=polled,
        followed=told,
        viewed=seen,
        touched=changed,
        changes_per_day=await _changes(connection, now, is_ours) if total else 0.0,
        backlog=await _waiting(connection, is_ours) if total else 0,
    )


async def _feeds(connection: AsyncConnection, now: int, *, platform: bool) -> tuple[int, int, int]:
    """Feeds that can be read (or were not tried yet), the busy ones, and the lively ones of the others."""
    is_ours = accounts.c.credential_id.is_(None) if platform else accounts.c.credential_id.is_not(None)
    tried = accounts.c.feed_status.in_([FeedStatus.ON.value, FeedStatus.NEW.value])
    active = func.coalesce(accounts.c.active_at, 0)
    busy = or_(func.coalesce(accounts.c.watched_until, 0) > now, active > now - BUSY_FOR_MS)
    lively = and_(~busy, active > now - LIVELY_FOR_MS)
    query = select(func.count(), _how_many(busy), _how_many(lively)).where(is_ours, tried)
    row = (await connection.execute(query)).one()
    return int(row[0]), int(row[1] or 0), int(row[2] or 0)


async def _changes(connection: AsyncConnection, now: int, is_ours: ColumnElement[bool]) -> float:
    """Changes made elsewhere in the last day, as the feeds told."""
    query = (
        select(func.count())
        .select_from(entries.join(zones, zones.c.customer_id == entries.c.customer_id))
        .where(entries.c.first_seen_at > now - DAY_MS, entries.c.change_id.is_(None), is_ours)
    )
    return float((await connection.execute(query)).scalar_one())


async def _waiting(connection: AsyncConnection, is_ours: ColumnElement[bool]) -> int:
    """Lines of the feeds whose settings were not read yet."""
    query = (
        select(func.count())
        .select_from(entries.join(zones, zones.c.customer_id == entries.c.customer_id))
        .where(OPEN, is_ours)
    )
    return int((await connection.execute(query)).scalar_one())


def _how_many(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return cast(func.sum(case((condition, 1), else_=0)), Integer)
