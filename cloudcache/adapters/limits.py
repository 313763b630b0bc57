"""Rate limits with the `limits` library: a moving window, in the memory of this process."""

from __future__ import annotations

import time
from collections.abc import Mapping

from limits import RateLimitItem, RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from cloudcache.domain.rate_limit import RateLimitStatus

READS_PER_MINUTE = 600


def kinds(reads_per_minute: int = READS_PER_MINUTE) -> Mapping[str, RateLimitItem]:
    """The limits by name."""
    return {
        "write": RateLimitItemPerMinute(120),  # changes of one customer, through page and API together
        "read": RateLimitItemPerMinute(reads_per_minute),  # API reads of one customer
        "check": RateLimitItemPerMinute(12),  # looks at a token while connecting; each costs a dozen calls
        "guess": RateLimitItemPerMinute(30),  # refused requests from one address
        "lookup": RateLimitItemPerMinute(
            600
        ),  # looks for unknown API tokens from one address; each is a statement
        "search": RateLimitItemPerMinute(240),  # searches by one of the staff: as fast as one types
    }


class InMemoryLimiter:
    """The `Limiter` of the ports."""

    def __init__(self, limits: Mapping[str, RateLimitItem] | None = None) -> None:
        self._kinds = limits or kinds()
        self._limiter = MovingWindowRateLimiter(MemoryStorage())

    async def hit(self, kind: str, key: str) -> RateLimitStatus:
        item = self._kinds[kind]
        is_allowed = self._limiter.hit(item, kind, key)
        window = self._limiter.get_window_stats(item, kind, key)
        is_unused = window.remaining == item.amount
        reset_s = 0.0 if is_unused else max(0.0, window.reset_time - time.time())
        wait_s = 0.0 if is_allowed else max(1.0, reset_s)
        return RateLimitStatus(item.amount, item.get_expiry(), window.remaining, wait_s, reset_s)
