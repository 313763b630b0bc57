"""Migrations of the database: to which one it belongs, whether it is there, and how it gets there.

Alembic is imported only to migrate: its import took a fifth of the start of each command, and nearly every command
finds its database migrated.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from threading import Lock

from sqlalchemy import Connection, create_engine, inspect, text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from cloudcache.adapters.db.engine import ACROSS_TENANTS, ROOT, Database, async_url, prepare, sqlite_url
from cloudcache.adapters.db.failures import UPGRADE, told_plainly
from cloudcache.domain.errors import StoreUnavailable

EXPECTED_MIGRATION = "0015"
"""The migration this program was written for: the newest of `alembic/versions`."""

_one_at_a_time = Lock()  # alembic keeps what it is doing in a global variable


async def migrating(url: str, work: Callable[[Connection], None]) -> None:
    """Hand `work` the one connection that may make a SQLite file, and that may take its time.

    Elsewhere a mistyped path would become an empty database, and a new index on 5,000,000 rows be cut off half way.
    """
    parsed = async_url(url)
    if parsed.get_backend_name() == "sqlite":
        plain = sqlite_url(parsed.set(drivername="sqlite"), "rwc")
        embedded = create_engine(plain, poolclass=NullPool, hide_parameters=True)
        prepare(embedded)
        with embedded.connect().execution_options(writing=True) as connection:
            work(connection)
            connection.commit()
        return
    engine = create_async_engine(parsed, poolclass=NullPool, hide_parameters=True)
    async with engine.connect() as remote:
        await remote.run_sync(work)
        await remote.commit()


async def upgrade(url: str, revision: str = "head") -> None:
    """Bring the database to a migration; safe to call when it is there already, and from several processes."""
    await asyncio.to_thread(_migrate, url, revision, up=True)


async def downgrade(url: str, revision: str) -> None:
    """Take the database back to an earlier migration."""
    await asyncio.to_thread(_migrate, url, revision, up=False)


def _migrate(url: str, revision: str, *, up: bool) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config(toml_file=str(ROOT / "pyproject.toml"))
    config.set_main_option("script_location", str(ROOT / "alembic"))
    config.attributes["url"] = url
    with _one_at_a_time, told_plainly():
        try:
            (command.upgrade if up else command.downgrade)(config, revision)
        except CommandError as error:
            raise StoreUnavailable(f"the database can't be migrated: {error}") from None


async def is_migrated(engine: AsyncEngine) -> bool:
    """Whether the database can be read and is at this program's migration."""
    try:
        return await _migration(engine) == EXPECTED_MIGRATION
    except StoreUnavailable:
        return False


async def check_migration(engine: AsyncEngine) -> None:
    """`StoreUnavailable`, naming both, when the database is at another migration than this program."""
    found = await _migration(engine)
    if found == EXPECTED_MIGRATION:
        return
    remedy = UPGRADE if found is None or _is_known(found) else "this program is older: install the newer one"
    raise StoreUnavailable(
        f"the database is at migration {found or 'none'}, this program expects {EXPECTED_MIGRATION}; {remedy}"
    )


async def _migration(engine: AsyncEngine) -> str | None:
    async with Database(engine).reading(ACROSS_TENANTS) as connection:
        if not await connection.run_sync(lambda plain: inspect(plain).has_table("alembic_version")):
            return None
        found: str | None = (
            await connection.execute(text("SELECT version_num FROM alembic_version"))
        ).scalar()
        return found


def _is_known(revision: str) -> bool:
    from alembic.script import ScriptDirectory

    scripts = ScriptDirectory(str(ROOT / "alembic"))
    return revision in {script.revision for script in scripts.walk_revisions()}
