"""Reading zones: the first read, pages that somebody looks at, the sweep, and answers that are not believed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cloudcache.domain.budget import CallClass
from cloudcache.domain.catalog import TOGGLES, State, find
from cloudcache.domain.customers import ZoneStatus
from cloudcache.domain.events import ChangeStatus
from cloudcache.emulator.world import Fault
from cloudcache.services.sweep import Sweep
from tests.support.rig import ZONE, Rig


async def held(rig: Rig, toggle: str) -> State | None:
    return (await rig.store.page(rig.customer.id)).cells[find(toggle).id].state


def reads(rig: Rig) -> list[str]:
    return [record.path for record in rig.world.requests() if record.method == "GET"]


@pytest.mark.parametrize(("batch", "calls"), [(True, 16), (False, 48)])
async def test_a_first_read_fills_the_grid_with_16_or_48_calls(rig: Rig, batch: bool, calls: int):
    process = rig.process(batch_read=batch)

    used = await process.reconciler.zone(rig.customer.id, CallClass.WATCHED)

    page = await rig.store.page(rig.customer.id)
    assert used == calls == len(reads(rig))
    assert len(page.cells) == 50 and all(cell.seen_at for cell in page.cells.values())
    assert page.customer.full_read_at is not None
    assert not await rig.store.history(rig.customer.id, 5), "a first value is no change"


async def test_rows_are_usable_as_soon_as_their_own_answer_came(rig: Rig):
    process = rig.process()
    rig.world.inject(Fault("status", path="/bot_management", times=None))

    await process.reconciler.zone(rig.customer.id, CallClass.WATCHED)

    page = await rig.store.page(rig.customer.id)
    assert len(page.cells) == 47
    assert page.customer.full_read_at is None and page.customer.silent_since is None


async def test_a_withdrawn_batch_call_is_replaced_by_single_reads_at_once(rig: Rig):
    process = rig.process()
    rig.world.adopt(replace(rig.world.options, batch_read="off"))

    await process.reconciler.zone(rig.customer.id, CallClass.WATCHED)
    rig.world.clear_requests()
    await process.reconciler.zone(rig.customer.id, CallClass.WATCHED)

    assert len((await rig.store.page(rig.customer.id)).cells) == 50
    assert len(reads(rig)) == 48


async def test_an_absurd_answer_is_read_again_and_not_believed(rig: Rig):
    process = rig.process()
    for toggle in TOGGLES[:40]:
        if toggle.in_batch and toggle.setting:
            flipped = (
                toggle.on
                if toggle.read(rig.world.value(ZONE, toggle.setting)).state is State.OFF
                else toggle.off
            )
            rig.world.dashboard_change(ZONE, toggle.setting, flipped, actor_email="a@example.com")
    await process.reconciler.zone(rig.customer.id, CallClass.WATCHED)
    before = {id_: cell.value for id_, cell in (await rig.store.page(rig.customer.id)).cells.items()}
    rig.world.inject(Fault("absurd", path="/settings", times=1))

    await process.reconciler.zone(rig.customer.id, CallClass.WATCHED)

    after = {id_: cell.value for id_, cell in (await rig.store.page(rig.customer.id)).cells.items()}
    assert after == before
    assert not await rig.store.history(rig.customer.id, 5)


async def test_many_true_changes_are_believed_when_two_answers_agree(rig: Rig):
    process = rig.process()
    await process.reconciler.zone(rig.customer.id, CallClass.WATCHED)
    turned = 0
    for toggle in TOGGLES:
        if (
            toggle.in_batch
            and toggle.setting
            and turned < 20
            and toggle.others == {}
            and isinstance(toggle.on, str)
        ):
            state = await held(rig, toggle.id)
            value = toggle.off if state is State.ON else toggle.on
            rig.world.dashboard_change(ZONE, toggle.setting, value, actor_email="a@example.com")
            turned += 1

    await process.reconciler.zone(rig.customer.id, CallClass.WATCHED)

    seen = await rig.store.history(rig.customer.id, 100)
    assert len(seen) >= turned > 15
    assert {change.status for change in seen} == {ChangeStatus.OBSERVED}


async def test_an_unknown_value_is_kept_and_shown(rig: Rig):
    process = rig.process()
    rig.world.inject(Fault("unknown_value", path="/settings/speed_brain", times=1))

    await process.reconciler.zone(rig.customer.id, CallClass.WATCHED)

    cell = (await rig.store.page(rig.customer.id)).cells[find("speed_brain").id]
    reading = cell.reading(find("speed_brain"))
    assert not reading.known and reading.detail == cell.value


async def test_html_instead_of_json_changes_nothing_and_says_silent(rig: Rig):
    process = rig.process()
    await process.reconciler.zone(rig.customer.id, CallClass.WATCHED)
    before = (await rig.store.page(rig.customer.id)).cells
    rig.world.inject(Fault("html", times=None))

    await process.reconciler.zone(rig.customer.id, CallClass.WATCHED)

    page = await rig.store.page(rig.customer.id)
    assert page.customer.silent_since is not None
    assert {id_: cell.value for id_, cell in page.cells.items()} == {
        id_: cell.value for id_, cell in before.items()
    }


async def test_a_revoked_token_stops_the_read_after_one_call(rig: Rig):
    process = rig.process()
    rig.world.revoke_token("cfat_rig_0123456789abcdef")

    await process.reconciler.zone(rig.customer.id, CallClass.WATCHED)

    assert len(reads(rig)) == 1
    assert (await rig.store.page(rig.customer.id)).customer.status is ZoneStatus.TOKEN_REFUSED


async def test_opening_a_page_reads_only_what_is_old(rig: Rig):
    process = rig.process()

    await process.attention.opened(rig.owner, rig.customer.id)
    await process.tasks.idle()
    first = len(reads(rig))
    await process.attention.opened(rig.owner, rig.customer.id)
    await process.tasks.idle()
    second = len(reads(rig))
    rig.clock.ms += 3_700_000
    await process.attention.opened(rig.owner, rig.customer.id)
    await process.tasks.idle()

    assert (first, second, len(reads(rig))) == (16, 16, 32)


async def test_a_watched_zone_is_read_every_minute_until_the_page_closes(rig: Rig):
    process = rig.process()
    await process.attention.opened(rig.owner, rig.customer.id)
    await process.tasks.idle()

    assert await process.attention.look_again() == 0
    rig.clock.ms += 61_000
    assert await process.attention.look_again() == 1
    await process.tasks.idle()
    process.attention.closed(rig.customer.id)
    rig.clock.ms += 61_000
    assert await process.attention.look_again() == 0


async def test_two_reads_of_one_zone_do_not_run_at_once(rig: Rig):
    process = rig.process()
    work = process.reconciler.zone(rig.customer.id, CallClass.WATCHED)
    process.tasks.spawn(_drop(work), "first")
    await process.toggles.check(rig.owner, rig.customer.id)
    await process.tasks.idle()

    assert len(reads(rig)) == 16


async def _drop(work) -> None:
    await work


async def test_the_sweep_stays_within_its_calls(rig: Rig):
    process = rig.process()

    used = await Sweep(rig.store, process.reconciler, calls_per_run=100).run()
    rig.clock.ms += 900_000
    again = await Sweep(rig.store, process.reconciler, calls_per_run=10).run()

    assert used == 16
    assert again == 16, "the first zone of a run is read whole; the next would exceed it"
