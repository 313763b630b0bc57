"""Runs the migrations: from the command line (`alembic upgrade head`) and from the program itself."""

from __future__ import annotations

import asyncio

from alembic import context
from sqlalchemy import Connection

from cloudcache.adapters.db.engine import async_url, make_engine
from cloudcache.adapters.db.models import metadata
from cloudcache.config import load


def address() -> str:
    """The database's address: given by the program, else that of the settings."""
    given = context.config.attributes.get("url")
    return given or async_url(load().database_url).render_as_string(hide_password=False)


def migrate(connection: Connection) -> None:
    context.configure(
        connection=connection, target_metadata=metadata, render_as_batch=True, transaction_per_migration=True
    )
    with context.begin_transaction():
        context.run_migrations()


async def online() -> None:
    engine = make_engine(address())
    try:
        async with engine.connect() as connection:
            await (await connection.execution_options(writing=True)).run_sync(migrate)
            await connection.commit()
    finally:
        await engine.dispose()


if context.is_offline_mode():
    context.configure(url=address(), target_metadata=metadata, literal_binds=True)
    with context.begin_transaction():
        context.run_migrations()
else:
    asyncio.run(online())
