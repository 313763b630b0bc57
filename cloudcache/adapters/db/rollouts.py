"""The rules of the rollout in the database, and the counts by which a cohort is judged."""

from __future__ import annotations

from sqlalchemy import delete, func, literal_column, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from cloudcache.adapters.db.audit import append
from cloudcache.adapters.db.engine import ACROSS_TENANTS
from cloudcache.adapters.db.models import changes, zones
from cloudcache.adapters.db.rollout_models import rollout_shops, rollouts
from cloudcache.adapters.db.transactions import OnDatabase, upsert
from cloudcache.domain.audit import NOBODYS, Deed
from cloudcache.domain.events import ChangeStatus
from cloudcache.domain.ids import CustomerId
from cloudcache.domain.rollout import Rollout
from cloudcache.ports import Wishes


class RolloutRules(OnDatabase):
    """The part of the store that knows which shops are served."""

    async def rollout_revision(self, environment: str) -> int:
        query = select(rollouts.c.revision).where(rollouts.c.environment == environment)
        async with self.database.reading(ACROSS_TENANTS) as connection:
            return int((await connection.execute(query)).scalar_one_or_none() or 0)

    async def across_tenants_rollout(self, environment: str) -> Rollout:
        """One statement, so that the revision is that of the shops which are read with it."""
        query = (
            select(rollouts, rollout_shops.c.shop, rollout_shops.c.is_served)
            .select_from(
                rollouts.outerjoin(rollout_shops, rollout_shops.c.environment == rollouts.c.environment)
            )
            .where(rollouts.c.environment == environment)
        )
        async with self.database.reading(ACROSS_TENANTS) as connection:
            rows = (await connection.execute(query)).all()
        if not rows:
            return Rollout(environment)
        named = {str(row.shop): bool(row.is_served) for row in rows if row.shop is not None}
        first = rows[0]
        return Rollout(environment, int(first.percent), named, int(first.revision), int(first.updated_at))

    async def set_rollout_percent(self, environment: str, percent: int, deed: Deed, *, now: int) -> None:
        async with self.database.writing(ACROSS_TENANTS) as connection:
            await _next_revision(connection, environment, now)
            await connection.execute(
                update(rollouts).where(rollouts.c.environment == environment).values(percent=percent)
            )
            await append(connection, NOBODYS, [deed], now)

    async def name_in_rollout(
        self, environment: str, shop: str, is_served: bool | None, deed: Deed, *, now: int
    ) -> None:
        whose = select(zones.c.customer_id).where(zones.c.shop == shop)
        async with self.database.writing(ACROSS_TENANTS) as connection:
            held = await connection.execute(whose.with_for_update(read=True, key_share=True))
            customer = held.scalar_one_or_none()
            await _next_revision(connection, environment, now)
            if is_served is None:
                this = (rollout_shops.c.shop == shop) & (rollout_shops.c.environment == environment)
                await connection.execute(delete(rollout_shops).where(this))
            else:
                row = {"shop": shop, "environment": environment, "is_served": is_served, "named_at": now}
                await upsert(connection, rollout_shops, [row], ("is_served", "named_at"))
            await append(connection, NOBODYS if customer is None else int(customer), [deed], now)

    async def across_tenants_shop_names(
        self, limit: int, after: CustomerId | None = None
    ) -> list[tuple[CustomerId, str]]:
        query = (
            select(zones.c.customer_id, zones.c.shop)
            .where(zones.c.customer_id > (after or 0))
            .order_by(zones.c.customer_id)
            .limit(limit)
        )
        async with self.database.reading(ACROSS_TENANTS) as connection:
            return [(CustomerId(int(row[0])), str(row[1])) for row in await connection.execute(query)]

    async def across_tenants_wishes(self, since: int, newest: int) -> list[Wishes]:
        line = (
            select(changes.c.customer_id, changes.c.status, changes.c.requested_at)
            .order_by(changes.c.id.desc())
            .limit(newest)
            .subquery()
        )
        query = (
            select(line.c.customer_id, line.c.status, func.count())
            .where(line.c.requested_at >= since, line.c.status != literal_column("'observed'"))
            .group_by(line.c.customer_id, line.c.status)
        )
        async with self.database.reading(ACROSS_TENANTS) as connection:
            rows = await connection.execute(query)
            return [Wishes(CustomerId(int(row[0])), ChangeStatus(row[1]), int(row[2])) for row in rows]


async def forget_named(connection: AsyncConnection, shop: str, until: int) -> int:
    """Erase what was said of a shop until then; processes that remember it read the rule anew."""
    mine = (rollout_shops.c.shop == shop) & (rollout_shops.c.named_at <= until)
    where = select(rollout_shops.c.environment).where(mine)
    await connection.execute(
        update(rollouts).where(rollouts.c.environment.in_(where)).values(revision=rollouts.c.revision + 1)
    )
    return (await connection.execute(delete(rollout_shops).where(mine))).rowcount


async def _next_revision(connection: AsyncConnection, environment: str, now: int) -> None:
    """The rule of an environment that never had one serves everybody."""
    raised = await connection.execute(
        update(rollouts)
        .where(rollouts.c.environment == environment)
        .values(revision=rollouts.c.revision + 1, updated_at=now)
    )
    if raised.rowcount == 0:
        row = {"environment": environment, "percent": 100, "revision": 1, "updated_at": now}
        await upsert(connection, rollouts, [row], ("updated_at",))
