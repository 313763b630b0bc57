"""When a zone is looked at next, and how urgently: the rules of the queue, with no queue in sight.

    watched   somebody has its page open: its account's feed is followed closely, and without a feed it is polled
    named     the feed says that something of it was changed: those settings are read now
    sweep     everything else: a zone that matters more is due sooner, by the square root of its weight

The square root is the best split of a scarce budget: with n zones of weight w looked at every t seconds, the
weighted mean age is least when t is proportional to 1 / sqrt(w). Proportional to 1 / w would starve the rest.

Adding a zone that is queued already keeps the higher urgency and the earlier time, so nothing is queued twice.
Times are Unix milliseconds; chance is a number in [0, 1).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum
from math import sqrt

from cloudcache.domain.budget import CallClass

DAY_MS = 86_400_000
REMEMBERED_MS = 7 * DAY_MS
"""For how long a change or a visit makes a zone matter more."""

SWEEP_AT_LEAST_MS = 900_000
"""Nobody's zone is read whole more often than this without a reason, however idle the budget is."""

RETRY_BASE_MS = 15_000
RETRY_CAP_MS = 3_600_000
RETRY_AT_LEAST_MS = 2_000
"""Even with the luckiest jitter no retry follows at once."""

WHOLE_AGAIN_AT_LEAST_MS = 400_000
"""While a part of a zone cannot be read, its whole reads are at least this far apart; retries read that part only."""

END_MARGIN_MS = 2_000
"""A setting that ends by itself is read this long after its end: Cloudflare counts whole seconds, and an answer
takes a moment."""

END_AGAIN_MS = 30_000
"""A countdown that was read at its end and goes on is read again this much later at the earliest."""

NEVER = 0
"""What a zone that was never read is ordered by: before everybody."""


class Urgency(IntEnum):
    """Why a zone is in the queue; the larger goes first."""

    SWEEP = 0
    NAMED = 1
    WATCHED = 2

    @property
    def call_class(self) -> CallClass:
        """The share of the budget its calls come out of."""
        return _CLASSES[self]


_CLASSES = {
    Urgency.SWEEP: CallClass.SWEEP,
    Urgency.NAMED: CallClass.WATCHED,
    Urgency.WATCHED: CallClass.WATCHED,
}
"""A named setting is one call for something known to have changed. In the class of feeds, which has one turn in ten
while watched reads wait, 200 open pages that grew stale together kept such changes waiting for ten minutes; among
the watched ones the customers take turns."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How often to look, as the planner found that the credentials allow; milliseconds between two looks."""

    sweep_ms: int = 4 * DAY_MS
    """At a zone of weight 1, whole."""

    watched_ms: int = 60_000
    """At a zone with an open page, whole, when no feed tells of its changes."""

    followed_ms: int = 3_600_000
    """The same when a feed does: the feed is not complete."""

    feed_busy_ms: int = 15_000
    """At the feed of an account with an open page or a change in the last minute."""

    feed_lively_ms: int = 60_000
    """At the feed of an account with a change in the last hour."""

    feed_quiet_ms: int = 870_000
    """At any other feed: with its turn in a crowded line it is looked at within 15 minutes."""


CHECK_EVERY_MS = 600_000
"""How often a person may have a zone read whole: one page then costs a token half a percent of its calls."""
CHECK_AGAIN_MS = 60_000
"""The same while the read that was asked for has not succeeded; such a read ends after a few calls."""


def check_allowed_at(full_read_at: int | None, checked_at: int | None, now: int) -> int:
    """When a person may have a zone read whole: now, or later. `checked_at` is when that was last asked for.

    How old the values are does not matter the first time: the person may have changed one at Cloudflare just now."""
    if checked_at is None or checked_at > now:
        return now
    has_succeeded = full_read_at is not None and full_read_at >= checked_at
    return max(now, checked_at + (CHECK_EVERY_MS if has_succeeded else CHECK_AGAIN_MS))


@dataclass(frozen=True, slots=True)
class Interest:
    """What decides how much a zone matters, and when it was last read whole."""

    full_read_at: int | None = None
    changed_at: int | None = None
    """When somebody was last seen to change a setting of it."""
    viewed_at: int | None = None
    watched_until: int | None = None
    """Until when a page of it is known to be open; prolonged while it is."""
    followed: bool = False
    """Whether a feed tells of its changes."""
    unread_at: int | None = None
    """When the last whole read began, if it left toggles unread."""
    is_retried: bool = False
    """Whether these are tried again apart from the rest."""

    def read(self, at: int) -> Interest:
        """Return the interest after a whole read that began at `at`."""
        return replace(self, full_read_at=at, unread_at=None, is_retried=False)

    def read_in_part(self, at: int, *, is_retried: bool = True) -> Interest:
        """Return the interest after a whole read that began at `at` and left toggles unread."""
        return replace(self, unread_at=at, is_retried=is_retried)

    def is_watched(self, now: int) -> bool:
        """Whether somebody has its page open."""
        return self.watched_until is not None and self.watched_until > now


