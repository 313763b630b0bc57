"""Waiters that are cancelled, superseded or fail, at any await: after a block the next live one goes within a second.

Every waiter takes a reservation, does something that may fail or be overtaken, and calls. Time is virtual.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Coroutine, Generator
from dataclasses import dataclass
from enum import Enum
from functools import partial

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings

from cloudcache.adapters.budget import InMemoryBudget
from cloudcache.adapters.reservation import mark_sent
from cloudcache.domain.budget import CallClass, Lane, Limits
from cloudcache.domain.ids import CredentialId, CustomerId
from cloudcache.ports import Budget
from tests.support.fake_clock import FakeClock
from tests.support.shared_redis import Processes

TOKEN = CredentialId("token")
LIMITS = Limits(address_calls_per_second=100)
BLOCK_S = 5


class Fate(Enum):
    """What becomes of a waiter."""

    SUPERSEDED = "leaves its reservation without a call"
    FAILS = "fails between the grant and the call"
    UNANSWERED = "calls, and the answer is lost"
    CANCELLED = "is cancelled while it waits"
    CANCELLED_LATE = "is cancelled in the moment in which its wait is over"


@dataclass(frozen=True)
class Waiter:
    fate: Fate
    at: int
    """The await at which it is cancelled, counted from one."""
    call_class: CallClass = CallClass.WRITE
    process: int = 0


class CancelledAt:
    """Runs a coroutine and cancels its task at the given await."""

    def __init__(self, work: Coroutine[object, object, None], at: int, *, late: bool) -> None:
        self._work, self._at, self._late = work, at, late

    def __await__(self) -> Generator[object, object, None]:
        steps = self._work.__await__()
        resume: Callable[[], object] = partial(next, steps)
        for count in itertools.count(1):
            try:
                waits_for = resume()
            except StopIteration:
                return
            if count == self._at:
                self._cancel(waits_for)
            try:
                yield waits_for
                resume = partial(next, steps)
            except BaseException as error:
                resume = partial(steps.throw, error)

    def _cancel(self, waits_for: object) -> None:
        task = asyncio.current_task()
        assert task is not None
        if self._late and isinstance(waits_for, asyncio.Future):
            waits_for.add_done_callback(lambda _: task.cancel())
        else:
            asyncio.get_running_loop().call_soon(task.cancel)


async def wait_and_call(budget: Budget, waiter: Waiter, step: Callable[[], Awaitable[None]]) -> None:
    """What a service does with its reservation."""
    with await budget.acquire(Lane(TOKEN, waiter.call_class, CustomerId(waiter.process + 1))):
        await step()
        if waiter.fate is Fate.SUPERSEDED:
            return
        if waiter.fate is Fate.FAILS:
            raise ConnectionError("the database is away")
        mark_sent()
        await step()


def start(budget: Budget, waiter: Waiter, step: Callable[[], Awaitable[None]]) -> asyncio.Task[None]:
    async def run() -> None:
        work = wait_and_call(budget, waiter, step)
        if waiter.fate in (Fate.CANCELLED, Fate.CANCELLED_LATE):
            await CancelledAt(work, waiter.at, late=waiter.fate is Fate.CANCELLED_LATE)
        else:
            await work

    return asyncio.create_task(run())


async def live_call_goes_at(
    budgets: list[Budget], time: FakeClock, waiters: list[Waiter], live_in: int, block: Callable[[], None]
) -> int | None:
    """Milliseconds after the end of the block at which the live waiter, the last of all, calls."""
    gone: list[int] = []

    async def live() -> None:
        with await budgets[live_in].acquire(Lane(TOKEN, CallClass.WRITE, CustomerId(99))):
            mark_sent()
            gone.append(time.ms)

    async def step() -> None:
        await asyncio.sleep(0)

    block()
    await time.settle()
    opens = time.ms + BLOCK_S * 1_000
    tasks = [start(budgets[one.process], one, step) for one in waiters]
    await time.settle()
    tasks.append(asyncio.create_task(live()))
    await time.settle()
    await time.advance(BLOCK_S * 1_000 - 1)
    assert not gone, "no call goes while the token is blocked"
    await time.advance(1_001)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await time.settle()
    return gone[0] - opens if gone else None


fates = st.sampled_from(Fate)
one_process = st.lists(st.builds(Waiter, fates, st.integers(1, 6), st.sampled_from(CallClass)), max_size=12)
two_processes = st.lists(
    st.builds(Waiter, fates, st.integers(1, 12), st.sampled_from(CallClass), st.integers(0, 1)), max_size=8
)


@settings(max_examples=150, deadline=None)
@given(waiters=one_process)
def test_block_ends_for_the_live_waiter_whatever_became_of_others(waiters: list[Waiter]) -> None:
    async def play() -> int | None:
        time = FakeClock(sleeping="waits")
        budget = InMemoryBudget(LIMITS, time)
        return await live_call_goes_at([budget], time, waiters, 0, lambda: budget.block(TOKEN, BLOCK_S))

    waited = asyncio.run(play())

    assert waited is not None and 0 <= waited <= 1_000


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(waiters=two_processes, live_in=st.integers(0, 1), told_to=st.integers(0, 1))
def test_block_ends_for_the_live_waiter_of_any_process(
    redis_url: str, waiters: list[Waiter], live_in: int, told_to: int
) -> None:
    async def play() -> int | None:
        async with Processes(redis_url, LIMITS, (3_600_000, -3_600_000)) as two:
            return await live_call_goes_at(
                list(two.budgets),
                two.time,
                waiters,
                live_in,
                lambda: two.budgets[told_to].block(TOKEN, BLOCK_S),
            )

    waited = asyncio.run(play())

    assert waited is not None and 0 <= waited <= 1_000


@pytest.mark.parametrize("fate", Fate)
@pytest.mark.parametrize("at", range(1, 9))
def test_unused_reservations_return_every_call(fate: Fate, at: int) -> None:
    async def play() -> int:
        time = FakeClock(sleeping="waits")
        budget = InMemoryBudget(LIMITS, time)
        waiters = [start(budget, Waiter(fate, at), time.settle) for _ in range(50)]
        await asyncio.gather(*waiters, return_exceptions=True)
        made = 50 * (fate is Fate.UNANSWERED)
        full = [
            asyncio.create_task(budget.acquire(Lane(TOKEN, CallClass.WRITE, CustomerId(1))))
            for _ in range(150)
        ]
        await time.settle()
        granted = sum(task.done() for task in full)
        for task in full:
            task.cancel()
        await asyncio.gather(*full, return_exceptions=True)
        return granted + made

    if fate in (Fate.CANCELLED, Fate.CANCELLED_LATE):
        assert asyncio.run(play()) in (LIMITS.burst, LIMITS.burst - 50), "a call that left is not returned"
    else:
        assert asyncio.run(play()) == LIMITS.burst
