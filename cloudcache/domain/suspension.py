"""Suspended zones and tokens: what is suspended, and when it is examined again. No I/O.

    one refusal         -> a second, different call -> both refuse    suspended; no reads, no writes
    suspended           -> examined again, later and later            still refused, or due for a read at once

A zone is suspended by itself, a token with all its zones. The pauses grow from minutes to hours, with full jitter.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from cloudcache.domain.budget import backoff_ms

AT_LEAST_MS = 60_000
BASE_MS = 120_000
CAP_MS = 6 * 3_600_000
"""Four examinations a day at most are six calls of a zone, and three of a token, however many zones it has."""


class Suspended(StrEnum):
    """What a suspension is about."""

    ZONE = "zone"
    TOKEN = "token"  # noqa: S105  a kind, not a secret


@dataclass(frozen=True, slots=True)
class Suspension:
    """A zone (by its customer's id) or a token (by its credential's id) that is examined again at its due time."""

    kind: Suspended
    subject: str
    attempts: int = 0


def examine_at(attempts: int, now: int, jitter: float) -> int:
    """When to examine a suspended zone or token again after so many attempts; `jitter` is in [0, 1)."""
    return now + AT_LEAST_MS + backoff_ms(attempts, BASE_MS, CAP_MS, jitter)