def weight(zone: Interest, now: int) -> int:
    """1 for a zone nobody has touched for a week; 4 when it was looked at, 9 when it was changed elsewhere."""
    if zone.changed_at is not None and now - zone.changed_at < REMEMBERED_MS:
        return 9
    if zone.viewed_at is not None and now - zone.viewed_at < REMEMBERED_MS:
        return 4
    return 1


def next_look(zone: Interest, pace: Pace, now: int) -> tuple[int, Urgency]:
    """When to read the whole zone again, and how urgent that is then; a zone never read is due at once."""
    read_at = max(zone.full_read_at or NEVER, zone.unread_at or NEVER)
    at_least = WHOLE_AGAIN_AT_LEAST_MS if zone.is_retried else NEVER
    if zone.is_watched(now):
        every = pace.followed_ms if zone.followed else pace.watched_ms
        return read_at + max(at_least, every), Urgency.WATCHED
    every = max(SWEEP_AT_LEAST_MS, int(pace.sweep_ms / sqrt(weight(zone, now))))
    return read_at + every, Urgency.SWEEP


def retry_at(failures: int, now: int, chance: float) -> int:
    """Return when to read again after this many failures in a row, between seconds and an hour later.

    Half of the growing wait is fixed and half is jitter (`chance`, in [0, 1)), so that even the luckiest draws
    give nine tries in the first hour at most."""
    longest = min(RETRY_CAP_MS, RETRY_BASE_MS * 2 ** min(failures, 30))
    return now + RETRY_AT_LEAST_MS + int(longest * (1 + chance) / 2)


def read_end_at(ends_at: int) -> int:
    """Return when to read a setting that ends by itself at `ends_at`."""
    return ends_at + END_MARGIN_MS


@dataclass(frozen=True, slots=True)
class Place:
    """A zone's place in the queue. `generation` rises whenever it is added, so that whoever works on it can tell
    that it was added meanwhile. A leased place is nobody else's until `leased_until`."""

    due: int
    urgency: Urgency
    generation: int = 0
    failures: int = 0
    leased_until: int = 0

    def is_ready(self, now: int) -> bool:
        """Whether it is due and nobody works on it."""
        return self.due <= now and self.leased_until <= now

    def added(self, due: int, urgency: Urgency) -> Place:
        """Added (again): the earlier time and the higher urgency of both."""
        return replace(
            self,
            due=min(self.due, due),
            urgency=max(self.urgency, urgency),
            generation=self.generation + 1,
        )

    def leased(self, until: int) -> Place:
        """Somebody works on it from now on."""
        return replace(self, leased_until=until)

    def finished(self, generation: int, due: int, urgency: Urgency) -> Place:
        """The work that began at `generation` is done. What was added meanwhile stays as urgent and as early."""
        if generation != self.generation:
            return replace(self, leased_until=0, failures=0)
        return replace(self, due=due, urgency=urgency, leased_until=0, failures=0)

    def failed(self, generation: int, due: int) -> Place:
        """Return the place after work that began at `generation` failed: later again, just as urgent. Only what a
        person asked for meanwhile (due `NEVER`) keeps its time; what a feed named meanwhile waits as well."""
        if generation != self.generation and self.due <= NEVER:
            due = self.due
        return replace(self, due=due, leased_until=0, failures=self.failures + 1)


@dataclass(frozen=True, slots=True)
class Room:
    """How many zones one process works on at once, for each reason. A sweep of one token needs few, for its calls
    are far apart; named zones take one call each."""

    watched: int
    named: int
    sweep: int

    def of(self, urgency: Urgency) -> int:
        """The room for one reason."""
        return {Urgency.WATCHED: self.watched, Urgency.NAMED: self.named, Urgency.SWEEP: self.sweep}[urgency]


ROOM_PLATFORM = Room(watched=6, named=8, sweep=2)
"""Zones on the platform's one token: 3 calls a second, however many wait."""

ROOM_OWN = Room(watched=32, named=32, sweep=24)
"""Zones with tokens of their own: 190 calls a second of one address, at 0.2 s each, are 38 under way."""

FEEDS_AT_ONCE = 96
"""Feeds that one process reads at once: 180 a second keep 45 under way, and the budget wants some to choose from."""

PLAN_EVERY_MS = 15_000
"""How often the pace is computed anew from what there is."""
