"""The live updates of one process, with tabs whose states are locked as Reflex locks them."""

from __future__ import annotations

import asyncio
import itertools
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import pytest

from cloudcache import services
from cloudcache.domain.catalog import State, find
from cloudcache.domain.customers import Customer, Page
from cloudcache.domain.errors import StoreUnavailable
from cloudcache.ports import SILENT
from cloudcache.ui.states import open_pages
from cloudcache.ui.states.feed import LiveUpdates
from tests.support.databases import temporary_store
from tests.support.rig import Process, Rig, build_rig, merchant

LATER = 2**53
ROCKET = find("rocket_loader").id


@dataclass
class FakeGrid:
    """A tab's grid: what it was handed."""

    status: str = "l"
    pages: list[Page] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    _revision: int = 0
    _customer: int = 0

    def _take(self, page: Page, now: int, progress: object, *, waits: bool) -> None:
        self.pages.append(page)
        self._revision = page.customer.revision
        self.status = "l"
        self.changed.set()

    def _show_unavailable(self) -> None:
        self.status = "d"

    def _right_until(self) -> int:
        return LATER

    def _forget(self) -> None:
        self.status = "o"

    async def get_state(self, _: object) -> FakeGrid:
        return self

    async def shows(self, state: State) -> None:
        """Return when the tab shows Rocket Loader in this state."""
        async with asyncio.timeout(60):
            while self.state() is not state:
                self.changed.clear()
                await self.changed.wait()

    def state(self) -> State | None:
        """What the tab shows of Rocket Loader."""
        shown = [page.cells[ROCKET] for page in self.pages if ROCKET in page.cells]
        return shown[-1].shown_state() if shown else None


class FakeApp:
    """Tabs by token, each with the lock under which Reflex runs its handlers."""

    def __init__(self) -> None:
        self.grids: dict[str, FakeGrid] = {}
        self.locks: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        manager = SimpleNamespace(token_to_socket=self.grids)
        self.event_namespace = SimpleNamespace(_token_manager=manager)

    def open(self, token: str, customer: Customer, until: int = LATER) -> FakeGrid:
        self.grids[token] = FakeGrid(_customer=customer.id)
        open_pages.watch(token, customer.id, until)
        return self.grids[token]

    @asynccontextmanager
    async def modify_state(self, token: object) -> AsyncIterator[FakeGrid]:
        async with self.locks[token.ident]:
            yield self.grids[token.ident]


@dataclass
class Stage:
    """Two stores with a page open of each, and the live updates that serve them."""

    rig: Rig
    process: Process
    other: Customer
    app: FakeApp
    updates: LiveUpdates
    requests: itertools.count = field(default_factory=itertools.count)

    async def flip(self, customer: Customer, on: bool) -> None:
        """The merchant of this store flips Rocket Loader; the change is settled."""
        request = f"request {next(self.requests)}"
        await self.process.toggles.flip(merchant(customer.id), customer.id, ROCKET, on, request_id=request)
        await self.process.tasks.idle()


@pytest.fixture
async def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    rig = await build_rig(await temporary_store(tmp_path / "live.db"))
    process = rig.process()
    zone, facts = await rig.facts("0" * 31 + "b", "other.example")
    other = await rig.store.add_customer(
        "other.myshopify.com", zone, facts, rig.customer.topology, rig.customer.credential, now=rig.clock.ms
    )
    for customer in (rig.customer, other):
        await process.engine.look_now(customer.id)
    in_use = SimpleNamespace(
        toggles=process.toggles,
        attention=process.attention,
        rollouts=rig.rollouts,
        clock=rig.clock,
        telemetry=SILENT,
    )
    monkeypatch.setattr(services, "_in_use", [in_use])
    app = FakeApp()
    updates = LiveUpdates(app)
    yield Stage(rig, process, other, app, updates)
    await updates.close()
    for token in app.grids:
        open_pages.unwatch(token)
    await process.tasks.idle()
    await rig.close()


