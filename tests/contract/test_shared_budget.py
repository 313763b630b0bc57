"""What several processes keep together, on a real server whose time the test moves."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from cloudcache.domain.budget import CallClass, Lane, Limits
from cloudcache.domain.ids import CredentialId, CustomerId
from tests.support.shared_redis import Processes

TOKEN = CredentialId("token")
LIMITS = Limits(
    calls_per_window=300,
    window_ms=30_000,
    burst=60,
    cloudflare_calls_per_window=360,
    address_calls_per_second=22,
    answer_within_ms=5_000,
)
"""A burst of sixty, then eight a second; an address with 20 a second, and one for each of two processes."""

HOUR_MS = 3_600_000
WRITE = Lane(TOKEN, CallClass.WRITE, CustomerId(1))
SWEEP = Lane(TOKEN, CallClass.SWEEP, CustomerId(1))
WATCHED = Lane(TOKEN, CallClass.WATCHED, CustomerId(1))


@pytest.fixture
async def two(redis_url: str) -> AsyncIterator[Processes]:
    """Two processes whose clocks are hours apart."""
    async with Processes(redis_url, LIMITS, (HOUR_MS, -HOUR_MS)) as processes:
        yield processes


def count(processes: Processes, process: int | None = None, lane: Lane | None = None) -> int:
    return sum(1 for _, who, what in processes.through if process in (None, who) and lane in (None, what))


async def level(processes: Processes) -> int:
    """What is left for all, in parts of a call."""
    connection = processes.connections[1]
    return int(await connection.client().hget(connection.key("budget", TOKEN), "level"))


async def test_two_processes_share_one_bucket_and_one_address(two: Processes) -> None:
    await two.ask(0, WRITE, 100)
    await two.ask(1, WRITE, 100)
    first_second = count(two)
    await two.time.advance(3_000)

    assert first_second == 20
    assert count(two) == 60 + 3 * 9 - 7  # the address let 20 a second through until the burst was gone


async def test_sweeps_of_all_processes_leave_their_reserve_to_a_click(two: Processes) -> None:
    for process in (0, 1):
        await two.ask(process, SWEEP, 200)
    await two.time.advance(20_000)
    swept = count(two)

    await two.ask(1, WRITE, 10)

    assert count(two) == swept + 10


async def test_a_process_that_knows_of_nothing_may_not_sweep_the_reserve_away(two: Processes) -> None:
    await two.ask(0, WRITE, 1, answered=False)
    two.budgets[0].report(TOKEN, 15, 20)  # fewer than the 18 that sweeps leave
    await two.settle()

    await two.ask(1, SWEEP, 1)
    swept = count(two, lane=SWEEP)
    await two.ask(1, WRITE, 1)

    assert (swept, count(two, process=1, lane=WRITE)) == (0, 1)


async def test_a_429_in_one_process_stops_all_and_one_probe_goes(two: Processes) -> None:
    two.budgets[0].block(TOKEN, 10)
    await two.settle()
    for process in (0, 1):
        await two.ask(process, WRITE, 5, answered=False)
    await two.time.advance(9_999)
    before = count(two)
    await two.time.advance(1_000)
    probes = count(two)

    two.budgets[two.through[0][1]].succeeded(TOKEN)
    await two.time.advance(3_000)

    assert (before, probes, count(two)) == (0, 1, 10)


async def test_a_probe_whose_process_died_is_followed_by_another(two: Processes) -> None:
    two.budgets[0].block(TOKEN, 10)
    await two.ask(0, WRITE, 1, answered=False)
    await two.time.advance(10_000)
    await two.ask(1, WRITE, 1, answered=False)
    await two.time.advance(4_700)
    before = count(two)
    await two.time.advance(1_000)

    assert (before, count(two)) == (1, 2)


async def test_what_an_answer_said_is_left_binds_the_other_process_too(two: Processes) -> None:
    await two.ask(0, WRITE, 1, answered=False)
    two.budgets[0].report(TOKEN, 5, 20)
    await two.settle()

    await two.ask(1, WRITE, 50)
    await two.time.advance(19_000)

    assert count(two, process=1) == 5


async def test_without_redis_reads_wait_writes_have_a_share(two: Processes) -> None:
    for connection in two.connections:
        connection.is_cut = True
    await two.ask(0, SWEEP, 5)
    await two.ask(0, WATCHED, 5)
    await two.ask(0, WRITE, 40)
    await two.time.advance(29_000)
    one_window = count(two)

    assert count(two, lane=SWEEP) == count(two, lane=WATCHED) == 0
    assert 12 < one_window <= 160 * 300 // 1_000 // 2
    assert two.budgets[0].estimate_ms(SWEEP) > 0


async def test_an_estimate_without_redis_is_what_the_wait_turns_out_to_be(two: Processes) -> None:
    two.connections[0].is_cut = True
    await two.ask(0, WRITE, 30)
    said = two.budgets[0].estimate_ms(WRITE)
    await two.ask(0, Lane(TOKEN, CallClass.WRITE, CustomerId(2)))

    await two.time.advance(said + 1_000)

    assert count(two, lane=Lane(TOKEN, CallClass.WRITE, CustomerId(2))) == 1


async def test_with_redis_back_everybody_goes_on_and_what_was_called_meanwhile_counts(two: Processes) -> None:
    two.connections[0].is_cut = True
    await two.ask(0, SWEEP, 3)
    await two.ask(0, WRITE, 12)
    await two.time.advance(5_000)
    meanwhile = count(two)

    two.connections[0].mend()
    await two.settle()
    gone = len(two.through)

    assert 0 < meanwhile < 12
    assert count(two, lane=SWEEP) == 3 and gone == 15, "nothing that waited is lost"
    assert await level(two) == (60 - gone) * LIMITS.window_ms


async def test_a_block_met_without_redis_is_known_to_all_when_it_is_back(two: Processes) -> None:
    two.connections[0].is_cut = True
    await two.ask(0, WRITE, 1, answered=False)
    two.budgets[0].block(TOKEN, 60)

    two.connections[0].mend()
    await two.settle()
    await two.ask(1, WRITE, 5)
    await two.time.advance(59_000)

    assert count(two, process=1) == 0


async def test_a_server_that_lost_its_memory_gives_no_burst_and_learns_the_blocks_again(
    two: Processes,
) -> None:
    other = Lane(CredentialId("other"), CallClass.WRITE, CustomerId(1))
    two.budgets[0].block(TOKEN, 60)
    await two.settle()
    await two.forget()
    two.connections[0].is_cut = True
    await two.ask(0, other, 1)
    two.connections[0].mend()
    await two.settle()

    await two.ask(1, other, 50)
    at_once = count(two, process=1)
    await two.ask(1, WRITE, 5)
    await two.time.advance(5_000)

    assert at_once == 0
    assert 0 < count(two, process=1, lane=other) <= 40
    assert count(two, lane=WRITE) == 0


async def test_a_server_whose_clock_is_set_back_goes_on_and_grants_nothing_extra(two: Processes) -> None:
    await two.ask(0, WRITE, 200)
    await two.time.advance(10_000)
    before = count(two)

    two.server_skew_ms -= HOUR_MS
    await two.time.advance(5_000)

    assert 8 * 4 <= count(two) - before <= 8 * 5 + 1


async def test_a_cancelled_call_gives_back_what_it_took_on_the_way(two: Processes) -> None:
    await two.ask(0, WRITE, 60)
    await two.time.advance(4_000)
    taken = count(two)
    await two.ask(0, WRITE, 3)
    for task in two.tasks:
        task.cancel()
    await two.settle()

    await two.ask(1, WRITE, 500)
    await two.time.advance(30_000)

    assert count(two) - taken <= 60 + 8 * 30
    assert count(two) - taken >= 8 * 30


async def test_a_call_costs_one_trip(two: Processes) -> None:
    before = two.connections[0].trips

    await two.ask(0, WRITE, 15)

    assert two.connections[0].trips - before == 15


async def test_those_who_wait_do_not_keep_asking(two: Processes) -> None:
    await two.ask(0, WRITE, 60)
    await two.time.advance(5_000)
    await two.ask(1, WRITE, 60)
    before = two.connections[1].trips

    await two.time.advance(2_000)

    assert two.connections[1].trips - before <= 2 * 8 * 3


async def test_each_of_several_limits_binds_all_processes(two: Processes) -> None:
    await two.ask(0, WRITE, 1, answered=False)
    two.budgets[0].report(TOKEN, 4, 3, "burst")
    two.budgets[0].report(TOKEN, 10, 20, "default")
    await two.settle()

    await two.ask(1, WRITE, 50)
    at_once = count(two, process=1)
    await two.time.advance(5_000)
    after_burst = count(two, process=1)
    await two.time.advance(13_000)

    assert (at_once, after_burst, count(two, process=1)) == (4, 10, 10)
