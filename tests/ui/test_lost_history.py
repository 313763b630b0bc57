"""After a failover or a restore that lost commits, open pages show what the database has, not what it had."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from sqlalchemy import delete, insert, select, update

from cloudcache import services
from cloudcache.adapters.db.models import toggles, zones
from cloudcache.domain.catalog import State, find
from cloudcache.domain.customers import Page
from cloudcache.ports import SILENT
from cloudcache.ui.states import open_pages, rows
from cloudcache.ui.states.feed import LiveUpdates
from cloudcache.ui.states.grid import Grid
from tests.support.databases import temporary_store
from tests.support.rig import Rig, build_rig
from tests.ui.test_live_updates import LATER, FakeApp, Stage

ROCKET, EARLY = find("rocket_loader"), find("early_hints")


class Root:
    """The root of a tab's states, which has a real grid."""

    def __init__(self, grid: Grid) -> None:
        self.grid = grid

    async def get_state(self, _: object) -> Grid:
        return self.grid


@pytest.fixture
async def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    rig = await build_rig(await temporary_store(tmp_path / "live.db"))
    process = rig.process()
    await process.engine.look_now(rig.customer.id)
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
    yield Stage(rig, process, rig.customer, app, updates)
    await updates.close()
    for token in app.grids:
        open_pages.unwatch(token)
    await process.tasks.idle()
    await rig.close()


async def opened(stage: Stage, token: str = "tab") -> Grid:
    """A tab with the page open, up to date."""
    grid = Grid(_reflex_internal_init=True)
    grid._customer = stage.rig.customer.id
    stage.app.grids[token] = Root(grid)
    open_pages.watch(token, stage.rig.customer.id, LATER)
    await refreshed(stage)
    return grid


async def refreshed(stage: Stage) -> None:
    await stage.updates.refresh([stage.rig.customer.id], whole=False)
    await stage.updates.idle()


async def compared(stage: Stage) -> None:
    await stage.updates.compare([stage.rig.customer.id])
    await stage.updates.idle()


def is_on(grid: Grid, toggle: str) -> bool:
    return rows.is_on(grid._row(find(toggle)))


async def flip(stage: Stage, toggle: str, on: bool) -> None:
    request = f"request {next(stage.requests)}"
    rig, process = stage.rig, stage.process
    await process.toggles.flip(rig.owner, rig.customer.id, toggle, on, request_id=request)
    await process.tasks.idle()


async def kept(rig: Rig) -> Callable[[], object]:
    """Remember the customer's rows; the function that is returned puts them back, as a failover that lost commits."""
    async with rig.store.database.reading("*") as connection:
        zone = dict((await connection.execute(select(zones))).mappings().one())
        cells = [dict(row) for row in (await connection.execute(select(toggles))).mappings()]

    async def put_back() -> None:
        async with rig.store.database.writing("*") as connection:
            await connection.execute(update(zones).values(zone))
            await connection.execute(delete(toggles))
            await connection.execute(insert(toggles), cells)

    return put_back


@pytest.mark.parametrize("look", [refreshed, compared])
async def test_lost_flip_is_taken_off_the_page(stage: Stage, look: Callable[[Stage], object]):
    grid = await opened(stage)
    put_back = await kept(stage.rig)
    await flip(stage, "rocket_loader", True)
    await refreshed(stage)
    before = is_on(grid, "rocket_loader")

    await put_back()
    await look(stage)

    assert (before, is_on(grid, "rocket_loader")) == (True, False)


async def test_flip_after_the_loss_reaches_the_page(stage: Stage):
    grid = await opened(stage)
    put_back = await kept(stage.rig)
    for on in (True, False, True):
        await flip(stage, "rocket_loader", on)
    await refreshed(stage)
    await put_back()

    await flip(stage, "early_hints", not is_on(grid, "early_hints"))
    await refreshed(stage)

    cell = (await stage.rig.store.page(stage.rig.customer.id)).cells
    assert is_on(grid, "early_hints") is (cell[EARLY.id].state is State.ON)
    assert is_on(grid, "rocket_loader") is False
    await flip(stage, "rocket_loader", True)
    await refreshed(stage)
    assert is_on(grid, "rocket_loader") is True


async def test_loss_that_newer_revisions_overtook_is_seen_by_the_epoch(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
):
    grid = await opened(stage)
    put_back = await kept(stage.rig)
    await flip(stage, "rocket_loader", True)
    await refreshed(stage)
    await put_back()
    for on in (True, False, True, False):  # past the revision that the page shows
        await flip(stage, "early_hints", on)
    another_epoch(stage, monkeypatch)

    await refreshed(stage)

    assert is_on(grid, "rocket_loader") is False
    assert is_on(grid, "early_hints") is False


def another_epoch(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the database tell another epoch from now on, as after a failover."""
    really = stage.process.toggles.page

    async def page(*args: object) -> Page:
        found = await really(*args)
        return replace(found, customer=replace(found.customer, epoch="another"))

    monkeypatch.setattr(stage.process.toggles, "page", page)


async def test_snapshot_overtaken_by_a_newer_one_is_dropped(stage: Stage):
    grid = await opened(stage)
    old = await stage.rig.store.page(stage.rig.customer.id)
    await flip(stage, "rocket_loader", True)
    await refreshed(stage)

    grid._take(old, stage.rig.clock.ms, None, waits=False)

    assert is_on(grid, "rocket_loader") is True


async def test_page_that_is_up_to_date_is_not_read_whole(stage: Stage, monkeypatch: pytest.MonkeyPatch):
    await opened(stage)
    asked: list[int] = []
    really = stage.process.toggles.page

    async def page(actor: object, customer: object, since: int = 0) -> Page:
        asked.append(since)
        return await really(actor, customer, since)

    monkeypatch.setattr(stage.process.toggles, "page", page)
    await flip(stage, "rocket_loader", True)
    await refreshed(stage)

    assert 0 not in asked
