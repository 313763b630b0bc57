"""The budget of one process: the pure ledger, a future for each who waits, and one timer for all of them."""

from __future__ import annotations

import asyncio

from cloudcache.adapters.reservation import Reserved
from cloudcache.domain.budget import CallClass, Lane, Ledger, Limits, Standing, Ticket
from cloudcache.domain.ids import CredentialId
from cloudcache.ports import Clock, Reservation

SLEEP_AT_MOST_S = 10.0
"""A clock that is set while we sleep is noticed after this long."""


class Turns:
    """Who in this process may call now. The timer runs only while somebody waits, until the next one may go."""

    def __init__(self, limits: Limits, clock: Clock) -> None:
        self.limits = limits
        self._ledger = Ledger(limits)
        self._clock = clock
        self._waiting: dict[Ticket, asyncio.Future[None]] = {}
        self._timer: asyncio.Task[None] | None = None
        self._rings_at = 0

    async def turn(self, lane: Lane) -> Ticket:
        """Wait for a turn; the ticket that was served."""
        ticket = self._ledger.ask(lane, self._clock.now_ms())
        await self._served(ticket)
        return ticket

    async def turn_again(self, ticket: Ticket, standing: Standing | None = None) -> None:
        """The turn came to nothing, perhaps because the credential stands as it does: wait for the next one."""
        now = self._clock.now_ms()
        self._ledger.put_back(ticket, now)
        if standing is not None:
            self._ledger.adopt(ticket.lane.credential, standing, now, open_to_all=False)
        await self._served(ticket)

    def give_back(self, ticket: Ticket) -> None:
        """The place, or the call, is not wanted any more: another may have it."""
        self._ledger.withdraw(ticket, self._clock.now_ms())
        self._serve()

    def end(self, ticket: Ticket, calls: int) -> None:
        """Account for the calls made under this ticket, usually one; without any, another may go."""
        now = self._clock.now_ms()
        if calls:
            self._ledger.finish(ticket, now)
            self._ledger.charge(ticket.lane.credential, calls - 1, now)
        else:
            self._ledger.withdraw(ticket, now)
        self._serve()

    def adopt(self, lane: Lane, standing: Standing, *, open_to_all: bool) -> None:
        """Know what other processes know."""
        self._ledger.adopt(lane.credential, standing, self._clock.now_ms(), open_to_all=open_to_all)
        self._serve()

    def shut_gate(self, call_class: CallClass, for_ms: int) -> None:
        """The address is full with the calls of others."""
        self._ledger.shut_gate(call_class, for_ms, self._clock.now_ms())

    def estimate_ms(self, lane: Lane) -> int:
        return self._ledger.estimate_ms(lane, self._clock.now_ms())

    def report(self, credential: CredentialId, remaining: int, resets_in_s: int, policy: str = "") -> None:
        self._ledger.report(credential, remaining, resets_in_s, self._clock.now_ms(), policy)
        self._serve()

    def succeeded(self, credential: CredentialId) -> None:
        self._ledger.succeeded(credential, self._clock.now_ms())
        self._serve()

    def block(self, credential: CredentialId, retry_after_s: float) -> None:
        # Serves nobody sooner; a timer that now rings too early finds out.
        self._ledger.block(credential, retry_after_s, self._clock.now_ms())

    def blocked_until_ms(self, credential: CredentialId) -> int | None:
        return self._ledger.blocked_until(credential, self._clock.now_ms())

    async def _served(self, ticket: Ticket) -> None:
        served = self._waiting[ticket] = asyncio.get_running_loop().create_future()
        try:
            self._serve()
            await served
        except BaseException:
            # Also when the call was granted in the same moment: it will not be made, so another may have it.
            self._waiting.pop(ticket, None)
            self.give_back(ticket)
            raise

    def _serve(self) -> None:
        """Wake everybody who may call now, and set the timer for the next."""
        now = self._clock.now_ms()
        for ticket in self._ledger.grant(now):
            granted = self._waiting.pop(ticket)
            if not granted.done():
                granted.set_result(None)
        self._set_timer(self._ledger.next_at(now), now)

    def _set_timer(self, at: int | None, now: int) -> None:
        """One that rings too early is left alone: it finds out, and is set again."""
        if self._timer is not None and not self._timer.done():
            if at is not None and self._rings_at <= at:
                return
            self._timer.cancel()
        self._timer = None
        if at is not None:
            wait_s = min(SLEEP_AT_MOST_S, max(1, at - now) / 1_000)
            self._timer, self._rings_at = asyncio.get_running_loop().create_task(self._ring(wait_s)), at

    async def _ring(self, wait_s: float) -> None:
        await self._clock.sleep(wait_s)
        self._timer = None  # or `_serve` would cancel the task it runs in
        self._serve()


class InMemoryBudget(Turns):
    """The `Budget` when there is no other process."""

    async def acquire(self, lane: Lane) -> Reservation:
        ticket = await self.turn(lane)
        return Reserved(lane.credential, lambda calls: self.end(ticket, calls))
