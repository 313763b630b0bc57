"""How a change ends when it is old, delayed, in doubt, or answered oddly; and what it costs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from cloudcache.domain.catalog import State, find
from cloudcache.domain.delivery import MAX_AGE_MS, MAX_CALLS
from cloudcache.domain.errors import Reason
from cloudcache.domain.events import ChangeStatus, Observation
from cloudcache.domain.toggle import Standing, standing
from cloudcache.emulator.world import Fault
from tests.support.delivering import HOUR_MS, adopt, died, edit, methods, newest, reverted_polish, stored
from tests.support.rig import (
    ZONE,
    Rig,
    crash_after,
    crash_before,
    lost_request,
)
from tests.unit.services.test_flip import cell, flip, read

# -- age ---------------------------------------------------------------------------------------


async def test_old_change_that_was_never_sent_is_not_sent(rig: Rig):
    await read(rig, rig.process())
    await stored(rig, "under_attack", True)
    edit(rig, "security_level", "high")

    await adopt(rig, after_ms=60 * HOUR_MS)

    change = await newest(rig, "under_attack")
    assert (change.status, change.error) == (ChangeStatus.FAILED, Reason.NO_ANSWER)
    assert methods(rig) == []
    assert rig.world.value(ZONE, "security_level") == "high"


async def test_old_change_that_was_sent_is_read_once_and_not_sent_again(rig: Rig):
    await read(rig, rig.process())
    await died(rig, "under_attack", True, crash_before)
    edit(rig, "security_level", "high")

    await adopt(rig, after_ms=60 * HOUR_MS)

    change = await newest(rig, "under_attack")
    assert (change.status, change.error) == (ChangeStatus.FAILED, Reason.NO_ANSWER)
    assert methods(rig) == ["GET"]
    assert (await cell(rig, "under_attack")).value == "high"
    assert standing(await cell(rig, "under_attack"), rig.clock.ms) is Standing.FAILED


async def test_old_change_that_was_carried_out_is_found_applied(rig: Rig):
    await read(rig, rig.process())
    await died(rig, "under_attack", True, crash_after)

    await adopt(rig, after_ms=60 * HOUR_MS)

    assert (await newest(rig, "under_attack")).status is ChangeStatus.APPLIED
    assert methods(rig) == ["GET"]


async def test_change_an_hour_old_fails_and_one_just_younger_is_sent(rig: Rig):
    for toggle, age in (("rocket_loader", MAX_AGE_MS), ("early_hints", MAX_AGE_MS - 10_000)):
        await read(rig, rig.process())
        await stored(rig, toggle, True, toggle)
        await adopt(rig, after_ms=age)

    assert (await newest(rig, "rocket_loader")).status is ChangeStatus.FAILED
    assert (await newest(rig, "early_hints")).status is ChangeStatus.APPLIED


@pytest.mark.parametrize("seconds", [5, 300])
async def test_repeated_429_ends_with_the_hour_and_ten_calls(rig: Rig, seconds: int):
    process = rig.process()
    await read(rig, process)
    block = rig.budget.block
    rig.budget.block = lambda credential, retry_after_s: block(credential, seconds)  # type: ignore[method-assign]
    rig.world.inject(Fault("status", status=429, times=None))
    rig.world.clear_requests()

    change = await flip(rig, process, "rocket_loader", True)

    assert (change.status, change.error) == (ChangeStatus.FAILED, Reason.NO_ANSWER)
    assert len(methods(rig)) <= MAX_CALLS
    assert rig.clock.ms - change.requested_at <= MAX_AGE_MS + 301_000


# -- decided otherwise at Cloudflare -----------------------------------------------------------


@pytest.mark.parametrize("sent", [True, False])
async def test_adopted_change_does_not_overwrite_a_newer_decision(rig: Rig, sent: bool):
    await read(rig, rig.process())
    await (died(rig, "under_attack", True, crash_before) if sent else stored(rig, "under_attack", True))
    edit(rig, "security_level", "high")

    await adopt(rig, after_ms=120_000)

    change = await newest(rig, "under_attack")
    assert (change.status, change.error) == (ChangeStatus.FAILED, Reason.CHANGED_ELSEWHERE)
    assert rig.world.value(ZONE, "security_level") == "high"
    assert (await cell(rig, "under_attack")).value == "high"


@pytest.mark.parametrize("sent", [True, False])
async def test_adopted_change_is_read_first_and_then_sent(rig: Rig, sent: bool):
    await read(rig, rig.process())
    await (died(rig, "under_attack", True, crash_before) if sent else stored(rig, "under_attack", True))

    await adopt(rig, after_ms=120_000)

    assert methods(rig) == ["GET", "PATCH"]
    assert (await newest(rig, "under_attack")).status is ChangeStatus.APPLIED


async def test_change_in_doubt_does_not_overwrite_a_newer_decision(rig: Rig):
    process = rig.process()
    await read(rig, process)

    async def edited() -> None:
        edit(rig, "security_level", "high")

    async def lost(really: Callable[[], Awaitable[Observation]]) -> Observation:
        await edited()
        return await lost_request(really)

    rig.gateway.script.append(lost)

    change = await flip(rig, process, "under_attack", True)

    assert (change.status, change.error) == (ChangeStatus.FAILED, Reason.CHANGED_ELSEWHERE)
    assert rig.world.value(ZONE, "security_level") == "high"


async def test_change_delayed_by_blocks_does_not_overwrite_a_newer_decision(rig: Rig):
    process = rig.process()
    await read(rig, process)
    rig.world.inject(Fault("block", method="PATCH", times=3))

    async def blocked(really: Callable[[], Awaitable[Observation]]) -> Observation:
        edit(rig, "security_level", "high")
        return await really()

    rig.gateway.script.append(blocked)

    change = await flip(rig, process, "under_attack", True)

    assert (change.status, change.error) == (ChangeStatus.FAILED, Reason.CHANGED_ELSEWHERE)
    assert rig.world.value(ZONE, "security_level") == "high"


# -- a setting that keeps failing --------------------------------------------------------------


@pytest.mark.parametrize("kind", ["status", "html", "cut", "lost"])
async def test_setting_that_keeps_failing_is_given_up_within_ten_calls(rig: Rig, kind: str):
    process = rig.process()
    await read(rig, process)
    rig.world.clear_requests()
    silences: list[int] = []
    silent = rig.store.zone_silent

    async def noted(*args: object, **more: object) -> None:
        silences.append(rig.clock.ms)
        await silent(*args, **more)

    rig.store.zone_silent = noted  # type: ignore[method-assign]
    # The work is not done either: what is cut or lost is an error's envelope.
    for _ in range(20):
        rig.gateway.script.append(lost_request)
    change = await flip(rig, process, "hotlink_protection", True)

    assert (change.status, change.error) == (ChangeStatus.FAILED, Reason.SETTING_FAILING)
    assert len(methods(rig)) <= MAX_CALLS
    assert rig.clock.ms - change.requested_at < 60_000
    assert silences == []
    assert (await rig.store.page(rig.customer.id)).customer.silent_since is None


async def test_failing_setting_can_be_tried_again_once_it_works(rig: Rig):
    process = rig.process()
    await read(rig, process)
    rig.world.inject(Fault("status", method="PATCH", path="hotlink_protection", status=503, times=None))
    failed = await flip(rig, process, "hotlink_protection", True)
    rig.world.clear_faults()

    await process.toggles.retry(rig.owner, rig.customer.id, "hotlink_protection", request_id="again")
    await process.tasks.idle()

    assert failed.error == Reason.SETTING_FAILING
    assert rig.world.value(ZONE, "hotlink_protection") == "on"


async def test_two_failures_and_a_success_are_no_failure(rig: Rig):
    process = rig.process()
    await read(rig, process)
    rig.world.inject(Fault("status", method="PATCH", status=503, times=2))

    assert (await flip(rig, process, "hotlink_protection", True)).status is ChangeStatus.APPLIED


async def test_open_change_is_sent_at_once_when_cloudflare_answers_again(rig: Rig):
    process = rig.process()
    await read(rig, process)
    rig.clock._sleeping = "waits"
    rig.world.inject(Fault("refuse", times=None))
    change = await process.toggles.flip(
        rig.owner, rig.customer.id, "rocket_loader", True, request_id="r", confirmed=True
    )
    while (await rig.store.page(rig.customer.id)).customer.silent_since is None:
        await rig.clock.advance(1_000)
    rig.world.clear_faults()
    await rig.clock.advance(200_000)
    before = rig.clock.ms

    await process.engine.look_now(rig.customer.id)
    while (await newest(rig, "rocket_loader")).is_open and rig.clock.ms < before + 5_000:
        await rig.clock.advance(100)

    assert (await newest(rig, "rocket_loader")).status is ChangeStatus.APPLIED
    assert change.id == (await newest(rig, "rocket_loader")).id


# -- an answer that shows the old value --------------------------------------------------------


async def old_value_though_done(really: Callable[[], Awaitable[Observation]]) -> Observation:
    return replace(await really(), value="off")


async def old_value_and_nothing_done(really: Callable[[], Awaitable[Observation]]) -> Observation:
    return Observation(find("early_hints").id, "off", 0)


async def test_answer_with_the_old_value_is_read_before_it_is_believed(rig: Rig):
    process = rig.process()
    await flip(rig, process, "early_hints", False)
    rig.gateway.script.append(old_value_though_done)

    change = await flip(rig, process, "early_hints", True)

    assert change.status is ChangeStatus.APPLIED
    assert (await cell(rig, "early_hints")).state is State.ON


async def test_old_value_that_a_read_confirms_fails_the_change(rig: Rig):
    process = rig.process()
    await flip(rig, process, "early_hints", False)
    rig.gateway.script.append(old_value_and_nothing_done)
    rig.world.clear_requests()

    change = await flip(rig, process, "early_hints", True)

    assert (change.status, change.error) == (ChangeStatus.FAILED, Reason.NOT_KEPT)
    assert methods(rig) == ["GET"]


async def test_old_finer_value_in_the_answer_is_read_as_well(rig: Rig):
    process = rig.process()
    await reverted_polish(rig, process)

    async def old_though_done(really: Callable[[], Awaitable[Observation]]) -> Observation:
        return replace(await really(), value="lossless")

    rig.gateway.script.append(old_though_done)
    await process.toggles.revert(rig.owner, rig.customer.id, "polish", request_id="back")
    await process.tasks.idle()

    assert (await newest(rig, "polish")).status is ChangeStatus.APPLIED
    assert (await cell(rig, "polish")).value == "lossy"
