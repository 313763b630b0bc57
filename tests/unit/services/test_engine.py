"""The engine: leases, failures, late replies, draining, and a database or a clock that misbehaves."""

from __future__ import annotations

import asyncio

import pytest

from cloudcache.domain.catalog import find
from cloudcache.domain.customers import ZoneStatus
from cloudcache.domain.errors import StoreUnavailable
from cloudcache.domain.freshness import NEVER, Urgency
from cloudcache.emulator.world import Fault
from cloudcache.services.engine import LEASE_MS
from tests.support.rig import TOKEN, ZONE, Rig


def calls(rig: Rig) -> int:
    return sum(f"/zones/{ZONE}/" in record.path for record in rig.world.requests())


async def place(rig: Rig):
    """The zone's place in the queue, as a lease a long time from now would find it."""
    far = rig.clock.ms + 400 * 86_400_000
    zone = await rig.store.lease_one(rig.customer.id, now=far, owner="test", until=rig.clock.ms)
    await rig.store.release("test")
    assert zone is not None
    return zone


async def test_a_zone_is_swept_again_when_its_turn_has_come_and_not_before(rig: Rig):
    process = rig.process()
    await process.settle()

    rig.clock.ms += 800_000
    await process.settle()
    early = calls(rig)
    rig.clock.ms += 200_000
    await process.settle()

    assert (early, calls(rig)) == (16, 32)


async def test_a_failing_zone_is_tried_again_later_and_later(rig: Rig):
    process = rig.process()
    rig.world.inject(Fault("cut", zone_id=ZONE, times=None))

    waits = []
    for _ in range(4):
        await process.settle()
        due = (await place(rig)).due
        waits.append(due - rig.clock.ms)
        rig.clock.ms = due

    assert waits == sorted(waits) and waits[0] >= 2_000 and waits[-1] > 4 * waits[0]
    assert (await rig.store.page(rig.customer.id)).customer.silent_since is not None


async def test_one_call_that_fails_keeps_what_the_others_brought_and_the_zone_comes_again(rig: Rig):
    process = rig.process()
    rig.world.inject(Fault("status", path="/bot_management", times=1))

    await process.settle()
    half = await rig.store.page(rig.customer.id)
    rig.clock.ms += 60_000
    await process.settle()

    assert len(half.cells) == 47 and half.customer.full_read_at is None
    whole = await rig.store.page(rig.customer.id)
    assert len(whole.cells) == 50 and whole.customer.full_read_at is not None


async def test_a_zone_added_while_it_is_read_is_read_again(rig: Rig):
    process = rig.process()
    await process.engine.turn()
    await rig.store.add(rig.customer.id, due=NEVER, urgency=Urgency.WATCHED)
    await process.tasks.idle()
    await process.settle()

    assert calls(rig) == 32


async def test_the_work_of_a_process_that_died_is_taken_up_when_its_lease_ends(rig: Rig):
    dead, alive = rig.process(), rig.process()
    await rig.store.lease_one(
        rig.customer.id, now=rig.clock.ms, owner=dead.name, until=rig.clock.ms + LEASE_MS
    )

    await alive.settle()
    before = calls(rig)
    rig.clock.ms += LEASE_MS + 1
    await alive.settle()

    assert (before, calls(rig)) == (0, 16)


async def test_a_reply_that_arrives_after_the_lease_ended_changes_nothing_in_the_queue(rig: Rig):
    slow, quick = rig.process(), rig.process()
    late = await rig.store.lease_one(
        rig.customer.id, now=rig.clock.ms, owner=slow.name, until=rig.clock.ms + 10
    )
    rig.clock.ms += 20
    await quick.settle()
    settled = await place(rig)

    look = await slow.reconciler.zone(rig.customer.id, Urgency.SWEEP.call_class)
    await slow.engine._settle(late, look, rig.clock.ms, True, False)

    after = await place(rig)
    assert (after.due, after.generation, after.urgency) == (settled.due, settled.generation, settled.urgency)
    assert (await rig.store.page(rig.customer.id)).cells[find("polish").id].seen_at is not None


async def test_draining_lets_work_end_and_gives_the_rest_back(rig: Rig):
    one, other = rig.process(), rig.process()
    await one.engine.turn()

    await one.engine.drain(grace_s=5)
    rig.clock.ms += 1
    await other.settle()

    assert calls(rig) == 16, "what was begun was ended, once"
    assert await one.engine.turn() == 0, "a drained engine takes nothing more"


