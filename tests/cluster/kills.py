"""The show: 200 sessions flip switches while one process after the other is killed with SIGKILL.

At the end nobody clicks any more, and within 30 seconds: no wish is open, each has ended once, the cache holds what
Cloudflare holds, so does every open page and a page that is opened anew, and no page ever showed anything that cannot
have been (`tests/faults/history.py`).
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

import asyncpg

from cloudcache.domain.catalog import TOGGLES, find
from tests.cluster.cluster import Cluster, owner
from tests.cluster.sessions import NUMBERS, Record, Session
from tests.cluster.supervisor import until
from tests.faults.history import History, Read, Write
from tests.load.shops import Shop
from tests.support.waiting import SAFETY_NET_S, http_client

QUIET_SECONDS = 30
VICTIMS = ("web-1", "worker-1", "postgres", "web-2", "valkey", "worker-2", "cloudflare")


@dataclass(frozen=True)
class Outcome:
    """What came of it."""

    record: Record
    killed: list[tuple[float, str]]
    statuses: dict[str, int]
    compared: int
    wrong: list[str]
    faults: list[str]
    recovered: bool
    open_wishes: int = 0
    quiet_after_s: float = 0.0
    true_after_s: float = 0.0
    """From the last click until every page that stayed open showed what the cache holds."""

    @property
    def is_fine(self) -> bool:
        return not (self.open_wishes or self.wrong or self.faults) and self.recovered


async def show(
    cluster: Cluster,
    *,
    sessions: int = 200,
    seconds: float = 60,
    pause_s: float = 10,
    victims: Sequence[str] = VICTIMS,
    quiet_s: float = QUIET_SECONDS,
) -> Outcome:
    """Run it on a cluster that is up; after the last click everything has `quiet_s` seconds to become right."""
    chance, record, stop = random.Random(1), Record(), asyncio.Event()
    shops = cluster.fleet.first(max(1, sessions * 4 // 5))
    people = [Session(shops[n % len(shops)], cluster.url, record, chance) for n in range(sessions)]
    await _arrive(people)
    cluster.say(f"{sessions} sessions of {len(shops)} shops are there")
    working = [asyncio.create_task(one.work(stop, pause_s)) for one in people]
    killed = await _kill(cluster, victims, seconds)
    stop.set()
    ended = time.monotonic()
    await asyncio.gather(*working)
    open_wishes = await _quiet(cluster, quiet_s - (time.monotonic() - ended))
    quiet_after = time.monotonic() - ended
    await asyncio.gather(*(one.be_there() for one in people))
    late = await _pages_true(cluster, people, quiet_s - (time.monotonic() - ended))
    true_after = time.monotonic() - ended
    outcome = await _judge(cluster, people, record, killed)
    outcome = replace(
        outcome,
        quiet_after_s=quiet_after,
        true_after_s=true_after,
        open_wishes=open_wishes,
        wrong=outcome.wrong + late,
    )
    for one in people:
        one.page.close()
    return outcome


async def _arrive(people: Sequence[Session], at_once: int = 20) -> None:
    waiting = iter(people)

    async def come() -> None:
        for one in waiting:
            await one.be_there()

    await asyncio.gather(*(come() for _ in range(at_once)))


async def _kill(cluster: Cluster, victims: Sequence[str], seconds: float) -> list[tuple[float, str]]:
    """One after the other, evenly over the time; when each was killed."""
    killed, every = [(time.monotonic(), "nobody")], seconds / (len(victims) + 1)
    for name in victims:
        await asyncio.sleep(every)
        child = cluster.children[name]
        cluster.say(f"kill -9 {child.pid} ({name})")
        child.kill()
        killed.append((time.monotonic(), name))
    await asyncio.sleep(every)
    await asyncio.gather(*(child.up(SAFETY_NET_S) for child in cluster.children.values()))
    return killed


async def _quiet(cluster: Cluster, seconds: float) -> int:
    """Wait until no wish is open; how many are left after the time given."""
    connection = await owner(cluster.database_url)
    left = 0

    async def is_quiet() -> bool:
        nonlocal left
        left = await connection.fetchval("SELECT count(*) FROM changes WHERE status = 'pending'")
        return left == 0

    with suppress(TimeoutError):
        async with asyncio.timeout(max(1.0, seconds)):
            await until(is_quiet)
    await connection.close()
    return left


async def _pages_true(cluster: Cluster, people: Sequence[Session], seconds: float) -> list[str]:
    """Wait until every open page shows what the cache holds; what does not, after the time given."""
    connection = await owner(cluster.database_url)
    late: list[str] = []

    async def are_true() -> bool:
        rows = await connection.fetch("SELECT customer_id, toggle_id, state FROM customer_toggles")
        cached = {(row["customer_id"], row["toggle_id"]): row["state"] == "on" for row in rows}
        late[:] = [
            f"{one.shop.name}: an open page shows {one.page.rows[number]!r} of {toggle}"
            for one in people
            for number, toggle in NUMBERS.items()
            if one.page.rows[number].isupper() is not cached[one.shop.customer, toggle]
        ]
        return not late

    with suppress(TimeoutError):
        async with asyncio.timeout(max(1.0, seconds)):
            await until(are_true)
    await connection.close()
    return late


async def _judge(
    cluster: Cluster,
    people: Sequence[Session],
    record: Record,
    killed: list[tuple[float, str]],
) -> Outcome:
    connection = await owner(cluster.database_url)
    try:
        wishes = await connection.fetch("SELECT * FROM changes ORDER BY id")
        touched = {(row["customer_id"], row["toggle_id"]) for row in wishes}
        cached = {
            (row["customer_id"], row["toggle_id"]): row["state"]
            for row in await connection.fetch("SELECT customer_id, toggle_id, state FROM customer_toggles")
        }
        faults = await _faults(connection, wishes, record)
    finally:
        await connection.close()
    there = await _at_cloudflare(cluster, {one.shop for one in people}, touched)
    fresh = await _fresh_pages(cluster, {one.shop for one in people})
    wrong = [
        f"{key}: Cloudflare {there[key]}, cached {cached[key]}, a fresh page {fresh[key]}"
        for key in sorted(touched)
        if not there[key] == cached[key] == fresh[key]
    ]
    return Outcome(
        record,
        killed,
        dict(Counter(row["status"] for row in wishes)),
        len(touched),
        wrong,
        faults,
        all(one.page.is_ready for one in people),
    )


async def _faults(
    connection: asyncpg.Connection, wishes: Sequence[asyncpg.Record], record: Record
) -> list[str]:
    """The journal, the audit log and what pages showed, before the judge."""
    told = History()
    for row in wishes:
        key = (row["customer_id"], row["toggle_id"])
        told.initial.setdefault(key, row["from_state"])
        end = row["settled_at"] if row["settled_at"] is not None else float("inf")
        told.writes.append(Write(key, row["to_state"], row["requested_at"], end, row["status"] == "applied"))
        if row["status"] != "observed":
            told.wishes.append(row["id"])
    ends = "SELECT change_id, outcome FROM audit_log WHERE action = 'flip ended'"
    told.endings += [(row["change_id"], row["outcome"]) for row in await connection.fetch(ends)]
    for seen in record.seen:
        key = (seen.customer, find(seen.toggle).id)
        value = "on" if seen.is_on else "off"
        told.initial.setdefault(key, value)
        told.reads.append(Read(key, seen.reader, value, seen.at, seen.at))
    return told.faults()


async def _at_cloudflare(
    cluster: Cluster, shops: set[Shop], touched: set[tuple[int, str]]
) -> dict[tuple[int, str], str]:
    """What Cloudflare itself holds, asked without any of our program."""
    found: dict[tuple[int, str], str] = {}
    gate = asyncio.Semaphore(4)
    async with http_client() as client:

        async def ask(shop: Shop) -> None:
            token = cluster.fleet.generated.token("account", shop.customer - 1)
            address = f"{cluster.cloudflare_url}/client/v4/zones/{shop.zone}/settings"
            async with gate:
                answer = await client.get(address, headers={"Authorization": f"Bearer {token}"})
            values = {one["id"]: one["value"] for one in answer.raise_for_status().json()["result"]}
            for customer, toggle in touched:
                if customer == shop.customer:
                    known = find(toggle)
                    found[customer, toggle] = known.read(values[known.setting]).state.value

        await asyncio.gather(*(ask(shop) for shop in shops))
    return found


async def _fresh_pages(cluster: Cluster, shops: set[Shop]) -> dict[tuple[int, str], str]:
    """What a page shows that is opened now."""
    found: dict[tuple[int, str], str] = {}
    pages = [Session(shop, cluster.url, Record(), random.Random(2)) for shop in shops]
    await _arrive(pages)
    for one in pages:
        for number, toggle in enumerate(TOGGLES):
            found[one.shop.customer, toggle.id] = "on" if one.page.rows[number].isupper() else "off"
        one.page.close()
    return found
