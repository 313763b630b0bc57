"""Reads that fail in part: what is read again, how often, and what everybody else notices of it."""

from __future__ import annotations

import pytest

from cloudcache.domain.catalog import find
from cloudcache.domain.freshness import Urgency
from cloudcache.emulator.world import Fault
from tests.support.databases import temporary_store
from tests.support.rig import ZONE, Process, Rig, build_rig

HOUR_MS = 3_600_000
BROKEN = ["/page_shield", "/bot_management", "/settings/fonts", "/argo/tiered_caching"]


def calls(rig: Rig, path: str = "/", zone: str = ZONE) -> int:
    return sum(f"/zones/{zone}" in one.path and path in one.path for one in rig.world.requests())


def whole_reads(rig: Rig, zone: str = ZONE) -> int:
    return sum(one.path.endswith(f"/zones/{zone}/settings") for one in rig.world.requests())


async def pass_time(rig: Rig, process: Process, until_ms: int, *, watched: bool = False) -> None:
    """Let time pass in steps of some seconds, as the engine's timer would."""
    while rig.clock.ms < until_ms:
        if watched:
            await process.attention.still_open()
        await process.settle()
        rig.clock.ms += 30_000


@pytest.mark.parametrize("chance", [0.0, 0.999])
@pytest.mark.parametrize("path", BROKEN)
async def test_broken_endpoint_alone_is_retried_with_growing_waits(rig: Rig, path: str, chance: float):
    process = rig.process()
    process.engine._chance = lambda: chance
    rig.world.inject(Fault("status", path=path, times=None))

    await pass_time(rig, process, rig.clock.ms + HOUR_MS)

    assert whole_reads(rig) <= 5, "at its usual rhythm, of a quarter of an hour"
    assert calls(rig, path) <= 15


@pytest.mark.parametrize("chance", [0.0, 0.999])
async def test_open_page_with_broken_endpoint_gets_ten_whole_reads_an_hour(
    rig_without_feed: Rig, chance: float
):
    rig = rig_without_feed
    process = rig.process()
    process.engine._chance = lambda: chance
    rig.world.inject(Fault("status", path="/page_shield", times=None))
    await process.attention.opened(rig.owner, rig.customer.id)

    await pass_time(rig, process, rig.clock.ms + HOUR_MS, watched=True)

    assert 5 <= whole_reads(rig) <= 10


@pytest.mark.parametrize("kind", ["html", "refuse", "lost"])
async def test_total_outage_gets_ten_whole_reads_an_hour_with_luckiest_jitter(rig: Rig, kind: str):
    process = rig.process()
    process.engine._chance = lambda: 0.0
    rig.world.inject(Fault(kind, zone_id=ZONE, times=None))

    await pass_time(rig, process, rig.clock.ms + HOUR_MS)

    assert whole_reads(rig) <= 10
    assert (await rig.store.page(rig.customer.id)).customer.silent_since is not None


async def test_other_zones_keep_their_rhythm_beside_a_broken_endpoint(rig: Rig):
    process = rig.process()
    zone, facts = await rig.facts("b" * 32, "other.example")
    await rig.store.add_customer("o.myshopify.com", zone, facts, rig.customer.topology, None, now=1)
    await rig.store.add_customer(
        "p.myshopify.com",
        *await rig.facts("c" * 32, "p.example"),
        rig.customer.topology,
        rig.customer.credential,
        now=1,
    )
    rig.world.inject(Fault("status", zone_id=ZONE, path="/page_shield", times=None))

    await pass_time(rig, process, rig.clock.ms + HOUR_MS)

    assert 4 <= whole_reads(rig, "c" * 32) <= 5
    assert calls(rig, zone="c" * 32) == 16 * whole_reads(rig, "c" * 32)


async def test_retry_completes_the_whole_read_with_its_own_beginning(rig: Rig):
    process = rig.process()
    rig.world.inject(Fault("status", path="/page_shield", times=1))
    await process.settle()
    part = (await rig.store.page(rig.customer.id)).customer
    before = calls(rig)

    rig.clock.ms += 60_000
    await process.settle()

    whole = (await rig.store.page(rig.customer.id)).customer
    assert (part.full_read_at, calls(rig) - before) == (None, 1)
    assert part.unread_at is not None and (whole.full_read_at, whole.unread_at) == (part.unread_at, None)


