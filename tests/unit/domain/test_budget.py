"""The budget by example: who may call now, and who waits. The burst is 300 calls here."""

from __future__ import annotations

from collections import Counter

import pytest

from cloudcache.domain.budget import CallClass, Ledger, Limits
from tests.support.budgets import FEED, NOW, SWEEP, TOKEN, WATCHED, WIDE, WRITE, ask, granted, lane


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
