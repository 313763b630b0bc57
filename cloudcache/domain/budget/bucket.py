"""One credential's calls: what is left, what Cloudflare said, its block and its probe; and the address's gate."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from cloudcache.domain.budget.limits import SAME_RESET_MS, CallClass, Lane, Limits
from cloudcache.domain.budget.queue import Queue, Ticket


@dataclass(frozen=True, slots=True)
class Standing:
    """How a credential stands where all processes are counted together: parts left, parts that may be used while
    Cloudflare's own window lasts (None: no such bound), and how long it is closed to everybody."""

    level: int
    held: int | None = None
    held_ms: int = 0
    closed_ms: int = 0


@dataclass(slots=True)
class Hold:
    """What Cloudflare said of one of its limits: parts that may be used until its window ends."""

    left: int
    until: int


SHARED = "all processes"
"""The name of the hold that all processes know together."""


@dataclass(slots=True)
class Bucket:
    """One credential: its level, what Cloudflare said, its block, its probe, and who waits for it."""

    limits: Limits
    filled_at: int
    level: int
    holds: dict[str, Hold] = field(default_factory=dict)
    """By the name of the limit; the tightest decides."""
    blocked_until: int | None = None
    probe: Ticket | None = None
    """The one call that asks whether the block is over, until it is answered or released, or `probe_until`."""
    probe_until: int = 0
    reserved: int = 0
    """Granted calls that are neither over nor released."""
    unanswered: list[int] = field(default_factory=list)
    """When the calls went out whose answers did not come yet; the oldest first."""
    queue: Queue | None = None
    ready_for: CallClass | None = None
    due_at: int | None = None

    def refill(self, now: int) -> None:
        """Bring it up to now."""
        grown = self.level + (now - self.filled_at) * self.limits.refill
        self.level, self.filled_at = min(self.limits.full, grown), now
        self.holds = {name: hold for name, hold in self.holds.items() if hold.until > now}
        if self.probe_until <= now:
            self.probe = None
        while self.unanswered and self.unanswered[0] + self.limits.answer_within_ms <= now:
            del self.unanswered[0]

    @property
    def has_sweep_turns(self) -> bool:
        """Whether reads let sweeps go first in turn: not while one of Cloudflare's windows leaves none to sweeps, for
        then reads would stand still until it ends."""
        needed = self.limits.left_by(CallClass.SWEEP) + self.limits.window_ms
        return all(hold.left >= needed for hold in self.holds.values())

    def next_class(self) -> CallClass | None:
        """The class that goes next; None when nothing waits."""
        return self.queue.next_class(sweeps=self.has_sweep_turns) if self.queue else None

    def opens_at(self, call_class: CallClass) -> int:
        """When one call of this class may go; as a probe, any class may."""
        if self.blocked_until is None:
            return self._has(self.limits.left_by(call_class) + self.limits.window_ms)
        answered_by = 0 if self.probe is None else self.probe_until
        return max(self.blocked_until, answered_by, self._has(self.limits.window_ms))

    def expects(self, call_class: CallClass, ahead: int) -> int:
        """When one call of this class will likely go, after `ahead` others; a probe is expected to succeed."""
        needed = self.limits.left_by(call_class) + (ahead + 1) * self.limits.window_ms
        if self.blocked_until is None:
            return max(self._has(needed), self._held_back(call_class, needed))
        if self.probe is None and not ahead:
            return self.opens_at(call_class)
        probe_and_first = self.limits.window_ms * (2 if self.probe is None else 1)
        return max(self.blocked_until, self.filled_at) - (probe_and_first - needed) // self.limits.refill

    def expects_of(self, lane: Lane) -> int:
        """When a ticket asked for now will likely go. Before it, reads stop for the last sweep that goes in turn."""
        if self.queue is None:
            return self.expects(lane.call_class, 0)
        at = self.expects(lane.call_class, self.queue.ahead(lane, sweeps=self.has_sweep_turns))
        sweep = self.queue.last_sweep_before(lane) if self.has_sweep_turns else None
        return at if sweep is None else max(at, self.expects(CallClass.SWEEP, sweep))

    def pay(self, parts: int) -> None:
        """Calls go; a negative figure gives them back."""
        self.level = min(self.limits.full, self.level - parts)
        for hold in self.holds.values():
            hold.left -= parts

    def reserve(self, ticket: Ticket, now: int) -> None:
        """Charge the call of this ticket; during a block it is the probe."""
        self.pay(self.limits.window_ms)
        self.unanswered.append(now)
        self.reserved += 1
        ticket.granted_at = now
        if self.blocked_until is not None:
            self.probe, self.probe_until = ticket, now + self.limits.probe_within_ms

    def finish(self, ticket: Ticket) -> None:
        """Record that the call of this ticket is over, answered or not: a probe without an answer holds nothing."""
        self.reserved = max(0, self.reserved - 1)
        if len(self.unanswered) > self.reserved:
            del self.unanswered[0]
        if self.probe is ticket:
            self.probe = None

    def release(self, ticket: Ticket) -> None:
        """Return the call of this ticket, which is not made."""
        self.pay(-self.limits.window_ms)
        if ticket.granted_at in self.unanswered:
            self.unanswered.remove(ticket.granted_at)
        self.finish(ticket)

    def correct(self, remaining: int, resets_in_s: int, policy: str) -> None:
        """Cloudflare has `remaining` calls left by this limit, from which those still under way will be taken.

        A quota that refills all the time refills faster than ours, so the level says it all. Of a fixed window
        nothing comes back before its end, and of several figures within one the lowest is the latest.
        """
        under_way = max(0, len(self.unanswered) - 1)  # the call that brought this report is answered
        left = max(0, remaining - under_way) * self.limits.window_ms
        resets_in_ms = min(max(0, resets_in_s) * 1_000, self.limits.window_ms)
        if self.limits.refills_steadily(remaining, resets_in_ms):
            self.level = min(self.level, left)
            self.holds.pop(policy, None)
            return
        until = self.filled_at + resets_in_ms + 1_000  # whole seconds may have been rounded down
        known = self.holds.get(policy)
        if known is not None and abs(until - known.until) <= SAME_RESET_MS:
            left, until = min(left, known.left), max(until, known.until)
        self.holds[policy] = Hold(left, until)

    def adopt(self, standing: Standing, *, open_to_all: bool) -> None:
        """Know what the others know; only ever downwards, but that a block may be over."""
        self.level = min(self.level, standing.level)
        if standing.held is not None:
            self.holds[SHARED] = Hold(standing.held, self.filled_at + standing.held_ms)
        if standing.closed_ms > 0:
            self.blocked_until = max(self.blocked_until or 0, self.filled_at + standing.closed_ms)
        elif open_to_all:
            self.blocked_until = self.probe = None

    def answered(self, blocked_until: int | None) -> None:
        """An answer came, to whichever call: a 429 closes, any other opens if it can be the probe's.

        A later end is never brought forward. Once open there is one call, and the others as it refills.
        """
        del self.unanswered[:1]
        if blocked_until is not None:
            self.blocked_until = max(blocked_until, self.blocked_until or 0)
            self.probe, self.holds = None, {}
        elif self.probe is not None:
            self.blocked_until = self.probe = None
            self.level = min(self.level, self.limits.window_ms)

    def is_as_new(self) -> bool:
        """Full, open and wanted by nobody: nothing is lost by forgetting it."""
        marked = self.queue or self.unanswered or self.holds or self.blocked_until is not None
        return not marked and self.level >= self.limits.full

    def _has(self, needed: int) -> int:
        """When so many parts will be there."""
        at = self.filled_at - min(0, (self.level - needed) // self.limits.refill)
        return max([at, *(hold.until for hold in self.holds.values() if hold.left < needed)])

    def _held_back(self, call_class: CallClass, needed: int) -> int:
        """When so many parts will have been there after a hold, in which a full bucket overflows."""
        return max((self._after(hold, call_class, needed) for hold in self.holds.values()), default=0)

    def _after(self, hold: Hold, call_class: CallClass, needed: int) -> int:
        if hold.left >= needed:
            return 0
        used_before = max(0, hold.left - self.limits.left_by(call_class))
        return hold.until - (self.limits.full + used_before - needed) // self.limits.refill


class Gate:
    """The address: a record of the latest calls, as many as go in a second."""

    __slots__ = ("_limits", "passed", "shut_until")

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self.passed: deque[int] = deque(maxlen=limits.address_calls_per_second)
        self.shut_until: dict[CallClass, int] = {}
        """Known from others who use the address too."""

    def opens_at(self, call_class: CallClass, now: int, ahead: int = 0) -> int:
        """When one call of this class may go, after `ahead` others."""
        share = self._limits.address_share(call_class)
        seconds, place = divmod(ahead, share)
        place += len(self.passed) - share
        freed_at = self.passed[place] + 1_000 if place >= 0 else now
        return max(now, freed_at, self.shut_until.get(call_class, 0)) + seconds * 1_000
