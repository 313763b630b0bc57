"""What the credentials can buy: the pace that fits, who is short of what, and what would lift it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudcache.domain.budget import Limits
from cloudcache.domain.planner import MOST, SWEEP_AT_LEAST_S, Binding, Pool, plan

LIMITS = Limits()
DAY_S = 86_400


def one_token(**more: float) -> Pool:
    usual = {"tokens": 1, "zones": 100_000, "accounts": 1, "busy_accounts": 1, "followed": 100_000}
    return Pool("platform", **(usual | more))


def token_each(**more: float) -> Pool:
    usual = {"tokens": 100_000, "zones": 100_000, "accounts": 100_000, "followed": 100_000}
    return Pool("own", **(usual | more))


def test_one_token_for_a_hundred_thousand_zones_is_bound_by_the_token():
    (found,) = plan([one_token(changes_per_day=100_000)], LIMITS, batch=True).pools

    assert found.binding is Binding.TOKEN
    assert found.supply == pytest.approx(3.0)
    assert 9 * DAY_S < found.sweep_s < 13 * DAY_S
    assert found.pace.feed_busy_ms == 15_000


def test_a_token_each_is_bound_by_the_address_and_a_sweep_takes_hours():
    fleet = plan([one_token()], LIMITS, batch=True)

    lifted = fleet.with_tokens_of_their_own().pools[0]

    assert lifted.binding is Binding.ADDRESS
    assert lifted.sweep_s < 4 * 3_600 < fleet.pools[0].sweep_s
    twice = fleet.with_tokens_of_their_own().with_another_address().pools[0]
    assert twice.sweep_s == pytest.approx(lifted.sweep_s / 2, rel=0.05)


def test_without_the_batch_call_a_sweep_takes_three_times_as_long():
    with_it, without = (plan([one_token()], LIMITS, batch).pools[0].sweep_s for batch in (True, False))

    assert without == pytest.approx(3 * with_it, rel=0.01)


def test_two_thousand_open_pages_are_looked_at_within_half_a_minute_and_everybody_in_a_quarter_hour():
    (found,) = plan([token_each(busy_accounts=2_000, watched=2_000)], LIMITS, batch=True).pools

    assert found.pace.feed_busy_ms <= 30_000
    assert found.pace.feed_quiet_ms == 870_000


def test_audit_logs_of_open_pages_are_read_as_often_as_asked_while_the_supply_lasts():
    few = token_each(busy_accounts=10, watched=10)
    (slow,) = plan([few], LIMITS, batch=True, audit_log_s=40).pools
    (quick,) = plan([few], LIMITS, batch=True, audit_log_s=1).pools
    (crowded,) = plan([token_each(busy_accounts=50_000)], LIMITS, batch=True, audit_log_s=1).pools

    assert (slow.pace.feed_busy_ms, quick.pace.feed_busy_ms) == (40_000, 1_000)
    assert crowded.pace.feed_busy_ms > 100_000


def test_a_small_shop_lacks_nothing_and_is_left_in_peace():
    (found,) = plan([Pool("own", tokens=5, zones=5, accounts=5, followed=5)], LIMITS, batch=True).pools

    assert found.binding is Binding.NOTHING
    assert found.sweep_s == SWEEP_AT_LEAST_S


def test_zones_on_the_platforms_token_are_not_starved_by_the_others():
    found = plan([one_token(), token_each()], LIMITS, batch=True)

    assert found.of("platform").supply == pytest.approx(3.0)
    assert found.of("own").supply == pytest.approx(187.0)


def test_without_a_feed_open_pages_are_polled():
    (found,) = plan([token_each(accounts=0, followed=0, watched=100, polled=100)], LIMITS, batch=True).pools

    assert found.pace.watched_ms == 60_000
    assert {age.zones for age in found.ages} == {"quiet", "open page, polled"}


def test_a_backlog_takes_what_the_sweeps_had():
    calm, late = (
        plan([one_token(changes_per_day=100_000, backlog=n)], LIMITS, True).pools[0] for n in (0, 20_000)
    )

    assert late.rates["sweep"] == 0 < calm.rates["sweep"]
    assert late.drain_s(20_000) == pytest.approx(20_000 / (3 * 0.97 - late.duties))


def test_in_an_overload_the_feeds_are_still_read_and_no_interval_is_a_year():
    (found,) = plan([one_token(changes_per_day=10_000_000, watched=5_000)], LIMITS, batch=True).pools

    assert found.pace.feed_busy_ms == 15_000
    assert found.pace.followed_ms == MOST.followed_ms
    assert found.pace.sweep_ms == MOST.sweep_ms


def test_nobody_is_planned_for_where_nobody_is():
    assert plan([Pool("own", tokens=0, zones=0)], LIMITS, batch=True).pools == ()


counts = st.integers(0, 1_000_000)


@given(
    tokens=st.integers(0, 200_000),
    zones=st.integers(1, 200_000),
    accounts=counts,
    busy=counts,
    lively=counts,
    watched=counts,
    polled=counts,
    changes=st.floats(0, 1e9),
    backlog=counts,
    batch=st.booleans(),
)
def test_whatever_there_is_the_plan_spends_no_more_than_the_supply(
    tokens, zones, accounts, busy, lively, watched, polled, changes, backlog, batch
):
    pool = Pool(
        "own",
        tokens,
        zones,
        accounts,
        min(busy, accounts),
        min(lively, accounts),
        watched,
        min(polled, watched),
        zones,
        changes_per_day=changes,
        backlog=backlog,
    )

    (found,) = plan([pool], LIMITS, batch).pools

    assert sum(found.rates.values()) <= found.supply + 1e-6
    assert all(rate >= 0 for rate in found.rates.values())
    for name in ("sweep_ms", "watched_ms", "followed_ms", "feed_busy_ms", "feed_lively_ms", "feed_quiet_ms"):
        assert 0 < getattr(found.pace, name) <= getattr(MOST, name)
    assert found.pace.feed_busy_ms >= 15_000 and found.pace.feed_quiet_ms >= 870_000
    assert found.drain_s(backlog) >= 0
