"""Changes whose token was replaced, that are taken back, or that a later change overtakes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from cloudcache.domain.catalog import State
from cloudcache.domain.delivery import MAX_AGE_MS
from cloudcache.domain.errors import NotFound, Reason, TryLater, Unclear
from cloudcache.domain.events import Change, ChangeStatus, Observation
from cloudcache.domain.ids import CredentialId
from cloudcache.domain.secret import Token
from cloudcache.domain.toggle import Standing, standing
from cloudcache.emulator.world import Fault
from cloudcache.local import PERMISSIONS
from cloudcache.services.writing import LEASE_MS
from tests.support.delivering import edit, reverted_polish, stored
from tests.support.rig import (
    TOKEN,
    ZONE,
    Rig,
    meanwhile,
)
from tests.unit.services.test_flip import cell, flip, read

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
        await flip(rig, other, "polish", True, request_id="newest, reverted_polish")

    rig.gateway.script.append(thaw_late)

    await flip(rig, frozen, "polish", True, request_id="older")
    await other.tasks.idle()

    shown = await cell(rig, "polish")
    assert shown.value == rig.world.value(ZONE, "polish") == "lossless"
