"""Pauses that end early when Cloudflare answers for the customer again."""

from __future__ import annotations

import asyncio
from collections import defaultdict

from cloudcache.domain.ids import CustomerId
from cloudcache.ports import Clock


class Sleepers:
    """The deliveries of one process that wait before their next call."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._asleep: defaultdict[CustomerId, set[asyncio.Event]] = defaultdict(set)

    async def sleep(self, customer: CustomerId, seconds: float) -> None:
        """Wait so long, or until `wake` is called for this customer."""
        woken = asyncio.Event()
        self._asleep[customer].add(woken)
        waits = {
            asyncio.ensure_future(self._clock.sleep(seconds)),
            asyncio.ensure_future(woken.wait()),
        }
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in waits:
                one.cancel()
            await asyncio.gather(*waits, return_exceptions=True)
            self._leave(customer, woken)

    def wake(self, customer: CustomerId) -> None:
        """End the pauses of this customer's deliveries."""
        for woken in self._asleep.get(customer, ()):
            woken.set()

    def _leave(self, customer: CustomerId, woken: asyncio.Event) -> None:
        self._asleep[customer].discard(woken)
        if not self._asleep[customer]:
            del self._asleep[customer]
