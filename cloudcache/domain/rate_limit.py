"""How often something may be done by one caller, and how much of that is left."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RateLimitStatus:
    """One rate limit of one caller at one moment.

    `limit` requests may be made within any `window_s` seconds, and `remaining` of them now. `wait_s` is how long a
    refused request has to wait, 0 for one that was let through; `reset_s` is when the oldest request that still
    counts leaves the window.
    """

    limit: int
    window_s: int
    remaining: int
    wait_s: float
    reset_s: float

    @property
    def is_exceeded(self) -> bool:
        """Whether the request must be refused."""
        return self.wait_s > 0

    def headers(self, name: str) -> dict[str, str]:
        """The response headers `RateLimit-Policy` and `RateLimit` for the policy `name`, as
        draft-ietf-httpapi-ratelimit-headers-10 defines them."""
        return {
            "RateLimit-Policy": f'"{name}";q={self.limit};w={self.window_s}',
            "RateLimit": f'"{name}";r={self.remaining};t={math.ceil(self.reset_s)}',
        }
