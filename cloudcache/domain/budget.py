"""The calls Cloudflare allows, as pure bookkeeping: who may call now, who waits, and for how long.

    address  200 calls in any second, shared by everything this machine sends
    bucket   per credential: capacity + 300 s x rate = 1,000 calls in any 300 s, below Cloudflare's 1,200,
             because the merchant clicks in the dashboard too; corrected downwards by what replies report
    classes  write > watched > feed > sweep. A sweep never touches the last 30 % of the bucket, a watched or
             feed read never the last 15 %, so a click finds calls left even while everything is being read
    queue    per credential: by class, and within a class the customers take turns, so that one merchant's
             10,000 flips delay another's one by a single call
    block    after a 429 nobody knocks until it opens; then one probe goes, and its answer decides

Priority is strict: while writes wait, reads of that credential wait. Reads cannot starve for good, because a
write lane that is always full needs more clicks than 200 a minute.

Time is an argument (`now`, Unix milliseconds) and may jump either way: a clock set back grants nothing extra.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass, field
from enum import IntEnum

from cloudcache.domain.ids import CredentialId, CustomerId


class CallClass(IntEnum):
    """What a call is for, most urgent first."""

    WRITE = 0
    WATCHED = 1
    FEED = 2
    SWEEP = 3


@dataclass(frozen=True, slots=True)
class Lane:
    """Whose budget a call comes out of, how urgent it is, and for which customer it is made."""

    credential: CredentialId
    call_class: CallClass
    customer: CustomerId


@dataclass(frozen=True, slots=True)
class Limits:
    """The figures; the defaults are the promise."""

    calls_per_window: int = 1_000
    """Calls of one credential in any window."""

    window_ms: int = 300_000
    """The window, as Cloudflare counts it."""

    burst: int = 300
    """Calls one credential may make at once after a rest: six full reads of a zone."""

    address_calls_per_second: int = 200
    """Calls of this machine in any second."""

    reserve_watched: float = 0.15
    """The share of the burst that watched and feed reads leave."""

    reserve_sweep: float = 0.30
    """The share of the burst that sweeps leave."""

    probe_expires_ms: int = 60_000
    """A probe whose answer never came no longer holds up the next one."""

    @property
    def refill_per_ms(self) -> float:
        """Such that burst + window x refill is exactly the window's calls."""
        return (self.calls_per_window - self.burst) / self.window_ms

    def left_by(self, call_class: CallClass) -> float:
        """The level below which this class never takes the bucket."""
        if call_class is CallClass.WRITE:
            return 0.0
        share = self.reserve_sweep if call_class is CallClass.SWEEP else self.reserve_watched
        return self.burst * share


def backoff_ms(attempt: int, base_ms: int, cap_ms: int, chance: float) -> int:
    """Full jitter: between nothing and base x 2^attempt, at most `cap_ms`; `chance` is in [0, 1)."""
    return int(min(cap_ms, base_ms * 2 ** min(attempt, 30)) * chance)


@dataclass(eq=False, slots=True)
class Ticket:
    """A place in the queue."""

    lane: Lane


@dataclass(slots=True)
class Bucket:
    """One credential: its level, its block, its probe, and who waits for it."""

    level: float
    filled_at: int
    blocked_until: int | None = None
    probe_sent_at: int | None = None
    queues: dict[CallClass, OrderedDict[CustomerId, deque[Ticket]]] = field(default_factory=dict)

    def waiting(self) -> int:
        """How many tickets wait."""
        return sum(len(tickets) for queue in self.queues.values() for tickets in queue.values())


