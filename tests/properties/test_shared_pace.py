"""However grants bunch up and whoever is held up: two processes behind one address never break its limit.

Time is virtual, and the server a real one that is told the time. The pace and the limit
are a fifth of those without Redis.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import cycle
from uuid import uuid4

import hypothesis.strategies as st
from hypothesis import HealthCheck, example, given, settings

from cloudcache.adapters.redis.pace import SharedPace, Watch
from tests.properties.test_budget import most_within
from tests.support.fake_clock import FakeClock, SkewedClock
from tests.support.shared_redis import CutConnection

PER_SECOND = 38
LIMIT = 40
HOUR_MS = 3_600_000
PATIENCE_MS = 600_000


class SlowConnection(CutConnection):
    """A trip takes its time there, and again back."""

    def __init__(self, url: str, prefix: str, clock: SkewedClock, ways_ms: Sequence[int]) -> None:
        super().__init__(url, prefix)
        self._clock = clock
        self._ways = cycle(ways_ms)

    async def run(self, script: str, keys: Sequence[str], arguments: Sequence[str | int]) -> object:
        await self._pass()
        told = (self._clock.now_ms() - self._clock.skew_ms) * 1_000
        answer = await super().run(script, keys, [*arguments[:-1], told])
        await self._pass()
        return answer

    async def _pass(self) -> None:
        if way := next(self._ways):
            await self._clock.sleep(way / 1_000)


class Wire:
    """Two processes, hours apart, and when their calls left."""

    def __init__(self, url: str, late_ms: Sequence[int], ways_ms: Sequence[int], per_second: int) -> None:
        prefix = f"test-{uuid4().hex}:"
        self.time = FakeClock(sleeping="waits", settle=self.settle)
        clocks = [self.time.skewed(HOUR_MS, late_ms), self.time.skewed(-HOUR_MS, late_ms[::-1])]
        self.connections = [SlowConnection(url, prefix, clock, ways_ms) for clock in clocks]
        self.left: list[int] = []
        self.alone = 0
        self.paces = [
            SharedPace(connection, "here", self._alone, Watch(clock.now_s, clock.sleep), per_second)
            for connection, clock in zip(self.connections, clocks, strict=True)
        ]
        self.calls: list[asyncio.Task[None]] = []

    async def _alone(self) -> None:
        self.alone += 1

    async def settle(self) -> None:
        made = -1
        while made != sum(one.trips for one in self.connections):
            made = sum(one.trips for one in self.connections)
            for connection in self.connections:
                await connection.settle()

    async def grant(self, process: int, many: int) -> None:
        """So many calls come to the wire at once."""

        async def call() -> None:
            await self.paces[process].wait()
            self.left.append(self.time.ms)

        self.calls += [asyncio.create_task(call()) for _ in range(many)]
        await self.settle()

    async def until_all_left(self) -> None:
        began = self.time.ms
        while len(self.left) < len(self.calls) and self.time.ms < began + PATIENCE_MS:
            await self.time.advance(500)

    async def close(self) -> None:
        for call in self.calls:
            call.cancel()
        await asyncio.gather(*self.calls, return_exceptions=True)
        for connection in self.connections:
            await connection.close()


async def play(url: str, late_ms: list[int], ways_ms: list[int], grants: list[tuple[int, int, int]]) -> Wire:
    wire = Wire(url, late_ms, ways_ms, PER_SECOND)
    try:
        for process, many, then_ms in grants:
            await wire.grant(process, many)
            await wire.time.advance(then_ms)
        await wire.until_all_left()
        return wire
    finally:
        await wire.close()


late = st.lists(st.one_of(st.just(0), st.integers(0, 20), st.integers(0, 400)), min_size=1, max_size=8)
ways = st.lists(st.one_of(st.integers(0, 3), st.integers(0, 60)), min_size=1, max_size=4)
bunches = st.lists(
    st.tuples(st.integers(0, 1), st.integers(1, 40), st.integers(0, 600)), min_size=2, max_size=4
)


@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(late_ms=late, ways_ms=ways, grants=bunches)
@example(late_ms=[0], ways_ms=[0], grants=[(0, 40, 0), (1, 40, 0)])
@example(late_ms=[0] * 40 + [380], ways_ms=[1], grants=[(0, 40, 0), (1, 40, 400)])
def test_two_processes_never_break_the_limit_of_their_address(
    redis_url: str, late_ms: list[int], ways_ms: list[int], grants: list[tuple[int, int, int]]
) -> None:
    wire = asyncio.run(play(redis_url, late_ms, ways_ms, grants))

    assert len(wire.left) == sum(many for _, many, _ in grants)
    assert most_within(wire.left, 1_000) <= LIMIT
