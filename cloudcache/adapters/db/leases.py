"""Who delivers a change: a lease that its holder renews, and that any process may take over once it has run out."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import or_, select, update

from cloudcache.adapters.db.engine import ACROSS_TENANTS
from cloudcache.adapters.db.erasure import end_orphans
from cloudcache.adapters.db.models import changes
from cloudcache.adapters.db.rows import CHANGE, change_of, fitted
from cloudcache.adapters.db.settling import PENDING, newer_requested, one_change
from cloudcache.adapters.db.transactions import OnDatabase, next_revision
from cloudcache.domain.events import Change
from cloudcache.domain.ids import ChangeId, CustomerId


class IntentLeases(OnDatabase):
    """The part of the store that says which process delivers a change."""

    async def record_ray(self, customer: CustomerId, change: ChangeId, ray_id: str) -> None:
        async with self.database.writing(customer) as connection:
            await connection.execute(
                update(changes)
                .where(one_change(customer, change))
                .values(ray_id=fitted(changes.c.ray_id, ray_id))
            )

    async def claim_restore(
        self, customer: CustomerId, change: Change, *, now: int, owner: str, lease_until: int
    ) -> bool:
        is_free = or_(changes.c.lease_until.is_(None), changes.c.lease_until < now)
        async with self.database.writing(customer) as connection:
            await next_revision(connection, customer, now)
            if await newer_requested(connection, customer, change.toggle, change.id):
                return False
            claimed = await connection.execute(
                update(changes)
                .where(one_change(customer, change.id), changes.c.status == "applied", is_free)
                .values(lease_owner=owner, lease_until=lease_until)
            )
            return claimed.rowcount == 1

    async def end_restore(
        self, customer: CustomerId, change: Change, *, now: int, owner: str, ray_id: str = ""
    ) -> bool:
        ray = {"ray_id": fitted(changes.c.ray_id, ray_id)} if ray_id else {}
        async with self.database.writing(customer) as connection:
            await next_revision(connection, customer, now)
            await connection.execute(
                update(changes)
                .where(one_change(customer, change.id), changes.c.lease_owner == owner)
                .values(lease_owner=None, lease_until=None, settled_at=now, **ray)
            )
            return not await newer_requested(connection, customer, change.toggle, change.id)

    async def extend(
        self, change: ChangeId, *, owner: str, lease_until: int, calls: int | None = None
    ) -> bool:
        counted = {} if calls is None else {"calls": calls}
        async with self.database.writing(ACROSS_TENANTS) as connection:
            held = await connection.execute(
                update(changes)
                .where(changes.c.id == change, PENDING, changes.c.lease_owner == owner)
                .values(lease_until=lease_until, **counted)
            )
            return held.rowcount == 1

    async def keep(self, which: Collection[ChangeId], *, owner: str, lease_until: int) -> None:
        mine = (changes.c.id.in_(which), PENDING, changes.c.lease_owner == owner)
        in_order = select(changes.c.id).where(*mine).order_by(changes.c.id).with_for_update()
        async with self.database.writing(ACROSS_TENANTS) as connection:
            ids = (await connection.execute(in_order)).scalars().all()
            await connection.execute(
                update(changes).where(changes.c.id.in_(ids)).values(lease_until=lease_until)
            )

    async def adopt(self, *, now: int, owner: str, lease_until: int, limit: int) -> list[Change]:
        orphans = (
            select(changes.c.id)
            .where(PENDING, changes.c.lease_until < now)
            .order_by(changes.c.lease_until, changes.c.id)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        async with self.database.writing(ACROSS_TENANTS) as connection:
            ids = (await connection.execute(orphans)).scalars().all()
            if not ids:
                return []
            taken = await connection.execute(
                update(changes)
                .where(changes.c.id.in_(ids))
                # The read that adopting costs is counted before it is made: that process may die as well.
                .values(lease_owner=owner, lease_until=lease_until, calls=changes.c.calls + 1)
                .returning(*CHANGE)
            )
            adopted = sorted((change_of(row) for row in taken), key=lambda change: change.id)
            gone = await end_orphans(connection, {change.customer for change in adopted}, now)
            return [change for change in adopted if change.customer not in gone]
