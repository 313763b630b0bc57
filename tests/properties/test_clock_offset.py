"""The offset between two clocks, measured by whole-second dates over slow calls: never far off, never flattering."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from cloudcache.adapters.cloudflare.dates import date_ms
from cloudcache.domain.clock_offset import LONGEST_OFFSET_MS, ClockOffset, Dated

START = 1_795_000_000_000

offsets = st.sampled_from([0, 10_000, -10_000, 600_000, -600_000]) | st.integers(-700_000, 700_000)
calls = st.lists(
    st.tuples(st.integers(0, 60_000), st.integers(0, 3_000), st.integers(0, 3_000)), min_size=1, max_size=30
)


def answer(at: int, there_ms: int, back_ms: int, ahead_ms: int) -> Dated:
    """A call that begins at this true time; our clock is ahead of it, and Cloudflare's is right."""
    date = (at + there_ms) // 1_000 * 1_000
    return Dated(at + ahead_ms, at + there_ms + back_ms + ahead_ms, date)


@settings(deadline=None)
@given(offsets, calls)
def test_read_is_never_thought_newer_than_it_was(ahead_ms: int, made: list[tuple[int, int, int]]):
    estimate, now = ClockOffset(), START

    for pause, there, back in made:
        now += pause
        one = answer(now, there, back, ahead_ms)
        estimate = estimate.with_answer(one)
        assert estimate.read_at(one) <= now + 1_500 + there
        now += there + back


@settings(deadline=None)
@given(offsets, calls, st.integers(0, 86_400_000))
def test_clock_that_is_set_while_we_run_flatters_no_read(
    ahead_ms: int, made: list[tuple[int, int, int]], step_ms: int
):
    estimate, now = ClockOffset(), START

    for number, (pause, there, back) in enumerate(made):
        now += pause
        one = answer(now, there, back, ahead_ms + (step_ms if number > len(made) // 2 else 0))
        estimate = estimate.with_answer(one)
        assert estimate.read_at(one) <= now + 1_500 + there
        now += there + back


@settings(deadline=None)
@given(offsets, st.lists(st.integers(0, 2_000), min_size=5, max_size=30))
def test_estimate_is_near_the_truth(ahead_ms: int, durations: list[int]):
    estimate = ClockOffset()
    for number, duration in enumerate(durations):
        estimate = estimate.with_answer(answer(START + number * 7_777, duration, 0, ahead_ms))

    assert abs(estimate.ms - ahead_ms) <= 3_000


@given(offsets, st.integers(-(10**12), 10**12))
def test_one_odd_date_moves_nothing(ahead_ms: int, odd_ms: int):
    estimate = ClockOffset()
    for number in range(5):
        estimate = estimate.with_answer(answer(START + number * 7_777, 50, 50, ahead_ms))
    odd = Dated(START, START + 100, max(0, START + odd_ms))

    after = estimate.with_answer(odd)

    assert abs(after.ms - ahead_ms) <= 2_500
    assert after.read_at(odd) <= START - ahead_ms + 2_500


def test_well_kept_clocks_have_no_offset():
    estimate = ClockOffset()
    for millisecond in range(0, 1_000, 77):
        one = answer(START + millisecond, 40, 40, 0)
        estimate = estimate.with_answer(one)
        assert (estimate.ms, estimate.read_at(one)) == (0, one.began)


def test_first_answer_cannot_make_a_read_newer():
    odd = Dated(START, START, START + LONGEST_OFFSET_MS // 2)

    assert ClockOffset().with_answer(odd).read_at(odd) <= START


def test_offset_measured_by_another_process_counts_until_there_is_an_answer():
    before = ClockOffset(initial_ms=600_000)

    assert before.ms == 600_000
    assert before.with_answer(answer(START, 0, 0, 0)).ms == 0


def test_dates_are_read_with_tolerance():
    assert date_ms("Wed, 18 Nov 2026 11:06:40 GMT") == START
    assert [date_ms(text) for text in (None, "", "yesterday", "Wed, 99 Nov 2026", "\x00", "1")] == [None] * 6
