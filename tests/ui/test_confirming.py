"""The dialog confirms what was asked for: the plain flip, or the revert of a change made elsewhere."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from cloudcache.domain.access import Actor
from cloudcache.domain.catalog import find
from cloudcache.domain.errors import NeedsConfirmation, NotFound, Reason, Refused, StoreUnavailable
from cloudcache.domain.ids import CustomerId
from cloudcache.ui import wording
from cloudcache.ui.states import row_actions
from cloudcache.ui.states.grid import Grid
from cloudcache.ui.states.questions import asked, question
from tests.support.rig import merchant

TLS = find("modern_tls_only")
ACTOR: Actor = merchant(CustomerId(1))


class Tab:
    """What the grid's helpers need of a tab, without a browser."""

    def __init__(self) -> None:
        self.asking, self.wrong, self._confirms_revert, self._clicked = "", False, False, []
        self._attempts: dict[str, str] = {}
        self.row = "O000000"
        self.failed: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(Grid, name).__get__(self)

    def _fail(self, toggle: object, before: str, why: str, headline: str = "") -> None:
        self.failed.append(why)
        self.headline = headline

    def _show(self, toggle: object, row: str) -> None:
        pass

    def _row(self, toggle: object) -> str:
        return self.row

    async def _read(self, actor: Actor) -> None:
        pass


class Asking:
    """Toggles whose changes need a confirmation first."""

    def __init__(self) -> None:
        self.done: list[tuple[str, bool]] = []

    async def flip(self, *_: object, confirmed: bool, **more: object) -> None:
        self._once("flip", confirmed)

    async def revert(self, *_: object, confirmed: bool = False, **more: object) -> None:
        self._once("revert", confirmed)

    async def retry(self, *_: object, **more: object) -> None:
        raise Refused(Reason.CONFLICT, "Only TLS 1.3 is allowed")

    async def check(self, *_: object) -> None:
        raise NotFound("no such zone")

    async def cancel(self, *_: object) -> None:
        raise StoreUnavailable("no connection")

    def _once(self, what: str, confirmed: bool) -> None:
        if not confirmed:
            raise NeedsConfirmation
        self.done.append((what, confirmed))


@pytest.fixture
def toggles(monkeypatch: pytest.MonkeyPatch) -> Asking:
    asking = Asking()
    monkeypatch.setattr(row_actions, "current", lambda: SimpleNamespace(toggles=asking))
    return asking


async def confirm(tab: Tab) -> None:
    """What the dialog's button does once the browser's arguments are checked."""
    work = tab._reverting if tab._confirms_revert else tab._flipping
    await tab._store(ACTOR, TLS, "o", work(ACTOR, TLS, True, "request", confirmed=True))


async def test_confirmed_revert_is_a_revert(toggles: Asking):
    tab = Tab()

    await tab._act(ACTOR, CustomerId(1), "revert", TLS, "request")
    await confirm(tab)

    assert tab.asking == TLS.id and toggles.done == [("revert", True)]


async def test_confirmed_flip_after_a_dismissed_revert_is_a_flip(toggles: Asking):
    tab = Tab()
    await tab._act(ACTOR, CustomerId(1), "revert", TLS, "request")
    tab.asking = ""

    tab._ask(TLS, on=True)
    await confirm(tab)

    assert toggles.done == [("flip", True)]


@pytest.mark.parametrize("on", [True, False])
async def test_question_remembers_which_way_the_switch_goes(on: bool):
    tab = Tab()

    tab._ask(TLS, on=on)

    assert question(tab.asking) == (TLS.id, on)


@pytest.mark.parametrize("on", [True, False])
async def test_service_that_wants_a_confirmation_is_asked_about_its_own_direction(
    toggles: Asking, monkeypatch: pytest.MonkeyPatch, on: bool
):
    async def revert(*_: object, **more: object) -> None:
        raise NeedsConfirmation(on=on)

    monkeypatch.setattr(toggles, "revert", revert)
    tab = Tab()

    await tab._act(ACTOR, CustomerId(1), "revert", TLS, "request")

    assert tab.asking == asked(TLS, on)


async def test_refused_retry_says_why_in_its_row(toggles: Asking):
    tab = Tab()

    await tab._act(ACTOR, CustomerId(1), "retry", TLS, "request")

    assert tab.failed == ["Only TLS 1.3 is allowed"]


@pytest.mark.parametrize(
    ("what", "says"), [("check", wording.rows.NOT_CHECKED), ("cancel", wording.rows.NOT_KEPT_HERE)]
)
async def test_action_that_fails_says_so_in_its_row(toggles: Asking, what: str, says: str):
    tab = Tab()

    await tab._act(ACTOR, CustomerId(1), what, TLS, "request")

    assert tab.failed == [says]


@pytest.mark.parametrize(
    ("what", "row", "headline"),
    [
        ("check", "S000000", "On"),
        ("check", "s000000", "Off"),
        ("cancel", "Q000000", wording.rows.NOT_CANCELED),
    ],
)
async def test_failed_action_that_turns_nothing_does_not_say_so(
    toggles: Asking, what: str, row: str, headline: str
):
    tab = Tab()
    tab.row = row

    await tab._act(ACTOR, CustomerId(1), what, TLS, "request")

    assert tab.headline == headline


async def test_failed_revert_of_a_finer_value_says_what_could_not_be_done(
    toggles: Asking, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(toggles, "revert", toggles.retry)
    tab = Tab()
    tab.row = "X000000"

    await tab._act(ACTOR, CustomerId(1), "revert", TLS, "request")

    assert tab.headline == wording.rows.NOT_CHANGED_BACK


async def test_action_on_a_row_that_has_changed_meanwhile_shows_it_anew(
    toggles: Asking, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(toggles, "cancel", toggles.check)
    tab = Tab()
    tab._revision = 7

    await tab._act(ACTOR, CustomerId(1), "cancel", TLS, "request")

    assert (tab._revision, tab.failed) == (0, [])


@pytest.mark.parametrize("attempt", ["flip", "revert", "check"])
def test_retry_repeats_what_was_not_stored(attempt: str):
    tab = Tab()
    tab._note_attempt(TLS, attempt)
    tab.row = "K000000"

    assert tab._repeated(TLS) == attempt


def test_retry_of_a_stored_failure_is_a_retry():
    tab = Tab()
    tab._note_attempt(TLS, "flip")
    tab.row = "F000000"

    assert tab._repeated(TLS) == "retry"


async def test_flip_that_was_not_stored_is_repeated_the_same_way(toggles: Asking):
    tab = Tab()
    tab.row = "k000000"

    await tab._act(ACTOR, CustomerId(1), "flip", TLS, "request")
    await confirm(tab)

    assert tab.asking == TLS.id and toggles.done == [("flip", True)]
