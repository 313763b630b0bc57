"""The budget by example: who may call now, who waits, and for how long. The burst is 300 calls here."""

from __future__ import annotations

from collections import Counter

import pytest

from cloudcache.domain.budget import CallClass, Lane, Ledger, Limits, Ticket, backoff_ms
from cloudcache.domain.ids import CredentialId, CustomerId

NOW = 1_795_000_000_000
TOKEN = CredentialId("token")
HOUR_MS = 3_600_000
WRITE, WATCHED, FEED, SWEEP = CallClass
WIDE = Limits(burst=300, address_calls_per_second=100_000)


def lane(call_class: CallClass = WRITE, customer: int = 1, credential: str = TOKEN) -> Lane:
    return Lane(CredentialId(credential), call_class, CustomerId(customer))


def ask(ledger: Ledger, many: int, who: Lane, now: int = NOW) -> list[Ticket]:
    return [ledger.ask(who, now) for _ in range(many)]


def granted(ledger: Ledger, now: int) -> Counter[Lane]:
    return Counter(ticket.lane for ticket in ledger.grant(now))


# -- the bucket --------------------------------------------------------------------------------
def test_a_rested_credential_may_make_its_burst_at_once_and_then_one_call_every_429_ms() -> None:
    ledger = Ledger(WIDE)
    ask(ledger, 302, lane())

    at_once = ledger.grant(NOW)

    assert len(at_once) == 300
    assert ledger.next_at(NOW) == NOW + 429
    assert ledger.grant(NOW + 428) == []
    assert len(ledger.grant(NOW + 429)) == 1


def test_a_window_never_holds_more_than_a_thousand_calls_however_many_are_wanted() -> None:
    ledger = Ledger(Limits())
    ask(ledger, 2_000, lane())

    calls = sum(len(ledger.grant(NOW + ms)) for ms in range(0, 300_001, 100))

    assert calls == 1_000


@pytest.mark.parametrize(("call_class", "calls"), [(WRITE, 300), (WATCHED, 255), (FEED, 255), (SWEEP, 210)])
def test_each_class_leaves_its_reserve_in_the_bucket(call_class: CallClass, calls: int) -> None:
    ledger = Ledger(WIDE)
    ask(ledger, 300, lane(call_class))

    assert len(ledger.grant(NOW)) == calls


def test_a_click_goes_at_once_while_a_sweep_waits() -> None:
    ledger = Ledger(WIDE)
    ask(ledger, 1_000, lane(SWEEP))
    ledger.grant(NOW)

    ask(ledger, 90, lane(WRITE, customer=2))

    assert granted(ledger, NOW) == {lane(WRITE, customer=2): 90}


def test_limits_that_would_never_let_a_class_call_are_refused() -> None:
    with pytest.raises(ValueError, match="never"):
        Limits(burst=1)
    with pytest.raises(ValueError, match="never"):
        Limits(burst=1_000)


# -- the address -------------------------------------------------------------------------------
@pytest.mark.parametrize(("call_class", "calls"), [(WRITE, 200), (WATCHED, 190), (FEED, 190), (SWEEP, 190)])
def test_the_address_lets_only_so_many_calls_of_a_class_into_a_second(
    call_class: CallClass, calls: int
) -> None:
    ledger = Ledger(Limits())
    for number in range(400):
        ledger.ask(lane(call_class, credential=f"token-{number}"), NOW)

    assert len(ledger.grant(NOW)) == calls
    assert ledger.grant(NOW + 999) == []
    assert len(ledger.grant(NOW + 1_000)) == calls


def test_a_click_passes_an_address_that_sweeps_have_filled() -> None:
    ledger = Ledger(Limits())
    for number in range(400):
        ledger.ask(lane(SWEEP, credential=f"token-{number}"), NOW)
    ledger.grant(NOW)

    ledger.ask(lane(), NOW)

    assert granted(ledger, NOW) == {lane(): 1}


def test_credentials_take_turns_at_the_address() -> None:
    ledger = Ledger(Limits())
    ask(ledger, 300, lane(credential="many"))
    ask(ledger, 1, lane(credential="one"))

    assert granted(ledger, NOW)[lane(credential="one")] == 1


