"""A Redis for tests: keys of its own for each, a count of the trips under way, and a way to cut it off."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import NoReturn, TypeVar
from uuid import uuid4

from redis.asyncio import Redis
from redis.exceptions import ConnectionError as Disconnected

from cloudcache.adapters.redis.budget import RedisBudget
from cloudcache.adapters.redis.connection import Connection
from cloudcache.domain.budget import Lane, Limits
from tests.support.fake_clock import FakeClock, let_tasks_run
from tests.support.waiting import SAFETY_NET_S

T = TypeVar("T")


class ToldConnection(Connection):
    """Knows whether a trip is under way."""

    def __init__(self, url: str, prefix: str) -> None:
        super().__init__(url, prefix, SAFETY_NET_S)
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
            await let_tasks_run()

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


class CutConnection(ToldConnection):
    """Can be cut off, and is back when the test says so: nobody knocks by the real clock."""

    def __init__(self, url: str, prefix: str) -> None:
        super().__init__(url, prefix)
        self.is_cut = False

    async def ask(self, work: Callable[[Redis], Awaitable[T]]) -> T:
        return await super().ask(_refuse if self.is_cut else work)

    def mend(self) -> None:
        """Redis can be reached again."""
        self.is_cut = False
        if not self.is_up:
            self._back()

    async def _knock(self) -> None:
        await self.until_back()


async def _refuse(redis: Redis) -> NoReturn:
    raise Disconnected("cut off by the test")


class Processes:
    """Several processes' budgets on one server, each with a clock and a connection of its own."""

    def __init__(self, url: str, limits: Limits, skews: Sequence[int]) -> None:
        prefix = f"test-{uuid4().hex}:"
        self.time = FakeClock(sleeping="waits", settle=self.settle)
        self.connections = [CutConnection(url, prefix) for _ in skews]
        self.clocks = [self.time.skewed(skew) for skew in skews]
        self.budgets = [
            RedisBudget(connection, limits, clock, processes=len(skews), address="here", time=self.server_ms)
            for connection, clock in zip(self.connections, self.clocks, strict=True)
        ]
        self.server_skew_ms = 0
        self.through: list[tuple[int, int, Lane]] = []
        """When, through which process, what."""
        self.tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Processes:
        await self.connections[0].remember_long()
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        for connection in self.connections:
            connection.mend()
        await self.settle()
        for budget, connection in zip(self.budgets, self.connections, strict=True):
            await budget.close()
            await connection.close()

    def server_ms(self) -> int:
        """What the server takes for the time."""
        return self.time.ms + self.server_skew_ms

    async def settle(self) -> None:
        """Until no process does anything any more."""
        made = -1
        while made != sum(one.trips for one in self.connections):
            made = sum(one.trips for one in self.connections)
            for connection in self.connections:
                await connection.settle()

    async def ask(self, process: int, lane: Lane, many: int = 1, *, answered: bool = True) -> None:
        """So many calls are wanted; those that go are answered at once, unless told otherwise."""

        async def call() -> None:
            await self.budgets[process].acquire(lane)
            self.through.append((self.time.ms, process, lane))
            if answered:
                self.budgets[process].succeeded(lane.credential)

        self.tasks |= {asyncio.get_running_loop().create_task(call()) for _ in range(many)}
        await self.settle()

    async def forget(self) -> None:
        """The server loses its memory."""
        redis = self.connections[0].client()
        keys = [key async for key in redis.scan_iter(f"{self.connections[0].key('')}*")]
        if keys:
            await redis.delete(*keys)
