"""Hints to the open pages of this process, *look at this customer again*, and news for whoever listens.

Hints are coalesced, so a thousand changes of one customer wake its pages once; nothing is queued without end.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

from cloudcache.domain.events import News
from cloudcache.domain.ids import CustomerId
from cloudcache.ports.world import AnyNews


class InMemoryBus:
    """One process, any number of listeners; each listener gets every hint."""

    def __init__(self) -> None:
        self._mailboxes: set[_Mailbox] = set()
        self._listeners: list[Callable[[News], None]] = []
        self._hint_listeners: list[Callable[[CustomerId | None], None]] = []

    def hint(self, customer: CustomerId) -> None:
        for mailbox in self._mailboxes:
            mailbox.put(customer)
        for listener in self._hint_listeners:
            listener(customer)

    def hint_everybody(self) -> None:
        """Hints may have been lost: look at all customers again."""
        for mailbox in self._mailboxes:
            mailbox.put_everybody()
        for listener in self._hint_listeners:
            listener(None)

    async def hints(self) -> AsyncIterator[frozenset[CustomerId] | None]:
        mailbox = _Mailbox()
        self._mailboxes.add(mailbox)
        try:
            while True:
                yield await mailbox.take()
        finally:
            self._mailboxes.discard(mailbox)

    def on_hint(self, listener: Callable[[CustomerId | None], None]) -> None:
        self._hint_listeners.append(listener)

    def tell(self, news: News) -> None:
        for hear in self._listeners:
            hear(news)

    def listen(self, kind: type[AnyNews], listener: Callable[[AnyNews], None]) -> None:
        def hear(news: News) -> None:
            if isinstance(news, kind):
                listener(news)

        self._listeners.append(hear)


class _Mailbox:
    """The hints one listener has not taken yet."""

    def __init__(self) -> None:
        self._waiting: set[CustomerId] = set()
        self._everybody = False
        self._filled = asyncio.Event()

    def put(self, customer: CustomerId) -> None:
        self._waiting.add(customer)
        self._filled.set()

    def put_everybody(self) -> None:
        self._everybody = True
        self._filled.set()

    async def take(self) -> frozenset[CustomerId] | None:
        await self._filled.wait()
        self._filled.clear()
        taken = None if self._everybody else frozenset(self._waiting)
        self._waiting, self._everybody = set(), False
        return taken
