"""A flip from the click to what is then true, whatever Cloudflare does."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from cloudcache.adapters.budget import InMemoryBudget
from cloudcache.domain.budget import Lane
from cloudcache.domain.catalog import State, Topology, find
from cloudcache.domain.customers import ZoneStatus
from cloudcache.domain.errors import NeedsConfirmation, NotAllowed, NotFound, Reason, Refused
from cloudcache.domain.events import Change, ChangeStatus
from cloudcache.domain.ids import CustomerId
from cloudcache.domain.toggle import Cell, Standing, standing
from cloudcache.emulator.world import Fault
from cloudcache.local import PERMISSIONS
from tests.support.databases import temporary_store
from tests.support.rig import ZONE, Process, Rig, build_rig, lost_reply, lost_request, merchant


async def read(rig: Rig, process: Process) -> None:
    await process.engine.look_now(rig.customer.id)


async def flip(rig: Rig, process: Process, toggle: str, on: bool, **more: object) -> Change:
    """Flip and wait until it is settled; the change as the journal then has it."""
    number = len(await rig.store.history(rig.customer.id, 1000))
    more = {"request_id": f"request-{number}", "confirmed": True, **more}
    change = await process.toggles.flip(rig.owner, rig.customer.id, toggle, on, **more)
    await process.tasks.idle()
    assert not process.tasks.failures
    journal = await rig.store.history(rig.customer.id, 1000)
    return next(one for one in journal if one.id == change.id)


async def cell(rig: Rig, toggle: str) -> Cell:
    return (await rig.store.page(rig.customer.id)).cells[find(toggle).id]


async def test_a_flip_is_confirmed_by_cloudflares_answer(rig: Rig):
    process = rig.process()

    change = await flip(rig, process, "rocket_loader", True)

    assert change.status is ChangeStatus.APPLIED and change.ray_id
    assert (await cell(rig, "rocket_loader")).state is State.ON
    assert rig.world.value(ZONE, "rocket_loader") == "on"


async def test_off_and_on_again_restores_the_finer_value(rig: Rig):
    process = rig.process()
    rig.world.dashboard_change(ZONE, "polish", "lossy", actor_email="a@example.com")
    await read(rig, process)

    await flip(rig, process, "polish", False)
    await flip(rig, process, "polish", True)

    assert rig.world.value(ZONE, "polish") == "lossy"
    assert (await cell(rig, "polish")).reading(find("polish")).detail == "lossy"


async def test_a_harmful_value_is_not_restored(rig: Rig):
    process = rig.process()
    rig.world.dashboard_change(ZONE, "ssl", "flexible", actor_email="a@example.com")
    await read(rig, process)

    await flip(rig, process, "strict_ssl", True)
    await flip(rig, process, "strict_ssl", False)

    assert rig.world.value(ZONE, "ssl") == "full"


@pytest.mark.parametrize("fate", [lost_reply, lost_request])
async def test_a_lost_answer_is_resolved_by_reading(rig: Rig, fate):
    process = rig.process()
    rig.gateway.script.append(fate)

    change = await flip(rig, process, "rocket_loader", True)

    assert change.status is ChangeStatus.APPLIED
    assert rig.world.value(ZONE, "rocket_loader") == "on"


@pytest.mark.parametrize("kind", ["status", "html", "cut", "lost", "refuse", "duplicate", "slow"])
async def test_whatever_the_line_does_once_the_flip_is_applied_once(rig: Rig, kind: str):
    process = rig.process()
    await read(rig, process)
    rig.world.inject(Fault(kind, method="PATCH", times=1))

    change = await flip(rig, process, "early_hints", True)

    assert change.status is ChangeStatus.APPLIED
    assert rig.world.value(ZONE, "early_hints") == "on"
    page = await rig.store.page(rig.customer.id)
    assert page.customer.silent_since is None


async def test_a_cloudflare_that_stays_silent_is_given_up_after_an_hour(rig: Rig):
    process = rig.process()
    rig.world.inject(Fault("refuse", times=None))

    change = await flip(rig, process, "rocket_loader", True)

    assert (change.status, change.error) == (ChangeStatus.FAILED, Reason.NO_ANSWER)
    assert change.settled_at and change.settled_at - change.requested_at >= 3_600_000
    assert (await rig.store.page(rig.customer.id)).customer.silent_since is not None


async def test_a_429_is_waited_for_and_the_intent_is_kept(rig: Rig):
    process = rig.process()
    rig.world.inject(Fault("block", times=1))

    change = await flip(rig, process, "rocket_loader", True)

    assert change.status is ChangeStatus.APPLIED
    assert rig.clock.ms - change.requested_at >= 299_000
    refused = [record for record in rig.world.requests() if record.status == 429]
    assert len(refused) == 1, "nobody knocks while it is blocked"


async def test_a_missing_permission_fails_with_its_name(tmp_path: Path):
    store = await temporary_store(tmp_path / "rig.db")
    rig = await build_rig(store, permissions=PERMISSIONS - {"Zone WAF Write"})
    process = rig.process()

    change = await flip(rig, process, "leaked_credential_checks", True)

    assert (change.status, change.error) == (ChangeStatus.FAILED, Reason.PERMISSION)
    assert "WAF" in change.detail
    assert (await rig.store.page(rig.customer.id)).customer.status is ZoneStatus.ACTIVE
    await rig.close()


async def test_a_revoked_token_fails_the_flip_and_pauses_the_zone(rig: Rig):
    process = rig.process()
    rig.world.revoke_token("cfat_rig_0123456789abcdef")

    change = await flip(rig, process, "rocket_loader", True)
    await process.settle()

    assert (change.status, change.error) == (ChangeStatus.FAILED, Reason.TOKEN_REFUSED)
    assert (await rig.store.page(rig.customer.id)).customer.status is ZoneStatus.TOKEN_REFUSED
    with pytest.raises(Refused):
        await flip(rig, process, "rocket_loader", True)


async def test_a_plan_that_is_too_low_is_refused_before_anything_is_sent(tmp_path: Path):
    rig = await build_rig(await temporary_store(tmp_path / "rig.db"), plan="free")
    process = rig.process()

    with pytest.raises(Refused) as caught:
        await flip(rig, process, "polish", True)

    assert (caught.value.reason, caught.value.detail) == (Reason.PLAN, "Pro")
    assert not rig.world.requests() and not await rig.store.history(rig.customer.id, 5)
    await rig.close()


async def test_a_risky_one_needs_a_yes_to_turn_on_and_none_to_turn_off(tmp_path: Path):
    store = await temporary_store(tmp_path / "rig.db")
    rig = await build_rig(store, topology=Topology.O2O)
    process = rig.process()

    with pytest.raises(NeedsConfirmation):
        await flip(rig, process, "always_use_https", True, confirmed=False)
    on = await flip(rig, process, "always_use_https", True, confirmed=True)
    off = await flip(rig, process, "always_use_https", False, confirmed=False)

    assert [on.status, off.status] == [ChangeStatus.APPLIED, ChangeStatus.APPLIED]
    await rig.close()


async def test_the_last_tls_version_is_not_turned_off(rig: Rig):
    process = rig.process()
    rig.world.dashboard_change(ZONE, "min_tls_version", "1.3", actor_email="a@example.com")
    await read(rig, process)

    with pytest.raises(Refused) as caught:
        await flip(rig, process, "tls_1_3", False)

    assert caught.value.reason is Reason.CONFLICT


@pytest.mark.parametrize("on", ["on", 1, None, "true", []])
async def test_what_is_no_boolean_is_refused(rig: Rig, on: object):
    with pytest.raises(Refused):
        await rig.process().toggles.flip(rig.owner, rig.customer.id, "rocket_loader", on, request_id="r")


async def test_unknown_settings_and_foreign_customers_are_refused(rig: Rig):
    toggles = rig.process().toggles
    stranger, customer = merchant(CustomerId(99)), rig.customer.id

    with pytest.raises(NotFound):
        await toggles.flip(rig.owner, customer, "no_such", True, request_id="r")
    for attempt in (
        lambda: toggles.page(stranger, customer),
        lambda: toggles.flip(stranger, customer, "rocket_loader", True, request_id="r"),
        lambda: toggles.retry(stranger, customer, "rocket_loader", request_id="r"),
        lambda: toggles.revert(stranger, customer, "rocket_loader", request_id="r"),
        lambda: toggles.cancel(stranger, customer, "rocket_loader"),
        lambda: toggles.mark_seen(stranger, customer, "rocket_loader"),
        lambda: toggles.take_back(stranger, customer, "rocket_loader", True),
        lambda: toggles.check(stranger, customer),
        lambda: rig.process().attention.opened(stranger, customer),
    ):
        with pytest.raises(NotAllowed):
            await attempt()
    assert not rig.world.requests()


async def test_the_same_request_twice_is_one_change(rig: Rig):
    process = rig.process()

    first = await flip(rig, process, "rocket_loader", True, request_id="same")
    again = await flip(rig, process, "rocket_loader", True, request_id="same")

    assert first.id == again.id
    writes = [record for record in rig.world.requests() if record.method == "PATCH"]
    assert len(writes) == 1


async def test_a_wait_for_budget_is_shown_with_its_length_and_can_be_taken_back(rig: Rig):
    rig.budget = HeldBudget()
    process = rig.process()

    change = await process.toggles.flip(
        rig.owner, rig.customer.id, "rocket_loader", True, request_id="r", confirmed=True
    )
    queued = await _until_queued(rig)
    taken = await process.toggles.cancel(rig.owner, rig.customer.id, "rocket_loader")
    rig.budget.open.set()
    await process.tasks.idle()

    assert queued.change and queued.change.eta_at == rig.clock.ms + 12_000
    assert standing(queued, rig.clock.ms) is Standing.QUEUED and taken
    journal = await rig.store.history(rig.customer.id, 5)
    assert [(one.id, one.status) for one in journal] == [(change.id, ChangeStatus.SUPERSEDED)]
    assert rig.world.value(ZONE, "rocket_loader") == "off"


class HeldBudget(InMemoryBudget):
    """Says twelve seconds, and lets nobody through until it is opened."""

    def __init__(self) -> None:
        self.open = asyncio.Event()

    def estimate_ms(self, lane: Lane) -> int:
        return 0 if self.open.is_set() else 12_000

    async def acquire(self, lane: Lane) -> None:
        await self.open.wait()


async def _until_queued(rig: Rig) -> Cell:
    """The cell, once the writer has noted that it must wait."""
    for _ in range(10_000):
        found = await cell(rig, "rocket_loader")
        if found.change and found.change.eta_at:
            return found
    raise AssertionError("never queued")


async def test_a_failed_change_is_sent_again_on_request(rig: Rig):
    process = rig.process()
    rig.world.inject(Fault("status", method="PATCH", status=400, code=1007, times=1))
    failed = await flip(rig, process, "rocket_loader", True)

    await process.toggles.retry(rig.owner, rig.customer.id, "rocket_loader", request_id="again")
    await process.tasks.idle()

    assert failed.status is ChangeStatus.FAILED
    assert rig.world.value(ZONE, "rocket_loader") == "on"


async def test_an_outside_change_is_put_back_exactly(rig: Rig):
    process = rig.process()
    rig.world.dashboard_change(ZONE, "polish", "lossy", actor_email="a@example.com")
    await read(rig, process)
    rig.world.dashboard_change(ZONE, "polish", "lossless", actor_email="b@example.com")
    await read(rig, process)

    await process.toggles.revert(rig.owner, rig.customer.id, "polish", request_id="back")
    await process.tasks.idle()

    assert rig.world.value(ZONE, "polish") == "lossy"


async def test_a_crash_at_any_point_is_made_good_by_another_process(rig: Rig):
    from tests.support.rig import crash_after, crash_before

    for number, fate in enumerate((crash_before, crash_after)):
        dead, heir = rig.process(), rig.process()
        rig.gateway.script.append(fate)
        await dead.toggles.flip(
            rig.owner, rig.customer.id, "rocket_loader", not number, request_id=f"c{number}", confirmed=True
        )
        await dead.tasks.idle()
        assert await heir.writer.recover() == 0, "the lease still holds"
        rig.clock.ms += 120_000

        assert await heir.writer.recover() == 1
        await heir.tasks.idle()

        assert rig.world.value(ZONE, "rocket_loader") == ("off" if number else "on")
        assert not [one for one in await rig.store.history(rig.customer.id, 9) if one.is_open]


async def test_one_refusal_of_a_token_that_is_good_fails_the_flip_and_pauses_nothing(rig: Rig):
    process = rig.process()
    rig.world.inject(Fault("status", method="PATCH", status=403, code=9109, times=1))

    change = await flip(rig, process, "rocket_loader", True)
    await process.settle()

    assert change.status is ChangeStatus.FAILED
    assert (await rig.store.page(rig.customer.id)).customer.status is ZoneStatus.ACTIVE
    assert (await flip(rig, process, "rocket_loader", True)).status is ChangeStatus.APPLIED
