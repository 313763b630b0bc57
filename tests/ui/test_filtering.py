"""Which rows are listed: by chip, by search, and live where they need attention."""

from __future__ import annotations

import pytest

from cloudcache.domain.catalog import TOGGLES, find
from cloudcache.ui.states.filtering import ALL, LOOK
from tests.support.showing_tab import ShowingTab

ROCKET, HINTS = find("rocket_loader"), find("early_hints")
"""Rocket Loader has no effect behind Shopify, Early Hints works."""


@pytest.fixture
def tab() -> ShowingTab:
    tab = ShowingTab()
    for toggle in TOGGLES:
        tab._show(toggle, "r000000")
    tab._count(tab._rows())
    return tab


def listed(tab: ShowingTab) -> list[str]:
    mask = tab.shown or "1" * len(TOGGLES)
    return [toggle.id for toggle, shown in zip(TOGGLES, mask, strict=True) if shown == "1"]


def change(tab: ShowingTab, toggle: object, row: str) -> None:
    tab._show(toggle, row)
    tab._count(tab._rows())


def test_list_of_what_needs_attention_follows_what_happens(tab: ShowingTab):
    change(tab, HINTS, "f000000")
    tab._filter(LOOK, "")
    before = listed(tab)

    change(tab, ROCKET, "O000000")
    during = listed(tab)
    change(tab, HINTS, "c000000")

    assert before == [HINTS.id]
    assert during == [ROCKET.id, HINTS.id] and listed(tab) == [ROCKET.id]
    assert len(listed(tab)) == sum(tab.tally)


@pytest.mark.parametrize("letter", ["p", "q"])
def test_row_stays_listed_until_it_is_turned_off_at_cloudflare(tab: ShowingTab, letter: str):
    change(tab, ROCKET, "R000000")
    tab._filter(LOOK, "")

    change(tab, ROCKET, f"{letter}000000")
    pending = listed(tab), sum(tab.tally)
    change(tab, ROCKET, "c000000")

    assert pending == ([ROCKET.id], 1)
    assert (listed(tab), sum(tab.tally)) == ([], 0)


def test_all_rows_stay_as_they_are_listed_while_something_happens(tab: ShowingTab):
    tab._filter("IMAGES", "")
    before = listed(tab)

    change(tab, ROCKET, "O000000")

    assert listed(tab) == before


@pytest.mark.parametrize(
    ("chip", "query", "elsewhere"),
    [
        ("IMAGES", "hsts", "HTTPS"),
        ("HTTPS", "hsts", ""),
        (ALL, "hsts", ""),
        ("IMAGES", "no such thing", ""),
        ("IMAGES", "", ""),
        (LOOK, "hsts", "HTTPS"),
        (LOOK, "", ""),
    ],
)
def test_search_that_finds_nothing_here_says_where_it_does(
    tab: ShowingTab, chip: str, query: str, elsewhere: str
):
    tab._filter(chip, query)

    assert tab.elsewhere == elsewhere
