"""A process is killed at every step of a write, one after the other; another takes over when its lease ends.

A step is each side of each call of a port (store, Cloudflare, budget, hints), each statement and each commit.
Wherever it was: the wish ends exactly once, the cache holds what Cloudflare holds, that is what was wished (or, if
the wish was never stored, what was there), and nobody sees anything go back.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from cloudcache.domain.budget import CallClass
from cloudcache.emulator.faults import Fault
from cloudcache.services.writing import LEASE_MS
from tests.faults.dying import Countdown, OwnConnections, dying_process
from tests.faults.judged import TOGGLE, Judged
from tests.support.databases import temporary_store
from tests.support.rig import Crash, Process, Rig, build_rig, meanwhile

MOST_STEPS = 400

Story = Callable[[Rig, bool, Process, Process], Awaitable[None]]


async def plain(rig: Rig, on: bool, first: Process, second: Process) -> None:
    """One click."""
    await _click(rig, first, on)


async def reply_lost(rig: Rig, on: bool, first: Process, second: Process) -> None:
    """Cloudflare does it, and its answer never comes."""
    rig.world.inject(Fault("lost", method="PATCH"))
    await _click(rig, first, on)


async def server_error(rig: Rig, on: bool, first: Process, second: Process) -> None:
    """Cloudflare does not do it, and the answer does not say so."""
    rig.world.inject(Fault("status", method="PATCH", status=502))
    await _click(rig, first, on)


async def blocked(rig: Rig, on: bool, first: Process, second: Process) -> None:
    """429: everything waits five minutes."""
    rig.world.inject(Fault("block", method="PATCH"))
    await _click(rig, first, on)


async def two_clicks(rig: Rig, on: bool, first: Process, second: Process) -> None:
    """And in another tab, on another process, back again before anybody has taken over."""
    await _click(rig, first, on)
    rig.clock.ms += 1_000
    await _click(rig, second, not on)


STORIES = (plain, reply_lost, server_error, blocked, two_clicks)
BY_STATEMENT = (plain, reply_lost)
"""Statement by statement where nothing is in doubt and where all is: elsewhere a transaction is one step."""


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    """A shop that was read."""
    made = await build_rig(await temporary_store(tmp_path / "store.db"))
    await made.process().reconciler.zone(made.customer.id, CallClass.WATCHED)
    yield made
    await made.close()


@pytest.fixture
async def own(rig: Rig, tmp_path: Path) -> AsyncIterator[OwnConnections]:
    """What those that die are connected through."""
    made = OwnConnections(f"sqlite:///{tmp_path / 'store.db'}")
    yield made
    await made.store.close()


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
async def test_killed_at_any_step_of_a_write_all_is_well_when_another_has_taken_over(
    story: Story, rig: Rig, own: OwnConnections
):
    names: list[str] = []
    for step in range(1, MOST_STEPS):
        judged, countdown = Judged(rig), Countdown(step)
        first = dying_process(rig, own, countdown, f"dies {step}", by_statement=story in BY_STATEMENT)
        await story(rig, not judged.holds(), first, rig.process())
        await judged.look()
        await _take_over(rig, rig.process())
        rig.world.clear_faults()
        if not countdown.is_dead:
            break
        names.append(countdown.steps[-1])
        assert await judged.problems() == [], f"killed at step {step}, {names[-1]}"

    assert not countdown.is_dead
    assert {"after store.open_intent", "before gateway.write", "after store.settle_applied"} <= set(names)


@pytest.mark.parametrize("where", ["before gateway.write", "after gateway.write"])
async def test_who_takes_over_may_be_killed_at_any_step_as_well(where: str, rig: Rig, own: OwnConnections):
    for step in range(1, MOST_STEPS):
        judged, countdown = Judged(rig), Countdown(step)
        first = dying_process(rig, own, Countdown(where), f"dies {step}")
        second = dying_process(rig, own, countdown, f"dies as well {step}")
        await plain(rig, not judged.holds(), first, second)
        await judged.look()
        await _take_over(rig, second)
        await judged.look()
        await _take_over(rig, rig.process())
        if not countdown.is_dead:
            return
        assert await judged.problems() == [], f"the second is killed at {step}, {countdown.steps[-1]}"
    raise AssertionError("it never came to an end")


async def test_a_process_that_was_frozen_over_its_call_does_not_undo_a_newer_wish(rig: Rig):
    judged, frozen, other = Judged(rig), rig.process(), rig.process()

    async def meanwhile_elsewhere() -> None:
        await _take_over(rig, other)
        rig.clock.ms += 1_000
        await _click(rig, other, False)

    rig.gateway.script.append(meanwhile(meanwhile_elsewhere, before=True))
    await _click(rig, frozen, True)

    assert await judged.problems() == []


async def _click(rig: Rig, process: Process, on: bool) -> None:
    """A click in a process that may die of it."""
    request = f"{process.name} {on} {rig.clock.ms}"
    try:
        await process.toggles.flip(rig.owner, rig.customer.id, TOGGLE.id, on, request_id=request)
    except Crash:
        return
    finally:
        await process.tasks.idle()


async def _take_over(rig: Rig, process: Process) -> None:
    """The leases of the dead run out, and this process looks, as all do every few seconds."""
    rig.clock.ms += LEASE_MS + 1
    try:
        await process.writer.recover()
    except Crash:
        return
    finally:
        await process.tasks.idle()
