"""The budget of many processes. Each keeps its own queue (order, classes, turns) and before a call goes out takes it
from the buckets in Redis, one atomic step by Redis's clock; a trip a call. Refused, the call waits for its next turn.

    all together   1,000 calls of a credential in any 300 s, 180 less one a process of an address in any second
    Redis away     reads wait. Writes go on within a share: 160 calls in any 300 s divided by the processes, one a
                   second each. Whoever can still reach Redis goes on as usual, so the most that can be is
                   1,000 + 160 < 1,200 and 180: however many processes are cut off, and for however long.
    Redis back     what was called meanwhile and every 429 are told to it; then all is as before.

A Redis that lost its memory begins with empty buckets. A clock of it that jumps ahead costs one burst: 1,100.
Buckets, address and clock must be on one node: with a Redis Cluster this script would not run.
"""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import replace

from cloudcache.adapters.budget import Turns
from cloudcache.adapters.redis.buckets import Answer, Buckets, Probe, Reported, Untold
from cloudcache.adapters.redis.connection import LAST_WORD_S, Away, Connection
from cloudcache.adapters.reservation import Reserved
from cloudcache.domain.budget import CallClass, Lane, Limits, Ticket
from cloudcache.domain.ids import CredentialId
from cloudcache.ports import Clock, Reservation

AWAY_CALLS = 160
"""Writes of one credential in any window without Redis, by all processes together; 40 of Cloudflare's are left."""

UNKNOWN_MS = 60_000
"""When a read goes while Redis is away nobody can know; this is said."""


