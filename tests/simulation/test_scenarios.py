"""What the engine promises, in virtual time: the scenarios with fewer zones and the same ratios.

A thousand zones with a hundred changes a day each ask as much of one token as 100,000 with one; ten thousand at an
address that lets 20 calls a second through crowd it as 100,000 do at 200.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from cloudcache.simulation.engine import START_MS
from cloudcache.simulation.options import SCENARIOS, Options, scenario
from cloudcache.simulation.run import Run

HOUR_MS = 3_600_000


def small(name: str, **changes: object) -> Options:
    """A scenario whose zones are few and busy."""
    few = {
        "customers": 1_000,
        "changes_per_zone_day": 100.0,
        "writes_per_zone_day": 5.0,
        "watched": 10,
        "hours": 1.5,
    }
    return replace(scenario(name), **(few | changes))


def crowded(**changes: object) -> Options:
    """A token each, at an address a tenth as wide."""
    few = {"customers": 10_000, "watched": 200, "hours": 1.0, "address_calls_per_second": 20}
    return replace(scenario("account-per-customer"), **(few | changes))


def played(options: Options) -> dict:
    return Run(options).play().figures


def test_one_account_sees_outside_changes_within_seconds_and_never_breaks_the_budget():
    figures = played(small("one-account"))

    assert figures["breaches"] == figures["untruthful"] == 0
    assert figures["most_calls_in_300_s"] <= 1_000
    assert figures["changes_seen"] > 5_000
    assert figures["detection_delay_s"]["p95"] <= 5 + 20
    assert figures["write_wait_s"]["p99"] < 1


def test_a_log_that_is_a_minute_late_delays_by_that_minute_only():
    figures = played(small("one-account", feed_delay_s=60.0))

    assert figures["detection_delay_s"]["p95"] <= 60 * 1.2 + 20
    assert figures["untruthful"] == 0


def test_a_token_each_keeps_to_the_address_and_to_the_cadence():
    figures = played(crowded())

    assert figures["breaches"] == figures["untruthful"] == 0
    assert figures["most_calls_in_a_second"] <= 20
    assert figures["age_s"]["watched"]["p95"] <= 30
    assert figures["feeds_looked_at_within_s"] <= 910, "900 at full width; a narrow address is coarser"


@pytest.mark.parametrize(
    "options",
    [
        small("burst", customers=5_000, changes_per_zone_day=20.0, burst=(0.5, 10.0, 4_000), hours=5.0),
        small("feed-dead", customers=20_000, changes_per_zone_day=5.0, feed_dead_h=(0.5, 1.5), hours=4.0),
    ],
    ids=["burst", "feed-dead"],
)
def test_a_backlog_drains_in_the_time_that_the_planner_says(options: Options):
    figures = played(options)

    assert figures["breaches"] == figures["untruthful"] == 0
    assert figures["backlog"] > 2_000
    assert figures["drained_s"] == pytest.approx(figures["predicted_drain_s"], rel=0.2)
    assert figures["write_wait_s"]["p99"] < 1


def test_a_refused_token_costs_no_calls_any_more():
    run = Run(small("token-revoked", revoked_at_h=1.0, hours=2.0))
    run.engine.run(START_MS + HOUR_MS + 60_000)
    before = dict(run.engine.calls)

    figures = run.play().figures

    assert figures["parked"] == 1_000
    assert {name: count for name, count in figures["calls"].items() if count != before[name]} == {}


def test_five_thousand_pages_at_once_break_nothing_and_hold_up_no_click():
    figures = played(small("flash-sale", rush=(0.5, 30.0, 500), hours=2.0))

    assert figures["breaches"] == figures["untruthful"] == 0
    assert figures["write_wait_s"]["p99"] < 1


def test_without_the_batch_call_it_goes_on_with_single_reads():
    figures = played(small("batch-withdrawn", batch_withdrawn_at_h=1.0, hours=3.0))

    assert figures["batch_read"] is False
    assert figures["breaches"] == figures["untruthful"] == 0
    assert figures["detection_delay_s"]["p95"] <= 25


def test_calls_that_fail_are_made_good():
    figures = played(small("failing-calls"))

    assert figures["breaches"] == figures["untruthful"] == 0
    assert figures["detection_delay_s"]["p50"] <= 25
    assert figures["undetected"] < 0.01 * figures["changes_seen"]


def test_a_clock_that_jumps_loses_nothing_and_makes_no_storm():
    jumps = ((0.5, 1.0), (1.0, 0.0))
    figures = played(small("clock-jump", clock_jumps_h=jumps, hours=2.0, changes_per_zone_day=30.0))

    assert figures["breaches"] == figures["untruthful"] == 0
    assert figures["most_calls_in_300_s"] <= 1_000
    assert figures["undetected"] < 50, "those of the last minute"


def test_the_same_seed_gives_the_same_run_and_another_seed_another():
    options = small("failing-calls", hours=0.5)
    repeatable = {"wall_s": None, "peak_mb": None}

    one, again = played(options), played(options)
    other = played(replace(options, seed=2))

    assert one | repeatable == again | repeatable
    assert one["calls"] != other["calls"]


def test_every_scenario_is_described_and_can_be_begun():
    for name, (text, _) in SCENARIOS.items():
        assert text.endswith(".")
        Run(replace(scenario(name), customers=50, hours=0.01, watched=2)).play()


def test_an_unknown_scenario_is_an_error_that_names_the_others():
    with pytest.raises(ValueError, match="one-account"):
        scenario("nope")
