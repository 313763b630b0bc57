"""The store: pages of customers, and the three parts beside it that write."""

from __future__ import annotations

from cloudcache.adapters.db.journal import Journal
from cloudcache.adapters.db.register import Register
from cloudcache.adapters.db.rows import CELL, CHANGE, PAGE, ZONE, cell_of, change_of, customer_of
from cloudcache.adapters.db.values import Observing
from cloudcache.domain.customers import Page
from cloudcache.domain.errors import NotFound
from cloudcache.domain.ids import CustomerId
from cloudcache.domain.toggle import Cell

_CELL_AT = len(ZONE)
_CHANGE_AT = _CELL_AT + len(CELL)


class SqlStore(Journal, Observing, Register):
    """The `Store` on SQLite or Postgres."""

    async def page(self, customer: CustomerId, since: int = 0) -> Page:
        async with self.database.reading() as connection:
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

    async def close(self) -> None:
        """Close the pool."""
        await self.engine.dispose()
