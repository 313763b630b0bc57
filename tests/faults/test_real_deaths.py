"""Real processes on a real Postgres: killed with SIGKILL at a step of a write, or cut off from the database at it."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import pytest
from sqlalchemy.engine import make_url

from cloudcache.adapters.cloudflare.client import CloudflareClient
from cloudcache.adapters.db.engine import make_engine
from cloudcache.adapters.db.store import SqlStore
from cloudcache.domain.budget import CallClass
from cloudcache.domain.errors import StoreUnavailable
from cloudcache.emulator.app import create_app
from cloudcache.emulator.server import serving
from cloudcache.services.writing import LEASE_MS
from tests.faults.dying import Countdown, OwnConnections, dying_process
from tests.faults.judged import TOGGLE, Judged
from tests.support.databases import fresh_postgres, restricted
from tests.support.proxy import Relay, relay
from tests.support.rig import Interposed, Rig, build_rig
from tests.support.waiting import SAFETY_NET_S

pytestmark = pytest.mark.postgres

MOST_ROUNDS = 20
"""More than a pool has connections, each of which may have to be found dead."""


@dataclass
class Scene:
    """A shop on Postgres, and Cloudflare on a port, so that other processes reach both."""

    rig: Rig
    database_url: str
    cloudflare_url: str


@asynccontextmanager
async def _scene(postgres_url: str) -> AsyncIterator[Scene]:
    async with fresh_postgres(postgres_url) as owner:
        url = restricted(owner)
        rig = await build_rig(SqlStore(make_engine(url)))
        await rig.process().reconciler.zone(rig.customer.id, CallClass.WATCHED)
        async with serving(create_app(rig.world), patience_at_stop=SAFETY_NET_S) as base:
            yield Scene(rig, url, f"{base}/client/v4")
        await rig.close()


def _flip_and_die(database_url: str, cloudflare_url: str, now: int, on: bool, where: str) -> None:
    """The life of one process: it flips, and at the step named `where` it is killed by SIGKILL."""

    def die() -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    async def live() -> None:
        rig = await build_rig(SqlStore(make_engine(database_url)), again=True)
        rig.clock.ms = now
        client = CloudflareClient(cloudflare_url, rig.clock, on_quota=rig.budget, calls_per_second=0)
        rig.gateway = Interposed(client, rig.clock)
        process = dying_process(
            rig, OwnConnections(database_url), Countdown(where, die), "dies", by_statement=True
        )
        await process.toggles.flip(rig.owner, rig.customer.id, TOGGLE.id, on, request_id=where)
        await process.tasks.idle()

    asyncio.run(live())


WHERE = (
    "commit",  # of the wish itself: it was never stored
    "after store.open_intent",
    "after store.start",
    "before gateway.write",
    "after gateway.write",
    "before store.settle_applied",
    "after store.settle_applied",
)


async def test_killed_by_sigkill_on_postgres_another_process_finishes_what_was_wished(postgres_url: str):
    forks = multiprocessing.get_context("forkserver")
    forks.set_forkserver_preload([__name__, "tests.faults.dying"])
    async with _scene(postgres_url) as scene:
        rig = scene.rig
        for where in WHERE:
            judged = Judged(rig)
            on = not judged.holds()
            process = forks.Process(
                target=_flip_and_die,
                args=(scene.database_url, scene.cloudflare_url, rig.clock.ms, on, where),
            )
            process.start()
            await asyncio.to_thread(process.join, SAFETY_NET_S)
            assert process.exitcode == -signal.SIGKILL, where
            rig.clock.ms += LEASE_MS + 1_000
            successor = rig.process()
            await successor.writer.recover()
            await successor.tasks.idle()

            assert await judged.problems() == [], where


async def test_cut_off_from_the_database_at_any_statement_nothing_is_lost_when_it_is_back(postgres_url: str):
    async with _scene(postgres_url) as scene:
        parsed = make_url(scene.database_url)
        with relay(int(parsed.port or 5432)) as line:
            url = parsed.set(port=line.port).render_as_string(hide_password=False)
            await _cut_at_every_statement(scene.rig, line, url)


async def _is_settled(rig: Rig) -> bool:
    """Whether no change is open."""
    changes = await rig.store.history_of(rig.customer.id, TOGGLE.id, 1_000)
    return all(not change.is_open for change in changes)


async def _cut_at_every_statement(rig: Rig, line: Relay, url: str) -> None:
    step, was_cut, own = 0, True, OwnConnections(url)
    while was_cut:
        judged, step = Judged(rig), step + 1
        on = not judged.holds()
        countdown = Countdown(step, line.cut, is_deadly=False)
        process = dying_process(rig, own, countdown, f"cut off {step}", by_statement=True)
        with suppress(StoreUnavailable):  # the person is told that it was not kept
            await process.toggles.flip(rig.owner, rig.customer.id, TOGGLE.id, on, request_id=f"{step}")
        await process.tasks.idle()
        countdown.is_asleep = True
        for _ in range(MOST_ROUNDS):  # each connection learns of its end only when it is used
            rig.clock.ms += LEASE_MS + 1_000
            with suppress(StoreUnavailable):
                await process.writer.recover()
            await process.tasks.idle()
            if await _is_settled(rig):
                break
        was_cut = countdown.was_reached
        assert await judged.problems() == [], f"cut at step {step}, {countdown.steps[step - 1 : step]}"
    assert step > 20
    await own.store.close()
