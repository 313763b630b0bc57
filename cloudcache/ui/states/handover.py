"""Hands updates to open tabs, each independently of the others.

A tab's state is locked while one of its handlers runs. Delivering to it waits for that lock, so each tab has a task
of its own: a tab that hangs holds up nothing but itself. What changes meanwhile is not queued. The tab is marked, and
brought up to date once, when its lock is free. So there are never more tasks than tabs, nor more than one update
waiting for each.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeAlias

Delivery: TypeAlias = Callable[[], Awaitable[None]]


class Handover:
    """Runs at most one delivery per tab. `catch_up` brings one tab up to date, whatever it missed; neither it nor a
    delivery may raise."""

    def __init__(self, catch_up: Callable[[str], Awaitable[None]]) -> None:
        self._catch_up = catch_up
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._missed: set[str] = set()

    def is_busy(self, token: str) -> bool:
        """Whether a delivery to this tab is under way; it will be brought up to date afterwards."""
        return token in self._tasks

    def give(self, token: str, deliver: Delivery) -> None:
        """Deliver to the tab now, or have it brought up to date when the delivery under way is over."""
        if token in self._tasks:
            self._missed.add(token)
            return
        self._tasks[token] = asyncio.get_running_loop().create_task(
            self._run(token, deliver), name=f"hand over to tab {token}"
        )

    async def idle(self) -> None:
        """Return when no delivery is under way."""
        while self._tasks:
            await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def close(self) -> None:
        """Cancel the deliveries under way."""
        running = list(self._tasks.values())
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    async def _run(self, token: str, deliver: Delivery) -> None:
        try:
            await deliver()
            while token in self._missed:
                self._missed.discard(token)
                await self._catch_up(token)
        finally:
            self._missed.discard(token)
            self._tasks.pop(token, None)
