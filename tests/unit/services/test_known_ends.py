"""Development mode ends by itself: the end is read when it comes, said until then, and is no outside change."""

from __future__ import annotations

import pytest

from cloudcache.domain.catalog import State, find
from cloudcache.domain.errors import NotFound
from cloudcache.domain.events import ChangeStatus, Source
from cloudcache.domain.toggle import Cell, Standing, standing
from cloudcache.emulator.world import Fault
from cloudcache.ui.states import rows
from tests.support.odd_answers import answer_oddly, of_setting
from tests.support.rig import ZONE, Process, Rig

DEVELOPMENT = find("development_mode")
THREE_HOURS_MS = 10_800_000


async def cell(rig: Rig) -> Cell:
    return (await rig.store.page(rig.customer.id)).cells[DEVELOPMENT.id]


def calls(rig: Rig, ending: str = "") -> int:
    reads = [one for one in rig.world.requests() if one.method == "GET" and f"/zones/{ZONE}/" in one.path]
    return sum(one.path.endswith(ending) for one in reads)


async def turn_on(rig: Rig, process: Process) -> None:
    await process.settle()
    await process.toggles.flip(
        rig.owner, rig.customer.id, DEVELOPMENT.id, True, request_id="on", confirmed=True
    )
    await process.tasks.idle()
    assert (await cell(rig)).state is State.ON


async def reach_end(rig: Rig, process: Process, after_ms: int = 3_000) -> None:
    """Go to a little after the end, the usual reads done on the way; then count from nothing."""
    ends_at = (await cell(rig)).ends_at
    assert ends_at is not None
    while rig.clock.ms < ends_at - 900_000:
        rig.clock.ms += 600_000
        await process.settle()
    rig.clock.ms = ends_at - 5_000
    await process.settle()
    rig.world.clear_requests()
    rig.clock.ms = ends_at + after_ms


async def test_end_is_read_by_itself_with_one_call(rig: Rig):
    process = rig.process()
    await turn_on(rig, process)
    await reach_end(rig, process)

    await process.settle()

    ended = await cell(rig)
    assert (ended.state, ended.ends_at, calls(rig)) == (State.OFF, None, 1)
    assert calls(rig, "/settings/development_mode") == 1
    assert standing(ended, rig.clock.ms) is Standing.CHECKED


async def test_end_is_read_when_it_was_turned_on_at_cloudflare(rig: Rig):
    process = rig.process()
    rig.world.dashboard_change(ZONE, "development_mode", "on", actor_email="ann@shop.example")
    await process.settle()
    await reach_end(rig, process)

    await process.settle()

    assert ((await cell(rig)).state, calls(rig)) == (State.OFF, 1)


async def test_row_says_ended_and_checking_until_the_end_was_read(rig: Rig):
    process = rig.process()
    await turn_on(rig, process)
    await reach_end(rig, process, after_ms=0)
    row, _ = rows.row_and_word(await cell(rig), rig.clock.ms)
    rig.world.inject(Fault("html", zone_id=ZONE, times=None))
    rig.clock.ms += 3_000

    await process.settle()

    unread = await cell(rig)
    assert row[0] == "D" and rows.row_and_word(unread, rig.clock.ms)[0][0] == "D"
    assert standing(unread, rig.clock.ms) is Standing.ENDED


async def test_end_that_could_not_be_read_is_read_again(rig: Rig):
    process = rig.process()
    await turn_on(rig, process)
    await reach_end(rig, process)
    rig.world.inject(Fault("html", path="/settings/development_mode", times=1))

    await process.settle()
    rig.clock.ms += 60_000
    await process.settle()

    assert ((await cell(rig)).state, calls(rig, "/settings/development_mode")) == (State.OFF, 2)


async def test_end_is_journaled_as_such_and_cannot_be_reverted(rig: Rig):
    process = rig.process()
    await turn_on(rig, process)
    await reach_end(rig, process)
    await process.settle()

    newest = (await rig.store.history(rig.customer.id, 1))[0]
    drift = await rig.store.across_tenants_drift(0, 5)

    assert (newest.toggle, newest.status, newest.source) == (
        DEVELOPMENT.id,
        ChangeStatus.OBSERVED,
        Source.EXPIRY,
    )
    assert newest.seen_at is not None and not newest.is_outside and drift.changes == 0
    with pytest.raises(NotFound):
        await process.toggles.revert(rig.owner, rig.customer.id, DEVELOPMENT.id, request_id="undo")


async def end_early(rig: Rig) -> Cell:
    """A person turns it off at Cloudflare after half an hour; time passes until that was read."""
    process = rig.process()
    await turn_on(rig, process)
    rig.clock.ms += 1_800_000
    rig.world.dashboard_change(ZONE, "development_mode", "off", actor_email="ann@shop.example")
    for _ in range(3):
        rig.clock.ms += 900_000
        await process.settle()
    return await cell(rig)


async def test_person_who_ends_it_earlier_is_named_by_the_log(rig: Rig):
    ended = await end_early(rig)

    assert ended.change is not None and ended.change.actor.id == "ann@shop.example"
    assert standing(ended, rig.clock.ms) is Standing.OUTSIDE


async def test_earlier_end_is_an_outside_change_without_a_log_too(rig_without_feed: Rig):
    ended = await end_early(rig_without_feed)

    assert ended.change is not None and ended.change.is_outside
    assert standing(ended, rig_without_feed.clock.ms) is Standing.OUTSIDE


async def test_early_end_that_is_read_late_is_told_by_the_countdown(rig_without_feed: Rig):
    rig = rig_without_feed
    process = rig.process()
    await turn_on(rig, process)
    rig.clock.ms += 1_800_000
    rig.world.dashboard_change(ZONE, "development_mode", "off", actor_email="ann@shop.example")
    rig.clock.ms += THREE_HOURS_MS

    await process.engine.look_now(rig.customer.id)

    assert (await rig.store.history(rig.customer.id, 1))[0].is_outside


async def test_countdown_is_counted_from_the_answer_whatever_our_clock_says(rig: Rig):
    process, odd = rig.process(), answer_oddly(rig)
    odd.alter("/settings(/development_mode)?$", of_setting("development_mode", value="on", time_remaining=20))
    await process.settle()
    running = await cell(rig)
    odd.rules.clear()
    rig.world.clear_requests()
    before = rig.clock.ms

    rig.clock.ms = before + 23_000
    await process.settle()

    assert running.ends_at is not None and 19_000 <= running.ends_at - before <= 20_000
    assert ((await cell(rig)).state, calls(rig)) == (State.OFF, 1)


async def test_countdown_that_never_ends_costs_two_calls_a_minute_at_most(rig: Rig):
    process, odd = rig.process(), answer_oddly(rig)
    odd.alter("/settings(/development_mode)?$", of_setting("development_mode", value="on", time_remaining=1))
    await process.settle()
    rig.world.clear_requests()

    for _ in range(300):
        rig.clock.ms += 1_000
        await process.settle()

    assert calls(rig, "/settings/development_mode") <= 11


async def test_countdown_of_another_setting_means_nothing(rig: Rig):
    process, odd = rig.process(), answer_oddly(rig)
    odd.alter("/settings$", of_setting("always_online", value="on", time_remaining=5))

    await process.settle()

    assert (await rig.store.page(rig.customer.id)).cells[find("always_online").id].ends_at is None
