"""One zone that is refused the batch read says little of the others; zones of several tokens say that it is gone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cloudcache.domain.batch_read import COUNTS_FOR_MS, BatchRefusal, is_withdrawn
from cloudcache.domain.customers import Customer
from cloudcache.domain.ids import CredentialId, CustomerId
from cloudcache.domain.secret import Token
from cloudcache.emulator.world import Fault
from cloudcache.local import PERMISSIONS
from tests.support.rig import ZONE, Process, Rig

B, C, D = (digit * 32 for digit in "bcd")


async def shop(rig: Rig, zone: str, token: str | None = None) -> Customer:
    """One more shop, with a token of its own or with the first one's."""
    facts = await rig.facts(zone, f"{zone[:2]}.example")
    credential = rig.customer.credential
    if token is not None:
        rig.world.add_token(token, kind="account", accounts=("acc",), zones=None, permissions=PERMISSIONS)
        credential = CredentialId(f"c-{zone[:4]}")
        sealed = rig.credentials.seal(Token(token), credential)
        await rig.store.add_credential(credential, sealed, "token", now=1)
    return await rig.store.add_customer(
        f"shop-{zone[:2]}.myshopify.com", *facts, rig.customer.topology, credential, now=1
    )


async def calls(rig: Rig, process: Process, customer: Customer) -> int:
    """How many calls a whole read of the zone's settings takes."""
    rig.world.clear_requests()
    look = await process.engine.look_now(customer.id)
    assert look is not None and not look.failed
    assert len((await rig.store.page(customer.id)).cells) == 50
    return sum(f"/zones/{customer.zone_id}/" in one.path for one in rig.world.requests())


def refused(zone: str | None, status: int, code: int, times: int | None = 1) -> Fault:
    return Fault("status", zone_id=zone, path="/settings$", status=status, code=code, times=times)


@pytest.mark.parametrize(
    "fault",
    [
        *(refused(ZONE, status, code) for status in (400, 404) for code in (1001, 7003)),
        Fault("html", zone_id=ZONE, path="/settings", status=410, times=1),
        Fault("html", zone_id=ZONE, path="/settings", status=404, times=1),
    ],
)
async def test_one_refused_zone_leaves_other_zones_at_sixteen_calls(rig: Rig, fault: Fault):
    process, other_process = rig.process(), rig.process()
    other = await shop(rig, B, "cfat_b_0123456789abcdef")
    rig.world.inject(fault)

    first = await calls(rig, process, rig.customer)
    rest = [await calls(rig, one, who) for one in (process, other_process) for who in (other, rig.customer)]

    assert first == 49
    assert rest == [16] * 4


async def test_zones_of_two_tokens_withdraw_the_batch_read_in_every_process(rig: Rig):
    process, other_process = rig.process(), rig.process()
    other, third = await shop(rig, B, "cfat_b_0123456789abcdef"), await shop(rig, C)
    rig.world.adopt(replace(rig.world.options, batch_read="missing"))

    counts = [await calls(rig, process, one) for one in (rig.customer, other, third)]
    elsewhere = await calls(rig, other_process, third)

    assert counts == [49, 49, 48]
    assert elsewhere == 48


async def test_withdrawn_batch_read_is_tried_again_and_restored(rig: Rig, caplog: pytest.LogCaptureFixture):
    process = rig.process()
    other = await shop(rig, B, "cfat_b_0123456789abcdef")
    rig.world.adopt(replace(rig.world.options, batch_read="off"))
    for one in (rig.customer, other):
        await calls(rig, process, one)

    rig.clock.ms += COUNTS_FOR_MS
    still = [await calls(rig, process, one) for one in (rig.customer, other, other)]
    rig.world.adopt(replace(rig.world.options, batch_read="on"))
    rig.clock.ms += COUNTS_FOR_MS
    restored = [await calls(rig, process, one) for one in (rig.customer, other)]

    assert still == [49, 49, 48]
    assert restored == [16, 16]
    events = [getattr(record, "event", "") for record in caplog.records]
    assert events.count("batch_withdrawn") == 2 and "batch_restored" in events


async def test_an_answer_in_between_clears_earlier_refusals(rig: Rig):
    process = rig.process()
    others = [await shop(rig, B, "cfat_b_0123456789abcdef"), await shop(rig, D, "cfat_d_0123456789abcdef")]
    rig.world.inject(refused(ZONE, 404, 7003, times=None))

    counts = [await calls(rig, process, one) for one in (rig.customer, others[0], rig.customer, others[1])]

    assert counts == [49, 16, 49, 16]


def refusal(zone: int, token: str, at: int = 0) -> BatchRefusal:
    return BatchRefusal(CustomerId(zone), CredentialId(token), at)


@pytest.mark.parametrize(
    ("refusals", "expected"),
    [
        ([], False),
        ([refusal(1, "a")], False),
        ([refusal(one, "a") for one in range(4)], False),
        ([refusal(one, "a") for one in range(5)], True),
        ([refusal(1, "a"), refusal(2, "b")], True),
        ([refusal(1, "a"), refusal(2, "b", -COUNTS_FOR_MS)], False),
        ([refusal(1, "a"), refusal(2, "b", 60_000)], False),
    ],
)
def test_refusals_of_several_tokens_or_many_zones_decide(refusals: list[BatchRefusal], expected: bool):
    assert is_withdrawn(refusals, now=0) is expected
