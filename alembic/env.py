"""Runs the migrations: from the command line (`alembic upgrade head`) and from the program itself.

Two processes may migrate at once (a rolling deployment starts several): SQLite makes the second wait by its write
lock, which is held over all migrations, Postgres by an advisory lock; it then finds nothing left to do.
"""

from __future__ import annotations

import asyncio
import os

from alembic import context
from sqlalchemy import Connection, text

from cloudcache.adapters.db.engine import async_url
from cloudcache.adapters.db.migrations import migrating
from cloudcache.adapters.db.models import metadata
from cloudcache.adapters.db.roles import GRANTS, grant
from cloudcache.config import load

ADVISORY_LOCK = 0x636C6F7564  # "cloud"


def address() -> str:
    """The database's address: given by the program, else by the environment, else that of the settings.

    The environment is asked directly, so that a migration job needs none of the other secrets.
    """
    given = context.config.attributes.get("url") or os.environ.get("CLOUDCACHE_DATABASE_URL")
    return given or load().database_url


def migrate(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": ADVISORY_LOCK})
        connection.commit()
    context.configure(
        connection=connection,
        target_metadata=metadata,
        render_as_batch=True,
        transaction_per_migration=connection.dialect.name == "postgresql",
        transactional_ddl=True,  # alembic takes SQLite for a database that commits after each statement
    )
    with context.begin_transaction():
        context.run_migrations()
    grant(connection)


if context.is_offline_mode():
    context.configure(url=async_url(address()), target_metadata=metadata, literal_binds=True)
    with context.begin_transaction():
        context.run_migrations()
        if async_url(address()).get_backend_name() == "postgresql":
            context.execute(GRANTS)
else:
    asyncio.run(migrating(address(), migrate))
