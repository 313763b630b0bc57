"""Values read a moment ago: one read for many callers, and nothing older than the last change that was heard of."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudcache.services.recent import CHECK_EVERY_MS, RecentValues
from tests.support.fake_clock import FakeClock


class Source:
    """A value by key that others change; each read waits until it is let go."""

    def __init__(self) -> None:
        self.values: dict[str, int] = {"a": 1, "b": 1}
        self.reads = 0
        self.previous: list[int | None] = []
        self.gate: asyncio.Event | None = None

    async def read(self, key: str, previous: int | None) -> int | None:
        self.reads += 1
        self.previous.append(previous)
        value = self.values.get(key)
        if self.gate is not None:
            await self.gate.wait()
        if value == -1:
            raise ConnectionError("away")
        return value


def recent(source: Source, clock: FakeClock, most: int = 10) -> RecentValues[str, int]:
    return RecentValues(clock, source.read, most)


async def test_many_callers_at_once_cost_one_read():
    source = Source()
    source.gate = asyncio.Event()
    values = recent(source, FakeClock())
    asking = [asyncio.create_task(values.get("a")) for _ in range(100)]
    await asyncio.sleep(0)
    source.gate.set()

    assert await asyncio.gather(*asking) == [1] * 100
    assert source.reads == 1


async def test_value_is_read_again_after_a_second_and_told_what_it_was():
    source, clock = Source(), FakeClock()
    values = recent(source, clock)
    await values.get("a")
    clock.ms += CHECK_EVERY_MS - 1
    await values.get("a")
    assert source.reads == 1

    clock.ms += 1
    source.values["a"] = 2

    assert await values.get("a") == 2
    assert source.previous == [None, 1]


async def test_clock_that_was_set_back_keeps_nothing_young():
    source, clock = Source(), FakeClock()
    values = recent(source, clock)
    await values.get("a")
    source.values["a"] = 2
    clock.ms -= 10

    assert await values.get("a") == 2


async def test_invalidated_value_is_read_at_once_and_others_are_not():
    source = Source()
    values = recent(source, FakeClock())
    await asyncio.gather(values.get("a"), values.get("b"))
    source.values = {"a": 2, "b": 2}
    values.invalidate("a")

    assert [await values.get("a"), await values.get("b")] == [2, 1]


async def test_read_that_began_before_a_change_is_not_kept():
    source = Source()
    source.gate = asyncio.Event()
    values = recent(source, FakeClock())
    early = asyncio.create_task(values.get("a"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    source.values["a"] = 2
    values.invalidate("a")
    late = asyncio.create_task(values.get("a"))
    await asyncio.sleep(0)
    source.gate.set()

    assert await asyncio.gather(early, late) == [1, 2]
    assert await values.get("a") == 2
    assert source.reads == 2


async def test_nothing_is_kept_of_what_does_not_exist():
    source = Source()
    values = recent(source, FakeClock())

    assert [await values.get("x"), await values.get("x")] == [None, None]
    assert values.peek("x") is None
    assert source.reads == 2


async def test_value_that_is_gone_is_forgotten():
    source, clock = Source(), FakeClock()
    values = recent(source, clock)
    await values.get("a")
    del source.values["a"]
    values.invalidate_all()

    assert await values.get("a") is None
    assert values.peek("a") is None


async def test_failed_read_reaches_all_who_wait_and_the_next_caller_tries_again():
    source = Source()
    values = recent(source, FakeClock())
    source.values["a"] = -1
    outcomes = await asyncio.gather(*(values.get("a") for _ in range(3)), return_exceptions=True)
    assert [type(one) for one in outcomes] == [ConnectionError] * 3

    source.values["a"] = 3
    assert await values.get("a") == 3


async def test_cancelled_caller_takes_the_read_from_nobody():
    source = Source()
    source.gate = asyncio.Event()
    values = recent(source, FakeClock())
    first, second = asyncio.create_task(values.get("a")), asyncio.create_task(values.get("a"))
    await asyncio.sleep(0)
    first.cancel()
    source.gate.set()

    assert await second == 1
    with pytest.raises(asyncio.CancelledError):
        await first
    assert await values.get("a") == 1
    assert source.reads == 1


async def test_value_used_longest_ago_goes_first():
    source = Source()
    source.values = {"a": 1, "b": 1, "c": 1}
    values = recent(source, FakeClock(), most=2)
    for key in ("a", "b", "a", "c"):
        await values.get(key)

    assert sorted(key for key, _ in values.items()) == ["a", "c"]


@given(st.lists(st.sampled_from(["get", "change", "tick", "lost change"]), max_size=40))
def test_no_answer_is_older_than_a_heard_change_or_a_second(steps: list[str]):
    async def run() -> None:
        source, clock = Source(), FakeClock()
        values = recent(source, clock)
        heard, changed_at = 1, clock.ms
        for step in steps:
            if step == "tick":
                clock.ms += CHECK_EVERY_MS // 2
            elif step == "get":
                got = await values.get("a")
                assert got is not None and got >= heard
                if clock.ms - changed_at >= CHECK_EVERY_MS:
                    assert got == source.values["a"]
            else:
                source.values["a"] += 1
                changed_at = clock.ms
                if step == "change":
                    values.invalidate("a")
                    heard = source.values["a"]

    asyncio.run(run())
