"""The real engine against the pretend Cloudflare in a process of its own: how many reads a second it sustains, what
they cost, and how that compares in the same run with a bare httpx loop and with Cloudflare's own SDK for Python."""

from __future__ import annotations

import asyncio
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import cloudflare
import httpx
from cloudflare import AsyncCloudflare

from cloudcache.adapters.budget import InMemoryBudget
from cloudcache.adapters.bus import InMemoryBus
from cloudcache.adapters.clock import SystemClock
from cloudcache.adapters.cloudflare.client import CloudflareClient
from cloudcache.adapters.cloudflare.pace import CALLS_PER_SECOND
from cloudcache.adapters.db.store import SqlStore
from cloudcache.adapters.vault import EnvelopeVault
from cloudcache.domain.budget import Limits
from cloudcache.domain.catalog import Topology, ZonePlan, reads
from cloudcache.domain.ids import CredentialId, ZoneId
from cloudcache.domain.secret import Token
from cloudcache.emulator.generated import Generated
from cloudcache.emulator.options import Options
from cloudcache.ports import ZoneFacts
from cloudcache.services.assembly import Parts, Sync, assemble
from cloudcache.services.credentials import Credentials
from cloudcache.services.rollouts import Rollouts
from cloudcache.services.tasks import Tasks
from tests.bench.report import Section
from tests.support.databases import temporary_store

UNLIMITED = Limits(
    calls_per_window=10_000_000,
    burst=5_000_000,
    cloudflare_calls_per_window=20_000_000,
    address_calls_per_second=1_000_000,
)
SERVE = """
import sys, json
from cloudcache.emulator.options import Options
from cloudcache.emulator.serve import serve
from cloudcache.emulator.world import World
serve(World(Options(**json.loads(sys.argv[1]))), "127.0.0.1", 0, as_json=True)
"""


