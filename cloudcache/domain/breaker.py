"""When a setting is not even tried any more: a circuit breaker for each kind of token and setting.

    closed ──three changes in a row fail──> open ──ten minutes──> half-open: one change is tried
       ^                                      ^                        │
       └────────── a change succeeds ─────────┼────────────────────────┤
                                              └──────── it fails ──────┘

While all the failures are of one zone, only that zone is refused; from the second zone on every zone is, since the
trouble is then Cloudflare's with that kind of token.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from hashlib import sha256

from cloudcache.domain.ids import ZoneId
from cloudcache.domain.secret import TokenKind

OPENS_AFTER = 3
"""Failed changes in a row."""

TRY_EVERY_MS = 600_000
FORGET_AFTER_MS = 3_600_000
"""A failure counts no longer when the next one comes so much later."""


@dataclass(frozen=True, slots=True)
class CircuitBreaker:
    """What is known of one setting with tokens of one kind. `next_try_at` is set while it is open."""

    token_kind: TokenKind
    setting_id: str
    failures: int
    zones: int
    last_zone: str
    failed_at: int
    opened_at: int | None = None
    next_try_at: int | None = None

    @property
    def is_open(self) -> bool:
        """Whether changes are refused, but for one in ten minutes."""
        return self.next_try_at is not None

    def concerns(self, zone: ZoneId) -> bool:
        """Whether what happened says anything about this zone."""
        return self.zones > 1 or self.last_zone == zone_digest(zone)

    def refuses(self, zone: ZoneId, now: int) -> bool:
        """Whether a change of this zone is refused at `now`."""
        return self.next_try_at is not None and now < self.next_try_at and self.concerns(zone)


def after_failure(
    before: CircuitBreaker | None, token_kind: TokenKind, setting_id: str, zone: ZoneId, now: int
) -> CircuitBreaker:
    """Return the breaker after one more change of this zone failed."""
    digest = zone_digest(zone)
    is_forgotten = before is not None and not before.is_open and now - before.failed_at > FORGET_AFTER_MS
    if before is None or is_forgotten:
        return CircuitBreaker(token_kind, setting_id, 1, 1, digest, now)
    counted = replace(
        before,
        failures=before.failures + 1,
        zones=before.zones + (before.last_zone != digest),
        last_zone=digest,
        failed_at=now,
    )
    if counted.failures < OPENS_AFTER:
        return counted
    return replace(counted, opened_at=before.opened_at or now, next_try_at=now + TRY_EVERY_MS)


def zone_digest(zone: ZoneId) -> str:
    """Return a short digest by which a zone is recognized, without naming it."""
    return sha256(zone.encode()).hexdigest()[:16]
