"""The one order in which transactions take row locks: the installation, zones by id, then accounts by id.

A transaction that writes more than one of these rows takes its locks here first. Two transactions that lock the same
rows in different orders wait for each other until Postgres ends one of them. SQLite has one writer at a time and
needs no row locks.
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncConnection

from cloudcache.adapters.db.models import accounts, zones


async def lock_zones(connection: AsyncConnection, which: ColumnElement[bool]) -> bool:
    """Lock the matching zones in the order of their ids; False where nothing needs a lock."""
    if connection.dialect.name != "postgresql":
        return False
    rows = select(zones.c.customer_id).where(which).order_by(zones.c.customer_id)
    await connection.execute(rows.with_for_update())
    return True


async def lock_accounts(connection: AsyncConnection, which: ColumnElement[bool]) -> None:
    """Lock the matching accounts in the order of their ids, after the zones."""
    if connection.dialect.name == "postgresql":
        rows = select(accounts.c.account_id).where(which).order_by(accounts.c.account_id)
        await connection.execute(rows.with_for_update())
