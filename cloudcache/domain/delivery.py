"""How often, how long, and against what a change is delivered: pure rules, no clock and no calls.

A change costs at most ten calls to Cloudflare, whatever it answers, and is sent for `MAX_AGE_MS` at most. A
write needs a second call in reserve, for the read that tells what came of it. Pauses grow so that the calls last for
the whole hour when nothing is answered.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import Enum, auto

from cloudcache.domain.catalog import Toggle
from cloudcache.domain.errors import Reason
from cloudcache.domain.events import Change, ChangeStatus, Observation
from cloudcache.domain.ids import JSON

MAX_AGE_MS = 3_600_000
MAX_CALLS = 9
"""One less than the ten that a change may cost: a call that finds no route to the zone asks for the zone, too."""
SAME_FAILURES = 3
"""Writes that fail in the same way, each with an answered read after it, before the change is given up."""

READ_FIRST_AFTER_MS = 600_000
"""A change that waited so long, two blocks of five minutes, reads the setting before it is sent: it may have been
decided otherwise meanwhile."""

SILENT_AFTER = 2
"""Unanswered calls in a row before the page says that Cloudflare is silent."""

REJECTED = (Reason.WRONG_VALUE, Reason.NOT_EDITABLE, Reason.OTHER)
"""Answers to a constant of ours that mean that this zone doesn't take it; one Free zone answered 400 to fields that
it showed."""

FIRST_PAUSE_MS = 1_000
GROWTH = 3


class Holds(Enum):
    """What Cloudflare holds, compared with what a change wants."""

    WANTED = auto()
    BEFORE = auto()
    OTHER = auto()  # neither: it was decided at Cloudflare meanwhile


@dataclass(frozen=True, slots=True)
class Effort:
    """What delivering a change has cost so far, and how its calls ended."""

    calls: int = 0
    unanswered: int = 0
    failure: str = ""
    """How the last failed write ended that a read has shown to be without effect."""
    repeated: int = 0
    doubted: str = ""
    """How the write ended that no read has judged yet."""

    @property
    def calls_left(self) -> int:
        """How many more calls the change may cost."""
        return max(0, MAX_CALLS - self.calls)

    @property
    def may_write(self) -> bool:
        """Whether a call for a write and one for the read after it are left."""
        return self.calls_left >= 2

    @property
    def is_silent(self) -> bool:
        """Whether Cloudflare answers nothing at all."""
        return self.unanswered >= SILENT_AFTER

    @property
    def keeps_failing(self) -> bool:
        """Whether trying again is pointless: reads are answered, and the write fails in one and the same way."""
        return self.repeated >= SAME_FAILURES

    def called(self) -> Effort:
        """Count one call."""
        return replace(self, calls=self.calls + 1)

    def lost(self) -> Effort:
        """Note that a call was not answered."""
        return replace(self, unanswered=self.unanswered + 1)

    def write_failed(self, how: str) -> Effort:
        """Note that a write may have been done or not."""
        return replace(self, unanswered=self.unanswered + 1, doubted=how)

    def answered(self) -> Effort:
        """Note that a call was answered."""
        return replace(self, unanswered=0)

    def read_without_effect(self) -> Effort:
        """Note that a read was answered and showed the value of before."""
        if not self.doubted:
            return self.answered()
        repeated = self.repeated + 1 if self.doubted == self.failure else 1
        return replace(self, unanswered=0, failure=self.doubted, repeated=repeated, doubted="")


def is_expired(requested_at: int, now: int) -> bool:
    """Return whether a change is too old to be sent."""
    return now >= requested_at + MAX_AGE_MS


def compare(toggle: Toggle, seen: Observation | None, change: Change, ours: Iterable[JSON] = ()) -> Holds:
    """Compare what Cloudflare holds with what the change wants and with what was there before.

    `ours` are values that other changes made here may have written meanwhile. What was never read, or is not told,
    counts as the value of before.
    """
    if seen is None:
        return Holds.BEFORE
    reading = toggle.read(seen.value)
    if reading == toggle.read(change.to_value):
        return Holds.WANTED
    known = [value for value in (change.from_value, *ours) if value is not None]
    if change.from_value is None or any(reading == toggle.read(value) for value in known):
        return Holds.BEFORE
    return Holds.OTHER


def written_meanwhile(change: Change, history: Iterable[Change]) -> list[JSON]:
    """Return the values of earlier changes made here that were still open when this one was requested."""
    return [
        one.to_value
        for one in history
        if one.status is not ChangeStatus.OBSERVED
        and one.id < change.id
        and (one.settled_at is None or one.settled_at >= change.requested_at)
    ]


def pause_ms(pauses: int, effort: Effort, left_ms: int, chance: float) -> int:
    """Return how long to wait before the next call: full jitter up to a bound that grows threefold.

    `left_ms` is the time until the change expires. The last call is kept until then.
    """
    calls = effort.calls_left - 1
    if calls <= 0:
        return max(0, left_ms)
    bound = min(FIRST_PAUSE_MS * GROWTH ** min(pauses, 20), left_ms / calls)
    return int(max(0.0, bound) * chance)
