"""The buckets of all credentials and the gate of this machine's address, behind one set of questions."""

from __future__ import annotations

from collections import OrderedDict
from heapq import heappop, heappush
from math import ceil

from cloudcache.domain.budget.bucket import Bucket, Gate, Standing
from cloudcache.domain.budget.limits import CallClass, Lane, Limits
from cloudcache.domain.budget.queue import Queue, Rota, Ticket
from cloudcache.domain.ids import CredentialId

BLOCK_AT_MOST_S = 3_600  # Cloudflare blocks for five minutes; more is a mistake, and one probe harms nobody
STEP_BACK_MS = 5_000  # a clock behind by less is waited for; behind by more it was set back, and time goes on


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

    def finish(self, ticket: Ticket, now: int) -> None:
        """Record that the call of a granted ticket was made and is over."""
        if ticket.granted_at is None:
            return
        bucket = self._bucket(ticket.lane.credential, self._tick(now))
        ticket.granted_at = None
        bucket.finish(ticket)
        self._place(ticket.lane.credential, bucket)

    def charge(self, credential: CredentialId, calls: int, now: int) -> None:
        """Count calls that were made without a ticket of their own."""
        bucket = self._bucket(credential, self._tick(now))
        bucket.pay(calls * self.limits.window_ms)
        self._gate.passed.extend([self._latest] * calls)
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
            call_class = self._rota.next_class(self._ready, sweeps=False)
            if self._gate.opens_at(call_class, now) > now:
                break
            credential, _ = self._ready[call_class].popitem(last=False)
            self._rota.went(call_class, self._ready)
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
        ahead = bucket.queue.ahead(lane, sweeps=bucket.has_sweep_turns) if bucket.queue else 0
        ready = {one: len(credentials) for one, credentials in self._ready.items()}
        rivals = self._rota.ahead(lane.call_class, ready[lane.call_class], ready)
        rivals = min(self._waiting, rivals * (ahead + 1))
        at = max(bucket.expects_of(lane), self._gate.opens_at(lane.call_class, now, rivals))
        return max(0, at - now)

    def report(
        self, credential: CredentialId, remaining: int, resets_in_s: int, now: int, policy: str = ""
    ) -> None:
        """Cloudflare says how many calls its limit `policy` leaves and when that resets; only corrects downwards."""
        bucket = self._bucket(credential, self._tick(now))
        bucket.correct(remaining, resets_in_s, policy)
        self._place(credential, bucket)

    def succeeded(self, credential: CredentialId, now: int) -> None:
        """An answer other than 429 came. It ends a block only when a probe is out: answers to calls that were
        under way when the block came say nothing."""
        bucket = self._bucket(credential, self._tick(now))
        bucket.answered(None)
        self._place(credential, bucket)

    def block(self, credential: CredentialId, retry_after_s: float, now: int) -> None:
        """A 429 came."""
        bucket = self._bucket(credential, self._tick(now))
        bucket.answered(self._latest + ceil(min(max(1, retry_after_s), BLOCK_AT_MOST_S) * 1_000))
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
        bucket.release(ticket)
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
        next_class = bucket.next_class()
        due_at = None if next_class is None else bucket.opens_at(next_class)
        urgent = bucket.queue.urgent() if bucket.queue else None
        ready_for = urgent if due_at is not None and due_at <= self._latest else None
        if bucket.ready_for is not None and bucket.ready_for is not ready_for:
            self._ready[bucket.ready_for].pop(credential, None)
        if ready_for is not None:
            self._ready[ready_for].setdefault(credential)
            due_at = None
        elif due_at is not None and due_at != bucket.due_at:
            heappush(self._due, (due_at, credential))
        bucket.ready_for, bucket.due_at = ready_for, due_at
        if next_class is None:
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
        next_class = bucket.next_class()
        served = [bucket.queue.take(next_class)] if bucket.queue and next_class is not None else []
        for ticket in served:
            bucket.reserve(ticket, now)
            self._gate.passed.append(now)
            self._waiting -= 1
        self._place(credential, bucket)
        return served
