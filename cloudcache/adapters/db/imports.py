"""What was brought over from the predecessor, in the database."""

from __future__ import annotations

from sqlalchemy import select

from cloudcache.adapters.db.audit import append
from cloudcache.adapters.db.engine import ACROSS_TENANTS
from cloudcache.adapters.db.models import zones
from cloudcache.adapters.db.rollout_models import kv_imports
from cloudcache.adapters.db.rows import ZONE, customer_of, fitted
from cloudcache.adapters.db.transactions import OnDatabase, hold_customer, upsert
from cloudcache.domain.audit import Deed
from cloudcache.domain.catalog.model import State
from cloudcache.domain.customers import Customer
from cloudcache.domain.errors import NotFound
from cloudcache.domain.ids import ChangeId, CustomerId, ZoneId
from cloudcache.ports import Imported


class ImportLog(OnDatabase):
    """The part of the store that knows what the predecessor said."""

    async def across_tenants_customer_of_zone(self, zone: ZoneId) -> Customer:
        async with self.database.reading(ACROSS_TENANTS) as connection:
            row = (await connection.execute(select(*ZONE).where(zones.c.zone_id == zone))).one_or_none()
        if row is None:
            raise NotFound("no customer has this zone")
        return customer_of(row)

    async def imported(self, customer: CustomerId) -> Imported | None:
        query = select(kv_imports).where(kv_imports.c.customer_id == customer)
        async with self.database.reading(customer) as connection:
            row = (await connection.execute(query)).one_or_none()
        if row is None:
            return None
        change = None if row.change_id is None else ChangeId(int(row.change_id))
        return Imported(row.origin, State(row.told), State(row.found), change, int(row.imported_at))

    async def keep_import(self, customer: CustomerId, imported: Imported, deed: Deed) -> None:
        row = {
            "customer_id": customer,
            "origin": fitted(kv_imports.c.origin, imported.origin),
            "told": imported.told.value,
            "found": imported.found.value,
            "change_id": imported.change,
            "imported_at": imported.at,
        }
        async with self.database.writing(customer) as connection:
            replaced = ("origin", "told", "found", "change_id", "imported_at")
            await hold_customer(connection, customer)
            await upsert(connection, kv_imports, [row], replaced)
            await append(connection, customer, [deed], imported.at)
