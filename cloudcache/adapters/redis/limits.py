"""How often something may be done, counted by Redis for all processes, and by Redis's own clock.

A list for each key holds the times of what went on within its window, newest first. While Redis is away each
process counts for itself, so that nobody is refused for it: with P processes P times as much may be done.

The `limits` library does the counting in memory; its counting in Redis takes the time of whoever asks, and with
clocks that differ one process would hold up the others.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from limits import RateLimitItem

from cloudcache.adapters.limits import InMemoryLimiter, kinds
from cloudcache.adapters.redis.connection import Away, Connection
from cloudcache.domain.rate_limit import RateLimitStatus

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
local oldest = redis.call('LINDEX', KEYS[1], -1)
while oldest and oldest + window <= now do
    redis.call('RPOP', KEYS[1])
    oldest = redis.call('LINDEX', KEYS[1], -1)
end
local used = redis.call('LLEN', KEYS[1])
local freed = used >= most and redis.call('LINDEX', KEYS[1], most - 1)
local wait = freed and freed + window - now or 0
if wait == 0 then
    redis.call('LPUSH', KEYS[1], now)
    redis.call('PEXPIRE', KEYS[1], window)
    used = used + 1
    oldest = oldest or now
end
return {math.max(0, most - used), wait, oldest and oldest + window - now or 0}
"""
"""Returns how many more may be done, and the milliseconds that this one waits and until the oldest leaves."""


class RedisLimiter:
    """The `Limiter` of many processes."""

    def __init__(self, connection: Connection, limits: Mapping[str, RateLimitItem] | None = None) -> None:
        self._kinds = limits or kinds()
        self._connection = connection
        self._here = InMemoryLimiter(self._kinds)

    async def hit(self, kind: str, key: str) -> RateLimitStatus:
        try:
            return await self._count(kind, key)
        except Away:
            return await self._here.hit(kind, key)

    async def _count(self, kind: str, key: str) -> RateLimitStatus:
        item = self._kinds[kind]
        name = self._connection.key("limit", kind, key)
        arguments = [item.amount, item.get_expiry() * 1_000]
        told = cast("list[int]", await self._connection.run(SCRIPT, [name], arguments))
        remaining, wait_ms, reset_ms = told
        wait_s = max(1.0, wait_ms / 1_000) if wait_ms else 0.0
        return RateLimitStatus(item.amount, item.get_expiry(), remaining, wait_s, reset_ms / 1_000)
