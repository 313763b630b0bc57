"""`python -m tests.load.reads`: so many callers read the settings of one store as fast as they are answered."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from cloudcache.adapters.bus import InMemoryBus
from cloudcache.adapters.clock import SystemClock
from cloudcache.adapters.db.engine import make_engine
from cloudcache.adapters.db.store import SqlStore
from cloudcache.domain.access import Actor, ActorKind
from cloudcache.domain.ids import CustomerId
from cloudcache.services.rollouts import Rollouts
from cloudcache.services.scripts import Scripts
from tests.bench.report import percentile
from tests.load.processes import cost, family
from tests.load.stage import Stage, embedded, shared
from tests.support.ports import free_port
from tests.support.waiting import SAFETY_NET_S, wait_until

CALLERS = (1, 20, 100)
SECONDS = 4.0
WARM_UP_S = 1.0
SHOPS = 50
PATH = "/api/v1/optimizations"
_LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")


async def api_token(stage: Stage, customer: int) -> str:
    """An API token of a store, made as its page makes it."""
    store = SqlStore(make_engine(stage.database_url))
    clock, shop = SystemClock(), stage.fleet.shop(customer - 1)
    try:
        scripts = Scripts(store, clock, Rollouts(store, clock, "local"), InMemoryBus())
        owner = Actor(ActorKind.MERCHANT, "owner", CustomerId(customer), shop.name)
        _, secret = await scripts.make(owner, "load", "read")
        return secret.reveal()
    finally:
        await store.close()


async def measure(
    url: str, path: str, headers: list[str], status: int, callers: int, pids: list[int]
) -> dict[str, float]:
    """What each caller gets who asks anew as soon as it is answered, over a connection of its own."""
    where = urlsplit(url)
    request = "\r\n".join([f"GET {path} HTTP/1.1", f"Host: {where.netloc}", *headers, "", ""]).encode()
    taken: list[float] = []
    begins = time.perf_counter() + WARM_UP_S
    ends = begins + SECONDS

    async def call() -> None:
        reader, writer = await asyncio.open_connection(where.hostname, where.port)
        while (began := time.perf_counter()) < ends:
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 %d" % status):
                raise ConnectionError(f"{path}: {head[:120]!r}")
            if length := _LENGTH.search(head):
                await reader.readexactly(int(length[1]))
            if began >= begins:
                taken.append(time.perf_counter() - began)
        writer.close()

    calling = [asyncio.create_task(call()) for _ in range(callers)]
    await asyncio.sleep(WARM_UP_S)
    before = cost(pids)
    await asyncio.gather(*calling)
    after = cost(pids)
    return {
        "callers": callers,
        "per_second": len(taken) / SECONDS,
        "p50_ms": percentile(taken, 0.5) * 1000,
        "p99_ms": percentile(taken, 0.99) * 1000,
        "cpu_ms": (after.cpu_s - before.cpu_s) / len(taken) * 1000,
    }


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, trust_env=False).is_success
    except httpx.TransportError:
        return False


@contextmanager
def bare_route() -> Iterator[tuple[str, int]]:
    """The bare route's address and process."""
    with tempfile.TemporaryDirectory(prefix="cloudcache-bare-") as folder:
        port = free_port()
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.load.bare_route", str(port), str(Path(folder) / "bare.db")]
        )
        try:
            url = f"http://127.0.0.1:{port}"
            wait_until(lambda: _answers(url), lambda: f"the bare route doesn't answer at {url}")
            yield url, process.pid
        finally:
            process.terminate()
            process.wait(SAFETY_NET_S)


async def of_stage(stage: Stage, name: str) -> list[dict[str, object]]:
    """All kinds of answers of one installation."""
    bearer = f"Authorization: Bearer {await api_token(stage, 1)}"
    async with httpx.AsyncClient(trust_env=False) as client:
        known = await client.get(stage.url + PATH, headers=dict([bearer.split(": ")]))
    has_it = f"If-None-Match: {known.headers['etag']}"
    found: list[dict[str, object]] = []
    for answers, headers, status in (("200", [bearer], 200), ("304", [bearer, has_it], 304)):
        for callers in CALLERS:
            row = await measure(stage.url, PATH, headers, status, callers, stage.web)
            found.append({"server": name, "answers": answers, **row})
    return found


async def refused(stage: Stage) -> dict[str, object]:
    """What a caller costs who is over its limit of two reads a minute."""
    bearer = f"Authorization: Bearer {await api_token(stage, 1)}"
    async with httpx.AsyncClient(trust_env=False) as client:
        for _ in range(3):
            await client.get(stage.url + PATH, headers=dict([bearer.split(": ")]))
    row = await measure(stage.url, PATH, [bearer], 429, 20, stage.web)
    return {"server": "SQLite", "answers": "429", **row}


def main() -> None:
    rows: list[dict[str, object]] = []
    with bare_route() as (url, pid):
        for callers in CALLERS:
            row = asyncio.run(measure(url, "/", [], 200, callers, family(pid)))
            rows.append({"server": "bare route", "answers": "200", **row})
    many = {"CLOUDCACHE_API_READS_PER_MINUTE": "1000000"}
    with embedded(SHOPS, env=many) as stage:
        rows += asyncio.run(of_stage(stage, "SQLite"))
    with embedded(SHOPS, env={"CLOUDCACHE_API_READS_PER_MINUTE": "2"}) as stage:
        rows.append(asyncio.run(refused(stage)))
    with shared(SHOPS, workers=1, env=many) as stage:
        rows += asyncio.run(of_stage(stage, "Postgres and Redis"))
    sys.stdout.write(json.dumps(rows))


if __name__ == "__main__":
    main()
