"""Who delivers a wish: a lease that its holder renews, and that anybody may take over once it has run out."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import select, update

from cloudcache.adapters.db.engine import ACROSS_TENANTS
from cloudcache.adapters.db.erasure import end_orphans
from cloudcache.adapters.db.journal import PENDING
from cloudcache.adapters.db.models import changes
from cloudcache.adapters.db.rows import CHANGE, change_of
from cloudcache.adapters.db.transactions import OnDatabase
from cloudcache.domain.events import Change
from cloudcache.domain.ids import ChangeId


class IntentLeases(OnDatabase):
    """The part of the store that says which process has a wish in hand."""

    async def extend(self, change: ChangeId, *, owner: str, lease_until: int) -> bool:
        async with self.database.writing(ACROSS_TENANTS) as connection:
            held = await connection.execute(
                update(changes)
                .where(changes.c.id == change, PENDING, changes.c.lease_owner == owner)
                .values(lease_until=lease_until)
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
                .values(lease_owner=owner, lease_until=lease_until)
                .returning(*CHANGE)
            )
            adopted = sorted((change_of(row) for row in taken), key=lambda change: change.id)
            gone = await end_orphans(connection, {change.customer for change in adopted}, now)
            return [change for change in adopted if change.customer not in gone]
