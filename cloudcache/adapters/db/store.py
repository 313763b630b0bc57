"""The store: pages of customers, and the parts beside it."""

from __future__ import annotations

from collections.abc import Collection

from cloudcache.adapters.db.audit import AuditLog
from cloudcache.adapters.db.batch_reads import BatchReads
from cloudcache.adapters.db.breakers import BreakerTable
from cloudcache.adapters.db.connections import Connections
from cloudcache.adapters.db.engine import ACROSS_TENANTS
from cloudcache.adapters.db.erasure import Erasures
from cloudcache.adapters.db.feeds import ChangeFeeds
from cloudcache.adapters.db.fleet import Fleet
from cloudcache.adapters.db.imports import ImportLog
from cloudcache.adapters.db.journal import Journal
from cloudcache.adapters.db.leases import IntentLeases
from cloudcache.adapters.db.onboarding import BulkRegister
from cloudcache.adapters.db.people import PeopleRegister
from cloudcache.adapters.db.queue import Queue
from cloudcache.adapters.db.rollouts import RolloutRules
from cloudcache.adapters.db.rows import (
    CELL,
    CHANGE,
    FEED,
    HEADS,
    PAGE,
    ZONE,
    cell_of,
    change_of,
    customer_of,
    followed,
)
from cloudcache.adapters.db.shops import ShopRegister
from cloudcache.adapters.db.storefronts import Storefronts
from cloudcache.adapters.db.suspensions import Suspensions
from cloudcache.adapters.db.token_ids import TokenIds
from cloudcache.adapters.db.values import Observing
from cloudcache.domain.customers import Customer, Page
from cloudcache.domain.errors import NotFound
from cloudcache.domain.ids import CustomerId
from cloudcache.domain.toggle import Cell

_CELL_AT = len(ZONE)
_CHANGE_AT = _CELL_AT + len(CELL)


class SqlStore(
    Journal,
    IntentLeases,
    Observing,
    Suspensions,
    BatchReads,
    TokenIds,
    Queue,
    ChangeFeeds,
    Fleet,
    Connections,
    Storefronts,
    ShopRegister,
    Erasures,
    PeopleRegister,
    BulkRegister,
    AuditLog,
    RolloutRules,
    ImportLog,
    BreakerTable,
):
    """All that the services need kept, on SQLite or Postgres: one database, and a part for each port."""

    async def page(self, customer: CustomerId, since: int = 0) -> Page:
        async with self.database.reading(customer) as connection:
            rows = (await connection.execute(PAGE, {"customer": customer, "since": since})).all()
        if not rows:
            raise NotFound("no such customer")
        cells: list[Cell] = []
        for row in rows:
            if row[_CELL_AT] is not None:
                newest = row[_CHANGE_AT : _CHANGE_AT + len(CHANGE)]
                change = change_of(newest) if newest[0] is not None else None
                cells.append(cell_of(row[_CELL_AT:_CHANGE_AT], change))
        holder = followed(customer_of(rows[0]), rows[0][-len(FEED) :])
        return Page(holder, {cell.toggle: cell for cell in cells}, since)

    async def heads(self, customers: Collection[CustomerId]) -> dict[CustomerId, Customer]:
        async with self.database.reading(ACROSS_TENANTS) as connection:
            rows = (await connection.execute(HEADS, {"customers": list(customers)})).all()
        found = [followed(customer_of(row), row[-len(FEED) :]) for row in rows]
        return {one.id: one for one in found}

    async def close(self) -> None:
        """Close the pool."""
        await self.engine.dispose()
