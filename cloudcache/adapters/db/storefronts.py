"""What was last seen on a store's own pages, beside its zone: open pages notice it by the customer's revision."""

from __future__ import annotations

from sqlalchemy import update

from cloudcache.adapters.db.models import zones
from cloudcache.adapters.db.packing import packed
from cloudcache.adapters.db.transactions import OnDatabase, next_revision
from cloudcache.domain.errors import NotFound
from cloudcache.domain.ids import CustomerId, ZoneId
from cloudcache.domain.storefront import StorefrontCheck


class Storefronts(OnDatabase):
    """The part of the store that keeps the checks of storefronts."""

    async def claim_storefront(self, customer: CustomerId, *, tried_at: int | None, now: int) -> bool:
        same = zones.c.storefront_tried_at.is_not_distinct_from(tried_at)
        async with self.database.writing(customer) as connection:
            claimed = await connection.execute(
                update(zones).where(zones.c.customer_id == customer, same).values(storefront_tried_at=now)
            )
            return claimed.rowcount == 1

    async def keep_storefront(self, customer: CustomerId, check: StorefrontCheck, *, zone: ZoneId) -> bool:
        try:
            async with self.database.writing(customer) as connection:
                await next_revision(connection, customer, check.at)
                kept = await connection.execute(
                    update(zones)
                    .where(zones.c.customer_id == customer, zones.c.zone_id == zone)
                    .values(storefront=packed(check))
                )
                return kept.rowcount == 1
        except NotFound:
            return False
