"""Whether the tables that the program uses are there: a migration number alone does not tell."""

from __future__ import annotations

from sqlalchemy import Connection, inspect
from sqlalchemy.ext.asyncio import AsyncEngine

from cloudcache.adapters.db.engine import ACROSS_TENANTS, Database
from cloudcache.adapters.db.models import metadata
from cloudcache.domain.errors import StoreUnavailable


async def check_tables(engine: AsyncEngine) -> None:
    """`StoreUnavailable`, naming them, when tables are missing."""
    async with Database(engine).reading(ACROSS_TENANTS) as connection:
        missing = await connection.run_sync(_missing)
    if missing:
        noun = "table" if len(missing) == 1 else "tables"
        raise StoreUnavailable(f"the database lacks the {noun} {', '.join(missing)}")


def _missing(connection: Connection) -> list[str]:
    return sorted(metadata.tables.keys() - set(inspect(connection).get_table_names()))
