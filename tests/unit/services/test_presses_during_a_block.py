"""A switch that is pressed again while Cloudflare blocks the token: what is sent when the block ends, and when."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from cloudcache.domain.catalog import find
from cloudcache.domain.errors import StoreUnavailable
from cloudcache.domain.events import ChangeStatus, Observation
from cloudcache.domain.toggle import Standing, standing
from cloudcache.emulator.world import Fault
from tests.support.fake_clock import FakeClock
from tests.support.rig import ZONE, Process, Rig

BLOCK_MS = 300_000


class StoppedTime:
    """Holds the rig's time at a block, and lets it go on."""

    def __init__(self, clock: FakeClock) -> None:
        self._goes_on = asyncio.Event()
        self._sleep, self.arrived = clock.sleep, asyncio.Event()
        clock.sleep = self.sleep  # type: ignore[method-assign]

    async def sleep(self, seconds: float) -> None:
        self.arrived.set()
        await self._goes_on.wait()
        await self._sleep(seconds)

    def go_on(self) -> None:
        self._goes_on.set()


async def press(rig: Rig, process: Process, number: int, on: bool) -> int:
    change = await process.toggles.flip(
        rig.owner, rig.customer.id, "always_online", on, request_id=f"press {number}", confirmed=True
    )
    return change.id


async def wait_until_pending(rig: Rig, process: Process, many: int) -> None:
    """Until this many deliveries wait, for the budget or for one another."""
    key = (rig.customer.id, "always_online")
    while (turn := process.writer._turns.get(key)) is None or turn.waiting < many:  # noqa: ASYNC110
        await asyncio.sleep(0)


def patches(rig: Rig) -> list[int]:
    return [record.status for record in rig.world.requests() if record.method == "PATCH"]


@pytest.mark.parametrize("same", [True, False], ids=["the same", "the opposite"])
@pytest.mark.parametrize("presses", [1, 2, 9])
async def test_press_during_a_block_is_sent_when_it_ends(rig: Rig, presses: int, same: bool):
    process, time = rig.process(), StoppedTime(rig.clock)
    rig.world.inject(Fault("block", method="PATCH", times=1))
    began, on = rig.clock.ms, True
    await press(rig, process, 0, on)
    await time.arrived.wait()
    for number in range(1, presses + 1):
        on = on if same else not on
        newest = await press(rig, process, number, on)
        await wait_until_pending(rig, process, number + 1)

    time.go_on()
    await process.tasks.idle()

    journal = await rig.store.history(rig.customer.id, 1000)
    ends = {one.id: one.status for one in journal}
    assert ends.pop(newest) is ChangeStatus.APPLIED
    assert rig.world.value(ZONE, "always_online") == ("on" if on else "off")
    assert set(ends.values()) <= {ChangeStatus.SUPERSEDED, ChangeStatus.APPLIED}
    assert patches(rig) == [429, 200]
    assert BLOCK_MS - 1_000 <= rig.clock.ms - began <= BLOCK_MS + 1_000


async def test_write_that_fails_before_its_call_holds_nobody_up(rig: Rig, monkeypatch: pytest.MonkeyPatch):
    process, time = rig.process(), StoppedTime(rig.clock)
    rig.world.inject(Fault("block", method="PATCH", times=1))
    began = rig.clock.ms
    await press(rig, process, 0, True)
    await time.arrived.wait()
    start, failed = rig.store.start, []

    async def fails_once(*args: object, **more: object) -> object:
        if not failed:
            failed.append(True)
            raise StoreUnavailable("the database is away")
        return await start(*args, **more)

    monkeypatch.setattr(rig.store, "start", fails_once)
    newest = await process.toggles.flip(
        rig.owner, rig.customer.id, "early_hints", True, request_id="other", confirmed=True
    )

    time.go_on()
    await process.tasks.idle()

    journal = {one.id: one.status for one in await rig.store.history(rig.customer.id, 1000)}
    assert failed and journal[newest.id] is ChangeStatus.APPLIED
    assert rig.clock.ms - began <= BLOCK_MS + 1_000


async def test_open_pages_know_until_when_their_token_is_limited(rig: Rig):
    process, time = rig.process(), StoppedTime(rig.clock)
    customer = (await rig.store.page(rig.customer.id)).customer
    before = process.attention.limited_until(customer)
    rig.world.inject(Fault("block", method="PATCH", times=1))
    began = rig.clock.ms
    await press(rig, process, 0, True)
    await time.arrived.wait()

    during = process.attention.limited_until(customer)
    time.go_on()
    await process.tasks.idle()

    assert before is None and during is not None
    assert BLOCK_MS - 1_000 <= during - began <= BLOCK_MS + 1_000
    assert process.attention.limited_until(customer) is None


async def test_change_that_waits_is_only_canceled_when_it_is_flipped_back(rig: Rig):
    process = rig.process()
    await process.engine.look_now(rig.customer.id)
    rig.world.clear_requests()
    time = StoppedTime(rig.clock)
    toggle = find("always_online").id
    was_on = rig.world.value(ZONE, "always_online") == "on"
    rig.world.inject(Fault("block", method="PATCH", times=1))
    await press(rig, process, 0, not was_on)
    await time.arrived.wait()

    same = await process.toggles.take_back(rig.owner, rig.customer.id, toggle, not was_on)
    back = await process.toggles.take_back(rig.owner, rig.customer.id, toggle, was_on)
    time.go_on()
    await process.tasks.idle()

    cell = (await rig.store.page(rig.customer.id)).cells[toggle]
    assert (same, back) == (False, True)
    assert standing(cell, rig.clock.ms) in (Standing.CHECKED, Standing.STALE)
    assert cell.change is None or not cell.change.is_open
    assert patches(rig) == [429]


async def test_change_that_may_be_at_cloudflare_is_not_taken_back_by_canceling(rig: Rig):
    process = rig.process()
    await process.engine.look_now(rig.customer.id)
    rig.world.clear_requests()
    toggle = find("always_online").id
    was_on = rig.world.value(ZONE, "always_online") == "on"
    held, arrived = asyncio.Event(), asyncio.Event()

    async def slow(call: Callable[[], Awaitable[Observation]]) -> Observation:
        arrived.set()
        await held.wait()
        return await call()

    rig.gateway.script.append(slow)
    await press(rig, process, 0, not was_on)
    await arrived.wait()

    taken = await process.toggles.take_back(rig.owner, rig.customer.id, toggle, was_on)
    held.set()
    await process.tasks.idle()

    assert not taken
    assert patches(rig) == [200]