async def test_hanging_tab_does_not_delay_the_page_of_another_store(stage: Stage):
    stage.app.open("hangs", stage.rig.customer)
    open_tab = stage.app.open("open", stage.other)
    async with stage.app.locks["hangs"]:
        await stage.flip(stage.rig.customer, True)
        await stage.updates.refresh([stage.rig.customer.id], whole=False)

        await stage.flip(stage.other, True)
        await stage.updates.refresh([stage.other.id], whole=False)
        await open_tab.shows(State.ON)


async def test_hanging_tab_does_not_delay_another_tab_of_its_store(stage: Stage):
    stage.app.open("hangs", stage.rig.customer)
    second = stage.app.open("second", stage.rig.customer)
    async with stage.app.locks["hangs"]:
        for on in (True, False, True):
            await stage.flip(stage.rig.customer, on)
            await stage.updates.refresh([stage.rig.customer.id], whole=False)
            await second.shows(State.ON if on else State.OFF)


async def test_twenty_hanging_tabs_of_two_hundred_delay_none_of_the_others(stage: Stage):
    customers = [stage.rig.customer, stage.other]
    tabs = {f"tab {number}": customers[number % 2] for number in range(200)}
    grids = {token: stage.app.open(token, customer) for token, customer in tabs.items()}
    hanging = list(tabs)[::10]
    async with AsyncExitStack() as locked:
        for token in hanging:
            await locked.enter_async_context(stage.app.locks[token])
        for on in (True, False):
            for customer in customers:
                await stage.flip(customer, on)
            await stage.updates.refresh([one.id for one in customers], whole=False)
            for token in tabs.keys() - set(hanging):
                await grids[token].shows(State.ON if on else State.OFF)
        assert [grids[token].pages for token in hanging] == [[]] * 20
    await stage.updates.idle()

    assert {grid.state() for grid in grids.values()} == {State.OFF}


async def test_tab_that_hung_shows_every_change_it_missed(stage: Stage):
    tab = stage.app.open("hangs", stage.rig.customer)
    async with stage.app.locks["hangs"]:
        await stage.updates.refresh([stage.rig.customer.id], whole=False)
        await stage.flip(stage.rig.customer, True)
        await stage.updates.refresh([stage.rig.customer.id], whole=False)
        await stage.updates.compare([stage.rig.customer.id])
    await stage.updates.idle()

    assert tab.state() is State.ON
    assert len(tab.pages) == 2


async def test_tab_whose_session_ends_while_it_hangs_is_emptied(stage: Stage):
    tab = stage.app.open("hangs", stage.rig.customer, until=stage.rig.clock.ms + 1_000)
    async with stage.app.locks["hangs"]:
        await stage.updates.refresh([stage.rig.customer.id], whole=False)
        stage.rig.clock.ms += 2_000
        await stage.updates.refresh([stage.rig.customer.id], whole=False)
    await stage.updates.idle()

    assert tab.status == "o"
    assert open_pages.customer_of("hangs") is None


async def test_tab_that_disconnects_while_it_hangs_is_let_go(stage: Stage):
    stage.app.open("hangs", stage.rig.customer)
    async with stage.app.locks["hangs"]:
        await stage.updates.refresh([stage.rig.customer.id], whole=False)
        await stage.flip(stage.rig.customer, True)
        await stage.updates.refresh([stage.rig.customer.id], whole=False)
        del stage.app.grids["hangs"]
    await stage.updates.refresh([stage.rig.customer.id], whole=False)

    assert open_pages.customer_of("hangs") is None


async def test_open_page_is_not_live_while_the_database_is_unavailable(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
):
    tab = stage.app.open("tab", stage.rig.customer)
    customers = [stage.rig.customer.id]
    await stage.updates.refresh(customers, whole=True)
    await stage.updates.idle()

    with monkeypatch.context() as failing:
        failing.setattr(type(services.current().toggles), "heads", _unavailable)
        await stage.updates.compare(customers)
        await stage.updates.idle()
    while_unavailable = tab.status
    await stage.updates.compare(customers)
    await stage.updates.idle()

    assert (while_unavailable, tab.status) == ("d", "l")


async def _unavailable(*_: object) -> None:
    raise StoreUnavailable("no connection")
