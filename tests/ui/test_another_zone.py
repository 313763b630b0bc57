"""An open page of a shop that is connected to another zone."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from cloudcache.domain.catalog import State, Topology, ZonePlan, find
from cloudcache.domain.customers import Customer, Page, ZoneStatus
from cloudcache.domain.ids import CustomerId, ZoneId
from cloudcache.domain.toggle import Cell
from cloudcache.ui.states import rows, showing
from cloudcache.ui.states.grid import Grid
from cloudcache.ui.states.showing import Showing

NOW = 1_795_000_000_000
ROCKET, POLISH = find("rocket_loader").id, find("polish").id


class Tab(Showing):
    """A tab's variables without a browser."""

    def __init__(self) -> None:
        self.words: dict[str, str] = {}
        self._customer, self._revision = 1, 0
        self._clicked: list[str] = []

    def __getattr__(self, name: str) -> str:
        """A variable that was not set yet."""
        return ""

    def shows(self, toggle: str) -> str:
        row: str = getattr(self, f"r{rows.NUMBER[toggle]}")
        return row[:1]


def page(zone: str, revision: int, *cells: Cell) -> Page:
    customer = Customer(
        CustomerId(1), "s.myshopify.com", ZoneId(zone * 32), f"{zone}.example", ZonePlan.PRO, Topology.O2O,
        ZoneStatus.ACTIVE, None, revision,
    )  # fmt: skip
    return Page(customer, {cell.toggle: cell for cell in cells})


def on(toggle: Any) -> Cell:
    return Cell(toggle, State.ON, "on", NOW)


@pytest.fixture
def tab(monkeypatch: pytest.MonkeyPatch) -> Tab:
    """A tab that shows two rows of zone A, whose token nobody limits."""
    attention = SimpleNamespace(limited_until=lambda customer: None)
    monkeypatch.setattr(showing, "current", lambda: SimpleNamespace(attention=attention))
    shown = Tab()
    shown._apply(page("a", 10, on(ROCKET), on(POLISH)), NOW, None)
    return shown


def test_rows_of_the_former_zone_vanish_at_once(tab: Tab):
    tab.asking, tab._clicked = ROCKET, [ROCKET]

    tab._apply(page("b", 11), NOW, None)

    assert (tab.shows(ROCKET), tab.shows(POLISH), tab.domain) == ("u", "u", "b.example")
    assert (tab.asking, tab._clicked, tab.words) == ("", [], {})


def test_rows_of_the_new_zone_are_shown_alone(tab: Tab):
    tab._apply(page("b", 12, on(POLISH)), NOW, None)
    tab._apply(page("b", 13), NOW, None)

    assert (tab.shows(ROCKET), tab.shows(POLISH)) == ("u", "R")


def test_late_snapshot_of_the_former_zone_shows_nothing(tab: Tab):
    tab._apply(page("b", 12, on(POLISH)), NOW, None)

    tab._apply(page("a", 11, on(ROCKET)), NOW, None)

    assert (tab.shows(ROCKET), tab.domain) == ("u", "b.example")


def test_a_tab_starts_with_no_zone():
    assert Grid.get_fields()["_zone"].default == ""
