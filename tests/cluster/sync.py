"""How fast one worker reads zones, and how fast two do: `python -m tests.cluster --sync`.

Cloudflare is made so slow that the work in hand is what bounds a worker; so long as both together stay below what one
address may call, the second should bring nearly as much as the first. Then Cloudflare is made quick, and the
address's 200 calls a second bind, however many workers there are. The pretend Cloudflare's log says who read what.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass

from tests.cluster import parts
from tests.cluster.cluster import START_SECONDS, Cluster, owner, running_cluster
from tests.cluster.supervisor import Say, until
from tests.support.waiting import SAFETY_NET_S, http_client

SLOW_S = 1.2
QUICK_S = 0.02
PATIENCE_S = SAFETY_NET_S
"""Zones whose calls were refused wait until Cloudflare opens again, which is not waited for here."""


@dataclass(frozen=True)
class Sweep:
    """So many zones read whole, by so many workers."""

    workers: int
    zones: int
    latency_s: float
    seconds: float
    calls: int
    most_in_a_second: int
    refused: int
    read_twice: int
    """Settings of a zone that were read more than once: somebody else was at it as well."""

    @property
    def per_second(self) -> float:
        return self.calls / self.seconds

    def line(self) -> str:
        return (
            f"{self.workers} worker(s), answers after {self.latency_s} s: {self.zones} zones in "
            f"{self.seconds:.1f} s, "
            f"{self.per_second:.0f} calls a second (at most {self.most_in_a_second} in any one), "
            f"{self.refused} refused, {self.read_twice} read twice"
        )


async def sweep(workers: int, zones: int, latency: float, say: Say = lambda line: None) -> Sweep:
    """All zones are due at once; the workers read them."""
    async with running_cluster(shops=zones, web=0, workers=0, latency=0, say=say) as cluster:
        await _all_due(cluster)
        await _answer_after(cluster, latency)
        programs = [parts.worker(f"worker-{n + 1}", cluster.settings) for n in range(workers)]
        await asyncio.gather(*(child.up(START_SECONDS) for child in cluster.start(*programs)))
        read = await _all_read(cluster, zones)
        return await _measured(cluster, workers, read, latency)


async def sweep_of(cluster: Cluster, workers: int, zones: int, latency: float) -> Sweep:
    """The same in a cluster whose workers run already; Cloudflare is as quick as before afterwards."""
    await _answer_after(cluster, latency)
    await _all_due(cluster)
    read = await _all_read(cluster, zones)
    swept = await _measured(cluster, workers, read, latency)
    async with http_client() as client:
        address = f"{cluster.cloudflare_url}/_emulator/faults"
        (await client.post(address, json={"clear": True, "faults": []})).raise_for_status()
    return swept


async def _all_due(cluster: Cluster) -> None:
    connection = await owner(cluster.database_url)
    await connection.execute("UPDATE customer_zones SET sync_due_at = 0, full_read_at = NULL")
    await connection.close()


async def _all_read(cluster: Cluster, zones: int) -> int:
    """Wait until all are read; how many are."""
    connection = await owner(cluster.database_url)
    query = "SELECT count(*) FROM customer_zones WHERE full_read_at IS NOT NULL AND lease_owner IS NULL"

    async def are_read() -> bool:
        return bool(await connection.fetchval(query) == zones)

    with suppress(TimeoutError):
        async with asyncio.timeout(PATIENCE_S):
            await until(are_read)
    read = await connection.fetchval(query)
    await connection.close()
    return int(read)


async def _answer_after(cluster: Cluster, seconds: float) -> None:
    """From now on Cloudflare takes its time, and its log is empty."""
    slow = {"kind": "slow", "delay": seconds, "times": None}
    async with http_client() as client:
        (await client.post(f"{cluster.cloudflare_url}/_emulator/faults", json=slow)).raise_for_status()
        (await client.get(f"{cluster.cloudflare_url}/_emulator/log?clear=1")).raise_for_status()


async def _measured(cluster: Cluster, workers: int, zones: int, latency: float) -> Sweep:
    async with http_client() as client:
        log = (
            (await client.get(f"{cluster.cloudflare_url}/_emulator/log"))
            .raise_for_status()
            .json()["requests"]
        )
    reads = [one for one in log if one["method"] == "GET" and "/zones/" in one["path"]]
    times = [one["at"] for one in reads]
    once = Counter(one["path"] for one in reads if one["status"] == 200)
    return Sweep(
        workers,
        zones,
        latency,
        max(times) - min(times) + latency,
        len(reads),
        max(Counter(int(at) for at in times).values()),
        sum(one["status"] == 429 for one in reads),
        sum(count - 1 for count in once.values()),
    )


async def compare(zones: int = 120, say: Say = print) -> list[Sweep]:
    """One worker, two, and two whose calls the address's limit bounds."""
    found = []
    for workers, count, latency in ((1, zones, SLOW_S), (2, zones, SLOW_S), (2, zones, QUICK_S)):
        found.append(await sweep(workers, count, latency))
        say(found[-1].line())
    say(f"two workers are {found[1].per_second / found[0].per_second:.2f} times one")
    return found
