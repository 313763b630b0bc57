"""Many wishes at once while Cloudflare, the clocks or the disk are in trouble: each ends once, as it was wished."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import event

from cloudcache.adapters.db.store import SqlStore
from cloudcache.domain.access import SYSTEM
from cloudcache.domain.audit import AuditAction, Deed
from cloudcache.domain.budget import CallClass
from cloudcache.domain.catalog import Toggle
from cloudcache.domain.errors import Reason, StoreUnavailable
from cloudcache.domain.ids import CustomerId
from cloudcache.emulator.faults import Fault
from cloudcache.services.writing import LEASE_MS
from tests.faults.judged import TOGGLE, TOGGLES, Judged
from tests.support.databases import temporary_store
from tests.support.rig import Process, Rig, build_rig, crash_after, meanwhile

MINUTES_MS = 60_000
ROUNDS = 6


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    """A shop that was read."""
    made = await build_rig(await temporary_store(tmp_path / "store.db"))
    await made.process().reconciler.zone(made.customer.id, CallClass.WATCHED)
    yield made
    await made.close()


STORMS: dict[str, list[Fault]] = {
    "half of all answers are 5xx": [Fault("status", method="PATCH", status=503, times=None, probability=0.5)],
    "gateways answer with pages": [Fault("html", times=None, probability=0.3)],
    "replies are lost after the work is done": [Fault("lost", method="PATCH", times=None, probability=0.5)],
    "replies break off": [Fault("cut", times=None, probability=0.3)],
    "connections are refused": [Fault("refuse", times=None, probability=0.5)],
    "a block of five minutes, three times": [Fault("block", method="PATCH", times=3, probability=0.3)],
    "all of it": [
        Fault("status", method="PATCH", status=500, times=None, probability=0.15),
        Fault("lost", method="PATCH", times=None, probability=0.15),
        Fault("cut", times=None, probability=0.15),
        Fault("duplicate", method="PATCH", times=None, probability=0.15),
        Fault("block", times=2, probability=0.1),
    ],
}


@pytest.mark.parametrize("storm", STORMS)
async def test_every_wish_made_in_a_storm_ends_once_and_the_last_one_holds(rig: Rig, storm: str):
    # A write that fails three times in the same way is given up, with a reason.
    judged = Judged(rig, TOGGLES, may_fail={Reason.SETTING_FAILING})
    processes = [rig.process(), rig.process()]
    for fault in STORMS[storm]:
        rig.world.inject(fault)

    await _clicks(rig, processes, judged)

    assert await judged.problems() == []


@pytest.mark.parametrize("minutes", [-10, -1, 1, 10])
async def test_clocks_that_are_minutes_apart_lose_nothing_and_undo_nothing(rig: Rig, minutes: int):
    judged = Judged(rig, TOGGLES)
    ahead = _with_clock(rig, lambda now: now + minutes * MINUTES_MS).process()

    await _clicks(rig, [rig.process(), ahead], judged)

    assert await judged.problems() == []


async def test_a_clock_that_is_ahead_takes_a_wish_over_while_it_is_being_delivered(rig: Rig):
    judged, ours = Judged(rig), rig.process()
    ahead = _with_clock(rig, lambda now: now + 10 * MINUTES_MS).process()

    async def taken_over() -> None:
        assert await ahead.writer.recover() == 1
        await ahead.tasks.idle()

    rig.gateway.script.append(meanwhile(taken_over, before=True))
    await _click(rig, judged, ours, True)

    assert await judged.problems() == []


async def test_a_wish_of_a_process_whose_clock_was_ahead_is_taken_over_when_it_has_died(rig: Rig):
    judged = Judged(rig)
    ahead, behind = _with_clock(rig, lambda now: now + 10 * MINUTES_MS).process(), rig.process()
    rig.gateway.script.append(crash_after)
    await _click(rig, judged, ahead, True)

    rig.clock.ms += 10 * MINUTES_MS + LEASE_MS + 1
    await behind.writer.recover()
    await behind.tasks.idle()

    assert await judged.problems() == []


async def test_a_full_disk_refuses_what_is_new_keeps_what_was_there_and_goes_on_when_there_is_room(rig: Rig):
    judged, process = Judged(rig), rig.process()
    disk = Disk(rig.store)
    await disk.fill()

    with pytest.raises(StoreUnavailable, match="the disk that holds the database is full"):
        for number in range(1_000):  # what is left of the last pages takes a few
            on = number % 2 == 0
            await process.toggles.flip(rig.owner, rig.customer.id, TOGGLE.id, on, request_id=f"{number}")
            await process.tasks.idle()
    page = await process.toggles.page(rig.owner, rig.customer.id)

    assert len(page.cells) == 50
    disk.is_full = False
    await disk.apply()
    rig.clock.ms += LEASE_MS + 1
    await process.writer.recover()
    await process.tasks.idle()
    await _click(rig, judged, process, True)
    assert await judged.problems() == []


async def test_a_disk_that_is_full_when_the_answer_comes_costs_the_answer_and_not_the_wish(rig: Rig):
    judged, process, disk = Judged(rig), rig.process(), Disk(rig.store)

    rig.gateway.script.append(meanwhile(disk.fill_to_the_brim, before=False))
    await _click(rig, judged, process, True)
    waiting = (await rig.store.page(rig.customer.id)).cells[TOGGLE.id].change
    assert waiting is not None and waiting.is_open

    disk.is_full = False
    await disk.apply()
    rig.clock.ms += LEASE_MS + 1
    await process.writer.recover()
    await process.tasks.idle()
    assert await judged.problems() == []


class Disk:
    """The disk below a SQLite file: full means that the file may not grow any more."""

    def __init__(self, store: SqlStore) -> None:
        self._store = store
        self.is_full = False
        event.listen(store.engine.sync_engine, "checkout", self._on_checkout)

    async def fill(self) -> None:
        self.is_full = True
        await self.apply()

    async def fill_to_the_brim(self) -> None:
        """Not even what is free inside the file is left for another line of the audit log."""
        await self.fill()
        with pytest.raises(StoreUnavailable):
            while True:
                await self._store.record(CustomerId(1), Deed(SYSTEM, AuditAction.FLIP_ASKED, "x"), now=1)

    async def apply(self) -> None:
        """Each connection has the limit for itself; one that is taken out of the pool is told."""
        async with self._store.database.reading("*"):
            pass

    def _on_checkout(self, connection, record, proxy) -> None:
        cursor = connection.cursor()
        cursor.execute("PRAGMA page_count")
        pages = cursor.fetchone()[0] if self.is_full else 1_000_000
        cursor.execute(f"PRAGMA max_page_count = {pages}")
        cursor.close()


def _with_clock(rig: Rig, wrong: Callable[[int], int]) -> Rig:
    return replace(rig, clock=rig.clock.seen_as(wrong))


async def _click(rig: Rig, judged: Judged, process: Process, on: bool, toggle: Toggle = TOGGLE) -> None:
    began = rig.clock.ms
    change = await process.toggles.flip(
        rig.owner, rig.customer.id, toggle.id, on, request_id=f"{toggle.id} {began}"
    )
    await process.tasks.idle()
    judged.spans(change, began, rig.clock.ms)


async def _clicks(rig: Rig, processes: list[Process], judged: Judged) -> None:
    """Every toggle is flipped again and again, now in this process, now in the other, some of them at once."""
    for number in range(ROUNDS):
        rig.clock.ms += 1_000
        process, other = processes[number % 2], processes[1 - number % 2]
        at_once = [_click(rig, judged, process, number % 2 == 0, toggle) for toggle in TOGGLES[:-1]]
        at_once.append(_click(rig, judged, other, number % 2 == 0, TOGGLES[-1]))
        await asyncio.gather(*at_once)
        await judged.look()