def test_the_feed_has_every_tenth_turn_among_watched_reads_at_the_address() -> None:
    ledger = Ledger(Limits())
    for number in range(400):
        ledger.ask(lane(WATCHED, credential=f"watched-{number}"), NOW)
        ledger.ask(lane(FEED, credential=f"feed-{number}"), NOW)

    calls = Counter(ticket.lane.call_class for ticket in ledger.grant(NOW))

    assert calls == {WATCHED: 171, FEED: 19}


# -- taking turns ------------------------------------------------------------------------------
def test_one_merchants_ten_thousand_flips_delay_anothers_single_one_by_one_call() -> None:
    ledger = Ledger(WIDE)
    ask(ledger, 10_000, lane(customer=1))
    ledger.grant(NOW)
    ask(ledger, 1, lane(customer=2))

    first = granted(ledger, NOW + 429)
    second = granted(ledger, NOW + 858)

    assert first + second == {lane(customer=1): 1, lane(customer=2): 1}


def test_more_urgent_classes_go_first() -> None:
    ledger = Ledger(WIDE)
    for call_class in (SWEEP, FEED, WATCHED, WRITE):
        ask(ledger, 2, lane(call_class))

    order = [ticket.lane.call_class for ticket in ledger.grant(NOW)]

    assert order == [WRITE, WRITE, WATCHED, WATCHED, FEED, FEED, SWEEP, SWEEP]


def test_many_open_pages_leave_the_feed_every_tenth_turn() -> None:
    ledger = Ledger(WIDE)
    ask(ledger, 100, lane(WATCHED))
    ask(ledger, 2, lane(FEED))

    order = [ticket.lane.call_class for ticket in ledger.grant(NOW)]

    assert [place for place, call_class in enumerate(order) if call_class is FEED] == [9, 19]


def test_who_stops_waiting_leaves_the_place_to_the_next() -> None:
    ledger = Ledger(WIDE)
    ask(ledger, 300, lane())
    ledger.grant(NOW)
    first, second = ask(ledger, 2, lane())

    ledger.withdraw(first, NOW)

    assert ledger.grant(NOW + 429) == [second]
    assert ledger.next_at(NOW + 429) is None


def test_a_granted_call_that_is_not_made_can_be_made_by_another_once() -> None:
    ledger = Ledger(WIDE)
    unmade, *_ = ask(ledger, 302, lane())
    ledger.grant(NOW)

    ledger.withdraw(unmade, NOW)
    ledger.withdraw(unmade, NOW)

    assert len(ledger.grant(NOW)) == 1


def test_a_granted_call_that_is_not_made_gives_the_address_its_place_back() -> None:
    ledger = Ledger(Limits())
    unmade, *_ = ask(ledger, 200, lane())
    ask(ledger, 10, lane(credential="other"))
    ledger.grant(NOW)

    ledger.withdraw(unmade, NOW)

    assert len(ledger.grant(NOW)) == 1


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


# -- sweeps have their turn ----------------------------------------------------------------------
def test_sweep_has_every_twentieth_turn_among_reads() -> None:
    ledger = Ledger(Limits())
    ask(ledger, 400, lane(CallClass.WATCHED))
    ask(ledger, 40, lane(CallClass.SWEEP, customer=2))
    ledger.grant(NOW)

    served = [one.lane.call_class for at in range(0, 60_000, 100) for one in ledger.grant(NOW + at)]

    assert len(served) >= 170
    assert abs(served.count(CallClass.SWEEP) - len(served) // 20) <= 1


def test_write_goes_before_a_sweep_whose_turn_it_is() -> None:
    ledger = Ledger(Limits())
    ask(ledger, 200, lane(CallClass.WATCHED))
    ask(ledger, 5, lane(CallClass.SWEEP, customer=2))
    ledger.grant(NOW)
    ask(ledger, 1, lane(CallClass.WRITE, customer=3))

    assert [one.lane.call_class for one in ledger.grant(NOW)] == [CallClass.WRITE]


def test_reads_do_not_wait_for_a_sweep_that_a_window_leaves_nothing_to() -> None:
    ledger = Ledger(WIDE)
    ledger.report(TOKEN, 60, 200, NOW)
    ask(ledger, 50, lane(CallClass.WATCHED))
    ask(ledger, 5, lane(CallClass.SWEEP, customer=2))

    served = [one.lane.call_class for one in ledger.grant(NOW)]

    assert served == [CallClass.WATCHED] * 15
