"""SQLite for quick tests: each statement runs on the event loop's own thread, and the caller still gives way once.

The driver keeps a thread for each connection. A statement of a small file takes less than the way to that thread and
back, which was a third of the time of a simulated hour.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, TypeAlias

import aiosqlite
from sqlalchemy.engine import Dialect
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry

Order: TypeAlias = tuple["asyncio.Future[Any] | None", Callable[[], Any]]


class OnLoop:
    """Stands where the driver has its thread and the queue of that thread's orders."""

    daemon = True

    def start(self) -> None:
        """There is nothing to start."""

    def put_nowait(self, order: Order) -> None:
        """Carry the order out at once; who waits for it learns of it at the loop's next turn."""
        future, function = order
        answer, error = None, None
        try:
            answer = function()
        except Exception as raised:
            error = raised
        if future is not None:
            future.get_loop().call_soon(_settle, future, answer, error)


def _settle(future: asyncio.Future[Any], answer: Any, error: Exception | None) -> None:
    if future.done():  # whoever waited was cancelled
        return
    if error is None:
        future.set_result(answer)
    else:
        future.set_exception(error)


def connect_on_the_loop(
    dialect: Dialect, entry: ConnectionPoolEntry, words: list[Any], named: dict[str, Any]
) -> DBAPIConnection:
    """What SQLAlchemy's `do_connect` takes instead of a connection of its own."""
    return dialect.loaded_dbapi.connect(*words, **named, async_creator_fn=_without_a_thread)


def _without_a_thread(*words: Any, **named: Any) -> aiosqlite.Connection:
    connection = aiosqlite.connect(*words, **named)
    connection._tx = connection._thread = OnLoop()  # type: ignore[assignment]
    return connection
