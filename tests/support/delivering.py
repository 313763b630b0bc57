"""Changes whose process died, and the process that takes them up."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from cloudcache.domain.catalog import State, find
from cloudcache.domain.events import Change, ChangeStatus, Observation, Source
from cloudcache.ports import Intent
from cloudcache.services.writing import LEASE_MS
from tests.support.rig import (
    ZONE,
    Process,
    Rig,
)

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


async def reverted_polish(rig: Rig, process: Process) -> None:
    """Polish was lossy, and was made lossless at Cloudflare."""
    for value in ("lossy", "lossless"):
        edit(rig, "polish", value)
        await process.engine.look_now(rig.customer.id)
