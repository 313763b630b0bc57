"""What Cloudflare's answers do to the budget: calls left, and blocks after a 429."""

from __future__ import annotations

from cloudcache.domain.budget import Ledger
from tests.support.budgets import HOUR_MS, NOW, SWEEP, TOKEN, WATCHED, WIDE, ask, lane


# -- what Cloudflare says ----------------------------------------------------------------------
def test_a_report_of_few_calls_left_lowers_the_level() -> None:
    ledger = Ledger(WIDE)

    ledger.report(TOKEN, 5, 299, NOW)
    ask(ledger, 10, lane())

    assert len(ledger.grant(NOW)) == 5
    assert ledger.next_at(NOW) == NOW + 429


def test_a_report_of_many_calls_left_raises_nothing() -> None:
    ledger = Ledger(WIDE)
    ask(ledger, 301, lane())
    ledger.grant(NOW)

    ledger.report(TOKEN, 1_199, 1, NOW)
    ledger.report(TOKEN, 1_199, 299, NOW)

    assert ledger.grant(NOW) == []


def test_calls_still_under_way_are_taken_off_what_a_report_leaves() -> None:
    ledger = Ledger(WIDE)
    ask(ledger, 100, lane())
    ledger.grant(NOW)

    ledger.report(TOKEN, 109, 273, NOW)
    ask(ledger, 100, lane())

    assert len(ledger.grant(NOW)) == 10


def test_answers_lost_for_a_minute_are_no_longer_counted_as_under_way() -> None:
    ledger = Ledger(WIDE)
    ask(ledger, 100, lane())
    ledger.grant(NOW)
    later = NOW + 60_000

    ledger.report(TOKEN, 10, 298, later)
    ask(ledger, 100, lane(), later)

    assert len(ledger.grant(later)) == 10


def test_calls_of_a_fixed_window_do_not_come_back_before_its_end() -> None:
    ledger = Ledger(WIDE)
    ledger.report(TOKEN, 5, 100, NOW)
    ask(ledger, 200, lane())

    before = len(ledger.grant(NOW)) + len(ledger.grant(NOW + 100_999))
    after = len(ledger.grant(NOW + 101_000))

    assert (before, after) == (5, 195)


def test_within_a_fixed_window_a_late_answer_gives_nothing_back() -> None:
    ledger = Ledger(WIDE)
    ledger.report(TOKEN, 2, 99, NOW)

    ledger.report(TOKEN, 50, 100, NOW)
    ask(ledger, 10, lane())

    assert len(ledger.grant(NOW)) == 2


def test_reads_leave_their_reserve_of_a_fixed_window_too() -> None:
    ledger = Ledger(WIDE)
    ledger.report(TOKEN, 50, 100, NOW)
    ask(ledger, 10, lane(WATCHED))

    assert len(ledger.grant(NOW)) == 5


# -- blocks ------------------------------------------------------------------------------------
def test_after_a_429_nobody_knocks_until_it_opens_and_then_one_probe_goes() -> None:
    ledger = Ledger(WIDE)
    ledger.block(TOKEN, 300, NOW)
    ask(ledger, 10, lane())

    assert ledger.blocked_until(TOKEN, NOW) == NOW + 300_000
    assert ledger.grant(NOW + 299_999) == []
    assert len(ledger.grant(NOW + 300_000)) == 1
    assert ledger.grant(NOW + 301_000) == []
    assert ledger.blocked_until(TOKEN, NOW + 301_000) is None


def test_a_probe_that_is_answered_opens_for_one_call_and_then_as_it_refills() -> None:
    ledger = Ledger(WIDE)
    ledger.block(TOKEN, 300, NOW)
    ask(ledger, 10, lane())
    opens = NOW + 300_000
    ledger.grant(opens)

    ledger.succeeded(TOKEN, opens)

    assert len(ledger.grant(opens)) == 1
    assert ledger.grant(opens + 428) == []
    assert len(ledger.grant(opens + 429)) == 1


def test_a_probe_that_meets_a_429_closes_again() -> None:
    ledger = Ledger(WIDE)
    ledger.block(TOKEN, 300, NOW)
    ask(ledger, 10, lane())
    opens = NOW + 300_000
    ledger.grant(opens)

    ledger.block(TOKEN, 300, opens)

    assert ledger.grant(opens + 299_999) == []
    assert len(ledger.grant(opens + 300_000)) == 1


def test_a_sweep_may_be_the_probe() -> None:
    ledger = Ledger(WIDE)
    ledger.block(TOKEN, 1, NOW)
    ask(ledger, 1, lane(SWEEP))

    assert len(ledger.grant(NOW + 1_000)) == 1


def test_an_answer_to_a_call_made_before_the_429_opens_nothing() -> None:
    ledger = Ledger(WIDE)
    ask(ledger, 2, lane())
    ledger.grant(NOW)
    ledger.block(TOKEN, 300, NOW)

    ledger.succeeded(TOKEN, NOW)
    ask(ledger, 1, lane())

    assert ledger.grant(NOW + 299_999) == []


def test_a_second_429_does_not_bring_the_opening_forward() -> None:
    ledger = Ledger(WIDE)
    ledger.block(TOKEN, 300, NOW)

    ledger.block(TOKEN, 10, NOW)

    assert ledger.blocked_until(TOKEN, NOW) == NOW + 300_000


def test_an_absurd_retry_after_closes_for_an_hour_at_most() -> None:
    ledger = Ledger(WIDE)

    ledger.block(TOKEN, 10**9, NOW)

    assert ledger.blocked_until(TOKEN, NOW) == NOW + HOUR_MS


def test_unanswered_probe_is_followed_by_another_after_five_seconds() -> None:
    ledger = Ledger(WIDE)
    ledger.block(TOKEN, 300, NOW)
    ask(ledger, 10, lane())
    opens = NOW + 300_000
    ledger.grant(opens)

    assert ledger.next_at(opens) == opens + 5_000
    assert ledger.grant(opens + 4_999) == []
    assert len(ledger.grant(opens + 5_000)) == 1


def test_a_block_of_one_credential_does_not_touch_another() -> None:
    ledger = Ledger(WIDE)
    ledger.block(TOKEN, 300, NOW)

    ask(ledger, 1, lane(credential="other"))

    assert len(ledger.grant(NOW)) == 1
