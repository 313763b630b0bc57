"""What the database costs: how long its users wait and its statements take, how full the pool is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter

from sqlalchemy import Connection, event
from sqlalchemy.engine.interfaces import DBAPICursor, ExecutionContext
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.pool import QueuePool

from cloudcache.adapters.db.failures import TransactionConflict
from cloudcache.domain.errors import StoreUnavailable
from cloudcache.ports import Telemetry

VERBS = frozenset({"select", "insert", "update", "delete"})
_BEGAN = "cloudcache_began"


class Measured:
    """Measures the uses of a `Database`; each is a span of its own."""

    def __init__(self, telemetry: Telemetry) -> None:
        self._telemetry = telemetry

    @contextmanager
    def use(self, what: str) -> Iterator[None]:
        """One transaction, or one read."""
        with self._telemetry.span(f"database {what}"):
            try:
                yield
            except TransactionConflict:
                self._telemetry.count("database_conflicts")
                raise
            except StoreUnavailable:
                self._telemetry.count("database_failures")
                raise

    def waited(self, what: str, began: float) -> None:
        """There is a connection, and the turn to write."""
        self._telemetry.observe("database_wait_seconds", perf_counter() - began, what)


def measure(engine: AsyncEngine, telemetry: Telemetry, most: int) -> None:
    """Time every statement of this engine, and watch its pool."""

    def before(
        connection: Connection,
        cursor: DBAPICursor,
        statement: str,
        parameters: object,
        context: ExecutionContext,
        executemany: bool,
    ) -> None:
        connection.info[_BEGAN] = perf_counter()

    def after(
        connection: Connection,
        cursor: DBAPICursor,
        statement: str,
        parameters: object,
        context: ExecutionContext,
        executemany: bool,
    ) -> None:
        verb = statement[:6].lower()
        took = perf_counter() - connection.info[_BEGAN]
        telemetry.observe("database_statement_seconds", took, verb if verb in VERBS else "other")

    event.listen(engine.sync_engine, "before_cursor_execute", before)
    event.listen(engine.sync_engine, "after_cursor_execute", after)
    pool = engine.sync_engine.pool
    telemetry.set("database_connections_most", most)
    if isinstance(pool, QueuePool):
        telemetry.watch("database_connections_used", pool.checkedout)
