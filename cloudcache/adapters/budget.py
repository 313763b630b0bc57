"""The shared budget of one process: the pure ledger, with futures for those who wait and one timer for all."""

from __future__ import annotations

import asyncio

from cloudcache.domain.budget import Lane, Ledger, Limits, Ticket
from cloudcache.domain.ids import CredentialId
from cloudcache.ports import Clock

FORGET_ABOVE = 1_000
"""Buckets kept before idle ones are looked for and dropped."""


class InMemoryBudget:
    """Idle credentials cost no task and no timer; one timer runs while anybody waits."""

    def __init__(self, limits: Limits, clock: Clock) -> None:
        self._ledger = Ledger(limits)
        self._clock = clock
        self._waiting: dict[Ticket, asyncio.Future[None]] = {}
        self._timer: asyncio.Task[None] | None = None

    async def acquire(self, lane: Lane) -> None:
        ticket = self._ledger.ask(lane, self._clock.now_ms())
        served = self._waiting[ticket] = asyncio.get_running_loop().create_future()
        self._serve()
        try:
            await served
        except asyncio.CancelledError:
            self._ledger.withdraw(ticket)
            raise
        finally:
            self._waiting.pop(ticket, None)

    def estimate_ms(self, lane: Lane) -> int:
        return self._ledger.estimate_ms(lane, self._clock.now_ms())

    def report(self, credential: CredentialId, remaining: int, resets_in_s: int) -> None:
        self._ledger.report(credential, remaining, self._clock.now_ms())

    def succeeded(self, credential: CredentialId) -> None:
        self._ledger.succeeded(credential, self._clock.now_ms())
        self._serve()

    def block(self, credential: CredentialId, retry_after_s: int) -> None:
        self._ledger.block(credential, retry_after_s, self._clock.now_ms())

    def blocked_until_ms(self, credential: CredentialId) -> int | None:
        return self._ledger.blocked_until(credential, self._clock.now_ms())

    def _serve(self) -> None:
        """Wake everybody who may call now, and see to it that the next one is woken in time."""
        for ticket in self._ledger.grant(self._clock.now_ms()):
            served = self._waiting.get(ticket)
            if served is not None and not served.done():
                served.set_result(None)
        if len(self._ledger) > FORGET_ABOVE:
            self._ledger.forget_idle(self._clock.now_ms())
        if self._ledger.next_at(self._clock.now_ms()) is not None and self._timer is None:
            self._timer = asyncio.get_running_loop().create_task(self._wake())

    async def _wake(self) -> None:
        """Sleep until the next grant is possible, again and again while somebody waits."""
        try:
            while (due := self._ledger.next_at(self._clock.now_ms())) is not None:
                # At most a second at a time: a new, more urgent ticket may be due sooner than the one slept for.
                wait_s = min(1.0, max(0.001, (due - self._clock.now_ms()) / 1000))
                await self._clock.sleep(wait_s)
                self._serve()
        finally:
            self._timer = None
