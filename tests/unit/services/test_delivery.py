"""How a change ends when it is old, delayed, in doubt, or answered oddly; and what it costs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from cloudcache.domain.catalog import State, find
from cloudcache.domain.delivery import MAX_AGE_MS, MAX_CALLS
from cloudcache.domain.errors import NotFound, Reason, TryLater, Unclear
from cloudcache.domain.events import Change, ChangeStatus, Observation, Source
from cloudcache.domain.ids import CredentialId
from cloudcache.domain.secret import Token
from cloudcache.domain.toggle import Standing, standing
from cloudcache.emulator.world import Fault
from cloudcache.local import PERMISSIONS
from cloudcache.ports import Intent
from cloudcache.services.writing import LEASE_MS
from tests.support.rig import (
    TOKEN,
    ZONE,
    Process,
    Rig,
    crash_after,
    crash_before,
    lost_request,
    meanwhile,
)
from tests.unit.services.test_flip import cell, flip, read

HOUR_MS = 3_600_000


async def stored(rig: Rig, toggle: str, on: bool, request_id: str = "stored") -> Change:
    """A change whose process died before it sent anything."""
    found, state = find(toggle), State.of(on)
    intent = Intent(found.id, state, found.wanted(state), rig.owner, Source.PAGE, request_id)
    now = rig.clock.ms
    return await rig.store.open_intent(
        rig.customer.id, intent, now=now, owner="dead", lease_until=now + LEASE_MS
    )


async def died(rig: Rig, toggle: str, on: bool, fate: Callable[..., Awaitable[Observation]]) -> None:
    """A change whose process died over its call."""
    process = rig.process()
    rig.gateway.script.append(fate)
    await process.toggles.flip(rig.owner, rig.customer.id, toggle, on, request_id="died", confirmed=True)
    await process.tasks.idle()


async def adopt(rig: Rig, *, after_ms: int) -> Process:
    """Another process takes up what the dead one left, so much later."""
    rig.clock.ms += after_ms
    rig.world.clear_requests()
    heir = rig.process()
    assert await heir.writer.recover() == 1
    await heir.tasks.idle()
    assert not heir.tasks.failures
    return heir


async def newest(rig: Rig, toggle: str) -> Change:
    history = await rig.store.history_of(rig.customer.id, find(toggle).id, 10)
    return next(one for one in history if one.status is not ChangeStatus.OBSERVED)


def edit(rig: Rig, setting: str, value: str) -> None:
    rig.world.dashboard_change(ZONE, setting, value, actor_email="owner@shop.example")


def methods(rig: Rig) -> list[str]:
    return [record.method for record in rig.world.requests()]


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


# -- tokens ------------------------------------------------------------------------------------

OTHER_TOKEN = Token("cfat_other_0123456789abcdef")


async def replace_token(rig: Rig, credential: str = "c2") -> None:
    """The customer is given another token, and the one of before is revoked."""
    rig.world.add_token(
        OTHER_TOKEN.reveal(), kind="account", accounts=("acc",), zones=None, permissions=PERMISSIONS
    )
    name = CredentialId(credential)
    sealed = rig.credentials.seal(OTHER_TOKEN, name)
    await rig.store.add_credential(name, sealed, "token", now=rig.clock.ms)
    await rig.store.use_credential(rig.customer.id, name, now=rig.clock.ms)
    rig.world.revoke_token(TOKEN.reveal())


async def test_token_replaced_during_the_wait_is_used(rig: Rig, monkeypatch: pytest.MonkeyPatch):
    process = rig.process()
    acquire, replaced = rig.budget.acquire, []

    async def slow(lane: object) -> object:
        if not replaced:
            replaced.append(lane)
            await replace_token(rig)
        return await acquire(lane)

    monkeypatch.setattr(rig.budget, "acquire", slow)

    change = await flip(rig, process, "rocket_loader", True)

    assert replaced and change.status is ChangeStatus.APPLIED


async def test_refused_token_that_was_replaced_meanwhile_is_not_believed(rig: Rig):
    process = rig.process()

    async def replaced(really: Callable[[], Awaitable[Observation]]) -> Observation:
        await replace_token(rig)
        return await really()

    rig.gateway.script.append(replaced)

    change = await flip(rig, process, "rocket_loader", True)

    assert change.status is ChangeStatus.APPLIED


@pytest.mark.parametrize("trouble", [TryLater(2, "renewed elsewhere"), Unclear("the sign-in is away")])
async def test_token_that_cannot_be_had_for_now_is_waited_for(
    rig: Rig, trouble: Exception, monkeypatch: pytest.MonkeyPatch
):
    process, access, silences = rig.process(), rig.credentials.access, []

    async def fails(customer: object) -> object:
        silences.append((await rig.store.page(rig.customer.id)).customer.silent_since)
        if len(silences) <= 5:
            raise trouble
        return await access(customer)

    monkeypatch.setattr(rig.credentials, "access", fails)

    change = await flip(rig, process, "rocket_loader", True)

    assert change.status is ChangeStatus.APPLIED
    assert silences[-1] is not None, "the page says that it waits for Cloudflare"


async def test_token_that_is_never_had_ends_the_change_after_an_hour(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
):
    process = rig.process()

    async def fails(customer: object) -> None:
        raise TryLater(2, "renewed elsewhere")

    monkeypatch.setattr(rig.credentials, "access", fails)

    change = await flip(rig, process, "rocket_loader", True)

    assert (change.status, change.error) == (ChangeStatus.FAILED, Reason.NO_ANSWER)
    assert rig.clock.ms - change.requested_at <= MAX_AGE_MS + 60_000


async def test_token_that_is_gone_fails_the_change(rig: Rig, monkeypatch: pytest.MonkeyPatch):
    process = rig.process()

    async def gone(customer: object) -> None:
        raise NotFound("no such credential")

    monkeypatch.setattr(rig.credentials, "access", gone)

    change = await flip(rig, process, "rocket_loader", True)

    assert (change.status, change.error) == (ChangeStatus.FAILED, Reason.NOT_CONNECTED)


# -- reverts and cancels -----------------------------------------------------------------------


async def reverted_polish(rig: Rig, process: Process) -> None:
    """Polish was lossy, and was made lossless at Cloudflare."""
    for value in ("lossy", "lossless"):
        edit(rig, "polish", value)
        await read(rig, process)


async def test_retry_of_a_failed_revert_sends_the_reverted_value(rig: Rig):
    process = rig.process()
    await reverted_polish(rig, process)
    rig.world.inject(Fault("status", method="PATCH", status=400, code=1007, times=1))
    await process.toggles.revert(rig.owner, rig.customer.id, "polish", request_id="back")
    await process.tasks.idle()

    await process.toggles.retry(rig.owner, rig.customer.id, "polish", request_id="again")
    await process.tasks.idle()

    assert rig.world.value(ZONE, "polish") == "lossy"
    assert (await cell(rig, "polish")).value == "lossy"


async def test_cancelled_change_shows_the_older_one_in_flight_and_its_failure(rig: Rig):
    process = rig.process()
    await flip(rig, process, "early_hints", False)
    shown: list[Change | None] = []

    async def taken_back(really: Callable[[], Awaitable[Observation]]) -> Observation:
        await stored(rig, "early_hints", False, "newer")
        await process.toggles.cancel(rig.owner, rig.customer.id, "early_hints")
        shown.append((await cell(rig, "early_hints")).change)
        return await really()

    rig.gateway.script.append(taken_back)
    rig.world.inject(Fault("status", method="PATCH", status=400, code=1007, times=1))

    older = await flip(rig, process, "early_hints", True)

    assert shown[0] and shown[0].id == older.id and shown[0].is_open
    assert standing(await cell(rig, "early_hints"), rig.clock.ms) is Standing.FAILED


# -- a later change ----------------------------------------------------------------------------


async def test_late_write_of_a_frozen_process_is_undone_with_a_call_the_journal_knows(rig: Rig):
    frozen, other = rig.process(), rig.process()
    await flip(rig, other, "early_hints", False)

    async def thaw_late(really: Callable[[], Awaitable[Observation]]) -> Observation:
        rig.clock.ms += 2 * LEASE_MS
        assert await other.writer.recover() == 1
        await other.tasks.idle()
        await flip(rig, other, "early_hints", False, request_id="newer")
        return await really()

    rig.gateway.script.append(thaw_late)

    await flip(rig, frozen, "early_hints", True, request_id="older")

    assert rig.world.value(ZONE, "early_hints") == "off"
    assert (await cell(rig, "early_hints")).state is State.OFF
    rays = {one.ray_id for one in await rig.store.history(rig.customer.id, 20)}
    written = [one.ray_id for one in rig.world.trail if one.ray_id][-2:]
    assert set(written) <= rays


async def test_restoring_stops_when_a_still_newer_change_comes(rig: Rig):
    frozen, other = rig.process(), rig.process()
    edit(rig, "polish", "off")
    await read(rig, other)

    async def thaw_late(really: Callable[[], Awaitable[Observation]]) -> Observation:
        rig.clock.ms += 2 * LEASE_MS
        await other.writer.recover()
        await other.tasks.idle()
        await flip(rig, other, "polish", False, request_id="newer")
        rig.gateway.script.append(meanwhile(still_newer, before=True))
        return await really()

    async def still_newer() -> None:
        await flip(rig, other, "polish", True, request_id="newest")

    rig.gateway.script.append(thaw_late)

    await flip(rig, frozen, "polish", True, request_id="older")
    await other.tasks.idle()

    shown = await cell(rig, "polish")
    assert shown.value == rig.world.value(ZONE, "polish") == "lossless"
