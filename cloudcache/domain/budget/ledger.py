"""The buckets of all credentials and the gate of this machine's address, behind one set of questions."""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass, field
from heapq import heappop, heappush

from cloudcache.domain.budget.limits import SAME_RESET_MS, CallClass, Lane, Limits
from cloudcache.domain.budget.queue import Queue, Rota, Ticket
from cloudcache.domain.ids import CredentialId

BLOCK_AT_MOST_S = 3_600  # Cloudflare blocks for five minutes; more is a mistake, and one probe harms nobody
STEP_BACK_MS = 5_000  # a clock behind by less is waited for; behind by more it was set back, and time goes on


@dataclass(frozen=True, slots=True)
class Standing:
    """How a credential stands where all processes are counted together: parts left, parts that may be used while
    Cloudflare's own window lasts (None: no such bound), and how long it is closed to everybody."""

    level: int
    held: int | None = None
    held_ms: int = 0
    closed_ms: int = 0


@dataclass(slots=True)
class Bucket:
    """One credential: its level, what Cloudflare said, its block, its probe, and who waits for it."""

    limits: Limits
    filled_at: int
    level: int
    held: int | None = None
    """Parts that may still be used until `held_until`, when Cloudflare's own window ends."""
    held_until: int = 0
    blocked_until: int | None = None
    probe_sent_at: int | None = None
    unanswered: list[int] = field(default_factory=list)
    """When the calls went out whose answers did not come yet; the oldest first."""
    queue: Queue | None = None
    ready_for: CallClass | None = None
    due_at: int | None = None

    def refill(self, now: int) -> None:
        """Bring it up to now."""
        grown = self.level + (now - self.filled_at) * self.limits.refill
        self.level, self.filled_at = min(self.limits.full, grown), now
        if self.held_until <= now:
            self.held = None
        while self.unanswered and self.unanswered[0] + self.limits.answer_within_ms <= now:
            del self.unanswered[0]

    def opens_at(self, call_class: CallClass) -> int:
        """When one call of this class may go; as a probe, any class may."""
        if self.blocked_until is None:
            return self._has(self.limits.left_by(call_class) + self.limits.window_ms)
        expired = 0 if self.probe_sent_at is None else self.probe_sent_at + self.limits.answer_within_ms
        return max(self.blocked_until, expired, self._has(self.limits.window_ms))

    def expects(self, call_class: CallClass, ahead: int) -> int:
        """When one call of this class will likely go, after `ahead` others; a probe is expected to succeed."""
        needed = self.limits.left_by(call_class) + (ahead + 1) * self.limits.window_ms
        if self.blocked_until is None:
            return max(self._has(needed), self._held_back(call_class, needed))
        if self.probe_sent_at is None and not ahead:
            return self.opens_at(call_class)
        probe_and_first = self.limits.window_ms * (2 if self.probe_sent_at is None else 1)
        return max(self.blocked_until, self.filled_at) - (probe_and_first - needed) // self.limits.refill

    def pay(self, parts: int) -> None:
        """Calls go; a negative figure gives them back."""
        self.level = min(self.limits.full, self.level - parts)
        if self.held is not None:
            self.held -= parts

    def sent(self, now: int) -> None:
        """A call goes out; during a block it is the probe."""
        self.pay(self.limits.window_ms)
        self.unanswered.append(now)
        if self.blocked_until is not None:
            self.probe_sent_at = now

    def not_sent(self, granted_at: int) -> None:
        """A call that was paid for is not made after all."""
        self.pay(-self.limits.window_ms)
        if granted_at in self.unanswered:
            self.unanswered.remove(granted_at)
        if self.probe_sent_at == granted_at:
            self.probe_sent_at = None

    def correct(self, remaining: int, resets_in_s: int) -> None:
        """Cloudflare has `remaining` calls left, from which those still under way will be taken.

        A quota that refills all the time refills faster than ours, so the level says it all. Of a fixed window
        nothing comes back before its end, and of several figures within one the lowest is the latest.
        """
        under_way = max(0, len(self.unanswered) - 1)  # the call that brought this report is answered
        left = max(0, remaining - under_way) * self.limits.window_ms
        resets_in_ms = min(max(0, resets_in_s) * 1_000, self.limits.window_ms)
        if self.limits.refills_steadily(remaining, resets_in_ms):
            self.level, self.held = min(self.level, left), None
            return
        until = self.filled_at + resets_in_ms + 1_000  # whole seconds may have been rounded down
        if self.held is not None and abs(until - self.held_until) <= SAME_RESET_MS:
            left, until = min(left, self.held), max(until, self.held_until)
        self.held, self.held_until = left, until

    def adopt(self, standing: Standing, *, open_to_all: bool) -> None:
        """Know what the others know; only ever downwards, but that a block may be over."""
        self.level = min(self.level, standing.level)
        if standing.held is not None:
            self.held, self.held_until = standing.held, self.filled_at + standing.held_ms
        if standing.closed_ms > 0:
            self.blocked_until = max(self.blocked_until or 0, self.filled_at + standing.closed_ms)
        elif open_to_all:
            self.blocked_until = self.probe_sent_at = None

    def answered(self, blocked_until: int | None) -> None:
        """An answer came, to whichever call: a 429 closes, any other opens if it can be the probe's.

        A later end is never brought forward. Once open there is one call, and the others as it refills.
        """
        del self.unanswered[:1]
        if blocked_until is not None:
            self.blocked_until = max(blocked_until, self.blocked_until or 0)
            self.probe_sent_at = self.held = None
        elif self.probe_sent_at is not None:
            self.blocked_until = self.probe_sent_at = None
            self.level = min(self.level, self.limits.window_ms)

    def is_as_new(self) -> bool:
        """Full, open and wanted by nobody: nothing is lost by forgetting it."""
        marked = self.queue or self.unanswered or self.held is not None or self.blocked_until is not None
        return not marked and self.level >= self.limits.full

    def _has(self, needed: int) -> int:
        """When so many parts will be there."""
        at = self.filled_at - min(0, (self.level - needed) // self.limits.refill)
        return max(at, self.held_until) if self.held is not None and self.held < needed else at

    def _held_back(self, call_class: CallClass, needed: int) -> int:
        """When so many parts will have been there after a hold, in which a full bucket overflows."""
        if self.held is None or self.held >= needed:
            return 0
        used_before = max(0, self.held - self.limits.left_by(call_class))
        return self.held_until - (self.limits.full + used_before - needed) // self.limits.refill


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


class Ledger:
    """All buckets and the address; every method takes `now` and none waits.

    A credential that somebody waits for is either *ready* (only the address holds it up) or *due* at a known
    time, in a heap. So a call costs the same however many credentials wait.
    """

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._buckets: OrderedDict[CredentialId, Bucket] = OrderedDict()
        self._gate = Gate(limits)
        self._ready: dict[CallClass, OrderedDict[CredentialId, None]] = {
            one: OrderedDict() for one in CallClass
        }
        self._due: list[tuple[int, CredentialId]] = []
        self._rota = Rota()
        self._waiting = 0
        self._latest = 0
        self._set_back = 0

    def __len__(self) -> int:
        """How many credentials are being kept: the busy ones, and idle ones not yet come across."""
        return len(self._buckets)

    def ask(self, lane: Lane, now: int) -> Ticket:
        """Take a place in the queue."""
        bucket = self._bucket(lane.credential, self._tick(now))
        ticket = Ticket(lane)
        bucket.queue = bucket.queue or Queue()
        bucket.queue.add(ticket)
        self._waiting += 1
        self._place(lane.credential, bucket)
        return ticket

    def withdraw(self, ticket: Ticket, now: int) -> None:
        """Give the place back, or the call if it was granted and will not be made."""
        credential = ticket.lane.credential
        bucket = self._bucket(credential, self._tick(now))
        if ticket.granted_at is not None:
            self._not_made(bucket, ticket)
        elif bucket.queue and bucket.queue.remove(ticket):
            self._waiting -= 1
        self._place(credential, bucket)

    def put_back(self, ticket: Ticket, now: int) -> None:
        """The call that was granted may not be made yet: its place is again the first of its class."""
        credential = ticket.lane.credential
        bucket = self._bucket(credential, self._tick(now))
        self._not_made(bucket, ticket)
        bucket.queue = bucket.queue or Queue()
        bucket.queue.put_back(ticket)
        self._waiting += 1
        self._place(credential, bucket)

    def adopt(self, credential: CredentialId, standing: Standing, now: int, *, open_to_all: bool) -> None:
        """Learn how the credential stands with all processes; `open_to_all` when a call went that is no probe."""
        bucket = self._bucket(credential, self._tick(now))
        bucket.adopt(standing, open_to_all=open_to_all)
        self._place(credential, bucket)

    def shut_gate(self, call_class: CallClass, for_ms: int, now: int) -> None:
        """The address is full with the calls of others."""
        self._gate.shut_until[call_class] = self._tick(now) + for_ms

    def grant(self, now: int) -> list[Ticket]:
        """Serve everybody who may call now: the most urgent class first, credentials and customers in turn."""
        now = self._tick(now)
        self._promote(now)
        granted: list[Ticket] = []
        while any(self._ready.values()):
            call_class = self._rota.turn(self._ready)
            if self._gate.opens_at(call_class, now) > now:
                break
            credential, _ = self._ready[call_class].popitem(last=False)
            self._rota.went(call_class, bool(self._ready[CallClass.FEED]))
            granted += self._serve(credential, now)
        return granted

    def next_at(self, now: int) -> int | None:
        """The moment before which `grant` serves nobody; None when nobody waits."""
        now = self._tick(now)
        self._promote(now)
        times = [self._gate.opens_at(one, now) for one in CallClass if self._ready[one]]
        times += [at for at, _ in self._due[:1]]
        return min(times) - self._set_back if times else None

    def estimate_ms(self, lane: Lane, now: int) -> int:
        """How long a ticket asked for now would wait, if nobody more urgent comes after it."""
        now = self._tick(now)
        bucket = self._buckets.get(lane.credential) or Bucket(self.limits, now, self.limits.full)
        bucket.refill(now)
        ahead = bucket.queue.ahead(lane) if bucket.queue else 0
        ready = {one: len(credentials) for one, credentials in self._ready.items()}
        rivals = self._rota.ahead(lane.call_class, ready[lane.call_class], ready)
        rivals = min(self._waiting, rivals * (ahead + 1))
        at = max(bucket.expects(lane.call_class, ahead), self._gate.opens_at(lane.call_class, now, rivals))
        return max(0, at - now)

    def report(self, credential: CredentialId, remaining: int, resets_in_s: int, now: int) -> None:
        """Cloudflare says how many calls are left and when that resets; only ever corrects downwards."""
        bucket = self._bucket(credential, self._tick(now))
        bucket.correct(remaining, resets_in_s)
        self._place(credential, bucket)

    def succeeded(self, credential: CredentialId, now: int) -> None:
        """An answer other than 429 came. It ends a block only when a probe is out: answers to calls that were
        under way when the block came say nothing."""
        bucket = self._bucket(credential, self._tick(now))
        bucket.answered(None)
        self._place(credential, bucket)

    def block(self, credential: CredentialId, retry_after_s: int, now: int) -> None:
        """A 429 came."""
        bucket = self._bucket(credential, self._tick(now))
        bucket.answered(self._latest + min(max(1, retry_after_s), BLOCK_AT_MOST_S) * 1_000)
        self._place(credential, bucket)

    def blocked_until(self, credential: CredentialId, now: int) -> int | None:
        """When a blocked credential opens; None when that is past, though its probe may still be due."""
        now = self._tick(now)
        bucket = self._buckets.get(credential)
        until = bucket.blocked_until if bucket else None
        return None if until is None or until <= now else until - self._set_back

    # -- inside --------------------------------------------------------------------------------
    def _tick(self, now: int) -> int:
        """The time in here, which never runs backwards."""
        if now + self._set_back < self._latest - STEP_BACK_MS:
            self._set_back = self._latest - now
        self._latest = max(self._latest, now + self._set_back)
        return self._latest

    def _not_made(self, bucket: Bucket, ticket: Ticket) -> None:
        if ticket.granted_at is None:
            return
        bucket.not_sent(ticket.granted_at)
        if ticket.granted_at in self._gate.passed:
            self._gate.passed.remove(ticket.granted_at)
        ticket.granted_at = None

    def _bucket(self, credential: CredentialId, now: int) -> Bucket:
        self._forget_one(now)
        bucket = self._buckets.get(credential)
        if bucket is None:
            bucket = self._buckets[credential] = Bucket(self.limits, now, self.limits.full)
        bucket.refill(now)
        return bucket

    def _forget_one(self, now: int) -> None:
        """Look at one bucket, in turn, and drop it if it is as new. A call looks up its own several times, so
        those left idle go faster than new ones come, and nothing ever takes long."""
        if not self._buckets:
            return
        credential, bucket = next(iter(self._buckets.items()))
        bucket.refill(now)
        if bucket.is_as_new():
            del self._buckets[credential]
        else:
            self._buckets.move_to_end(credential)

    def _place(self, credential: CredentialId, bucket: Bucket) -> None:
        """Put a credential where it belongs: among the ready, with those due later, or nowhere."""
        urgent = bucket.queue.urgent() if bucket.queue else None
        due_at = None if urgent is None else bucket.opens_at(urgent)
        ready_for = urgent if due_at is not None and due_at <= self._latest else None
        if bucket.ready_for is not None and bucket.ready_for is not ready_for:
            self._ready[bucket.ready_for].pop(credential, None)
        if ready_for is not None:
            self._ready[ready_for].setdefault(credential)
            due_at = None
        elif due_at is not None and due_at != bucket.due_at:
            heappush(self._due, (due_at, credential))
        bucket.ready_for, bucket.due_at = ready_for, due_at
        if urgent is None:
            bucket.queue = None

    def _promote(self, now: int) -> None:
        """Move those whose time has come among the ready; drop what was overtaken from the top of the heap."""
        while self._due:
            at, credential = self._due[0]
            bucket = self._buckets.get(credential)
            overtaken = bucket is None or bucket.due_at != at
            if at > now and not overtaken:
                return
            heappop(self._due)
            if bucket is not None and not overtaken:
                bucket.due_at = None
                bucket.refill(now)
                self._place(credential, bucket)

    def _serve(self, credential: CredentialId, now: int) -> list[Ticket]:
        bucket = self._bucket(credential, now)
        served = [bucket.queue.take()] if bucket.queue else []
        for ticket in served:
            ticket.granted_at = now
            bucket.sent(now)
            self._gate.passed.append(now)
            self._waiting -= 1
        self._place(credential, bucket)
        return served
