"""When a zone is looked at next, and its place in the queue."""

from __future__ import annotations

import pytest

from cloudcache.domain.budget import CallClass
from cloudcache.domain.freshness import (
    DAY_MS,
    NEVER,
    RETRY_AT_LEAST_MS,
    RETRY_CAP_MS,
    Interest,
    Pace,
    Place,
    Urgency,
    next_look,
    retry_at,
    weight,
)

NOW = 1_795_000_000_000
PACE = Pace(sweep_ms=9 * DAY_MS)


def test_a_zone_never_read_is_due_before_everybody():
    due, urgency = next_look(Interest(), PACE, NOW)

    assert (due, urgency) == (NEVER + PACE.sweep_ms, Urgency.SWEEP)


def test_a_zone_of_nine_times_the_weight_is_read_three_times_as_often():
    quiet = Interest(full_read_at=NOW)
    touched = Interest(full_read_at=NOW, changed_at=NOW - DAY_MS)
    viewed = Interest(full_read_at=NOW, viewed_at=NOW - DAY_MS)

    waits = [next_look(one, PACE, NOW)[0] - NOW for one in (quiet, viewed, touched)]

    assert [weight(one, NOW) for one in (quiet, viewed, touched)] == [1, 4, 9]
    assert waits == [9 * DAY_MS, 9 * DAY_MS // 2, 3 * DAY_MS]


def test_what_happened_more_than_a_week_ago_counts_no_more():
    long_ago = Interest(full_read_at=NOW, changed_at=NOW - 8 * DAY_MS, viewed_at=NOW - 8 * DAY_MS)

    assert weight(long_ago, NOW) == 1


@pytest.mark.parametrize(("followed", "every"), [(False, PACE.watched_ms), (True, PACE.followed_ms)])
def test_an_open_page_is_read_often_unless_a_feed_tells(followed: bool, every: int):
    watched = Interest(full_read_at=NOW, watched_until=NOW + 1, followed=followed)

    assert next_look(watched, PACE, NOW) == (NOW + every, Urgency.WATCHED)


def test_a_page_that_was_closed_is_swept_again():
    assert next_look(Interest(full_read_at=NOW, watched_until=NOW), PACE, NOW)[1] is Urgency.SWEEP


def test_what_is_known_to_have_changed_is_read_in_the_class_of_open_pages():
    assert Urgency.NAMED.call_class is Urgency.WATCHED.call_class is CallClass.WATCHED
    assert Urgency.SWEEP.call_class is CallClass.SWEEP


@pytest.mark.parametrize("chance", [0.0, 0.5, 0.999])
def test_retries_come_later_and_later_but_within_the_hour(chance: float):
    waits = [retry_at(failures, NOW, chance) - NOW for failures in range(20)]

    assert waits == sorted(waits)
    assert all(RETRY_AT_LEAST_MS <= wait <= RETRY_AT_LEAST_MS + RETRY_CAP_MS for wait in waits)


def test_added_again_it_keeps_the_earlier_time_and_the_higher_urgency():
    place = Place(100, Urgency.NAMED).added(200, Urgency.SWEEP).added(50, Urgency.SWEEP)

    assert (place.due, place.urgency, place.generation) == (50, Urgency.NAMED, 2)


def test_while_somebody_works_on_it_nobody_else_does_until_the_lease_ends():
    place = Place(100, Urgency.SWEEP).leased(500)

    assert [place.is_ready(now) for now in (99, 200, 499, 500)] == [False, False, False, True]


def test_finished_it_waits_for_its_next_turn():
    place = Place(100, Urgency.NAMED, failures=3).leased(500).finished(0, 900, Urgency.SWEEP)

    assert place == Place(900, Urgency.SWEEP)


def test_what_was_added_during_the_work_stays_due():
    place = Place(100, Urgency.SWEEP).leased(500)
    place = place.added(300, Urgency.NAMED).finished(0, 900, Urgency.SWEEP)

    assert (place.due, place.urgency, place.leased_until) == (100, Urgency.NAMED, 0)


def test_failed_it_comes_later_just_as_urgent():
    place = Place(100, Urgency.WATCHED).leased(500).failed(0, 700)

    assert (place.due, place.urgency, place.failures) == (700, Urgency.WATCHED, 1)
