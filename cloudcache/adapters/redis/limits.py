"""How often something may be done, counted by Redis for all processes, and by Redis's own clock.

A list for each key holds the times of what went on within its window, newest first. While Redis is away each
process counts for itself, so that nobody is refused for it: with P processes P times as much may be done.

The `limits` library does the counting in memory; its counting in Redis takes the time of whoever asks, and with
clocks that differ one process would hold up the others.
"""

from __future__ import annotations

from typing import cast

from cloudcache.adapters.limits import KINDS, InMemoryLimiter
from cloudcache.adapters.redis.connection import Away, Connection

SCRIPT = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local most, window = tonumber(ARGV[1]), tonumber(ARGV[2])
local newest = tonumber(redis.call('LINDEX', KEYS[1], 0) or 0)
if newest - now > window then
    redis.call('DEL', KEYS[1])  -- the clock was set back
elseif newest > now then
    now = newest
end
local freed = redis.call('LINDEX', KEYS[1], most - 1)
if freed and freed + window > now then
    return freed + window - now
end
redis.call('LPUSH', KEYS[1], now)
redis.call('LTRIM', KEYS[1], 0, most - 1)
redis.call('PEXPIRE', KEYS[1], window)
return 0
"""


class RedisLimiter:
    """The `Limiter` of many processes."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._here = InMemoryLimiter()

    async def wait_s(self, kind: str, key: str) -> float:
        try:
            return await self._count(kind, key)
        except Away:
            return await self._here.wait_s(kind, key)

    async def _count(self, kind: str, key: str) -> float:
        item = KINDS[kind]
        name = self._connection.key("limit", kind, key)
        window_ms = item.get_expiry() * 1_000
        wait = await self._connection.run(SCRIPT, [name], [item.amount, window_ms])
        return max(1.0, cast(int, wait) / 1_000) if wait else 0.0
