"""What every `Budget` keeps, told in virtual time: the clock moves only when a test moves it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from cloudcache.adapters.budget import InMemoryBudget
from cloudcache.adapters.redis.budget import RedisBudget
from cloudcache.domain.budget import CallClass, Lane, Limits
from cloudcache.domain.ids import CredentialId, CustomerId
from cloudcache.ports import Budget
from tests.support.fake_clock import FakeClock
from tests.support.shared_redis import told_connection

TOKEN = CredentialId("token")
LIMITS = Limits(
    calls_per_window=310,
    burst=10,
    cloudflare_calls_per_window=360,
    answer_within_ms=20_000,
    sweep_reserve_percent=30,
)
"""A burst of ten, then one call a second."""


class Callers:
    """Tasks that each acquire once, and the order in which they were let through."""

    def __init__(self, budget: Budget, clock: FakeClock) -> None:
        self.budget = budget
        self.clock = clock
        self.through: list[str] = []

    async def add(self, name: str, lane: Lane, many: int = 1) -> list[asyncio.Task[None]]:
        tasks = [asyncio.create_task(self._acquire(name, lane)) for _ in range(many)]
        await self.clock.settle()
        return tasks

    async def _acquire(self, name: str, lane: Lane) -> None:
        await self.budget.acquire(lane)
        self.through.append(name)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(sleeping="waits")


@pytest.fixture(params=["in memory", "in Redis"])
async def budget(request: pytest.FixtureRequest, clock: FakeClock) -> AsyncIterator[Budget]:
    if request.param == "in memory":
        yield InMemoryBudget(LIMITS, clock)
        return
    async with in_redis(request.getfixturevalue("redis_url"), clock) as made:
        yield made


@asynccontextmanager
async def in_redis(url: str, clock: FakeClock) -> AsyncIterator[RedisBudget]:
    """One process of one, with keys of its own, on a server that has long been there and has the clock's time."""
    async with told_connection(url) as connection:
        clock.settle = connection.settle
        await connection.remember_long()
        made = RedisBudget(connection, LIMITS, clock, processes=1, address="here", time=clock.now_ms)
        yield made
        await made.close()


@pytest.fixture
def callers(budget: Budget, clock: FakeClock) -> Callers:
    return Callers(budget, clock)


def lane(call_class: CallClass = CallClass.WRITE, customer: int = 1, credential: str = TOKEN) -> Lane:
    return Lane(CredentialId(credential), call_class, CustomerId(customer))


async def test_a_burst_goes_at_once_and_the_rest_as_time_passes(callers: Callers, clock: FakeClock) -> None:
    await callers.add("call", lane(), 13)

    assert len(callers.through) == 10
    await clock.advance(1_000)
    assert len(callers.through) == 11
    await clock.advance(2_000)
    assert len(callers.through) == 13


async def test_a_write_overtakes_reads_that_wait(callers: Callers, clock: FakeClock) -> None:
    await callers.add("used", lane(), 10)
    await callers.add("sweep", lane(CallClass.SWEEP))
    await callers.add("watched", lane(CallClass.WATCHED))
    await callers.add("write", lane())
    del callers.through[:]

    await clock.advance(10_000)

    assert callers.through == ["write", "watched", "sweep"]


async def test_many_flips_of_one_customer_do_not_hold_up_another(callers: Callers, clock: FakeClock) -> None:
    await callers.add("many", lane(customer=1), 500)
    await callers.add("one", lane(customer=2))

    await clock.advance(2_000)

    assert "one" in callers.through


async def test_a_cancelled_wait_gives_its_place_back(callers: Callers, clock: FakeClock) -> None:
    await callers.add("used", lane(), 10)
    first, *_ = await callers.add("first", lane())
    await callers.add("second", lane())

    first.cancel()
    await clock.advance(1_000)

    assert first.cancelled()
    assert callers.through[10:] == ["second"]


async def test_a_call_granted_in_the_moment_of_its_cancelling_goes_to_another(
    callers: Callers, clock: FakeClock, budget: Budget
) -> None:
    await callers.add("used", lane(), 10)
    first, *_ = await callers.add("first", lane())
    await callers.add("second", lane())

    clock.ms += 1_000
    budget.succeeded(TOKEN)
    first.cancel()
    await clock.settle()

    assert first.cancelled()
    assert callers.through[10:] == ["second"]


async def test_a_call_that_falls_to_one_who_was_just_cancelled_goes_to_another(
    callers: Callers, clock: FakeClock, budget: Budget
) -> None:
    await callers.add("used", lane(), 10)
    first, *_ = await callers.add("first", lane())
    await callers.add("second", lane())

    first.cancel()
    clock.ms += 1_000
    budget.succeeded(TOKEN)
    await clock.settle()

    assert first.cancelled()
    assert callers.through[10:] == ["second"]


async def test_nobody_knocks_while_blocked_then_one_probe_goes_and_its_success_lets_in_the_others(
    callers: Callers, clock: FakeClock, budget: Budget
) -> None:
    budget.block(TOKEN, 300)
    await callers.add("call", lane(), 3)

    await clock.advance(299_999)
    before = len(callers.through)
    await clock.advance(5_000)
    probes = len(callers.through)
    budget.succeeded(TOKEN)
    await clock.settle()
    opened = len(callers.through)
    await clock.advance(1_000)

    assert (before, probes, opened, len(callers.through)) == (0, 1, 2, 3)