class RedisBudget:
    """The `Budget` of one of at most `processes`, whose calls come from `address`."""

    def __init__(
        self,
        connection: Connection,
        limits: Limits,
        clock: Clock,
        *,
        processes: int,
        address: str,
        time: Callable[[], int] | None = None,
    ) -> None:
        shared = replace(limits, address_calls_per_second=limits.address_calls_per_second - processes)
        self.limits = shared
        """What all processes together keep to."""
        self._connection = connection
        self._clock = clock
        self._turns = Turns(shared, clock)
        self._share = Turns(share_of(limits, processes), clock)
        self._buckets = Buckets(connection, shared, address, time)
        self._lines = {True: asyncio.Lock(), False: asyncio.Lock()}
        self._under_way: dict[CredentialId, deque[tuple[int, int]]] = defaultdict(deque)
        self._reserved: Counter[CredentialId] = Counter()
        self._probing: dict[CredentialId, int] = {}
        """The number of the probe that is out from here, by credential."""
        self._blocks: dict[CredentialId, int] = {}
        self._untold: dict[CredentialId, Untold] = defaultdict(Untold)
        self._telling: asyncio.Task[None] | None = None
        self._returning: set[asyncio.Task[None]] = set()
        connection.when_back(self._tell_blocks)

    # -- the port ------------------------------------------------------------------------------
    async def acquire(self, lane: Lane) -> Reservation:
        ticket = await self._turns.turn(lane)
        try:
            while (granted := await self._goes(ticket)) is None:
                pass
        except BaseException:
            self._turns.give_back(ticket)
            raise
        return Reserved(lane.credential, lambda calls: self._end(ticket, granted, calls))

    def estimate_ms(self, lane: Lane) -> int:
        here = self._turns.estimate_ms(lane)
        if self._connection.is_up:
            return here
        share = self._share.estimate_ms(lane) if lane.call_class is CallClass.WRITE else UNKNOWN_MS
        return max(here, share)

    def report(self, credential: CredentialId, remaining: int, resets_in_s: int, policy: str = "") -> None:
        self._turns.report(credential, remaining, resets_in_s, policy)
        if remaining >= 2 * self.limits.burst:
            return  # no bound yet: each later answer says how many are left then
        resets_ms = min(max(0, resets_in_s) * 1_000, self.limits.window_ms)
        numbers = self._under_way.get(credential)
        self._untold[credential].reports[policy] = Reported(
            remaining, resets_ms, numbers[0][0] if numbers else 0
        )
        self._tell()

    def succeeded(self, credential: CredentialId) -> None:
        self._turns.succeeded(credential)
        self._answered(credential)
        if self._probing.pop(credential, None) is not None:
            self._untold[credential].probe = Probe.ANSWERED
            self._tell()

    def block(self, credential: CredentialId, retry_after_s: float) -> None:
        self._turns.block(credential, retry_after_s)
        self._answered(credential)
        self._probing.pop(credential, None)
        until = self._turns.blocked_until_ms(credential)
        if until is not None:
            self._blocks[credential] = self._untold[credential].closed_until = until
            self._tell()

    def blocked_until_ms(self, credential: CredentialId) -> int | None:
        return self._turns.blocked_until_ms(credential)

    async def close(self) -> None:
        """Tell what is still to be told, if Redis hears it."""
        if self._returning:
            await asyncio.wait(self._returning, timeout=LAST_WORD_S)
        if self._telling is not None:
            await asyncio.wait({self._telling}, timeout=LAST_WORD_S)
            self._telling.cancel()
            with suppress(asyncio.CancelledError):
                await self._telling

    # -- going out -----------------------------------------------------------------------------
    async def _goes(self, ticket: Ticket) -> Answer | Ticket | None:
        """What the call was granted by, Redis or a place in the share; None when its next turn has come."""
        lane = ticket.lane
        try:
            answer = await self._take(lane)
        except Away:
            return await self._without(ticket)
        if answer.goes:
            self._note_sent(lane.credential, answer)
            is_open = not answer.is_probe and lane.credential not in self._blocked_here()
            self._turns.adopt(lane, answer.standing, open_to_all=is_open)
            return answer
        await self._turns.turn_again(ticket, answer.standing)
        return None

    async def _take(self, lane: Lane) -> Answer:
        """One at a time, in the order of their turns. Where only the address is full, whoever is first waits for it,
        and the queue behind stands still; a click does not stand behind reads."""
        async with self._lines[lane.call_class is CallClass.WRITE]:
            while True:
                if self._returning:
                    await asyncio.wait(self._returning)
                answer = await self._trip(lane)
                if not answer.gate_ms:
                    return answer
                self._turns.shut_gate(lane.call_class, answer.gate_ms)
                await self._clock.sleep(answer.gate_ms / 1_000)

    async def _trip(self, lane: Lane) -> Answer:
        """Cancelled on the way it is waited for all the same, by another: what it took must go back."""
        trip = asyncio.get_running_loop().create_task(self._buckets.take(lane))
        try:
            return await asyncio.shield(trip)
        except asyncio.CancelledError:
            self._later(self._return(lane.credential, trip))
            raise

    async def _return(self, credential: CredentialId, trip: asyncio.Task[Answer]) -> None:
        with suppress(Away):
            answer = await trip
            if answer.goes:
                await self._tell_unused(credential, answer, calls=-1)

    async def _tell_unused(self, credential: CredentialId, answer: Answer, calls: int) -> None:
        """Tell the others what a granted call left unused; when Redis is back, if it is away."""
        probe = Probe.RELEASED if answer.is_probe else Probe.NONE
        untold = Untold(calls=calls, probe=probe, probe_number=answer.probe)
        try:
            await self._buckets.tell(credential, untold, self._clock.now_ms())
        except Away:
            self._keep(credential, untold)

    def _end(self, ticket: Ticket, granted: Answer | Ticket, calls: int) -> None:
        """Account for the calls made under a reservation. What it leaves, another process may have at once."""
        credential = ticket.lane.credential
        self._turns.end(ticket, calls)
        if isinstance(granted, Ticket):
            self._share.end(granted, calls)
            self._untold[credential].calls += calls - 1
            return
        self._reserved[credential] -= 1
        if self._reserved[credential] <= 0:
            del self._reserved[credential]
        self._forget_unanswered(credential)
        is_lost = granted.is_probe and self._probing.get(credential) == granted.number
        if is_lost:
            del self._probing[credential]
        if is_lost or calls != 1:
            self._later(self._tell_unused(credential, granted, calls - 1))

    def _later(self, work: Coroutine[object, object, None]) -> None:
        """Do it before the next call of this process is asked for."""
        returning = asyncio.get_running_loop().create_task(work)
        self._returning.add(returning)
        returning.add_done_callback(self._returning.discard)

    async def _without(self, ticket: Ticket) -> Ticket | None:
        """Redis is away: a write goes when the share has a call, everything else when Redis is back."""
        if ticket.lane.call_class is CallClass.WRITE:
            if (granted := await self._from_share(ticket.lane)) is not None:
                return granted
        else:
            self._turns.give_back(ticket)
            await self._connection.until_back()
        await self._turns.turn_again(ticket)
        return None

    async def _from_share(self, lane: Lane) -> Ticket | None:
        """Take a call from the share; None when Redis came back before there was one."""
        loop = asyncio.get_running_loop()
        share = loop.create_task(self._share.turn(lane))
        back = loop.create_task(self._connection.until_back())
        try:
            await asyncio.wait({share, back}, return_when=asyncio.FIRST_COMPLETED)
        except BaseException:
            self._unwanted(share)
            raise
        finally:
            back.cancel()
        if not share.done():
            share.cancel()
            return None
        untold = self._untold[lane.credential]
        untold.calls = min(untold.calls + 1, self._share.limits.calls_per_window)
        return share.result()

    def _unwanted(self, share: asyncio.Task[Ticket]) -> None:
        """Its waiter was cancelled: nobody makes the call it waits for, or was granted."""
        if share.done():
            self._share.give_back(share.result())
        share.cancel()

    def _note_sent(self, credential: CredentialId, answer: Answer) -> None:
        now, numbers = self._clock.now_ms(), self._under_way[credential]
        while numbers and numbers[0][1] + self.limits.answer_within_ms <= now:
            numbers.popleft()  # never answered, and never will be
        numbers.append((answer.number, now))
        self._reserved[credential] += 1
        if answer.is_probe:
            self._probing[credential] = answer.number

    def _answered(self, credential: CredentialId) -> None:
        numbers = self._under_way.get(credential)
        if numbers:
            numbers.popleft()
        if not numbers:
            self._under_way.pop(credential, None)

    def _forget_unanswered(self, credential: CredentialId) -> None:
        """A call that is over without an answer is not under way any more."""
        numbers = self._under_way.get(credential)
        if numbers is not None:
            while len(numbers) > self._reserved[credential]:
                numbers.popleft()
            if not numbers:
                del self._under_way[credential]

    # -- telling the others --------------------------------------------------------------------
    def _tell_blocks(self) -> None:
        """Redis is back, perhaps without its memory."""
        for credential, until in self._blocked_here().items():
            self._untold[credential].closed_until = until
        self._tell()

    def _blocked_here(self) -> dict[CredentialId, int]:
        """The credentials of which this process was told with a 429 that they are closed now."""
        now = self._clock.now_ms()
        if any(until <= now for until in self._blocks.values()):
            self._blocks = {one: until for one, until in self._blocks.items() if until > now}
        return self._blocks

    def _tell(self) -> None:
        if not self._untold or not self._connection.is_up:
            return
        if self._telling is None or self._telling.done():
            self._telling = asyncio.get_running_loop().create_task(self._tell_all(), name="tell the budget")

    async def _tell_all(self) -> None:
        while self._untold:
            credential, untold = self._untold.popitem()
            try:
                await self._buckets.tell(credential, untold, self._clock.now_ms())
            except Away:
                self._keep(credential, untold)
                return

    def _keep(self, credential: CredentialId, untold: Untold) -> None:
        """For when Redis is back; how many calls were left then is no news any more."""
        later = self._untold[credential]
        later.calls += untold.calls
        later.closed_until = max(later.closed_until, untold.closed_until)
        if not later.probe:
            later.probe, later.probe_number = untold.probe, untold.probe_number


def share_of(limits: Limits, processes: int) -> Limits:
    """What one process may call without Redis: half of it at once, the rest as time passes."""
    calls = AWAY_CALLS * limits.calls_per_window // 1_000 // processes
    return replace(
        limits,
        calls_per_window=calls,
        burst=calls // 2,
        address_calls_per_second=1,
        read_reserve_percent=0,
        sweep_reserve_percent=0,
    )
