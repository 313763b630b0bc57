"""The database engine: SQLite embedded, Postgres in production; every failure of it is one plain sentence.

Making an engine opens no connection, since a server forks after it was made. A transaction that writes begins
with BEGIN IMMEDIATE on SQLite: a deferred one would fail with "locked" at its first write, not wait.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from cloudcache.domain.errors import StoreUnavailable

ROOT = Path(__file__).resolve().parents[3]
BUSY_MS = 5_000
POOL_SIZE = 10
STATEMENT_MS = 15_000

_WORDS = (
    ("readonly", "the database cannot be written to (read-only)"),
    ("read-only", "the database cannot be written to (read-only)"),
    ("locked", "the database is locked by another program"),
    ("unable to open", "the database file cannot be opened"),
    ("disk is full", "the disk that holds the database is full"),
    ("no such table", "the database is not at this program's migration; run: alembic upgrade head"),
    ("no such column", "the database is not at this program's migration; run: alembic upgrade head"),
    ("does not exist", "the database is not at this program's migration; run: alembic upgrade head"),
    ("not a database", "the database file is damaged or not a database"),
    ("malformed", "the database file is damaged or not a database"),
)


def async_url(url: str) -> URL:
    """The address with the asynchronous driver in it; ValueError, without the password, if it is none."""
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise ValueError("the database address must look like sqlite:///file or postgresql://...") from None
    backend = {"postgres": "postgresql"}.get(parsed.get_backend_name(), parsed.get_backend_name())
    drivers = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg"}
    if backend not in drivers:
        raise ValueError(f"{backend} is not supported; use sqlite or postgresql")
    return parsed.set(drivername=drivers[backend])


def make_engine(url: str) -> AsyncEngine:
    """An engine for `url`; nothing is opened yet."""
    parsed = async_url(url)
    if parsed.get_backend_name() == "sqlite":
        engine = create_async_engine(parsed, pool_size=POOL_SIZE, max_overflow=POOL_SIZE)
        event.listen(engine.sync_engine, "connect", _prepare_sqlite)
        event.listen(engine.sync_engine, "begin", _begin_sqlite)
        return engine
    return create_async_engine(
        parsed,
        pool_size=POOL_SIZE,
        max_overflow=POOL_SIZE,
        pool_pre_ping=True,
        connect_args={"timeout": 5, "server_settings": {"statement_timeout": str(STATEMENT_MS)}},
    )


def _prepare_sqlite(connection: DBAPIConnection, entry: ConnectionPoolEntry) -> None:
    """WAL lets pages read while a write goes on. The driver must not open transactions by itself."""
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in (
        f"busy_timeout={BUSY_MS}",
        "journal_mode=WAL",
        "synchronous=NORMAL",
        "foreign_keys=ON",
        "cache_size=-20000",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    writing = connection.get_execution_options().get("writing", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")


@asynccontextmanager
async def reading(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """A connection to read with; failures become `StoreUnavailable`."""
    with_words = _Translated()
    async with with_words, engine.connect() as connection:
        yield connection


@asynccontextmanager
async def writing(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """One transaction that writes; it is committed when the block ends and undone when it raises."""
    async with _Translated(), engine.connect() as plain:
        connection = await plain.execution_options(writing=True)
        async with connection.begin():
            yield connection


class _Translated:
    """Turns what the drivers raise into `StoreUnavailable`; broken constraints are the caller's to explain."""

    async def __aenter__(self) -> None:
        return None

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: object
    ) -> None:
        if isinstance(error, IntegrityError):
            return
        if isinstance(error, SQLAlchemyError | PoolTimeoutError | OSError):
            raise StoreUnavailable(_plainly(error)) from None


def _plainly(error: Exception) -> str:
    """What happened, without statements, parameters or addresses."""
    cause = str(error.orig if isinstance(error, DBAPIError) and error.orig else error).lower()
    for sign, words in _WORDS:
        if sign in cause:
            return words
    return f"the database does not answer ({type(error).__name__})"


# -- migrations --------------------------------------------------------------------------------


def _alembic(url: str) -> Config:
    config = Config(toml_file=str(ROOT / "pyproject.toml"))
    config.set_main_option("script_location", str(ROOT / "alembic"))
    config.attributes["url"] = async_url(url).render_as_string(hide_password=False)
    return config


async def upgrade(url: str, revision: str = "head") -> None:
    """Bring the database to a migration; safe to call when it is there already."""
    async with _Translated():
        await asyncio.to_thread(command.upgrade, _alembic(url), revision)


async def downgrade(url: str, revision: str) -> None:
    """Take the database back to an earlier migration."""
    async with _Translated():
        await asyncio.to_thread(command.downgrade, _alembic(url), revision)


def expected_migration() -> str:
    """The migration this program was written for."""
    return ScriptDirectory(str(ROOT / "alembic")).get_current_head() or ""


async def check_migration(engine: AsyncEngine) -> None:
    """`StoreUnavailable`, naming both, when the database is at another migration than this program."""
    async with reading(engine) as connection:
        found = (await connection.execute(text("SELECT version_num FROM alembic_version"))).scalar()
    expected = expected_migration()
    if found != expected:
        raise StoreUnavailable(
            f"the database is at migration {found}, this program expects {expected}; run: alembic upgrade head"
        )
