"""A setting turned on for one hour is turned off by itself, once, unless it was decided otherwise since."""

from __future__ import annotations

import pytest

from cloudcache.domain.budget import CallClass
from cloudcache.domain.catalog import State, find
from cloudcache.domain.errors import Refused
from cloudcache.domain.events import ChangeStatus, Source
from cloudcache.domain.toggle import Cell
from cloudcache.emulator.world import Fault
from cloudcache.ports import Intent
from cloudcache.services.toggles import HOUR_MS
from cloudcache.ui.states import rows
from tests.support.rig import ZONE, Process, Rig

ATTACK = find("under_attack")


async def cell(rig: Rig) -> Cell:
    return (await rig.store.page(rig.customer.id)).cells[ATTACK.id]


def level(rig: Rig) -> object:
    return rig.world.value(ZONE, "security_level")


async def press(rig: Rig, process: Process, on: bool, request: str, *, for_an_hour: bool = False) -> None:
    await process.toggles.flip(
        rig.owner,
        rig.customer.id,
        ATTACK.id,
        on,
        request_id=request,
        confirmed=True,
        for_an_hour=for_an_hour,
    )
    await process.tasks.idle()


async def reach_end(rig: Rig, *processes: Process) -> None:
    """Go to a little after the hour, with a read on the way."""
    rig.clock.ms += HOUR_MS // 2
    await processes[0].settle()
    rig.clock.ms += HOUR_MS // 2 + 5_000
    for process in processes:
        await process.settle()
        await process.tasks.idle()
    for process in processes:
        await process.settle()
        await process.tasks.idle()


async def test_row_says_until_when_it_is_on(rig: Rig):
    process = rig.process()
    await process.settle()
    began = rig.clock.ms

    await press(rig, process, True, "on", for_an_hour=True)

    shown = await cell(rig)
    assert (shown.ends_at, level(rig)) == (began + HOUR_MS, "under_attack")
    assert rows.row_and_word(shown, rig.clock.ms)[0] == "E" + rows.seconds(began + HOUR_MS)


async def test_it_is_turned_off_after_the_hour_and_the_journal_says_by_what(rig: Rig):
    process = rig.process()
    await process.settle()
    await press(rig, process, True, "on", for_an_hour=True)

    await reach_end(rig, process)

    ended = await cell(rig)
    change = ended.change
    assert (ended.state, ended.ends_at, level(rig)) == (State.OFF, None, "medium")
    assert change is not None
    assert (change.status, change.source) == (ChangeStatus.APPLIED, Source.TIMER)


async def test_two_processes_and_a_restart_end_it_once(rig: Rig):
    first = rig.process()
    await first.settle()
    await press(rig, first, True, "on", for_an_hour=True)

    await reach_end(rig, rig.process(), rig.process())

    history = await rig.store.history_of(rig.customer.id, ATTACK.id, 10)
    assert [one.source for one in history].count(Source.TIMER) == 1
    assert level(rig) == "medium"


@pytest.mark.parametrize("for_an_hour", [False, True])
async def test_a_later_press_wins(rig: Rig, for_an_hour: bool):
    process = rig.process()
    await process.settle()
    await press(rig, process, True, "on", for_an_hour=True)
    rig.clock.ms += HOUR_MS // 2
    await press(rig, process, False, "off")
    await press(rig, process, True, "again", for_an_hour=for_an_hour)

    rig.clock.ms += HOUR_MS // 2 + 60_000  # the first hour is over, a second one isn't
    await process.settle()
    await process.tasks.idle()

    assert level(rig) == "under_attack"
    ends_at = (await cell(rig)).ends_at
    assert (ends_at is not None and ends_at > rig.clock.ms) is for_an_hour


async def test_press_that_is_open_at_the_end_is_not_undone(rig: Rig):
    process = rig.process()
    await process.settle()
    await press(rig, process, True, "on", for_an_hour=True)
    rig.clock.ms += HOUR_MS // 2
    await process.settle()
    ended = await cell(rig)
    rig.clock.ms += HOUR_MS
    keep = Intent(ATTACK.id, State.ON, "under_attack", rig.owner, Source.PAGE, "keep")
    await rig.store.open_intent(
        rig.customer.id, keep, now=rig.clock.ms, owner="another", lease_until=rig.clock.ms + HOUR_MS
    )

    await process.settle()
    await process.tasks.idle()

    newest = (await rig.store.history_of(rig.customer.id, ATTACK.id, 1))[0]
    assert ended.ends_at is not None and newest.request_id == "keep"


async def test_turning_it_off_at_cloudflare_ends_the_timer(rig: Rig):
    process = rig.process()
    await process.settle()
    await press(rig, process, True, "on", for_an_hour=True)
    rig.world.dashboard_change(ZONE, "security_level", "medium", actor_email="ann@shop.example")
    rig.clock.ms += 60_000
    await process.settle()
    await process.reconciler.toggle(rig.customer.id, ATTACK, CallClass.WATCHED)
    rig.world.dashboard_change(ZONE, "security_level", "under_attack", actor_email="ann@shop.example")
    await process.reconciler.toggle(rig.customer.id, ATTACK, CallClass.WATCHED)

    await reach_end(rig, process)

    assert level(rig) == "under_attack"


async def test_trying_again_keeps_the_hour(rig: Rig):
    process = rig.process()
    await process.settle()
    rig.world.inject(Fault("status", path="/settings/security_level", status=400, code=1007, times=1))
    await press(rig, process, True, "on", for_an_hour=True)
    failed = (await cell(rig)).change
    assert failed is not None and failed.status is ChangeStatus.FAILED
    rig.world.clear_faults()

    await process.toggles.retry(rig.owner, rig.customer.id, ATTACK.id, request_id="again")
    await process.tasks.idle()

    assert (await cell(rig)).ends_at is not None


@pytest.mark.parametrize(("toggle", "on"), [("under_attack", False), ("rocket_loader", True)])
async def test_only_what_offers_it_can_be_turned_on_for_an_hour(rig: Rig, toggle: str, on: bool):
    process = rig.process()
    await process.settle()

    with pytest.raises(Refused, match="limited time"):
        await process.toggles.flip(
            rig.owner, rig.customer.id, toggle, on, request_id="r", confirmed=True, for_an_hour=True
        )
