"""How far our clock is ahead of Cloudflare's, measured by the `Date` of Cloudflare's answers.

The lines of an audit log carry Cloudflare's time and our reads carry ours, so comparing them needs the difference.
`Date` has whole seconds and a call takes a moment; a difference within that uncertainty counts as none. One odd
answer must not move the estimate, so it is the median of the last measurements.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median_low

KEPT = 15
FEWEST = 3
"""Answers before the estimate may make a read look newer than our own clock says."""

DATE_STEP_MS = 1_000
UNCERTAIN_MS = 1_500
LONGEST_OFFSET_MS = 24 * 3_600_000
"""A measurement beyond this is a broken header, not a clock."""


@dataclass(frozen=True, slots=True)
class Dated:
    """One answer: our time when its call began and ended, and its `Date`, all in Unix milliseconds."""

    began: int
    ended: int
    date: int

    @property
    def least_ahead_ms(self) -> int:
        """By how much our clock is ahead at the least: the answer was written after the call began."""
        return self.began - self.date - DATE_STEP_MS

    @property
    def ahead_ms(self) -> int:
        """The middle of what this answer allows."""
        return (self.began + self.ended - DATE_STEP_MS) // 2 - self.date


@dataclass(frozen=True, slots=True)
class ClockOffset:
    """Our time minus Cloudflare's, by the last measurements in the order they were made."""

    measured: tuple[int, ...] = ()
    initial_ms: int = 0
    """What another process measured last; counts until there is an answer."""

    def with_answer(self, answer: Dated) -> ClockOffset:
        """The estimate with one more answer; an impossible one is left out."""
        if abs(answer.ahead_ms) > LONGEST_OFFSET_MS:
            return self
        return ClockOffset((*self.measured, answer.ahead_ms)[-KEPT:], self.initial_ms)

    @property
    def ms(self) -> int:
        """By how much our clock is ahead; negative when it is behind, 0 when no difference can be told."""
        estimate = median_low(self.measured) if self.measured else self.initial_ms
        return estimate if abs(estimate) > UNCERTAIN_MS else 0

    def read_at(self, answer: Dated) -> int:
        """When, by Cloudflare's clock, the call of this answer began at the earliest.

        A clock that was set a moment ago shows in the answer before it shows in the estimate; the earlier of the two
        is taken, since a read that is thought older than it is costs another read, and one thought newer a change.
        """
        trusted_ms = self.ms if len(self.measured) >= FEWEST else max(self.ms, 0)
        return answer.began - max(trusted_ms, answer.least_ahead_ms)
