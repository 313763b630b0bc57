"""Two settings that together lock every buyer out of a store are never sent, in whatever order they change."""

from __future__ import annotations

import pytest

from cloudcache.domain.catalog import State, find
from cloudcache.domain.errors import Reason, Refused
from cloudcache.domain.events import Change, ChangeStatus, Source
from cloudcache.domain.ids import JSON
from cloudcache.ports import Intent
from cloudcache.services.writing import LEASE_MS
from tests.support.rig import ZONE, Process, Rig
from tests.unit.services.test_flip import flip, read

LOCKED_OUT = ("1.3", "off")


def at_cloudflare(rig: Rig) -> tuple[JSON, JSON]:
    return rig.world.value(ZONE, "min_tls_version"), rig.world.value(ZONE, "tls_1_3")


def edit(rig: Rig, setting: str, value: str) -> None:
    rig.world.dashboard_change(ZONE, setting, value, actor_email="owner@shop.example")


async def only_tls_1_3(rig: Rig) -> Process:
    """A zone that allows TLS 1.3 alone, and has been read."""
    process = rig.process()
    edit(rig, "min_tls_version", "1.3")
    await read(rig, process)
    return process


async def pending(rig: Rig, toggle: str, on: bool, value: JSON = None) -> Change:
    """An open change that its process has not sent yet."""
    found, state, now = find(toggle), State.of(on), rig.clock.ms
    intent = Intent(
        found.id, state, found.wanted(state, value, value), rig.owner, Source.PAGE, f"{toggle} {on}"
    )
    return await rig.store.open_intent(
        rig.customer.id, intent, now=now, owner="other", lease_until=now + LEASE_MS
    )


async def test_remembered_minimum_of_1_3_is_not_restored_while_tls_1_3_is_off(rig: Rig):
    process = await only_tls_1_3(rig)

    for toggle, on in (("modern_tls_only", False), ("tls_1_3", False), ("modern_tls_only", True)):
        change = await flip(rig, process, toggle, on)
        assert change.status is ChangeStatus.APPLIED

    assert at_cloudflare(rig) == ("1.2", "off")


async def test_remembered_minimum_of_1_3_is_restored_while_tls_1_3_is_on(rig: Rig):
    process = await only_tls_1_3(rig)

    for on in (False, True):
        await flip(rig, process, "modern_tls_only", on)

    assert at_cloudflare(rig)[0] == "1.3"


async def test_minimum_becomes_1_2_beside_an_open_change_that_turns_tls_1_3_off(rig: Rig):
    process = await only_tls_1_3(rig)
    await flip(rig, process, "modern_tls_only", False)
    await pending(rig, "tls_1_3", False)

    change = await flip(rig, process, "modern_tls_only", True)

    assert change.to_value == "1.2"


async def test_tls_1_3_stays_on_beside_an_open_change_to_a_minimum_of_1_3(rig: Rig):
    process = rig.process()
    await read(rig, process)
    await pending(rig, "modern_tls_only", True, "1.3")

    with pytest.raises(Refused) as caught:
        await flip(rig, process, "tls_1_3", False)

    assert (caught.value.reason, caught.value.detail) == (Reason.CONFLICT, "Only TLS 1.3 is allowed")


async def test_reverted_minimum_of_1_3_becomes_1_2_while_tls_1_3_is_off(rig: Rig):
    process = await only_tls_1_3(rig)
    edit(rig, "min_tls_version", "1.0")
    edit(rig, "tls_1_3", "off")
    await read(rig, process)

    await process.toggles.revert(
        rig.owner, rig.customer.id, "modern_tls_only", request_id="back", confirmed=True
    )
    await process.tasks.idle()

    assert at_cloudflare(rig) == ("1.2", "off")


async def test_change_that_has_come_into_conflict_is_not_sent(rig: Rig):
    process = rig.process()
    await read(rig, process)
    change = await pending(rig, "modern_tls_only", True, "1.3")
    edit(rig, "tls_1_3", "off")
    await read(rig, process)
    rig.clock.ms += 2 * LEASE_MS

    await process.writer.recover()
    await process.tasks.idle()

    ended = next(one for one in await rig.store.history(rig.customer.id, 20) if one.id == change.id)
    assert (ended.status, ended.error) == (ChangeStatus.FAILED, Reason.CONFLICT)
    assert at_cloudflare(rig) != LOCKED_OUT


async def test_refused_conflict_stores_nothing(rig: Rig):
    process = await only_tls_1_3(rig)
    before = await rig.store.history(rig.customer.id, 20)

    with pytest.raises(Refused):
        await flip(rig, process, "tls_1_3", False)

    assert await rig.store.history(rig.customer.id, 20) == before
