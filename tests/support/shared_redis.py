"""A Redis for tests: keys of its own for each, a count of the trips under way, and a way to cut it off."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar
from uuid import uuid4

from redis.asyncio import Redis

from cloudcache.adapters.redis.connection import Connection

T = TypeVar("T")


async def settle() -> None:
    """Let every task run as far as it can."""
    for _ in range(10):
        await asyncio.sleep(0)


class ToldConnection(Connection):
    """Knows whether a trip is under way."""

    def __init__(self, url: str, prefix: str) -> None:
        super().__init__(url, prefix)
        self.trips = 0
        self._under_way = 0
        self._home = asyncio.Event()
        self._home.set()

    async def ask(self, work: Callable[[Redis], Awaitable[T]]) -> T:
        self.trips += 1
        self._under_way += 1
        self._home.clear()
        try:
            return await super().ask(work)
        finally:
            self._under_way -= 1
            if not self._under_way:
                self._home.set()

    async def settle(self) -> None:
        """Let every task run as far as it can, trips included, and those that follow from them."""
        made = -1
        while made != self.trips:
            made = self.trips
            await self._home.wait()
            await settle()

    async def remember_long(self) -> None:
        """The server has long been there, and has forgotten nothing."""
        await self.client().hset(self.key("budget-clock"), mapping={"born": 0, "latest": 0, "back": 0})


@asynccontextmanager
async def told_connection(url: str, prefix: str = "") -> AsyncIterator[ToldConnection]:
    """A connection with keys that no other test has, or with the given ones."""
    connection = ToldConnection(url, prefix or f"test-{uuid4().hex}:")
    try:
        yield connection
    finally:
        await connection.close()
