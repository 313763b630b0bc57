"""A page that has its zone read whole again and again takes nothing measurable from others who use the token."""

from __future__ import annotations

import pytest

from cloudcache.domain.budget import CallClass, Lane, Ledger, Limits, Ticket
from cloudcache.domain.freshness import CHECK_AGAIN_MS, CHECK_EVERY_MS, check_allowed_at
from cloudcache.domain.ids import CredentialId, CustomerId
from cloudcache.emulator.world import Fault
from cloudcache.ui import wording
from tests.support.harness import Harness, Process

PLATFORM, WHOLE_READ, NOW = CredentialId("platform"), 16, 1_795_000_000_000
SHOPS, MINUTES = 100, 10


async def press(rig: Harness, process: Process) -> int:
    wait_ms = await process.toggles.check(rig.owner, rig.customer.id)
    await process.settle()
    return wait_ms


def reads(rig: Harness) -> int:
    return sum("/settings" in one.path for one in rig.world.requests())


async def test_check_is_refused_until_ten_minutes_after_the_last_one(rig: Harness):
    process = rig.process()
    first = await press(rig, process)
    rig.world.clear_requests()

    refused = [await press(rig, process) for _ in range(30)]
    in_between = reads(rig)
    rig.clock.ms += refused[-1]
    again = await press(rig, process)

    assert first == again == 0
    assert all(0 < wait <= CHECK_EVERY_MS for wait in refused)
    assert in_between == 0 and reads(rig) > 0


async def test_check_that_failed_may_be_asked_for_again_after_a_minute(rig: Harness):
    process = rig.process()
    rig.world.inject(Fault("status", status=502, times=None))
    await press(rig, process)

    assert 0 < await press(rig, process) <= CHECK_AGAIN_MS


async def test_one_customers_checks_are_not_counted_for_another(rig: Harness):
    process = rig.process()
    zone, facts = await rig.facts("b" * 32, "other.example")
    other = await rig.store.add_customer(
        "other.myshopify.com", zone, facts, rig.customer.topology, rig.customer.credential, now=rig.clock.ms
    )
    await press(rig, process)

    owner = type(rig.owner)(rig.owner.kind, "owner of the other", other.id)
    assert await process.toggles.check(owner, other.id) == 0


def others_per_minute(pages: int) -> float:
    """Reads of swept shops while so many pages press without a pause, each read whole once it may be."""
    ledger, others = Ledger(Limits()), 0
    checked: dict[CustomerId, int] = {}
    for number in range(SHOPS):
        ledger.ask(Lane(PLATFORM, CallClass.SWEEP, CustomerId(number)), NOW)
    for now in range(NOW, NOW + (MINUTES + 1) * 60_000, 250):
        for page in range(pages):
            customer = CustomerId(1_000 + page)
            if check_allowed_at(now, checked.get(customer), now) <= now:
                checked[customer] = now
                for _ in range(WHOLE_READ):
                    ledger.ask(Lane(PLATFORM, CallClass.WATCHED, customer), now)
        for ticket in ledger.grant(now):
            others += is_counted(ticket, now)
            if ticket.lane.call_class is CallClass.SWEEP:
                ledger.ask(ticket.lane, now)
    return others / MINUTES


def is_counted(ticket: Ticket, now: int) -> bool:
    """After the first minute, in which the burst goes."""
    return ticket.lane.call_class is CallClass.SWEEP and now >= NOW + 60_000


@pytest.mark.parametrize(("pages", "at_least"), [(0, 179), (1, 176), (5, 170)])
def test_pages_that_press_without_a_pause_leave_the_sweep_its_calls(pages: int, at_least: float):
    assert others_per_minute(pages) >= at_least


@pytest.mark.parametrize("pages", [1, 5, 50])
def test_open_pages_that_are_read_all_the_time_leave_sweeps_a_twentieth(pages: int):
    ledger, others = Ledger(Limits()), 0
    for number in range(SHOPS):
        ledger.ask(Lane(PLATFORM, CallClass.SWEEP, CustomerId(number)), NOW)
    for page in range(pages):
        for _ in range(WHOLE_READ):
            ledger.ask(Lane(PLATFORM, CallClass.WATCHED, CustomerId(1_000 + page)), NOW)

    for now in range(NOW, NOW + 600_000, 250):
        for ticket in ledger.grant(now):
            others += is_counted(ticket, now)
            ledger.ask(ticket.lane, now)

    assert others / 9 >= 8


@pytest.mark.parametrize(
    ("wait_ms", "said"), [(0, ""), (1, "1 second."), (59_001, "60 seconds"), (600_000, "10 minutes")]
)
def test_refused_check_says_when_it_is_possible_again(wait_ms: int, said: str):
    assert said in wording.status.check_again(wait_ms)
    assert bool(said) == bool(wording.status.check_again(wait_ms))
