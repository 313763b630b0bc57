"""The pace that processes share, on a real server whose time the test moves."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import pytest

from cloudcache.adapters.redis.pace import PER_SECOND
from tests.properties.test_budget import most_within
from tests.properties.test_shared_pace import Wire

TRIP_MS = 1


@pytest.fixture
async def wires(redis_url: str) -> AsyncIterator[Callable[..., Wire]]:
    made: list[Wire] = []

    def make(late_ms: tuple[int, ...] = (0,), way_ms: int = TRIP_MS) -> Wire:
        made.append(Wire(redis_url, late_ms, [way_ms], PER_SECOND))
        return made[-1]

    yield make
    for one in made:
        await one.close()


async def test_two_full_processes_go_at_the_pace_of_one(wires: Callable[..., Wire]) -> None:
    wire = wires()
    await wire.grant(0, 255)
    await wire.grant(1, 255)
    await wire.until_all_left()

    assert len(wire.left) == 510
    assert 2_900 <= wire.left[-1] - wire.left[0] <= 3_150
    assert 165 <= most_within(wire.left, 1_000) <= 177


async def test_a_process_alone_loses_nothing_by_its_trips(wires: Callable[..., Wire]) -> None:
    wire = wires()
    await wire.grant(0, 340)
    await wire.until_all_left()

    assert wire.left[-1] - wire.left[0] <= 2_100


async def test_a_call_alone_waits_for_its_trip_only(wires: Callable[..., Wire]) -> None:
    wire = wires()
    began = wire.time.ms
    await wire.grant(0, 1)
    await wire.time.advance(100)

    assert wire.left == [began + 2 * TRIP_MS]


async def test_calls_that_were_held_up_let_their_slots_lapse(wires: Callable[..., Wire]) -> None:
    wire = wires((0, 0, 0, 0, 0, 0, 300))
    await wire.grant(0, 60)
    await wire.until_all_left()

    assert len(wire.left) == 60
    assert most_within(wire.left, 4) <= 3


async def test_who_is_held_up_every_time_goes_all_the_same(wires: Callable[..., Wire]) -> None:
    wire = wires((100,))
    await wire.grant(0, 20)
    await wire.until_all_left()

    assert len(wire.left) == 20


async def test_slots_of_calls_that_were_given_up_are_used_by_others(wires: Callable[..., Wire]) -> None:
    wire = wires(way_ms=0)
    await wire.grant(0, 8)
    for call in wire.calls[4:]:
        call.cancel()
    await wire.settle()
    trips = wire.connections[0].trips
    await wire.grant(0, 3)
    await wire.time.advance(1_000)

    assert len(wire.left) == 7
    assert wire.connections[0].trips - trips <= 2


async def test_a_server_whose_clock_was_set_back_is_silent_for_a_second(wires: Callable[..., Wire]) -> None:
    wire = wires()
    await wire.grant(0, 10)
    await wire.time.advance(1_000)
    before = len(wire.left)
    wire.time.ms -= 3_600_000
    await wire.grant(1, 3)
    await wire.time.advance(900)
    silent = len(wire.left)
    await wire.time.advance(300)

    assert (before, silent, len(wire.left)) == (10, 10, 13)


async def test_without_the_server_a_process_waits_by_itself(wires: Callable[..., Wire]) -> None:
    wire = wires()
    wire.connections[0].is_cut = True
    await wire.grant(0, 3)
    await wire.time.advance(100)

    assert (wire.alone, len(wire.left)) == (3, 3)
    wire.connections[0].mend()
    await wire.grant(0, 1)
    await wire.time.advance(100)
    assert (wire.alone, len(wire.left)) == (3, 4)
