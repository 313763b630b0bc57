"""Hints to the open pages of this process: *look at this customer again*.

Hints are coalesced, so a thousand changes of one customer wake its pages once; nothing is queued without end.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from cloudcache.domain.ids import CustomerId


class InMemoryBus:
    """One process, any number of listeners; each listener gets every hint."""

    def __init__(self) -> None:
        self._listeners: set[_Mailbox] = set()

    def hint(self, customer: CustomerId) -> None:
        for listener in self._listeners:
            listener.put(customer)

    async def hints(self) -> AsyncIterator[frozenset[CustomerId]]:
        mailbox = _Mailbox()
        self._listeners.add(mailbox)
        try:
            while True:
                yield await mailbox.take()
        finally:
            self._listeners.discard(mailbox)


class _Mailbox:
    """The hints one listener has not taken yet."""

    def __init__(self) -> None:
        self._waiting: set[CustomerId] = set()
        self._filled = asyncio.Event()

    def put(self, customer: CustomerId) -> None:
        self._waiting.add(customer)
        self._filled.set()

    async def take(self) -> frozenset[CustomerId]:
        await self._filled.wait()
        self._filled.clear()
        taken, self._waiting = frozenset(self._waiting), set()
        return taken
