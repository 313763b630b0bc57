"""How long the budget says a call will wait, by any clock, and how much it remembers."""

from __future__ import annotations

from cloudcache.domain.budget import Ledger, Limits, backoff_ms
from cloudcache.domain.ids import CredentialId
from tests.support.budgets import FEED, HOUR_MS, NOW, TOKEN, WATCHED, WIDE, ask, lane


# -- estimates ---------------------------------------------------------------------------------
def test_an_open_credential_is_estimated_at_no_wait_and_not_remembered_for_it() -> None:
    ledger = Ledger(Limits())

    assert ledger.estimate_ms(lane(), NOW) == 0
    assert len(ledger) == 0


def test_an_estimate_counts_customers_not_flips() -> None:
    ledger = Ledger(WIDE)
    ask(ledger, 10_300, lane(customer=1))
    ledger.grant(NOW)

    assert ledger.estimate_ms(lane(customer=2), NOW) == 858
    assert ledger.estimate_ms(lane(customer=1), NOW) == 4_286_143


def test_an_estimate_knows_whose_turn_comes_first() -> None:
    ledger = Ledger(WIDE)
    ask(ledger, 300, lane())
    ledger.grant(NOW)
    ask(ledger, 1, lane(customer=1))
    ask(ledger, 3, lane(customer=2))

    assert ledger.estimate_ms(lane(customer=1), NOW) == 1_286


def test_an_estimate_knows_the_turns_of_the_feed() -> None:
    ledger = Ledger(WIDE)
    ask(ledger, 255, lane())
    ledger.grant(NOW)
    ask(ledger, 100, lane(WATCHED))

    feed = ledger.estimate_ms(lane(FEED), NOW)
    ask(ledger, 50, lane(FEED))
    watched = ledger.estimate_ms(lane(WATCHED), NOW)

    assert feed == 4_286
    assert watched == 48_000


def test_an_estimate_knows_that_a_full_bucket_overflows_while_a_fixed_window_holds_it_back() -> None:
    ledger = Ledger(WIDE)
    ledger.report(TOKEN, 0, 100, NOW)
    ask(ledger, 350, lane())

    assert ledger.estimate_ms(lane(), NOW) == 101_000 + 21_858


def test_an_estimate_during_a_block_counts_who_goes_before_after_it_opens() -> None:
    ledger = Ledger(WIDE)
    ledger.block(TOKEN, 300, NOW)

    probe = ledger.estimate_ms(lane(), NOW)
    ask(ledger, 8, lane())
    tenth_and_last = ledger.estimate_ms(lane(), NOW)

    assert probe == 300_000
    assert tenth_and_last == 300_000 + 3_000


def test_an_estimate_counts_other_credentials_at_the_address() -> None:
    ledger = Ledger(Limits())
    for number in range(2_000):
        ledger.ask(lane(credential=f"token-{number}"), NOW)
    ledger.grant(NOW)

    assert ledger.estimate_ms(lane(), NOW) == 10_000


# -- the clock ---------------------------------------------------------------------------------
def test_a_clock_set_back_an_hour_grants_nothing_extra_and_goes_on() -> None:
    ledger = Ledger(WIDE)
    ask(ledger, 400, lane())
    ledger.grant(NOW)
    back = NOW - HOUR_MS

    assert ledger.grant(back) == []
    assert ledger.next_at(back) == back + 429
    assert len(ledger.grant(back + 429)) == 1


def test_a_clock_behind_by_a_moment_is_waited_for() -> None:
    ledger = Ledger(WIDE)
    ask(ledger, 400, lane())
    ledger.grant(NOW)

    for _ in range(100):
        assert ledger.grant(NOW - 400) == []
        assert ledger.grant(NOW) == []


def test_a_clock_set_back_little_by_little_goes_on_too() -> None:
    ledger = Ledger(WIDE)
    ask(ledger, 400, lane())
    ledger.grant(NOW)
    clock = NOW

    for _ in range(1_000):
        clock -= 4_000
        assert ledger.grant(clock) == []

    assert ledger.grant(clock + 6_000)


def test_the_end_of_a_block_is_told_in_the_time_of_a_clock_set_back() -> None:
    ledger = Ledger(WIDE)
    ledger.block(TOKEN, 300, NOW)
    back = NOW - HOUR_MS

    assert ledger.blocked_until(TOKEN, back) == back + 300_000


# -- size --------------------------------------------------------------------------------------
def test_of_a_hundred_thousand_credentials_only_the_busy_ones_are_kept() -> None:
    ledger = Ledger(Limits())
    most = 0

    for number in range(100_000):
        now = NOW + number * 5
        ledger.ask(lane(credential=f"token-{number}"), now)
        for ticket in ledger.grant(now):
            ledger.succeeded(ticket.lane.credential, now)
        most = max(most, len(ledger))

    assert most <= 1_000


def test_what_a_past_window_held_back_is_forgotten() -> None:
    ledger = Ledger(Limits())

    for number in range(5_000):
        ledger.report(CredentialId(f"token-{number}"), 500, 1, NOW + number * 10)

    assert len(ledger) <= 1_000


def test_a_blocked_credential_is_not_forgotten_before_its_probe() -> None:
    ledger = Ledger(Limits())
    ledger.block(TOKEN, 1, NOW)
    later = NOW + 24 * HOUR_MS

    for number in range(5_000):
        ledger.succeeded(CredentialId(f"token-{number}"), later)
    ask(ledger, 10, lane(), later)

    assert len(ledger.grant(later)) == 1


# -- backoff -----------------------------------------------------------------------------------
def test_backoff_doubles_up_to_its_cap_and_is_spread_from_nothing() -> None:
    assert backoff_ms(0, 500, 30_000, 0.5) == 250
    assert backoff_ms(3, 500, 30_000, 0.5) == 2_000
    assert backoff_ms(10, 500, 30_000, 0.5) == 15_000
    assert backoff_ms(100_000, 500, 30_000, 0.999_999) == 29_999
    assert backoff_ms(3, 500, 30_000, 0.0) == 0


def test_each_of_several_limits_binds_until_its_own_window_ends() -> None:
    ledger = Ledger(WIDE)
    ledger.report(TOKEN, 9, 10, NOW, "burst")
    ledger.report(TOKEN, 20, 100, NOW, "default")
    ask(ledger, 60, lane())

    at_once = len(ledger.grant(NOW))
    ledger.grant(NOW + 10_999)
    burst_over = at_once + len(ledger.grant(NOW + 11_000))
    window_over = len(ledger.grant(NOW + 101_000))

    assert (at_once, burst_over, window_over) == (9, 20, 40)
