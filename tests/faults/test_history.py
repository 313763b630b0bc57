"""The judge of histories must itself be right: it lets pass what can be, and finds each kind of lie."""

from __future__ import annotations

from tests.faults.history import History, Read, Write

KEY = ("shop", "rocket_loader")


def page(value: str, at: float, reader: str = "tab") -> Read:
    return Read(KEY, reader, value, at, at)


def source(value: str, at: float) -> Read:
    return Read(KEY, "cloudflare", value, at, at, is_late=False)


def history(*what: Write | Read, **more: list) -> History:
    return History(
        {KEY: "off"},
        [one for one in what if isinstance(one, Write)],
        [one for one in what if isinstance(one, Read)],
        **more,
    )


def test_an_honest_history_has_no_faults():
    told = history(
        page("off", 1),
        Write(KEY, "on", 2, 4),
        page("on", 3),
        source("on", 5),
        Write(KEY, "off", 6, 8),
        source("on", 7),
        page("off", 7, "other"),
        source("off", 9),
        wishes=[1, 2],
        endings=[(1, "applied"), (2, "applied")],
    )

    assert told.faults() == []


def test_a_page_may_lag_behind_and_the_source_may_not():
    done = Write(KEY, "on", 1, 2)

    assert history(done, page("off", 9)).faults() == []
    assert history(done, source("off", 9)).faults() != []


def test_a_value_that_nobody_wrote_is_found():
    assert "nobody had written" in history(page("on", 1)).faults()[0]


def test_a_value_seen_before_it_was_written_is_found():
    assert "nobody had written" in history(page("on", 1), Write(KEY, "on", 2, 3)).faults()[0]


def test_a_page_that_goes_back_is_found():
    told = history(Write(KEY, "on", 1, 2), page("on", 3), page("off", 4))

    assert "over before" in told.faults()[0]


def test_what_one_page_has_seen_binds_no_other():
    assert history(Write(KEY, "on", 1, 2), page("on", 3), page("off", 4, "other")).faults() == []


def test_a_page_may_go_back_when_somebody_wrote_that_at_the_same_time():
    told = history(Write(KEY, "on", 1, 4), Write(KEY, "off", 2, 5), page("on", 3), page("off", 6))

    assert told.faults() == []


def test_a_doubtful_write_may_show_and_need_not():
    doubtful = Write(KEY, "on", 1, 2, is_sure=False)

    assert history(doubtful, source("off", 3)).faults() == []
    assert history(doubtful, source("on", 3)).faults() == []


def test_a_lost_write_is_found_at_the_source():
    told = history(Write(KEY, "on", 1, 2), Write(KEY, "off", 3, 4), Write(KEY, "on", 5, 6), source("off", 7))

    assert "over before" in told.faults()[0]


def test_a_write_that_is_still_under_way_may_land_at_any_time():
    told = history(Write(KEY, "on", 1), source("off", 50), source("on", 99), page("on", 99))

    assert told.faults() == []


def test_toggles_have_nothing_to_do_with_each_other():
    told = history(Write(("shop", "brotli"), "on", 1, 2), source("on", 3))

    assert "nobody had written" in told.faults()[0]


def test_a_wish_that_never_ends_ends_twice_or_was_never_made_is_found():
    told = history(
        wishes=[1, 2, 3, 3], endings=[(2, "applied"), (2, "failed"), (3, "applied"), (4, "applied")]
    )

    assert told.faults() == [
        "wish 3 was stored 2 times",
        "wish 1 never ended",
        "wish 2 ended 2 times",
        "wish 4 ended, and nobody made it",
    ]
