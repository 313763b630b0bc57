"""Reading zones: the first read, pages that somebody looks at, the sweep, and answers that are not believed."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from cloudcache.domain.budget import CallClass
from cloudcache.domain.catalog import TOGGLES, State, Topology, find
from cloudcache.domain.customers import ZoneStatus
from cloudcache.domain.events import ChangeStatus, Progress
from cloudcache.emulator.world import Fault
from tests.support.rig import TOKEN, ZONE, Rig, merchant


async def held(rig: Rig, toggle: str) -> State | None:
    return (await rig.store.page(rig.customer.id)).cells[find(toggle).id].state


def reads(rig: Rig) -> list[str]:
    return [record.path for record in rig.world.requests() if record.method == "GET"]


def of_settings(rig: Rig) -> list[str]:
    """The calls that read a setting."""
    return [path for path in reads(rig) if f"/zones/{ZONE}/" in path]


@pytest.mark.parametrize(("batch", "calls"), [(True, 16), (False, 48)])
async def test_a_first_read_fills_the_grid_with_16_or_48_calls(rig: Rig, batch: bool, calls: int):
    process = rig.process(batch_read=batch)

    look = await process.engine.look_now(rig.customer.id)

    page = await rig.store.page(rig.customer.id)
    assert look and look.done == calls == len(reads(rig))
    assert len(page.cells) == 50 and all(cell.seen_at for cell in page.cells.values())
    assert page.customer.full_read_at is not None
    assert not await rig.store.history(rig.customer.id, 5), "a first value is no change"


async def test_rows_are_usable_as_soon_as_their_own_answer_came(rig: Rig):
    process = rig.process()
    rig.world.inject(Fault("status", path="/bot_management", times=None))

    await process.engine.look_now(rig.customer.id)

    page = await rig.store.page(rig.customer.id)
    assert len(page.cells) == 47
    assert page.customer.full_read_at is None and page.customer.silent_since is None


async def test_a_withdrawn_batch_call_is_replaced_by_single_reads_at_once(rig: Rig):
    process = rig.process()
    rig.world.adopt(replace(rig.world.options, batch_read="off"))

    await process.engine.look_now(rig.customer.id)
    rig.world.clear_requests()
    await process.engine.look_now(rig.customer.id)

    assert len((await rig.store.page(rig.customer.id)).cells) == 50
    singles = [path for path in of_settings(rig) if not path.endswith("/settings")]
    assert len(singles) == 48, "the zone's own reads, whatever is known of other zones"


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
    await process.engine.look_now(rig.customer.id)
    before = {id_: cell.value for id_, cell in (await rig.store.page(rig.customer.id)).cells.items()}
    rig.world.inject(Fault("absurd", path="/settings", times=1))

    await process.engine.look_now(rig.customer.id)

    after = {id_: cell.value for id_, cell in (await rig.store.page(rig.customer.id)).cells.items()}
    assert after == before
    assert not await rig.store.history(rig.customer.id, 5)


async def test_many_true_changes_are_believed_when_two_answers_agree(rig: Rig):
    process = rig.process()
    await process.engine.look_now(rig.customer.id)
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

    await process.engine.look_now(rig.customer.id)

    seen = await rig.store.history(rig.customer.id, 100)
    assert len(seen) >= turned > 15
    assert {change.status for change in seen} == {ChangeStatus.OBSERVED}


async def test_an_unknown_value_is_kept_and_shown(rig: Rig):
    process = rig.process()
    rig.world.inject(Fault("unknown_value", path="/settings/speed_brain", times=1))

    await process.engine.look_now(rig.customer.id)

    cell = (await rig.store.page(rig.customer.id)).cells[find("speed_brain").id]
    reading = cell.reading(find("speed_brain"))
    assert not reading.known and reading.detail == cell.value


async def test_html_instead_of_json_changes_nothing_and_says_silent(rig: Rig):
    process = rig.process()
    await process.engine.look_now(rig.customer.id)
    before = (await rig.store.page(rig.customer.id)).cells
    rig.world.inject(Fault("html", times=None))

    await process.engine.look_now(rig.customer.id)

    page = await rig.store.page(rig.customer.id)
    assert page.customer.silent_since is not None
    assert {id_: cell.value for id_, cell in page.cells.items()} == {
        id_: cell.value for id_, cell in before.items()
    }


async def test_a_revoked_token_stops_the_read_after_one_call_and_parks_the_zone(rig: Rig):
    process = rig.process()
    rig.world.revoke_token(TOKEN.reveal())

    await process.settle()
    rig.clock.ms += 30 * 86_400_000
    await process.settle()

    assert len(of_settings(rig)) == 1
    assert (await rig.store.page(rig.customer.id)).customer.status is ZoneStatus.TOKEN_REFUSED
    (suspended,) = await rig.store.across_tenants_parked(5)
    assert suspended.why.startswith("Cloudflare rejects the token (code 9109, ")


async def test_a_zone_that_is_gone_is_parked_and_a_live_token_is_not_blamed(rig: Rig):
    process = rig.process()
    rig.world.inject(Fault("status", zone_id=ZONE, status=404, code=7003, message="no route", times=None))

    await process.settle()

    assert (await rig.store.page(rig.customer.id)).customer.status is ZoneStatus.GONE


async def test_opening_a_page_reads_only_what_is_old(rig: Rig):
    process = rig.process()

    counts = []
    for later in (0, 0, 3_700_000):
        rig.clock.ms += later
        await process.attention.opened(rig.owner, rig.customer.id)
        await process.settle()
        counts.append(len(of_settings(rig)))

    assert counts == [16, 16, 32]


async def test_an_open_page_is_read_every_minute_without_a_feed_until_it_closes(rig_without_feed: Rig):
    rig = rig_without_feed
    process = rig.process()
    await process.attention.opened(rig.owner, rig.customer.id)
    await process.settle()

    counts = [len(of_settings(rig))]
    for _ in range(2):
        rig.clock.ms += 61_000
        await process.attention.still_open()
        await process.settle()
        counts.append(len(of_settings(rig)))
    process.attention.closed(rig.customer.id)
    await process.tasks.idle()
    rig.clock.ms += 61_000
    await process.settle()

    assert counts == [16, 32, 48]
    assert len(of_settings(rig)) == 64, "what was due while it was open is still read"
    rig.clock.ms += 120_000
    await process.settle()
    assert len(of_settings(rig)) == 64


async def test_a_page_whose_process_died_is_forgotten(rig_without_feed: Rig):
    rig = rig_without_feed
    process = rig.process()
    await process.attention.opened(rig.owner, rig.customer.id)
    await process.settle()

    for _ in range(4):
        rig.clock.ms += 100_000
        await process.settle()

    assert len(of_settings(rig)) == 32


async def test_two_processes_do_not_read_one_zone_at_once(rig: Rig):
    one, other = rig.process(), rig.process()
    await one.attention.opened(rig.owner, rig.customer.id)
    await other.toggles.check(rig.owner, rig.customer.id)

    await one.engine.turn()
    await other.engine.turn()
    await one.tasks.idle()
    await other.tasks.idle()

    assert len(of_settings(rig)) == 16


async def test_check_all_reads_everything_though_it_was_read_just_now(rig: Rig):
    process = rig.process()
    await process.settle()

    await process.toggles.check(rig.owner, rig.customer.id)
    await process.settle()

    assert len(of_settings(rig)) == 32


async def test_a_page_shows_how_far_another_process_is_until_that_one_falls_silent(rig: Rig):
    process = rig.process()
    shop = rig.customer.id
    rig.bus.tell(Progress(shop, 1, 16))
    before = process.attention.progress(shop)
    await process.attention.opened(rig.owner, shop)

    rig.bus.tell(Progress(shop, 3, 16))
    told = process.attention.progress(shop)
    rig.bus.tell(Progress(shop, 16, 16))
    over = process.attention.progress(shop)
    rig.bus.tell(Progress(shop, 4, 16))
    rig.clock.ms += 60_000

    assert (before, told, over, process.attention.progress(shop)) == (None, (3, 16), None, None)


async def test_a_read_tells_the_other_processes_how_far_it_is_and_a_sweep_does_not(rig: Rig):
    process, told = rig.process(), []
    rig.bus.listen(Progress, told.append)

    await process.reconciler.zone(rig.customer.id, CallClass.SWEEP)
    swept = list(told)
    await process.reconciler.zone(rig.customer.id, CallClass.WATCHED)

    assert swept == []
    assert told[0].done == 0 and told[-1].done == told[-1].total == 16
    assert [one.done for one in told] == sorted(one.done for one in told)


async def test_what_a_page_asks_for_wakes_the_engine_of_a_worker_that_had_found_nothing(rig: Rig):
    page, worker = rig.process(), rig.process()
    await worker.settle()
    found = await worker.engine.turn()

    await page.toggles.check(rig.owner, rig.customer.id)
    taken = await worker.engine.turn()
    await worker.tasks.idle()

    assert (found, taken) == (0, 1)


async def test_pages_that_open_and_close_together_are_told_of_together(rig: Rig):
    process = rig.process()
    told: list[tuple[str, int]] = []
    watch, unwatch = rig.store.watch, rig.store.unwatch

    async def noting_watch(customers, **more):
        told.append(("watch", len(customers)))
        await watch(customers, **more)

    async def noting_unwatch(customers, **more):
        told.append(("unwatch", len(customers)))
        await unwatch(customers, **more)

    zones = [await rig.facts(f"{number:032x}", f"s{number}.example") for number in range(1, 10)]
    others = [
        (await rig.store.add_customer(f"s{number}.myshopify.com", zone, facts, Topology.O2O, None, now=1)).id
        for number, (zone, facts) in enumerate(zones)
    ]
    everybody = [rig.customer.id, *others]
    rig.store.watch, rig.store.unwatch = noting_watch, noting_unwatch

    await asyncio.gather(*(process.attention.opened(merchant(one), one) for one in everybody))
    for one in everybody:
        process.attention.closed(one)
    await process.tasks.idle()

    assert sum(count for what, count in told if what == "watch") == 10
    assert sum(count for what, count in told if what == "unwatch") == 10
    assert len(told) < 10, told
