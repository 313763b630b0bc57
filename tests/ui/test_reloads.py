"""Pages that the server asks their browser to load anew: once until they do, and only where they are still shown."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from cloudcache import services
from cloudcache.domain.ids import CustomerId
from cloudcache.ui.states import reloads
from cloudcache.ui.states.feed import ask_to_load
from cloudcache.ui.states.history import History

SHOP, OTHER = CustomerId(1), CustomerId(2)


def tab(token: str, path: str = "/history") -> SimpleNamespace:
    """The part of a tab's state that is looked at."""
    session = SimpleNamespace(client_token=token)
    return SimpleNamespace(router=SimpleNamespace(session=session, url=SimpleNamespace(path=path)))


class FakeApp:
    """Connected tabs, and what was sent to them."""

    def __init__(self, *tokens: str) -> None:
        self.sent: list[tuple[str, str]] = []
        manager = SimpleNamespace(token_to_socket=set(tokens))
        self.event_namespace = SimpleNamespace(_token_manager=manager, emit_update=self._emit)

    async def _emit(self, update, token: str) -> None:
        self.sent += [(token, event.name.rpartition(".")[2]) for event in update.events]


@pytest.fixture(autouse=True)
def closed(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[CustomerId]]:
    """The customers whose history a tab stopped following."""
    seen: list[CustomerId] = []
    monkeypatch.setattr(services, "_in_use", [SimpleNamespace(attention=SimpleNamespace(closed=seen.append))])
    yield seen
    for token in ("one", "two"):
        reloads.forget(token)


async def test_history_is_loaded_anew_when_its_customer_changes_and_no_other():
    app = FakeApp("one", "two")
    reloads.opened(tab("one"), History.load, customer=SHOP)
    reloads.opened(tab("two"), History.load, customer=OTHER)

    await ask_to_load(app, reloads.following({SHOP}))

    assert app.sent == [("one", "load")]


async def test_tab_that_hangs_is_asked_once_until_it_loads():
    app = FakeApp("one")
    reloads.opened(tab("one"), History.load, customer=SHOP)

    for _ in range(3):
        await ask_to_load(app, reloads.following())
    assert len(app.sent) == 1
    assert reloads.loads(tab("one"))
    await ask_to_load(app, reloads.following())

    assert len(app.sent) == 2


async def test_tab_that_shows_another_page_by_now_does_not_load_the_former():
    app = FakeApp("one")
    reloads.opened(tab("one"), History.load, customer=SHOP)
    await ask_to_load(app, reloads.following())

    assert not reloads.loads(tab("one", "/"))
    assert reloads.following() == []


async def test_tab_that_is_gone_is_forgotten(closed: list[CustomerId]):
    assert reloads.opened(tab("one"), History.load, customer=SHOP)
    assert not reloads.opened(tab("one"), History.load, customer=SHOP), "it is followed already"

    await ask_to_load(FakeApp(), reloads.following())

    assert reloads.following() == [] and closed == [SHOP]


def test_tab_that_shows_another_page_follows_no_history(closed: list[CustomerId]):
    reloads.opened(tab("one"), History.load, customer=SHOP)

    assert reloads.loads(tab("one", "/"))
    assert reloads.following() == [] and closed == [SHOP]


async def test_page_that_could_not_be_read_is_loaded_until_it_can():
    app = FakeApp("one")
    for _ in range(2):
        reloads.try_again(tab("one"), History.load)
        await ask_to_load(app, reloads.trying())
        assert reloads.loads(tab("one"))

    assert len(app.sent) == 2 and reloads.trying() == []


def test_sign_out_reaches_the_tabs_of_that_sign_in():
    reloads.opened(tab("one"), History.load, "mine", SHOP)
    reloads.opened(tab("two", "/connect"), History.load, "another")

    reloads.sign_out("mine")

    assert reloads.due() == ["one"]
