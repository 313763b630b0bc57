"""The one client of a process for Redis (or Valkey), and whether it can be reached.

It is made at first use, after a server has forked. No caller waits for a Redis that is unavailable: the first call
that fails, or is not answered in time (a second, unless the settings give more), says so, and from then on every call
says so at once, until a probe four times a second finds Redis able to write again. Listeners hear when it is back.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import TypeVar

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.commands.core import AsyncScript
from redis.exceptions import ConnectionError as Disconnected
from redis.exceptions import RedisError

from cloudcache.domain.errors import TryLater

log = logging.getLogger("cloudcache.redis")

ANSWER_S = 1.0
KNOCK_S = 0.25
CONNECTIONS = 32
LAST_WORD_S = 2.0

T = TypeVar("T")


class Away(TryLater):
    """Redis cannot be asked now; nothing was done, or it is not known whether it was."""

    def __init__(self) -> None:
        super().__init__(KNOCK_S, "Redis is away")


class Connection:
    """Asks Redis, and knows whether that is any use."""

    def __init__(self, url: str, prefix: str = "cloudcache:", answer_s: float = ANSWER_S) -> None:
        """`answer_s` is how many seconds Redis has to answer before it counts as unavailable."""
        self._url = url
        self._answer_s = answer_s
        self._prefix = prefix
        self._made: Redis | None = None
        self._scripts: dict[str, AsyncScript] = {}
        self._knocking: asyncio.Task[None] | None = None
        self._when_back: list[Callable[[], None]] = []
        self._opened = asyncio.Event()
        self._opened.set()

    @property
    def is_up(self) -> bool:
        """False from the first failure until it was reached again."""
        return self._opened.is_set()

    def key(self, *parts: str) -> str:
        """A key of this installation."""
        return self._prefix + ":".join(parts)

    def client(self) -> Redis:
        """The client itself, for what outlives a call; most use `ask`."""
        if self._made is None:
            pool = BlockingConnectionPool.from_url(
                self._url,
                max_connections=CONNECTIONS,
                timeout=self._answer_s,
                socket_timeout=self._answer_s,
                socket_connect_timeout=self._answer_s,
                retry=Retry(NoBackoff(), 1, supported_errors=(Disconnected,)),  # an idle one may be dead
            )
            self._made = Redis.from_pool(pool)
        return self._made

    async def ask(self, work: Callable[[Redis], Awaitable[T]]) -> T:
        """Do it; `Away` when Redis does not, for whatever reason."""
        if not self.is_up:
            raise Away()
        try:
            return await work(self.client())
        except (RedisError, OSError, TimeoutError) as error:
            self.lost(error)
            raise Away() from error

    async def run(self, script: str, keys: Sequence[str], arguments: Sequence[str | int]) -> object:
        """Run a Lua script, all of it at once; what it returns. `Away` as `ask`."""
        loaded = self._scripts.get(script)
        if loaded is None:
            loaded = self._scripts[script] = self.client().register_script(script)
        return await self.ask(lambda redis: loaded(keys, arguments, redis))

    async def check(self) -> None:
        """Whether it can be written to; `Away` when not."""
        await self.ask(self._write)

    def lost(self, error: Exception) -> None:
        """Somebody found that it cannot be reached: nobody tries until the knocking is answered."""
        if not self.is_up:
            return
        self._opened.clear()
        log.error("Redis is away: %s: %s", type(error).__name__, error)
        self._knocking = asyncio.get_running_loop().create_task(self._knock(), name="knock at Redis")

    def when_back(self, tell: Callable[[], None]) -> None:
        """Have this called each time Redis can be reached again."""
        self._when_back.append(tell)

    async def until_back(self) -> None:
        """Return when it can be asked."""
        await self._opened.wait()

    async def close(self) -> None:
        """Let go of everything."""
        if self._knocking is not None:
            self._knocking.cancel()
            with suppress(asyncio.CancelledError):
                await self._knocking
        if self._made is not None:
            await self._made.aclose()
            self._made = None

    async def _knock(self) -> None:
        while not self.is_up:
            await asyncio.sleep(KNOCK_S)
            with suppress(RedisError, OSError, TimeoutError):
                await self._write(self.client())
                self._back()

    def _back(self) -> None:
        log.warning("Redis is back")
        self._opened.set()
        for tell in self._when_back:
            tell()

    async def _write(self, redis: Redis) -> None:
        """A server that is full, or a replica, answers a PING; it is of no more use than one that is gone."""
        await redis.set(self.key("knock", str(os.getpid())), 1, px=1_000)