async def test_a_probe_that_meets_a_429_blocks_again(
    callers: Callers, clock: FakeClock, budget: Budget
) -> None:
    budget.block(TOKEN, 300)
    await callers.add("call", lane(), 3)
    await clock.advance(300_000)

    budget.block(TOKEN, 300)
    await clock.advance(299_999)
    before = len(callers.through)
    await clock.advance(1)

    assert (before, len(callers.through)) == (1, 2)


async def test_a_probe_whose_caller_died_is_followed_by_another(callers: Callers, clock: FakeClock) -> None:
    callers.budget.block(TOKEN, 300)
    await callers.add("call", lane(), 2)
    await clock.advance(300_000)

    await clock.advance(4_999)
    before = len(callers.through)
    await clock.advance(1)

    assert (before, len(callers.through)) == (1, 2)


async def test_a_probe_cancelled_in_the_moment_it_was_granted_is_followed_by_another_at_once(
    callers: Callers, clock: FakeClock, budget: Budget
) -> None:
    budget.block(TOKEN, 300)
    first, *_ = await callers.add("first", lane())
    await callers.add("second", lane())

    clock.ms += 300_000
    budget.report(TOKEN, 300, 50)
    first.cancel()
    await clock.settle()

    assert callers.through == ["second"]


async def test_the_end_of_a_block_is_told_until_it_is_past(clock: FakeClock, budget: Budget) -> None:
    assert budget.blocked_until_ms(TOKEN) is None

    budget.block(TOKEN, 300)

    assert budget.blocked_until_ms(TOKEN) == clock.ms + 300_000
    clock.ms += 300_000
    assert budget.blocked_until_ms(TOKEN) is None


async def test_a_report_lowers_what_is_left(callers: Callers, budget: Budget) -> None:
    budget.report(TOKEN, 2, 299)

    await callers.add("call", lane(), 5)

    assert len(callers.through) == 2


async def test_an_estimate_is_what_the_wait_turns_out_to_be(
    callers: Callers, clock: FakeClock, budget: Budget
) -> None:
    await callers.add("others", lane(), 15)
    estimate = budget.estimate_ms(lane(CallClass.WATCHED))
    await callers.add("ours", lane(CallClass.WATCHED))

    await clock.advance(estimate - 1)
    before = "ours" in callers.through
    await clock.advance(1)

    assert not before
    assert "ours" in callers.through


async def test_one_who_may_go_sooner_does_not_wait_for_the_timer_of_one_later(
    callers: Callers, clock: FakeClock, budget: Budget
) -> None:
    budget.block(TOKEN, 300)
    await callers.add("blocked", lane())
    await callers.add("open", lane(credential="other"), 11)

    await clock.advance(1_000)

    assert callers.through == ["open"] * 11


async def test_who_waits_is_served_though_the_clock_is_set_back(callers: Callers, clock: FakeClock) -> None:
    await callers.add("call", lane(), 12)

    clock.set_back(3_600_000)
    await clock.advance(20_000)

    assert len(callers.through) == 12


async def test_idle_credentials_cost_no_task_and_those_who_wait_share_one(
    callers: Callers, clock: FakeClock
) -> None:
    ourselves = asyncio.all_tasks()
    for number in range(150):
        await callers.budget.acquire(lane(credential=f"token-{number}"))
    idle = asyncio.all_tasks() - ourselves

    await clock.advance(2_000)
    waiting = [
        task for number in range(5) for task in await callers.add("call", lane(credential=f"{number}"), 12)
    ]
    timers = asyncio.all_tasks() - ourselves - set(waiting)
    for task in waiting:
        task.cancel()
    await clock.settle()

    assert idle == set()
    assert len(timers) == 1
    assert asyncio.all_tasks() == ourselves
    assert clock.sleepers == [] or all(woken.done() for _, woken in clock.sleepers)


async def test_who_waits_is_served_though_the_timer_died(callers: Callers, clock: FakeClock) -> None:
    ourselves = asyncio.all_tasks()
    tasks = await callers.add("call", lane(), 11)
    for timer in asyncio.all_tasks() - ourselves - set(tasks):
        timer.cancel()
    await clock.settle()

    await callers.add("call", lane())
    await clock.advance(2_000)

    assert len(callers.through) == 12


async def test_everybody_who_waits_is_let_through_in_the_end(callers: Callers, clock: FakeClock) -> None:
    for number in range(6):
        call_class = CallClass(number % 4)
        await callers.add("call", lane(call_class, number, credential=f"token-{number % 2}"), 20)

    await clock.advance(120_000)

    assert len(callers.through) == 120


def test_a_loop_that_ends_leaves_nothing_behind_and_the_next_one_is_served(clock: FakeClock) -> None:
    budget = InMemoryBudget(LIMITS, clock)

    async def leave_while_waiting() -> None:
        await Callers(budget, clock).add("call", lane(), 12)

    asyncio.run(leave_while_waiting())
    clock.ms += 1_000

    asyncio.run(asyncio.wait_for(budget.acquire(lane()), timeout=None))