@contextmanager
def pretend_cloudflare(**options: object) -> Iterator[str]:
    """Its address, below which the API is; stopped at the end."""
    command = [sys.executable, "-c", SERVE, json.dumps(options)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield json.loads(process.stdout.readline())["url"]
        finally:
            process.terminate()
            process.wait(10)


@dataclass
class Fleet:
    """A whole engine with customers who have tokens of their own."""

    sync: Sync
    store: SqlStore
    tasks: Tasks
    generated: Generated

    async def read_all(self) -> tuple[float, float]:
        """Run until every zone was read; wall seconds and processor seconds."""
        began, spent = time.perf_counter(), time.process_time()
        engine = self.sync.engine
        running = asyncio.create_task(engine.run())
        engine.wake()
        while True:
            await asyncio.sleep(0.2)
            await engine.tick()
            if not engine.busy and not (await self.store.across_tenants_ages(0)).never:
                break
        took, cost = time.perf_counter() - began, time.process_time() - spent
        await engine.drain(1)
        await running
        return took, cost


@asynccontextmanager
async def fleet(url: str, customers: int, limits: Limits) -> AsyncIterator[Fleet]:
    """So many customers, none ever read."""
    generated = Generated(Options().seed, customers, customers)
    with tempfile.TemporaryDirectory() as folder:
        store = await temporary_store(Path(folder) / "bench.db")
        clock, tasks = SystemClock(), Tasks()
        budget = InMemoryBudget(limits, clock)
        client = CloudflareClient(
            url, clock, on_quota=budget, calls_per_second=0 if limits is UNLIMITED else CALLS_PER_SECOND
        )
        vault = EnvelopeVault(["bench" * 8])
        for index in range(customers):
            await _register(store, vault, generated, index, clock.now_ms())
        parts = Parts(
            store,
            store,
            store,
            client,
            budget,
            Credentials(store, vault, None),
            InMemoryBus(),
            clock,
            tasks,
            Rollouts(store, clock, "local"),
            owner=lambda: "bench",
            chance=random.random,
            limits=limits,
        )
        try:
            yield Fleet(assemble(parts), store, tasks, generated)
        finally:
            await tasks.stop(5)
            await client.close()
            await store.close()


async def _register(
    store: SqlStore, vault: EnvelopeVault, generated: Generated, index: int, now: int
) -> None:
    zone, credential = generated.zone(index), CredentialId(f"c{index}")
    token = Token(generated.token("account", index))
    await store.add_credential(credential, vault.seal(token, credential), "token", now=now)
    facts = ZoneFacts(zone.name, ZonePlan.PRO, zone.account_id, "")
    await store.add_customer(
        f"shop-{index}.myshopify.com", ZoneId(zone.id), facts, Topology.O2O, credential, now=now
    )


AT_ONCE = 20
"""Calls under way in the loops that the engine is compared with."""


async def bare_loop(url: str, generated: Generated, zones: int) -> tuple[float, float]:
    """The same calls with httpx alone, nothing kept."""
    async with _plain_client() as client:

        async def read(index: int, path: str) -> None:
            token = generated.token("account", index)
            answer = await client.get(
                f"{url}/zones/{generated.zone_id(index)}{path}",
                headers={"Authorization": f"Bearer {token}"},
            )
            answer.raise_for_status().json()

        return await _loop(zones, read)


async def sdk_loop(url: str, generated: Generated, zones: int) -> tuple[float, float]:
    """The same calls with the official SDK, nothing kept: a client for each token, all on one pool of connections."""
    async with _plain_client() as http:
        whole = AsyncCloudflare(api_token="none", base_url=url, http_client=http, max_retries=0)
        clients = [whole.copy(api_token=generated.token("account", index)) for index in range(zones)]

        async def read(index: int, path: str) -> None:
            answer = await clients[index].get(f"/zones/{generated.zone_id(index)}{path}", cast_to=object)
            assert answer["success"]

        return await _loop(zones, read)


def _plain_client() -> httpx.AsyncClient:
    limits = httpx.Limits(max_connections=AT_ONCE, max_keepalive_connections=AT_ONCE)
    return httpx.AsyncClient(limits=limits, timeout=30, trust_env=False)


async def _loop(zones: int, read: Callable[[int, str], Awaitable[None]]) -> tuple[float, float]:
    """Read all zones whole; wall seconds and processor seconds."""
    waiting = iter([(index, one.path) for index in range(zones) for one in reads(batch=True)])

    async def work() -> None:
        for index, path in waiting:
            await read(index, path)

    began, spent = time.perf_counter(), time.process_time()
    await asyncio.gather(*(work() for _ in range(AT_ONCE)))
    return time.perf_counter() - began, time.process_time() - spent


async def sections() -> list[Section]:
    """The limit sustained, the limit lifted, and a hundred new customers."""
    section = Section(
        "The freshness engine against the pretend Cloudflare on a port",
        "Customers with tokens of their own, read whole (16 calls each) by one worker on SQLite, cache writes "
        "included. The pretend Cloudflare is another process on the same two cores. Processor seconds are those of "
        f"the worker. The loops keep {AT_ONCE} calls under way and throw the answers away; the SDK is `cloudflare` "
        f"{cloudflare.__version__}, asked for the same paths of the same zones. The first two rows are ratios: more "
        "reads a second is better above 1, processor time below 1.",
        ("run", "reads/s", "processor s per 1,000 reads", "of one core", "seconds"),
    )
    calls = len(reads(batch=True))
    options = {"token_budget": 10_000_000, "address_per_second": 0}
    with pretend_cloudflare(zones=100, accounts=100) as url:
        async with fleet(url, 100, Limits()) as one:
            took, cost = await one.read_all()
            section.add(*_row("100 new customers, usual limits", 100 * calls, took, cost))
    with pretend_cloudflare(zones=400, accounts=400) as url:
        async with fleet(url, 400, Limits()) as one:
            took, cost = await one.read_all()
            section.add(*_row("400 customers, usual limits (190 reads/s)", 400 * calls, took, cost))
    with pretend_cloudflare(zones=300, accounts=300, **options) as url:
        generated = Generated(Options().seed, 300, 300)
        bare, bare_cost = await bare_loop(url, generated, 300)
        sdk, sdk_cost = await sdk_loop(url, generated, 300)
        async with fleet(url, 300, UNLIMITED) as one:
            took, cost = await one.read_all()
    section.add(*_row("300 customers, no limit", 300 * calls, took, cost))
    section.add(*_row("bare httpx loop, no limit, nothing kept", 300 * calls, bare, bare_cost))
    section.add(*_row("Cloudflare's SDK in a loop, no limit, nothing kept", 300 * calls, sdk, sdk_cost))
    ratios = [
        ("engine to bare httpx loop, both without a limit", f"{bare / took:.2f}", f"{cost / bare_cost:.2f}"),
        ("engine to Cloudflare's SDK, both without a limit", f"{sdk / took:.2f}", f"{cost / sdk_cost:.2f}"),
    ]
    section.rows[:0] = [(*one, "", "") for one in ratios]
    return [section]


def _row(name: str, done: int, took: float, cost: float) -> tuple[str, ...]:
    return (
        name,
        f"{done / took:.0f}",
        f"{cost / done * 1000:.2f}",
        f"{cost / took:.0%}",
        f"{took:.1f}",
    )


if __name__ == "__main__":
    for shown in asyncio.run(sections()):
        sys.stdout.write(shown.markdown())
