"""A process is killed at every step of a write, one after the other; another takes over when its lease ends.

A step is each side of each call of a port (store, Cloudflare, budget, hints), each statement and each commit.
Wherever it was: the wish ends exactly once, the cache holds what Cloudflare holds, that is what was wished (or, if
the wish was never stored, what was there), and nobody sees anything go back.
"""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from sqlalchemy import func, select

from cloudcache.adapters.db.engine import make_engine
from cloudcache.adapters.db.models import changes
from cloudcache.adapters.db.store import SqlStore
from cloudcache.domain.budget import CallClass
from cloudcache.emulator.faults import Fault
from cloudcache.services.writing import LEASE_MS
from tests.faults.dying import Countdown, dying_process
from tests.faults.judged import TOGGLE, Judged
from tests.support.databases import copied_sqlite
from tests.support.rig import Crash, Process, Rig, build_rig, meanwhile

MOST_STEPS = 400

Story = Callable[[Rig, Process, Process], Awaitable[None]]


async def plain(rig: Rig, first: Process, second: Process) -> None:
    """One click."""
    await _click(rig, first, True, "one")


async def reply_lost(rig: Rig, first: Process, second: Process) -> None:
    """Cloudflare does it, and its answer never comes."""
    rig.world.inject(Fault("lost", method="PATCH"))
    await _click(rig, first, True, "one")


async def server_error(rig: Rig, first: Process, second: Process) -> None:
    """Cloudflare does not do it, and the answer does not say so."""
    rig.world.inject(Fault("status", method="PATCH", status=502))
    await _click(rig, first, True, "one")


async def blocked(rig: Rig, first: Process, second: Process) -> None:
    """429: everything waits five minutes."""
    rig.world.inject(Fault("block", method="PATCH"))
    await _click(rig, first, True, "one")


async def two_clicks(rig: Rig, first: Process, second: Process) -> None:
    """On, and in another tab, on another process, off again before anybody has taken over."""
    await _click(rig, first, True, "one")
    rig.clock.ms += 1_000
    await _click(rig, second, False, "two")


STORIES = (plain, reply_lost, server_error, blocked, two_clicks)


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
async def test_killed_at_any_step_of_a_write_all_is_well_when_another_has_taken_over(story, tmp_path: Path):
    template = await _template(tmp_path)
    names: list[str] = []
    for step in range(1, MOST_STEPS):
        countdown = Countdown(step)
        async with _rig(template, tmp_path / f"{step}.db") as (rig, url):
            judged = Judged(rig)
            first, second = _dying(rig, url, countdown, story), rig.process()
            await judged.look()
            await story(rig, first, second)
            await judged.look()
            await _take_over(rig, rig.process())
            problems = await judged.problems()
            await first.store.close()
        if not countdown.is_dead:
            break
        names.append(countdown.steps[-1])
        assert problems == [], f"killed at step {step}, {names[-1]}: {problems}"

    assert not countdown.is_dead
    assert {"after store.open_intent", "before gateway.write", "after store.settle_applied"} <= set(names)


@pytest.mark.parametrize("where", ["before gateway.write", "after gateway.write"])
async def test_who_takes_over_may_be_killed_at_any_step_as_well(where: str, tmp_path: Path):
    template = await _template(tmp_path)
    async with _rig(template, tmp_path / "counted.db") as (rig, url):
        counting = Countdown()
        process = dying_process(rig, url, counting, "counts")
        await plain(rig, process, process)
        await process.store.close()
    first_dies = counting.steps.index(where) + 1
    for step in range(1, MOST_STEPS):
        countdown = Countdown(step)
        async with _rig(template, tmp_path / f"{step}.db") as (rig, url):
            judged = Judged(rig)
            first = dying_process(rig, url, Countdown(first_dies), "dies")
            second = dying_process(rig, url, countdown, "dies as well")
            await plain(rig, first, second)
            await judged.look()
            await _take_over(rig, second)
            await judged.look()
            await _take_over(rig, rig.process())
            problems = await judged.problems()
            await first.store.close()
            await second.store.close()
        if not countdown.is_dead:
            return
        assert problems == [], f"the second is killed at {step}, {countdown.steps[-1]}: {problems}"
    raise AssertionError("it never came to an end")


async def test_a_process_that_was_frozen_over_its_call_does_not_undo_a_newer_wish(tmp_path: Path):
    template = await _template(tmp_path)
    async with _rig(template, tmp_path / "frozen.db") as (rig, _):
        judged = Judged(rig)
        frozen, other = rig.process(), rig.process()

        async def meanwhile_elsewhere() -> None:
            await _take_over(rig, other)
            rig.clock.ms += 1_000
            await _click(rig, other, False, "two")

        rig.gateway.script.append(meanwhile(meanwhile_elsewhere, before=True))
        await _click(rig, frozen, True, "one")

        assert await judged.problems() == []


def _dying(rig: Rig, url: str, countdown: Countdown, story: Story) -> Process:
    """Statement by statement where nothing is in doubt and where all is: a transaction is one step anywhere else."""
    return dying_process(rig, url, countdown, "dies", by_statement=story in (plain, reply_lost))


async def _click(rig: Rig, process: Process, on: bool, request: str) -> None:
    """A click in a process that may die of it."""
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


async def _template(folder: Path) -> Path:
    """A database with one shop that was read."""
    file = await copied_sqlite(folder / "template.db")
    rig = await build_rig(SqlStore(make_engine(f"sqlite:///{file}")))
    await rig.process().reconciler.zone(rig.customer.id, CallClass.WATCHED)
    async with rig.store.database.reading(rig.customer.id) as connection:
        assert (await connection.execute(select(func.count()).select_from(changes))).scalar() == 0
    await rig.close()
    return file


@asynccontextmanager
async def _rig(template: Path, file: Path) -> AsyncIterator[tuple[Rig, str]]:
    """The same shop on a database of this scene's own, and its address."""
    url = f"sqlite:///{shutil.copy(template, file)}"
    rig = await build_rig(SqlStore(make_engine(url)), again=True)
    try:
        yield rig, url
    finally:
        await rig.close()
        for left in file.parent.glob(f"{file.name}*"):
            left.unlink()
