"""The circuit breakers, which all processes share."""

from __future__ import annotations

from typing import Protocol

from cloudcache.domain.breaker import CircuitBreaker
from cloudcache.domain.ids import ZoneId
from cloudcache.domain.secret import TokenKind


class CircuitBreakers(Protocol):
    """Settings that could lately not be changed; no row for those of which nothing is known."""

    async def breakers_of(self, setting_id: str) -> list[CircuitBreaker]:
        """The breakers of one setting, one for each kind of token that failed."""
        ...

    async def open_breakers(self) -> list[CircuitBreaker]:
        """All open ones, by setting and kind of token."""
        ...

    async def record_failure(
        self, kind: TokenKind, setting_id: str, zone: ZoneId, *, now: int
    ) -> CircuitBreaker:
        """Count one more failed change; the breaker after it."""
        ...

    async def record_success(self, kind: TokenKind, setting_id: str) -> None:
        """Close the breaker: a change succeeded."""
        ...

    async def claim_try(self, kind: TokenKind, setting_id: str, *, now: int, until: int) -> bool:
        """Claim the one try that an open breaker allows now; the next may be claimed at `until`."""
        ...
