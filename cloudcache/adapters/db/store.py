"""The store: pages of customers, the register of customers and credentials, and the two parts beside it."""

from __future__ import annotations

from sqlalchemy import ColumnElement, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from cloudcache.adapters.db.engine import reading, writing
from cloudcache.adapters.db.journal import Journal
from cloudcache.adapters.db.models import credentials, toggles, zones
from cloudcache.adapters.db.rows import CELL, CHANGE, PAGE, ZONE, cell_of, change_of, customer_of
from cloudcache.adapters.db.transactions import next_revision
from cloudcache.adapters.db.values import Observing
from cloudcache.domain.catalog.model import Topology
from cloudcache.domain.customers import Customer, Page, ZoneStatus
from cloudcache.domain.errors import NotFound, Reason, Refused
from cloudcache.domain.ids import CredentialId, CustomerId, ZoneId
from cloudcache.domain.toggle import Cell
from cloudcache.ports import ZoneFacts

_CELL_AT = len(ZONE)
_CHANGE_AT = _CELL_AT + len(CELL)


class SqlStore(Journal, Observing):
    """The `Store` on SQLite or Postgres."""

    async def page(self, customer: CustomerId, since: int = 0) -> Page:
        async with reading(self.engine) as connection:
            rows = (await connection.execute(PAGE, {"customer": customer, "since": since})).all()
        if not rows:
            raise NotFound("no such customer")
        cells: list[Cell] = []
        for row in rows:
            if row[_CELL_AT] is not None:
                newest = row[_CHANGE_AT : _CHANGE_AT + len(CHANGE)]
                change = change_of(newest) if newest[0] is not None else None
                cells.append(cell_of(row[_CELL_AT:_CHANGE_AT], change))
        return Page(customer_of(rows[0]), {cell.toggle: cell for cell in cells})

    async def customer_of_shop(self, shop: str) -> Customer:
        async with reading(self.engine) as connection:
            row = (await connection.execute(select(*ZONE).where(zones.c.shop == shop))).one_or_none()
        if row is None:
            raise NotFound("no such customer")
        return customer_of(row)

    async def across_tenants_customers(self, limit: int, after: CustomerId | None = None) -> list[Customer]:
        query = select(*ZONE).where(zones.c.customer_id > (after or 0)).order_by(zones.c.customer_id)
        async with reading(self.engine) as connection:
            return [customer_of(row) for row in await connection.execute(query.limit(limit))]

    async def across_tenants_stalest(self, limit: int) -> list[CustomerId]:
        never = (
            select(zones.c.customer_id)
            .where(_connected(), zones.c.full_read_at.is_(None))
            .order_by(zones.c.customer_id)
            .limit(limit)
        )
        # The 50 rows of a zone are about equally old, so a window of the index this long holds `limit` zones.
        window = (
            select(toggles.c.customer_id, toggles.c.last_synced_at)
            .where(toggles.c.last_synced_at.is_not(None))
            .order_by(toggles.c.last_synced_at)
            .limit(limit * 50)
            .subquery()
        )
        oldest = (
            select(window.c.customer_id)
            .join(zones, zones.c.customer_id == window.c.customer_id)
            .where(_connected())
            .order_by(window.c.last_synced_at)
        )
        async with reading(self.engine) as connection:
            found = [
                *(await connection.execute(never)).scalars(),
                *(await connection.execute(oldest)).scalars(),
            ]
        return [CustomerId(one) for one in dict.fromkeys(found)][:limit]

    async def zone_answered(self, customer: CustomerId, *, now: int, full_read: bool = False) -> None:
        values: dict[str, object] = {"silent_since": None, "failures": 0, "sync_due_at": None}
        if full_read:
            values["full_read_at"] = now
        await self._update_zone(customer, now, values)

    async def zone_silent(self, customer: CustomerId, *, now: int, due: int) -> None:
        await self._update_zone(
            customer,
            now,
            {
                "silent_since": func.coalesce(zones.c.silent_since, now),
                "failures": zones.c.failures + 1,
                "sync_due_at": due,
            },
        )

    async def set_status(self, customer: CustomerId, status: ZoneStatus, *, now: int) -> None:
        await self._update_zone(customer, now, {"status": status.value})

    async def viewed(self, customer: CustomerId, *, now: int) -> None:
        async with writing(self.engine) as connection:
            await connection.execute(
                update(zones).where(zones.c.customer_id == customer).values(last_viewed_at=now)
            )

    async def add_customer(
        self,
        shop: str,
        zone: ZoneId,
        facts: ZoneFacts,
        topology: Topology,
        credential: CredentialId | None,
        *,
        now: int,
    ) -> Customer:
        row = {
            "shop": shop,
            "zone_id": zone,
            "zone_name": facts.name,
            "account_id": facts.account_id,
            "plan": facts.plan.name.lower(),
            "topology": topology.value,
            "status": "active",
            "credential_id": credential,
            "revision": 1,
            "created_at": now,
            "updated_at": now,
        }
        try:
            async with writing(self.engine) as connection:
                stored = await connection.execute(insert(zones).values(row).returning(*ZONE))
                return customer_of(stored.one())
        except IntegrityError:
            raise Refused(Reason.CONFLICT, "this shop or this zone is registered already") from None

    async def add_credential(self, credential: CredentialId, sealed: bytes, kind: str, *, now: int) -> None:
        row = {
            "credential_id": credential,
            "sealed": sealed,
            "kind": kind,
            "status": "active",
            "created_at": now,
        }
        async with writing(self.engine) as connection:
            await connection.execute(insert(credentials).values(row))

    async def sealed_token(self, credential: CredentialId) -> bytes:
        query = select(credentials.c.sealed).where(credentials.c.credential_id == credential)
        async with reading(self.engine) as connection:
            sealed = (await connection.execute(query)).scalar_one_or_none()
        if sealed is None:
            raise NotFound("no such credential")
        return bytes(sealed)

    async def close(self) -> None:
        """Close the pool."""
        await self.engine.dispose()

    async def _update_zone(self, customer: CustomerId, now: int, values: dict[str, object]) -> None:
        """Change the zone's own columns under the next revision, so that open pages notice."""
        async with writing(self.engine) as connection:
            await next_revision(connection, customer, now)
            await connection.execute(update(zones).where(zones.c.customer_id == customer).values(values))


def _connected() -> ColumnElement[bool]:
    return zones.c.status == ZoneStatus.ACTIVE.value
