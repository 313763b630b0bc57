"""How often something may be done, with the `limits` library: a moving window, in the memory of this process."""

from __future__ import annotations

import time

from limits import RateLimitItem, RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

KINDS: dict[str, RateLimitItem] = {
    "write": RateLimitItemPerMinute(120),  # changes of one customer, through page and API together
    "read": RateLimitItemPerMinute(600),  # API reads of one customer
    "check": RateLimitItemPerMinute(12),  # looks at a token while connecting; each costs a dozen calls
    "guess": RateLimitItemPerMinute(30),  # refused requests from one address
    "search": RateLimitItemPerMinute(240),  # searches by one of the staff: as fast as one types
}


class InMemoryLimiter:
    """The `Limiter` of the ports."""

    def __init__(self) -> None:
        self._limiter = MovingWindowRateLimiter(MemoryStorage())

    async def wait_s(self, kind: str, key: str) -> float:
        item = KINDS[kind]
        if self._limiter.hit(item, kind, key):
            return 0.0
        opens = self._limiter.get_window_stats(item, kind, key).reset_time
        return max(1.0, opens - time.time())
