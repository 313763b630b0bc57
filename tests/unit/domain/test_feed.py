"""Reading an audit log as a feed: windows, positions, and what a line means."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cloudcache.domain.catalog import TOGGLES, find
from cloudcache.domain.feed import (
    DEEP_OVERLAP_MS,
    FIRST_LOOK_MS,
    GAP_MS,
    HOUR_MS,
    NOTHING,
    OVERLAP_AT_MOST_MS,
    OVERLAP_MS,
    WHOLE,
    Entry,
    FeedPage,
    FeedStatus,
    Position,
    Window,
    cadence_of,
    cheapest_reads,
    named_by_path,
    named_by_setting,
)
from cloudcache.domain.ids import ZoneId

NOW = 1_795_000_000_000
ZONE = ZoneId("0123456789abcdef0123456789abcdef")
ON = Position(FeedStatus.ON, verified_until=NOW - 15_000, deep_at=NOW - 60_000)
END = FeedPage(())


def line(at: int, id_: str = "e") -> Entry:
    return Entry(id_, at, ZONE, WHOLE)


# -- windows and positions ---------------------------------------------------------------------
def test_the_first_look_goes_back_five_minutes():
    assert Position().next_window(NOW) == Window(NOW - FIRST_LOOK_MS, NOW)


def test_a_window_overlaps_the_one_before():
    assert ON.next_window(NOW) == Window(NOW - 15_000 - OVERLAP_MS, NOW)


def test_once_an_hour_it_looks_two_hours_back():
    position = replace(ON, deep_at=NOW - HOUR_MS)

    after = position.read(position.next_window(NOW), END, (), NOW)

    assert position.next_window(NOW).since == NOW - 15_000 - DEEP_OVERLAP_MS
    assert after.next_window(NOW).since == NOW - OVERLAP_MS


def test_the_position_moves_only_when_the_window_was_read_to_its_end():
    window = ON.next_window(NOW)

    half = ON.read(window, FeedPage((), "next"), (), NOW)
    whole = half.read(half.next_window(NOW + 1_000), END, (), NOW + 1_000)

    assert half.verified_until == ON.verified_until
    assert half.next_window(NOW + 5_000) == replace(window, cursor="next")
    assert whole.verified_until == NOW and whole.window is None


def test_a_cursor_that_leads_to_itself_ends_the_window():
    half = ON.read(ON.next_window(NOW), FeedPage((), "same"), (), NOW)

    assert half.window is not None
    assert half.read(half.window, FeedPage((), "same"), (), NOW).window is None


def test_a_cursor_that_is_no_longer_taken_costs_the_window_not_its_lines():
    half = ON.read(ON.next_window(NOW), FeedPage((), "next"), (), NOW)

    assert half.restarted().next_window(NOW) == ON.next_window(NOW)


def test_late_lines_widen_the_overlap_which_then_narrows_again():
    late = ON.read(ON.next_window(NOW), END, [line(NOW - 15_000 - 300_000)], NOW)
    calm = late
    for _ in range(100):
        calm = calm.read(calm.next_window(NOW), END, (), NOW)

    assert late.lateness_ms == 300_000 and late.overlap_ms == 900_000
    assert calm.overlap_ms == OVERLAP_MS
    assert replace(ON, lateness_ms=10 * HOUR_MS).overlap_ms == OVERLAP_AT_MOST_MS


def test_what_was_missed_in_an_outage_is_not_late():
    position = replace(ON, verified_until=NOW - 6 * HOUR_MS)

    after = position.read(position.next_window(NOW), END, [line(NOW - 5 * HOUR_MS)], NOW)

    assert after.lateness_ms == 0
    assert position.next_window(NOW).since <= NOW - 6 * HOUR_MS


def test_an_hour_without_a_look_is_a_gap():
    assert replace(ON, verified_until=NOW - GAP_MS).had_gap(NOW)
    assert not ON.had_gap(NOW)
    assert not Position().had_gap(NOW), "a feed never read has no gap: its zones are read anyway"


def test_a_position_in_the_future_comes_back_with_the_clock():
    ahead = replace(
        ON, verified_until=NOW + HOUR_MS, window=Window(NOW, NOW + HOUR_MS, "x"), deep_at=NOW + HOUR_MS
    )

    window = ahead.next_window(NOW)
    after = ahead.read(window, END, (), NOW)

    assert window.since < NOW == window.before and not window.cursor
    assert after.verified_until == NOW


@pytest.mark.parametrize(
    ("active_ms_ago", "watched", "cadence"),
    [
        (None, False, "quiet"),
        (None, True, "busy"),
        (30_000, False, "busy"),
        (600_000, False, "lively"),
        (2 * HOUR_MS, False, "quiet"),
        (-HOUR_MS, False, "busy"),
    ],
)
def test_the_cadence_follows_what_goes_on(active_ms_ago: int | None, watched: bool, cadence: str):
    active_at = None if active_ms_ago is None else NOW - active_ms_ago

    assert cadence_of(active_at, watched, NOW) == cadence


# -- what a line means -------------------------------------------------------------------------
@pytest.mark.parametrize("toggle", TOGGLES, ids=lambda toggle: toggle.id)
def test_every_toggle_is_named_by_its_own_path(toggle):
    zone, named = named_by_path(f"/zones/{ZONE}{toggle.path}")

    assert zone == ZONE
    assert toggle.id in named and len(named) <= 3


@pytest.mark.parametrize(
    "uri",
    [
        "/zones/{zone}/settings/polish",
        "/client/v4/zones/{zone}/settings/polish",
        "/client/v4/zones/{zone}/settings/polish/",
        "/zones/{zone}/settings/polish?a=b#c",
        "/zones/{ZONE}/settings/polish",
        "/zones/{zone}/%73ettings/polish",
    ],
)
def test_a_path_is_understood_however_it_is_written(uri: str):
    assert named_by_path(uri.format(zone=ZONE, ZONE=ZONE.upper())) == (ZONE, {find("polish").id})


@pytest.mark.parametrize(
    "path", ["", "/", "/settings", "/new_service", "/settings/", "/cache/unheard_of", "/\u00e9\x00"]
)
def test_what_nobody_understands_means_the_whole_zone(path: str):
    assert named_by_path(f"/zones/{ZONE}{path}") == (ZONE, WHOLE)


@pytest.mark.parametrize(
    "path", ["/dns_records/1", "/purge_cache", "/settings/ciphers", "/rulesets/phases/x"]
)
def test_what_is_surely_none_of_ours_means_nothing(path: str):
    assert named_by_path(f"/zones/{ZONE}{path}") == (ZONE, NOTHING)


@pytest.mark.parametrize(
    "uri",
    ["", "/accounts/1", "/zones/xyz/settings/polish", "zones", "/" * 10_000, "\x00", "/zones/" + "f" * 33],
)
def test_what_concerns_no_zone_names_none(uri: str):
    assert named_by_path(uri) == (None, NOTHING)


def test_a_change_that_alters_another_setting_names_both():
    assert named_by_path(f"/zones/{ZONE}/settings/0rtt")[1] == {find("0rtt").id, find("tls_1_3").id}


def test_the_older_log_names_settings_by_their_name():
    assert named_by_setting("cache_level") == {find("ignore_query_string").id}
    assert named_by_setting("bot_management") == named_by_path(f"/zones/{ZONE}/bot_management")[1]
    assert named_by_setting("something_new") == WHOLE


# -- what to read ------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("toggles", "batch", "paths"),
    [
        (("polish",), True, ["/settings/polish"]),
        (("polish", "webp"), True, ["/settings"]),
        (("polish", "webp"), False, ["/settings/polish", "/settings/webp"]),
        (("polish", "fonts"), True, ["/settings/fonts", "/settings/polish"]),
        (("polish", "webp", "fonts"), True, ["/settings", "/settings/fonts"]),
        (("bot_fight_mode", "ai_labyrinth", "block_ai_bots"), True, ["/bot_management"]),
        ((), True, []),
    ],
)
def test_the_fewest_calls_that_read_each_setting_once(toggles, batch: bool, paths: list[str]):
    named = frozenset(find(one).id for one in toggles)

    assert sorted(read.path for read in cheapest_reads(named, batch)) == paths


@pytest.mark.parametrize(("batch", "calls"), [(True, 16), (False, 48)])
def test_a_whole_zone_is_16_calls_or_48(batch: bool, calls: int):
    assert len(cheapest_reads(WHOLE, batch)) == calls
