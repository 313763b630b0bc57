"""The clock of tests: time passes when a test says so, or when the program sleeps by it, and never by itself.

    clock = FakeClock()                         a sleep moves it to where the sleeper wants to be, at once
    clock = FakeClock(sleeping="waits")         sleepers wait until `await clock.advance(ms)` reaches their time
    clock = FakeClock(sleeping="fails")         nothing may sleep
    clock = FakeClock(tick_ms=3)                each look at it takes three milliseconds
    wrong = clock.skewed(-600_000)              the same time on a machine whose clock is ten minutes slow

It is a `Clock` of `cloudcache.ports`, and `clock.now_s` is what the emulators take for the time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from itertools import cycle
from math import ceil
from typing import Literal

START_MS = 1_795_000_000_000


async def let_tasks_run() -> None:
    """Let every task run as far as it can without time passing."""
    for _ in range(10):
        await asyncio.sleep(0)


class FakeClock:
    """Unix milliseconds in `ms`, which a test may set."""

    def __init__(
        self,
        ms: int = START_MS,
        *,
        sleeping: Literal["advances", "waits", "fails"] = "advances",
        tick_ms: int = 0,
        settle: Callable[[], Awaitable[None]] = let_tasks_run,
    ) -> None:
        self.ms = ms
        self.settle = settle
        """Returns when nothing can happen any more before time passes."""
        self.sleepers: list[tuple[int, asyncio.Future[None]]] = []
        self._sleeping = sleeping
        self._tick_ms = tick_ms

    def now_ms(self) -> int:
        now = self.ms
        self.ms += self._tick_ms
        return now

    def now_s(self) -> float:
        """Unix seconds."""
        return self.now_ms() / 1_000

    async def sleep(self, seconds: float) -> None:
        assert self._sleeping != "fails", "nothing here may wait by the clock"
        if self._sleeping == "waits":
            await self.wakes_at(self.ms + round(seconds * 1_000))
            return
        target = self.ms + int(seconds * 1_000)
        await asyncio.sleep(0)
        self.ms = max(self.ms, target)

    async def wakes_at(self, ms: int) -> None:
        """Wait until `advance` reaches this time."""
        woken = asyncio.get_running_loop().create_future()
        self.sleepers.append((ms, woken))
        await woken

    async def advance(self, ms: int) -> None:
        """Let so much time pass; sleepers wake when their time has come, in order."""
        until = self.ms + ms
        await self.settle()
        while due := [at for at, woken in self.sleepers if at <= until and not woken.done()]:
            self.ms = max(self.ms, min(due))
            self._wake()
            await self.settle()
        self.ms = until

    def move_s(self, seconds: float) -> None:
        """Let so many seconds pass for a program that does not sleep."""
        self.ms += round(seconds * 1_000)

    def set_back(self, ms: int) -> None:
        """Change only what the clock shows: a sleep lasts as long as it would have."""
        self.ms -= ms
        self.sleepers = [(at - ms, woken) for at, woken in self.sleepers]

    def skewed(self, skew_ms: int = 0, late_ms: Sequence[int] | None = None) -> SkewedClock:
        """This time as a machine shows it whose clock is wrong and whose sleepers wake late."""
        return SkewedClock(self, lambda ms: ms, skew_ms, late_ms)

    def seen_as(self, shows: Callable[[int], int]) -> SkewedClock:
        """This time as a machine shows it whose clock is wrong in a way of its own."""
        return SkewedClock(self, shows)

    def _wake(self) -> None:
        for at, woken in self.sleepers:
            if at <= self.ms and not woken.done():
                woken.set_result(None)
        self.sleepers = [one for one in self.sleepers if not one[1].done()]


class SkewedClock:
    """What one machine takes for the time of a `FakeClock`; `skew_ms` may change."""

    def __init__(
        self,
        true: FakeClock,
        shows: Callable[[int], int],
        skew_ms: int = 0,
        late_ms: Sequence[int] | None = None,
    ) -> None:
        self.true = true
        self.skew_ms = skew_ms
        self._shows = shows
        self._late_ms = None if late_ms is None else cycle(late_ms)

    @property
    def ms(self) -> int:
        return self._shows(self.true.ms) + self.skew_ms

    def now_ms(self) -> int:
        return self.ms

    def now_s(self) -> float:
        """Unix seconds."""
        return self.ms / 1_000

    async def sleep(self, seconds: float) -> None:
        if self._late_ms is None:
            await self.true.sleep(seconds)
        else:
            await self.true.sleep((ceil(seconds * 1_000) + next(self._late_ms)) / 1_000)
