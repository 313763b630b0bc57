"""A setting that Cloudflare keeps failing to change is held back, for one zone or for all tokens of a kind."""

from __future__ import annotations

import pytest

from cloudcache.domain.access import Actor
from cloudcache.domain.breaker import TRY_EVERY_MS
from cloudcache.domain.catalog import Topology
from cloudcache.domain.customers import Customer
from cloudcache.domain.errors import Reason, Refused
from cloudcache.domain.events import Change, ChangeStatus
from cloudcache.domain.ids import CredentialId, ZoneId
from cloudcache.domain.secret import Token
from cloudcache.emulator.world import Fault
from cloudcache.local import PERMISSIONS
from cloudcache.services.health import Health
from cloudcache.ui import wording
from tests.support.rig import ZONE, Process, Rig, merchant

SETTING = "hotlink_protection"
BROKEN = Fault("status", method="PATCH", path=SETTING, status=503, token_kind="account", times=None)


async def press(rig: Rig, process: Process, on: bool = True, *, customer: Customer | None = None) -> Change:
    """Flip the switch; the change as it then stands."""
    who = customer or rig.customer
    number = len(await rig.store.history(who.id, 100))
    actor: Actor = merchant(who.id)
    change = await process.toggles.flip(
        actor, who.id, SETTING, on, request_id=f"{who.id} {number}", confirmed=True
    )
    await process.tasks.idle()
    return next(one for one in await rig.store.history(who.id, 100) if one.id == change.id)


async def another_shop(rig: Rig, digit: str, token: str = "") -> Customer:
    """A second shop, with the first one's token or with one of its own."""
    zone, facts = await rig.facts("0" * 31 + digit, f"{digit}.example")
    credential = rig.customer.credential
    if token:
        credential = CredentialId(f"credential-{digit}")
        kind = "account" if token.startswith("cfat_") else "user"
        rig.world.add_token(token, kind=kind, accounts=("acc",), zones=None, permissions=PERMISSIONS)
        sealed = rig.credentials.seal(Token(token), credential)
        await rig.store.add_credential(credential, sealed, "token", now=rig.clock.ms)
    return await rig.store.add_customer(
        f"{digit}.myshopify.com", ZoneId(zone), facts, Topology.PROXIED, credential, now=rig.clock.ms
    )


async def opened(rig: Rig, process: Process) -> None:
    """Three changes of the first shop have failed."""
    rig.world.inject(BROKEN)
    for _ in range(3):
        assert (await press(rig, process)).error == Reason.SETTING_FAILING


async def test_third_failed_change_opens_it_and_the_fourth_costs_no_call(rig: Rig):
    process = rig.process()
    await opened(rig, process)
    rig.world.clear_requests()

    with pytest.raises(Refused) as caught:
        await press(rig, process)

    assert caught.value.reason is Reason.CIRCUIT_OPEN
    assert rig.world.requests() == ()
    refused = (await rig.store.history(rig.customer.id, 1))[0]
    assert (refused.status, refused.error) == (ChangeStatus.FAILED, Reason.CIRCUIT_OPEN)
    assert "Try again later" in wording.reasons.reason(refused.error)


async def test_refused_request_may_be_made_again_under_its_own_id(rig: Rig):
    process = rig.process()
    await opened(rig, process)
    with pytest.raises(Refused):
        await process.toggles.flip(
            rig.owner, rig.customer.id, SETTING, True, request_id="same", confirmed=True
        )
    rig.world.clear_faults()
    rig.clock.ms += TRY_EVERY_MS

    await process.toggles.flip(rig.owner, rig.customer.id, SETTING, True, request_id="same", confirmed=True)
    await process.tasks.idle()

    assert rig.world.value(ZONE, SETTING) == "on"


async def test_every_process_sees_it(rig: Rig):
    await opened(rig, rig.process())

    with pytest.raises(Refused):
        await press(rig, rig.process())


async def test_one_try_in_ten_minutes_and_a_success_closes_it(rig: Rig):
    process = rig.process()
    await opened(rig, process)
    rig.clock.ms += TRY_EVERY_MS
    rig.world.clear_requests()
    tried = await press(rig, process)
    writes = [one for one in rig.world.requests() if one.method == "PATCH"]
    with pytest.raises(Refused):
        await press(rig, process)
    rig.world.clear_faults()
    rig.clock.ms += TRY_EVERY_MS

    await process.toggles.retry(rig.owner, rig.customer.id, SETTING, request_id="again")
    await process.tasks.idle()

    assert tried.error == Reason.SETTING_FAILING and len(writes) == 1
    assert rig.world.value(ZONE, SETTING) == "on"
    assert (await press(rig, process, on=False)).status is ChangeStatus.APPLIED
    assert await rig.store.open_breakers() == []


async def test_failures_of_one_zone_do_not_hold_back_others(rig: Rig):
    process = rig.process()
    other = await another_shop(rig, "b")
    rig.world.inject(Fault("status", method="PATCH", path=SETTING, status=503, zone_id=ZONE, times=None))
    for _ in range(3):
        await press(rig, process)

    assert (await press(rig, process, customer=other)).status is ChangeStatus.APPLIED
    with pytest.raises(Refused):
        await press(rig, process)


async def test_failures_of_several_zones_hold_back_all_tokens_of_that_kind(rig: Rig):
    process = rig.process()
    second = await another_shop(rig, "b", "cfat_second_0123456789abcdef")
    third = await another_shop(rig, "c", "cfat_third_0123456789abcdef")
    users = await another_shop(rig, "d", "cfut_users_0123456789abcdef")
    rig.world.inject(BROKEN)
    for customer in (rig.customer, second, rig.customer):
        await press(rig, process, customer=customer)

    with pytest.raises(Refused):
        await press(rig, process, customer=third)
    assert (await press(rig, process, customer=users)).status is ChangeStatus.APPLIED


async def test_change_that_was_stored_before_it_opened_is_not_sent(rig: Rig):
    process = rig.process()
    await opened(rig, process)
    rig.clock.ms += TRY_EVERY_MS  # half-open: pressing is allowed, and one of the two is sent
    first = await process.toggles.flip(
        rig.owner, rig.customer.id, SETTING, True, request_id="one", confirmed=True
    )
    other = rig.process()
    rig.world.clear_requests()
    second = await other.toggles.flip(
        rig.owner, rig.customer.id, SETTING, True, request_id="two", confirmed=True
    )
    await process.tasks.idle()
    await other.tasks.idle()

    ends = {one.id: one.status for one in await rig.store.history(rig.customer.id, 10)}
    assert {ends[first.id], ends[second.id]} <= {ChangeStatus.FAILED, ChangeStatus.SUPERSEDED}
    assert len([one for one in rig.world.requests() if one.method == "PATCH"]) == 1


async def test_operator_is_told_which_setting_fails_for_which_tokens(rig: Rig):
    await opened(rig, rig.process())

    async def reachable() -> None:
        return None

    health = Health(rig.store, rig.gateway, rig.credentials, reachable, has_platform_token=False)
    found = [one for one in await health.report(0) if SETTING in one.subject]

    assert len(found) == 1 and not found[0].ok
    assert "account" in found[0].text and "ten minutes" in found[0].text