async def test_one_unanswered_call_beside_answered_ones_is_no_silence(rig: Rig):
    process = rig.process()
    rig.world.inject(Fault("status", path="/page_shield", times=None))

    for _ in range(4):
        await process.settle()
        rig.clock.ms += 120_000

    assert (await rig.store.page(rig.customer.id)).customer.silent_since is None


async def test_settings_behind_three_broken_ones_are_still_read(rig: Rig):
    process = rig.process()
    for path in ("/settings/speed_brain", "/settings/fonts", "/settings/h2_prioritization"):
        rig.world.inject(Fault("status", path=path, times=None))

    await process.settle()

    assert len((await rig.store.page(rig.customer.id)).cells) == 47


async def test_log_lines_are_closed_though_another_setting_stays_unread(rig: Rig):
    process = rig.process()
    rig.world.inject(Fault("status", path="/page_shield", times=None))
    await process.settle()
    rig.world.dashboard_change(ZONE, "rocket_loader", "on", actor_email="ann@shop.example")

    await pass_time(rig, process, rig.clock.ms + 1_000_000)

    assert (await rig.store.page(rig.customer.id)).cells[find("rocket_loader").id].value == "on"
    assert (await rig.store.across_tenants_depth(rig.clock.ms)).open_entries == 0


async def test_line_of_an_unknown_path_beside_a_broken_endpoint_is_no_storm(rig: Rig):
    process = rig.process()
    process.engine._chance = lambda: 0.0
    await process.settle()
    rig.world.inject(Fault("status", path="/page_shield", times=None))
    await process.attention.opened(rig.owner, rig.customer.id)
    rig.world.dashboard_change(ZONE, "webmcp_packs", "x", actor_email="ann@shop.example")
    before = whole_reads(rig)

    await pass_time(rig, process, rig.clock.ms + HOUR_MS, watched=True)

    assert whole_reads(rig) - before <= 2


async def test_line_that_cannot_be_answered_does_not_stop_the_sweep(rig: Rig):
    process = rig.process()
    await process.settle()
    rig.world.inject(Fault("status", path="/page_shield", times=None))
    rig.world.dashboard_change(ZONE, "page_shield", True, actor_email="ann@shop.example")
    before = whole_reads(rig)

    await pass_time(rig, process, rig.clock.ms + 2 * HOUR_MS)

    assert 2 <= whole_reads(rig) - before <= 9


async def test_reloads_of_a_page_with_unreadable_settings_cost_one_read(tmp_path):
    rig = await build_rig(
        await temporary_store(tmp_path / "rig.db"),
        permissions=frozenset(
            {"Zone Read", "Zone Settings Read", "Zone Settings Write", "Account Settings Read"}
        ),
    )
    try:
        process = rig.process()
        await process.settle()
        for _ in range(10):
            await process.attention.opened(rig.owner, rig.customer.id)
            await process.settle()
            rig.clock.ms += 30_000

        assert whole_reads(rig) == 1
    finally:
        await rig.close()


async def test_reloads_of_a_page_with_a_broken_endpoint_cost_one_whole_read(rig: Rig):
    process = rig.process()
    rig.world.inject(Fault("status", path="/page_shield", times=None))
    await process.settle()

    for _ in range(10):
        await rig.process().attention.opened(rig.owner, rig.customer.id)
        await process.settle()
        rig.clock.ms += 30_000

    assert whole_reads(rig) == 1


async def test_check_ordered_during_a_failing_read_is_done_at_once(rig: Rig):
    process = rig.process()
    rig.world.inject(Fault("html", zone_id=ZONE, times=None))
    for _ in range(6):
        await process.settle()
        rig.clock.ms += HOUR_MS
    await process.engine.turn()
    await process.toggles.check(rig.owner, rig.customer.id)
    await process.tasks.idle()
    rig.world.clear_faults()
    failed_at = rig.clock.ms

    await process.settle()

    customer = (await rig.store.page(rig.customer.id)).customer
    assert customer.full_read_at is not None and customer.full_read_at - failed_at < 60_000


async def test_log_line_during_a_failing_read_waits_for_the_retry(rig: Rig):
    process = rig.process()
    rig.world.inject(Fault("html", zone_id=ZONE, times=None))
    for _ in range(6):
        await process.settle()
        rig.clock.ms += HOUR_MS
    await process.engine.turn()
    await rig.store.add(rig.customer.id, due=rig.clock.ms, urgency=Urgency.NAMED)
    await process.tasks.idle()
    before = whole_reads(rig)

    await process.settle()

    assert whole_reads(rig) == before
