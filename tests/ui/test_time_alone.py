"""What a page shows that ends by itself: it is shown anew in the second in which it ends, without another event."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace

import pytest

from cloudcache import services
from cloudcache.domain.catalog import State, Topology, ZonePlan, find
from cloudcache.domain.customers import Customer, Page, ZoneStatus
from cloudcache.domain.ids import CredentialId, CustomerId, ZoneId
from cloudcache.domain.toggle import Cell
from cloudcache.ports import SILENT
from cloudcache.ui.states import open_pages, rows
from cloudcache.ui.states.feed import ROUND_S, to_compare
from cloudcache.ui.states.rounds import Round
from tests.support.showing_tab import ShowingTab

NOW = 1_795_000_000_000
DEVELOPMENT = find("development_mode")
STORE = Customer(
    id=CustomerId(1),
    shop="one.myshopify.com",
    zone_id=ZoneId("a" * 32),
    zone_name="one.example",
    plan=ZonePlan.FREE,
    topology=Topology.O2O,
    status=ZoneStatus.ACTIVE,
    credential=CredentialId("c"),
    revision=7,
)


class Limits:
    """Until when the token of everybody is limited."""

    until: int | None = None

    def limited_until(self, _: Customer) -> int | None:
        return self.until

    def closed(self, _: CustomerId) -> None:
        pass


@pytest.fixture
def limits(monkeypatch: pytest.MonkeyPatch) -> Iterator[Limits]:
    limits = Limits()
    clock = SimpleNamespace(now_ms=lambda: NOW)
    in_use = SimpleNamespace(clock=clock, attention=limits, telemetry=SILENT)
    monkeypatch.setattr(services, "_in_use", [in_use])
    yield limits
    for customer in list(open_pages.watched()):
        for token in open_pages.tabs(customer):
            open_pages.unwatch(token)


def shown(now: int, cell: Cell | None = None) -> ShowingTab:
    tab = ShowingTab()
    tab._customer = STORE.id
    tab._apply(Page(STORE, {cell.toggle: cell} if cell else {}), now, None)
    return tab


def test_toggle_that_ends_by_itself_is_shown_as_ended_from_its_end(limits: Limits):
    cell = Cell(DEVELOPMENT.id, State.ON, "on", NOW, ends_at=NOW + 60_000)

    before, after = shown(NOW, cell), shown(NOW + 60_000, cell)

    assert before._row(DEVELOPMENT)[0] == "E" and before._right_until() == NOW + 60_000
    assert after._row(DEVELOPMENT)[0] == "D" and after._right_until() > NOW + 60_000


def test_limited_token_is_shown_until_it_is_no_longer(limits: Limits):
    limits.until = NOW + 240_000
    during = shown(NOW)
    limits.until = None
    after = shown(NOW + 240_000)

    assert during.limited == rows.seconds(NOW + 240_000) and during._right_until() == NOW + 240_000
    assert after.limited == "" and after._right_until() > NOW + 240_000


def test_zone_that_is_not_read_at_all_is_not_called_limited(limits: Limits):
    limits.until = NOW + 240_000
    tab = ShowingTab()
    tab._customer = STORE.id

    tab._apply(Page(replace(STORE, status=ZoneStatus.TOKEN_REFUSED), {}), NOW, None)

    assert (tab.status, tab.limited) == ("r", "")


def test_head_with_another_end_of_the_limit_is_shown_anew(limits: Limits):
    open_pages.watch("tab", STORE.id, NOW + 1)
    open_pages.note_head(STORE, None)
    same = open_pages.shows_head(STORE, None)

    limits.until = NOW + 1

    assert same and not open_pages.shows_head(STORE, None)


def test_page_that_has_aged_is_compared_out_of_turn(limits: Limits):
    everybody: Round[CustomerId] = Round(ROUND_S)
    for number in range(1, ROUND_S + 1):
        open_pages.watch(f"tab {number}", CustomerId(number), NOW + 1)
        open_pages.note_shown(f"tab {number}", 1, NOW + 1)
    in_turn = to_compare(everybody)

    aged = CustomerId(next(one for one in range(1, ROUND_S + 1) if one not in in_turn))
    open_pages.note_shown(f"tab {aged}", 1, NOW)

    assert len(in_turn) == 1
    assert aged in to_compare(everybody)
