"""Following a log that is late, repeats itself, loses its cursors and forgets where it was: no line is lost.

A model of the log gives lines out late, by up to the overlap, in pages of three; the reader dies between pages, its
cursors expire, its clock jumps. At the end everything that was done has been read, and not in a storm of calls.
"""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from cloudcache.domain.clock_offset import ClockOffset, Dated
from cloudcache.domain.feed import WHOLE, Entry, FeedPage, Position, Window
from cloudcache.domain.ids import ZoneId

START = 1_795_000_000_000
PER_PAGE = 3
ZONE = ZoneId("a" * 32)
STEP_MS = 15_000

steps = st.lists(
    st.tuples(
        st.integers(0, 4),  # lines done before this look
        st.integers(0, 280_000),  # how late each is
        st.sampled_from(["well"] * 6 + ["dies", "expires", "fails", "repeats"]),
    ),
    min_size=1,
    max_size=25,
)


class Log:
    """What was done, and from when on it can be read."""

    def __init__(self) -> None:
        self.lines: list[tuple[Entry, int]] = []
        self.calls = 0

    def done(self, at: int, late: int) -> None:
        self.lines.append((Entry(f"e{len(self.lines)}", at, ZONE, WHOLE), at + late))

    def page(self, window: Window, now: int, trouble: str) -> FeedPage:
        self.calls += 1
        seen = [
            one for one, visible in self.lines if window.since <= one.at < window.before and visible <= now
        ]
        first = int(window.cursor or 0)
        cursor = str(first + PER_PAGE) if len(seen) > first + PER_PAGE else ""
        page = FeedPage(tuple(seen[first : first + PER_PAGE]), cursor)
        if trouble == "repeats":  # the page again, in another order, and a line nobody can read
            return replace(page, entries=page.entries[::-1] * 2, garbled=1)
        return page


def look(log: Log, position: Position, known: set[str], now: int, trouble: str) -> Position:
    """One look, as the service makes it: lines are stored before the position moves."""
    window = position.next_window(now)
    for number in range(100):
        if trouble == "fails":
            return position
        if trouble == "expires" and window.cursor and number == 1:
            window, trouble = replace(window, cursor=""), "well"
        page = log.page(window, now, trouble)
        new = [one for one in {one.id: one for one in page.entries}.values() if one.id not in known]
        known |= {one.id for one in new}
        position = position.read(window, page, new, now)
        if position.window is None or trouble == "dies":
            return position
        window = position.window
    raise AssertionError("a look without end")


@settings(deadline=None)
@given(steps)
def test_whatever_happens_every_line_is_read_once(story: list[tuple[int, int, str]]):
    log, known, now = Log(), set[str](), START
    position = look(log, Position(), known, now, "well")

    for lines, late, trouble in story:
        for _ in range(lines):
            log.done(now + 1, late)
        now += STEP_MS
        position = look(log, position, known, now, trouble)
    calls, pages = log.calls, len(log.lines) // PER_PAGE + 2
    for _ in range(3):
        now += 300_000
        position = look(log, position, known, now, "well")

    assert known == {one.id for one, _ in log.lines}
    assert calls <= (len(story) + 1) * 2 * pages


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(-7_200_000, 7_200_000), st.integers(0, 3)), max_size=12))
def test_a_clock_that_jumps_loses_no_line(jumps: list[tuple[int, int]]):
    """Ours jumps; Cloudflare's goes on."""
    log, known, truly, ahead = Log(), set[str](), START, 0
    position = look(log, Position(), known, truly, "well")

    for jump, lines in jumps:
        ahead = jump
        for _ in range(lines):
            log.done(truly + 1, 0)
        truly += STEP_MS
        position = look_askew(log, position, known, truly, ahead)
    for _ in range(3):
        truly += 3_600_000
        position = look_askew(log, position, known, truly, 0)

    assert known == {one.id for one, _ in log.lines}


def look_askew(log: Log, position: Position, known: set[str], truly: int, ahead: int) -> Position:
    """Windows are asked for by our clock, and lines become visible by Cloudflare's."""
    window = position.next_window(truly + ahead)
    while True:
        page = log.page(window, truly, "well")
        new = [one for one in page.entries if one.id not in known]
        known |= {one.id for one in new}
        position = position.read(window, page, new, truly + ahead)
        if position.window is None:
            return position
        window = position.window


@settings(deadline=None)
@given(
    st.sampled_from([-600_000, -10_000, 0, 10_000, 600_000]) | st.integers(-700_000, 700_000),
    st.lists(st.tuples(st.integers(0, 2), st.integers(0, 280_000)), max_size=20),
)
def test_wrong_clock_finds_each_line_as_soon_as_it_shows(ahead_ms: int, story: list[tuple[int, int]]):
    """Our clock is ahead of Cloudflare's by so much; each line is read at the second look after it shows."""
    log, known, truly = Log(), set[str](), START
    position, estimate = Position(), ClockOffset()
    for lines, late in [(0, 0), *story, *[(0, 0)] * 22]:
        for _ in range(lines):
            log.done(truly + 1, late)
        truly += STEP_MS
        position, estimate = look_dated(log, position, known, truly, ahead_ms, estimate)
        shown = {one.id for one, visible in log.lines if visible <= truly - STEP_MS}
        assert shown <= known

    assert known == {one.id for one, _ in log.lines}
    assert abs(position.clock_offset_ms - ahead_ms) <= 2_000


def look_dated(
    log: Log, position: Position, known: set[str], truly: int, ahead_ms: int, estimate: ClockOffset
) -> tuple[Position, ClockOffset]:
    """One look as the follower makes it: by Cloudflare's clock, as far as it is known."""
    window = position.next_window(truly + ahead_ms - estimate.ms)
    while True:
        page = replace(log.page(window, truly, "well"), served_at=truly // 1_000 * 1_000)
        estimate = estimate.with_answer(Dated(truly + ahead_ms, truly + ahead_ms, truly // 1_000 * 1_000))
        new = [one for one in page.entries if one.id not in known]
        known |= {one.id for one in new}
        position = replace(position, clock_offset_ms=estimate.ms)
        position = position.read(window, page, new, truly + ahead_ms - estimate.ms)
        if position.window is None:
            return position, estimate
        window = position.window
