"""Values read a moment ago, kept in memory: many callers at once cost one read, and a change is seen at once."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from cloudcache.ports import Clock

K = TypeVar("K")
V = TypeVar("V")

CHECK_EVERY_MS = 1_000
"""How old a value may be when the hint that it changed was lost on its way from another process."""


@dataclass(slots=True)
class _Entry(Generic[V]):
    value: V
    checked_at: int | None
    """Unix milliseconds; None once it may have changed."""


class RecentValues(Generic[K, V]):
    """The `most` values used last, by key; each is checked again after a second, or as soon as it may have changed.

    `read(key, previous)` reads a value, and may return `previous` after a cheaper look that it is still the same.
    None stands for "there is none" and isn't kept; what `read` raises reaches all who wait for it.
    """

    def __init__(self, clock: Clock, read: Callable[[K, V | None], Awaitable[V | None]], most: int) -> None:
        self._clock = clock
        self._read = read
        self._most = most
        self._entries: OrderedDict[K, _Entry[V]] = OrderedDict()
        self._reading: dict[K, asyncio.Task[V | None]] = {}

    async def get(self, key: K) -> V | None:
        """The value, read at most a second ago."""
        entry = self._entries.get(key)
        if entry is not None and self._is_recent(entry.checked_at):
            self._entries.move_to_end(key)
            return entry.value
        task = self._reading.get(key)
        if task is None:
            task = asyncio.create_task(self._renew(key), name="read a recent value")
            self._reading[key] = task
            task.add_done_callback(_retrieve)
        return await asyncio.shield(task)

    def peek(self, key: K) -> V | None:
        """The value as it was when it was last read, however long ago."""
        entry = self._entries.get(key)
        return entry.value if entry is not None else None

    def invalidate(self, key: K) -> None:
        """It may have changed: the next caller reads it, and a read under way is too old to be kept."""
        self._reading.pop(key, None)
        if key in self._entries:
            self._entries[key].checked_at = None

    def invalidate_all(self) -> None:
        """Any of them may have changed."""
        for key in [*self._entries, *self._reading]:
            self.invalidate(key)

    def items(self) -> Iterator[tuple[K, V]]:
        """The keys and values as they were last read."""
        return ((key, entry.value) for key, entry in list(self._entries.items()))

    def _is_recent(self, checked_at: int | None) -> bool:
        return checked_at is not None and 0 <= self._clock.now_ms() - checked_at < CHECK_EVERY_MS

    async def _renew(self, key: K) -> V | None:
        began = self._clock.now_ms()
        try:
            value = await self._read(key, self.peek(key))
            if self._reading.get(key) is asyncio.current_task():
                self._keep(key, value, began)
            return value
        finally:
            if self._reading.get(key) is asyncio.current_task():
                del self._reading[key]

    def _keep(self, key: K, value: V | None, checked_at: int) -> None:
        if value is None:
            self._entries.pop(key, None)
            return
        self._entries[key] = _Entry(value, checked_at)
        self._entries.move_to_end(key)
        while len(self._entries) > self._most:
            self._entries.popitem(last=False)


def _retrieve(task: asyncio.Task[object]) -> None:
    """Mark the error of a read as seen: its callers may all have been cancelled."""
    if not task.cancelled():
        task.exception()
