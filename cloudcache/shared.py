"""What processes share: the bus, the budget, the pace at the wire and the counting of requests. In memory when there
is one process, in Redis when the settings name one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cloudcache.adapters.budget import InMemoryBudget
from cloudcache.adapters.bus import InMemoryBus
from cloudcache.adapters.cloudflare.pace import OwnPace, Pace
from cloudcache.adapters.limits import InMemoryLimiter, kinds
from cloudcache.config import Settings
from cloudcache.domain.budget import Limits
from cloudcache.ports import Budget, Bus, Clock, Limiter

if TYPE_CHECKING:
    from cloudcache.adapters.redis.budget import RedisBudget
    from cloudcache.adapters.redis.bus import RedisBus
    from cloudcache.adapters.redis.connection import Connection


@dataclass(frozen=True, slots=True)
class InRedis:
    """What has to be opened and closed when there is a Redis."""

    connection: Connection
    bus: RedisBus
    budget: RedisBudget


@dataclass(frozen=True, slots=True)
class Shared:
    """The shared parts of this process."""

    bus: Bus
    budget: Budget
    limiter: Limiter
    limits: Limits
    """What the budget keeps to; plans are made with it."""
    pace: Pace | None = None
    """At the wire; None for one of its own."""
    redis: InRedis | None = None

    @property
    def is_whole(self) -> bool:
        """Whether all that should be shared is: always so without a Redis."""
        return self.redis is None or self.redis.connection.is_up

    def start(self) -> None:
        """Begin to hear the other processes."""
        if self.redis is not None:
            self.redis.bus.start()

    async def close(self) -> None:
        """Say what is still to be said, and let go."""
        if self.redis is not None:
            await self.redis.bus.close()
            await self.redis.budget.close()
            await self.redis.connection.close()


def share(settings: Settings, clock: Clock, owner: Callable[[], str]) -> Shared:
    """Choose them; nothing is opened yet."""
    request_limits = kinds(settings.api_reads_per_minute)
    if settings.redis_url is None:
        budget_here = InMemoryBudget(Limits(), clock)
        return Shared(InMemoryBus(), budget_here, InMemoryLimiter(request_limits), Limits())
    # Redis's client takes long to import, and most commands do without it.
    from cloudcache.adapters.redis.budget import RedisBudget
    from cloudcache.adapters.redis.bus import RedisBus
    from cloudcache.adapters.redis.connection import Connection
    from cloudcache.adapters.redis.limits import RedisLimiter
    from cloudcache.adapters.redis.pace import GRANTED_PER_SECOND, PER_SECOND, SharedPace

    prefix, answer_s = f"cloudcache:{settings.environment}:", settings.redis_answer_seconds
    connection = Connection(settings.redis_url, prefix, answer_s)
    bus = RedisBus(connection, owner)
    limits = Limits(address_calls_per_second=GRANTED_PER_SECOND)
    budget = RedisBudget(connection, limits, clock, processes=settings.processes, address=settings.egress)
    alone = OwnPace(max(1, PER_SECOND // settings.processes))
    pace = SharedPace(connection, settings.egress, alone.wait)
    in_redis = InRedis(connection, bus, budget)
    return Shared(bus, budget, RedisLimiter(connection, request_limits), budget.limits, pace, in_redis)
