"""The database: SQLite embedded, Postgres in production; how it is opened, read and written.

Making an engine opens no connection, since a server forks after it was made. A read is one statement, hence one
snapshot, and needs no transaction. A transaction that writes begins with BEGIN IMMEDIATE on SQLite: a deferred one
fails with "locked" at its first write instead of waiting. There the writers of one process also queue up in turn,
because SQLite itself lets them poll, and whoever polls at the wrong moment starves.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from time import perf_counter
from typing import TypeAlias
from urllib.parse import quote

from sqlalchemy import Connection, Engine, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from cloudcache.adapters.db.failures import told_plainly
from cloudcache.adapters.db.measured import Measured
from cloudcache.ports import SILENT, Telemetry

ROOT = Path(__file__).resolve().parents[3]
BUSY_MS = 5_000
POOL_SIZE = 10
"""Connections of one process, unless the settings say otherwise; docs/postgres.md has the sums."""

CONNECT_SECONDS = 10
"""For opening a connection to Postgres."""

WAIT_SECONDS = 10
"""For a free connection of the pool, a turn to write, or a lock."""

STATEMENT_SECONDS = 15
"""What Postgres gives a statement, and how long it keeps the locks of a process that has frozen."""

DRIVERS = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg"}
PARTS = {"sqlite": {"mode"}, "postgresql": {"ssl"}}
"""What may follow the `?` of an address; `sslmode`, as other programs call it, is taken as `ssl`."""


def async_url(url: str) -> URL:
    """The address with the asynchronous driver in it; ValueError, without the password, if it is none."""
    if url.startswith("postgres://"):
        url = url.replace("postgres", "postgresql", 1)
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise ValueError("the database address must look like sqlite:///file or postgresql://...") from None
    backend = parsed.get_backend_name()
    if backend not in DRIVERS:
        raise ValueError(f"{backend} isn't supported; use sqlite or postgresql")
    if backend == "sqlite" and parsed.database in (None, "", ":memory:"):
        raise ValueError("sqlite needs a file: sqlite:///file")
    query = {"ssl" if name == "sslmode" else name: value for name, value in parsed.query.items()}
    unknown = sorted(query.keys() - PARTS[backend])
    if unknown:
        raise ValueError(f"the database address has parts that aren't supported: {', '.join(unknown)}")
    return parsed.set(drivername=DRIVERS[backend], query=query)


def make_engine(url: str, pool_size: int = POOL_SIZE) -> AsyncEngine:
    """An engine for `url`; nothing is opened yet. A SQLite file that is absent is not made."""
    parsed = async_url(url)
    embedded = parsed.get_backend_name() == "sqlite"
    engine = create_async_engine(
        sqlite_url(parsed, "rw") if embedded else parsed,
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=WAIT_SECONDS,
        hide_parameters=True,
        **({} if embedded else _postgres_settings()),
    )
    if embedded:
        prepare(engine.sync_engine)
    return engine


def sqlite_url(url: URL, mode: str) -> URL:
    """The file by its absolute path, opened in `mode` unless the address itself says how (`?mode=ro`)."""
    file = quote(str(Path(url.database or "").absolute()))
    return url.set(database=f"file:{file}", query={"mode": url.query.get("mode", mode), "uri": "true"})


def _postgres_settings() -> Mapping[str, object]:
    """A connection that was cut while idle is noticed before it is used; outside transactions that is one trip.

    The client's own time limit is for a network that swallows everything, the server's end included.
    """
    frozen = str(int(STATEMENT_SECONDS * 1000))
    session = {
        "application_name": "cloudcache",
        "jit": "off",
        "statement_timeout": frozen,
        "lock_timeout": str(int(WAIT_SECONDS * 1000)),
        "idle_in_transaction_session_timeout": frozen,
    }
    limits = {"timeout": CONNECT_SECONDS, "command_timeout": STATEMENT_SECONDS + WAIT_SECONDS}
    return {
        "isolation_level": "AUTOCOMMIT",
        "pool_pre_ping": True,
        "connect_args": {**limits, "server_settings": session},
    }


def prepare(engine: Engine) -> None:
    """Set up each connection of a SQLite engine, and how its transactions begin."""
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)


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
    if connection.get_execution_options().get("writing", False):
        connection.exec_driver_sql("BEGIN IMMEDIATE")


Whose: TypeAlias = int | str
"""A customer's id or a shop's name: whose rows a connection is opened for."""

ACROSS_TENANTS = "*"
"""For the few that look at everybody; `tests/unit/adapters/test_tenant_rule.py` names them."""


class Database:
    """An engine with the two ways to use it; every failure is `StoreUnavailable` with one plain sentence.

    Both say for whom. On Postgres the tables of the tenants show nothing else (row-level security), so that a query
    that forgot its condition finds nothing instead of everything.
    """

    def __init__(self, engine: AsyncEngine, telemetry: Telemetry = SILENT) -> None:
        self._measured = Measured(telemetry)
        embedded = engine.dialect.name == "sqlite"
        self._has_policies = not embedded
        isolation = {} if embedded else {"isolation_level": "READ COMMITTED"}
        self._reader = engine
        self._writer = engine.execution_options(writing=True, **isolation)
        self._turn = asyncio.Lock() if embedded else None

    @asynccontextmanager
    async def reading(self, whose: Whose) -> AsyncIterator[AsyncConnection]:
        """A connection to read with; each statement sees a snapshot of its own."""
        with self._measured.use("read"), told_plainly():
            began = perf_counter()
            async with self._reader.connect() as connection:
                self._measured.waited("read", began)
                await self.set_tenant(connection, whose)
                yield connection

    @asynccontextmanager
    async def writing(self, whose: Whose) -> AsyncIterator[AsyncConnection]:
        """One transaction that writes; it is committed when the block ends and undone when it raises."""
        with self._measured.use("write"), told_plainly():
            began = perf_counter()
            async with self._in_turn(), self._writer.begin() as connection:
                self._measured.waited("write", began)
                await self.set_tenant(connection, whose)
                yield connection

    async def set_tenant(self, connection: AsyncConnection, whose: Whose) -> None:
        """Say whose rows the connection is for; anew each time, for what an earlier user of it said never counts."""
        if self._has_policies:
            await connection.execute(_SET_TENANT, {"whose": str(whose)})

    @asynccontextmanager
    async def _in_turn(self) -> AsyncIterator[None]:
        if self._turn is None:  # Postgres lets the writers of different customers go on side by side
            yield
            return
        async with asyncio.timeout(WAIT_SECONDS):
            await self._turn.acquire()
        try:
            yield
        finally:
            self._turn.release()


_SET_TENANT = text("SELECT set_config('cloudcache.tenant', :whose, false)")
