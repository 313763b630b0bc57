"""Whatever several processes with wrong clocks do, cut off or not: together they stay within Cloudflare's limits."""

from __future__ import annotations

import asyncio

import hypothesis.strategies as st
from hypothesis import HealthCheck, given, settings

from cloudcache.domain.budget import CallClass, Lane, Limits
from cloudcache.domain.ids import CredentialId, CustomerId
from tests.properties.test_budget import most_within
from tests.support.shared_redis import Processes

LIMITS = Limits(
    calls_per_window=300,
    window_ms=30_000,
    burst=60,
    cloudflare_calls_per_window=360,
    address_calls_per_second=40,
    answer_within_ms=5_000,
)
MANY = 3
SHARES = MANY * (160 * 300 // 1_000 // MANY)
HOURS = st.integers(-10_000_000, 10_000_000)

process = st.integers(0, MANY - 1)
lanes = st.builds(
    Lane,
    st.sampled_from([CredentialId("a"), CredentialId("b")]),
    st.sampled_from(CallClass),
    st.integers(1, 3).map(CustomerId),
)
steps = st.one_of(
    st.tuples(st.just("ask"), process, lanes, st.integers(1, 90)),
    st.tuples(st.just("pass"), st.integers(1, 15_000)),
    st.tuples(st.just("cut"), process),
    st.tuples(st.just("mend"), process),
    st.tuples(st.just("set back"), process, st.integers(1, 10_000_000)),
    st.tuples(st.just("server set back"), st.integers(1, 10_000_000)),
    st.tuples(st.just("forget")),
    st.tuples(st.just("block"), process, st.integers(1, 40)),
)


async def play(url: str, skews: list[int], played: list[tuple]) -> Processes:
    async with Processes(url, LIMITS, skews) as processes:
        for what, *given_ in played:
            await step(processes, what, given_)
        return processes


async def step(processes: Processes, what: str, given_: list) -> None:
    match what:
        case "ask":
            await processes.ask(*given_)
        case "pass":
            await processes.time.advance(given_[0])
        case "cut":
            processes.connections[given_[0]].is_cut = True
        case "mend":
            processes.connections[given_[0]].mend()
        case "set back":
            processes.clocks[given_[0]].skew_ms -= given_[1]
        case "server set back":
            processes.server_skew_ms -= given_[0]
        case "forget":
            await processes.forget()
        case "block":
            processes.budgets[given_[0]].block(CredentialId("a"), given_[1])
    await processes.settle()


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(skews=st.lists(HOURS, min_size=MANY, max_size=MANY), played=st.lists(steps, min_size=5, max_size=25))
def test_together_they_stay_within_every_window(
    redis_url: str, skews: list[int], played: list[tuple]
) -> None:
    processes = asyncio.run(play(redis_url, skews, played))

    shares = SHARES if any(what == "cut" for what, *_ in played) else 0
    for credential in ("a", "b"):
        calls = [at for at, _, lane in processes.through if lane.credential == credential]
        assert most_within(calls, LIMITS.window_ms + 1) <= LIMITS.calls_per_window + shares
    assert most_within([at for at, _, _ in processes.through], 1_000) <= LIMITS.address_calls_per_second