class Ledger:
    """All buckets and the address; every method takes `now` and none waits."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._buckets: dict[CredentialId, Bucket] = {}
        self._waiting: OrderedDict[CredentialId, None] = OrderedDict()
        self._address: deque[int] = deque(maxlen=limits.address_calls_per_second)
        self._latest = 0

    def ask(self, lane: Lane, now: int) -> Ticket:
        """Take a place in the queue."""
        bucket = self._bucket(lane.credential, self._tick(now))
        ticket = Ticket(lane)
        queue = bucket.queues.setdefault(lane.call_class, OrderedDict())
        queue.setdefault(lane.customer, deque()).append(ticket)
        self._waiting.setdefault(lane.credential)
        return ticket

    def withdraw(self, ticket: Ticket) -> None:
        """Give the place back; nothing happens when it was served already."""
        bucket = self._buckets.get(ticket.lane.credential)
        queue = bucket.queues.get(ticket.lane.call_class) if bucket else None
        tickets = queue.get(ticket.lane.customer) if queue else None
        if bucket is None or queue is None or tickets is None or ticket not in tickets:
            return
        tickets.remove(ticket)
        if not tickets:
            del queue[ticket.lane.customer]
        self._tidy(ticket.lane.credential, bucket)

    def grant(self, now: int) -> list[Ticket]:
        """Serve everybody who may call now, most urgent class first, credentials and customers in turn."""
        now = self._tick(now)
        granted: list[Ticket] = []
        for call_class in CallClass:
            for credential in list(self._waiting):
                granted += self._grant_class(credential, call_class, now)
        return granted

    def next_at(self, now: int) -> int | None:
        """When `grant` may next serve somebody; None when nobody waits."""
        now = self._tick(now)
        soonest = [self._opens_at(credential, now) for credential in self._waiting]
        return max(min(soonest), self._address_opens_at(now)) if soonest else None

    def estimate_ms(self, lane: Lane, now: int) -> int:
        """How long a ticket asked for now would wait, if everything ahead of it is served in order."""
        now = self._tick(now)
        bucket = self._bucket(lane.credential, now)
        level = min(self.limits.burst, bucket.level)
        missing = self.limits.left_by(lane.call_class) + self._ahead(bucket, lane) + 1 - level
        wait = max(0.0, missing / self.limits.refill_per_ms)
        opens = max(0, (bucket.blocked_until or 0) - now)
        self._tidy(lane.credential, bucket)
        return round(max(wait, opens, self._address_opens_at(now) - now))

    def report(self, credential: CredentialId, remaining: int, now: int) -> None:
        """Cloudflare says how many calls are left; only ever corrects downwards."""
        bucket = self._bucket(credential, self._tick(now))
        bucket.level = min(bucket.level, float(max(0, remaining)))

    def succeeded(self, credential: CredentialId, now: int) -> None:
        """An answer other than 429 came. It opens a block only as the answer to its probe: answers of calls
        that were under way when the block came say nothing."""
        bucket = self._buckets.get(credential)
        if bucket and bucket.probe_sent_at is not None:
            bucket.blocked_until = bucket.probe_sent_at = None
            bucket.level = min(self._refilled(bucket, self._tick(now)), 1.0)

    def block(self, credential: CredentialId, retry_after_s: int, now: int) -> None:
        """A 429 came; a later end is never brought forward."""
        bucket = self._bucket(credential, self._tick(now))
        until = self._latest + max(1, retry_after_s) * 1000
        bucket.blocked_until = max(until, bucket.blocked_until or 0)
        bucket.probe_sent_at = None
        bucket.level = 0.0

    def blocked_until(self, credential: CredentialId, now: int) -> int | None:
        """When a blocked credential opens; None when it is open."""
        bucket = self._buckets.get(credential)
        return bucket.blocked_until if bucket else None

    def __len__(self) -> int:
        """How many credentials are being kept; full and idle ones are not."""
        return len(self._buckets)

    def forget_idle(self, now: int) -> None:
        """Drop buckets that are full, open and wanted by nobody: they are as good as new."""
        now = self._tick(now)
        for credential, bucket in list(self._buckets.items()):
            self._refilled(bucket, now)
            full = bucket.level >= self.limits.burst
            if full and bucket.blocked_until is None and credential not in self._waiting:
                del self._buckets[credential]

    # -- inside --------------------------------------------------------------------------------
    def _tick(self, now: int) -> int:
        """Time never runs backwards in here: a clock set back stands still until it has caught up."""
        self._latest = max(self._latest, now)
        return self._latest

    def _bucket(self, credential: CredentialId, now: int) -> Bucket:
        bucket = self._buckets.get(credential)
        if bucket is None:
            bucket = self._buckets[credential] = Bucket(float(self.limits.burst), now)
        self._refilled(bucket, now)
        return bucket

    def _refilled(self, bucket: Bucket, now: int) -> float:
        grown = (now - bucket.filled_at) * self.limits.refill_per_ms
        bucket.level = min(float(self.limits.burst), bucket.level + grown)
        bucket.filled_at = now
        return bucket.level

    def _grant_class(self, credential: CredentialId, call_class: CallClass, now: int) -> list[Ticket]:
        bucket = self._bucket(credential, now)
        granted: list[Ticket] = []
        while (queue := bucket.queues.get(call_class)) and self._may(bucket, call_class, now):
            granted.append(_take_turn(queue))
            self._pay(bucket, now)
        if granted:
            self._waiting.move_to_end(credential)
            self._tidy(credential, bucket)
        return granted

    def _may(self, bucket: Bucket, call_class: CallClass, now: int) -> bool:
        if self._address_opens_at(now) > now:
            return False
        if bucket.blocked_until is not None:
            return self._probe_opens_at(bucket, bucket.blocked_until) <= now
        return bucket.level - 1 >= self.limits.left_by(call_class)

    def _pay(self, bucket: Bucket, now: int) -> None:
        self._address.append(now)
        if bucket.blocked_until is not None:
            bucket.probe_sent_at = now
        bucket.level = max(0.0, bucket.level - 1)

    def _probe_opens_at(self, bucket: Bucket, blocked_until: int) -> int:
        if bucket.probe_sent_at is None:
            return blocked_until
        return max(blocked_until, bucket.probe_sent_at + self.limits.probe_expires_ms)

    def _address_opens_at(self, now: int) -> int:
        full = len(self._address) == self.limits.address_calls_per_second
        return max(now, self._address[0] + 1_000) if full else now

    def _opens_at(self, credential: CredentialId, now: int) -> int:
        """When the most urgent ticket of this credential may go."""
        bucket = self._bucket(credential, now)
        if bucket.blocked_until is not None:
            return max(now, self._probe_opens_at(bucket, bucket.blocked_until))
        urgent = min(call_class for call_class, queue in bucket.queues.items() if queue)
        missing = self.limits.left_by(urgent) + 1 - bucket.level
        # One millisecond more than the division says, or rounding would wake us a moment too early for ever.
        return now if missing <= 0 else now + int(missing / self.limits.refill_per_ms) + 1

    def _ahead(self, bucket: Bucket, lane: Lane) -> int:
        """Tickets served before a new one: all of more urgent classes, and in its own the turns until its own."""
        urgent = sum(
            len(tickets)
            for call_class, queue in bucket.queues.items()
            if call_class < lane.call_class
            for tickets in queue.values()
        )
        same = bucket.queues.get(lane.call_class) or OrderedDict[CustomerId, deque[Ticket]]()
        own = len(same.get(lane.customer, ()))
        return urgent + sum(min(len(tickets), own + 1) for tickets in same.values())

    def _tidy(self, credential: CredentialId, bucket: Bucket) -> None:
        if not bucket.waiting():
            self._waiting.pop(credential, None)
            bucket.queues.clear()


def _take_turn(queue: OrderedDict[CustomerId, deque[Ticket]]) -> Ticket:
    """The next customer's oldest ticket; that customer then goes to the end of the row."""
    customer, tickets = next(iter(queue.items()))
    ticket = tickets.popleft()
    if tickets:
        queue.move_to_end(customer)
    else:
        del queue[customer]
    return ticket