async def test_work_that_does_not_end_in_time_is_given_back_at_once(rig: Rig):
    one, other = rig.process(), rig.process()
    rig.world.inject(Fault("slow", zone_id=ZONE, delay=30, times=1))
    await one.engine.turn()

    await one.engine.drain(grace_s=0.05)
    await other.settle()

    assert len((await rig.store.page(rig.customer.id)).cells) == 50


async def test_a_refused_token_parks_all_its_zones_and_costs_two_calls(rig: Rig):
    process = rig.process()
    for number in range(5):
        facts = await rig.facts(f"{number}" * 32, f"other{number}.example")
        await rig.store.add_customer(
            f"other{number}.myshopify.com", *facts, rig.customer.topology, rig.customer.credential, now=1
        )
    await process.settle()
    rig.world.revoke_token(TOKEN.reveal())
    rig.world.clear_requests()

    for _ in range(5):
        rig.clock.ms += 2 * 86_400_000
        await process.settle()

    depth = await rig.store.across_tenants_depth(rig.clock.ms)
    assert depth.parked == 6
    assert len(rig.world.requests()) <= 24, "those already under way, the check of the token, and its feed"


async def test_a_token_accepted_again_brings_its_zones_back(rig: Rig):
    process = rig.process()
    await rig.store.park_credential(rig.customer.credential, now=rig.clock.ms, why="refused")
    await process.settle()
    parked = calls(rig)

    await rig.store.unpark_credential(rig.customer.credential, now=rig.clock.ms)
    await process.settle()

    assert (parked, calls(rig)) == (0, 16)
    assert (await rig.store.page(rig.customer.id)).customer.status is ZoneStatus.ACTIVE


async def test_one_zone_that_a_live_token_may_no_longer_see_is_parked_alone(rig: Rig):
    process = rig.process()
    facts = await rig.facts("b" * 32, "other.example")
    await rig.store.add_customer(
        "other.myshopify.com", *facts, rig.customer.topology, rig.customer.credential, now=1
    )
    rig.world.inject(Fault("status", zone_id=ZONE, status=403, code=9109, times=None))

    await process.settle()

    assert (await rig.store.page(rig.customer.id)).customer.status is ZoneStatus.TOKEN_REFUSED
    other = await rig.store.customer_of_shop("other.myshopify.com")
    assert other.status is ZoneStatus.ACTIVE and other.full_read_at is not None


@pytest.mark.parametrize("jump_ms", [86_400_000, -86_400_000])
async def test_a_clock_that_jumps_loses_no_change_and_makes_no_storm(rig: Rig, jump_ms: int):
    process = rig.process()
    await process.attention.opened(rig.owner, rig.customer.id)
    await process.settle()
    rig.clock.ms += jump_ms
    rig.world.clear_requests()

    rig.world.dashboard_change(ZONE, "rocket_loader", "on", actor_email="ann@shop.example")
    for _ in range(20):
        rig.clock.ms += 16_000
        await process.attention.still_open()
        await process.settle()

    cell = (await rig.store.page(rig.customer.id)).cells[find("rocket_loader").id]
    assert cell.value == "on"
    assert len(rig.world.requests()) < 100


async def test_a_database_that_goes_away_for_a_minute_loses_nothing(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    process = rig.process()
    runner = asyncio.ensure_future(process.engine.run())

    async def away(*args: object, **kwargs: object) -> None:
        raise StoreUnavailable("the database can't be reached")

    with monkeypatch.context() as broken:
        for method in ("lease", "lease_feeds", "finish", "observe", "across_tenants_counts"):
            broken.setattr(rig.store, method, away)
        for _ in range(5):
            process.engine.wake()
            await asyncio.sleep(0)
            rig.clock.ms += 12_000
            await breathe()
    assert calls(rig) == 0 and not runner.done()

    async with asyncio.timeout(60):
        while len((await rig.store.page(rig.customer.id)).cells) < 50:
            process.engine.wake()
            await breathe()
    await process.engine.drain(1)
    await runner


async def breathe() -> None:
    """Let everything that can run, run; no time passes by itself."""
    for _ in range(200):
        await asyncio.sleep(0)


async def test_replies_that_fail_one_time_in_ten_are_made_good(rig: Rig):
    process = rig.process()
    rig.world.inject(Fault("status", zone_id=ZONE, probability=0.1, times=None))

    for _ in range(12):
        await process.settle()
        rig.clock.ms += 120_000

    page = await rig.store.page(rig.customer.id)
    assert len(page.cells) == 50 and page.customer.full_read_at is not None
