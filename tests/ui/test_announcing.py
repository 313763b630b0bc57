"""What the live region says: outcomes of presses in this tab, each once, and nothing else."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from cloudcache.domain.catalog import find
from cloudcache.ui.states import showing
from tests.support.showing_tab import ShowingTab

POLISH = find("polish")


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    services = SimpleNamespace(clock=SimpleNamespace(now_ms=lambda: 1_795_000_000_000))
    monkeypatch.setattr(showing, "current", lambda: services)


def pressed() -> ShowingTab:
    tab = ShowingTab()
    tab._note_press(POLISH)
    return tab


def test_outcome_of_a_press_is_said_once():
    tab = pressed()

    tab._announce(POLISH.id, "P000000", "")
    tab._announce(POLISH.id, "C000000", "lossy")
    tab._announce(POLISH.id, "c000000", "")

    assert tab.said == "Polish is on (lossy)"


def test_failure_is_said_with_its_reason_alone():
    tab = pressed()

    tab._announce(POLISH.id, "F000000", "Cloudflare kept the old value\nCouldn’t change back to lossy")

    assert tab.said == "Polish wasn’t changed: Cloudflare kept the old value"


def test_press_that_came_to_nothing_is_not_taken_for_a_later_change():
    tab = pressed()

    tab._fail(POLISH, "R000000", "Couldn’t save. Try again.")
    said = tab.said
    tab._announce(POLISH.id, "c000000", "")

    assert said == tab.said == "Polish wasn’t changed: Couldn’t save. Try again."


@pytest.mark.parametrize("row", ["O000000", "X000000", "H000000", "S000000", "n000000"])
def test_what_somebody_else_did_is_not_said_as_an_outcome(row: str):
    tab = pressed()

    tab._announce(POLISH.id, row, "")

    assert tab.said == ""
