"""Postgres with 5,000,000 values of 100,000 customers: what the program's statements take, and what would be wiser.

The program's side is measured through its store, in its own role, so with row-level security; the alternatives
(fill factor, kind of index, partitions) on copies of the table, as its owner.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from functools import partial

from cloudcache.adapters.db.engine import make_engine
from cloudcache.adapters.db.store import SqlStore
from cloudcache.domain.access import Actor, ActorKind
from cloudcache.domain.catalog import TOGGLES, State
from cloudcache.domain.events import Observation, Source
from cloudcache.domain.freshness import Urgency
from cloudcache.domain.ids import CustomerId
from cloudcache.ports import Finished, Intent
from tests.bench.filled import DURABLE, NOW, filled, owner
from tests.bench.layouts import churned, partitioned
from tests.bench.report import Section, ms, percentile
from tests.support.databases import restricted
from tests.support.postgres import running_postgres

LATER = NOW + 10_000_000
READS, WRITES = 2_000, 1_000
CROWD = 50
UPDATED = """
SELECT relname AS name, n_tup_upd AS updates, n_tup_hot_upd AS hot, n_dead_tup AS dead FROM pg_stat_user_tables
WHERE n_tup_upd > 0 ORDER BY updates DESC
"""
LARGEST = """
SELECT c.relname AS name, pg_relation_size(c.oid) AS bytes, greatest(c.reltuples, 0)::bigint AS rows
FROM pg_class c WHERE c.relkind IN ('r', 'i') AND c.relnamespace = 'public'::regnamespace AND c.relname LIKE $1
ORDER BY bytes DESC LIMIT $2
"""
Act = Callable[[CustomerId], Awaitable[object]]


async def sections(customers: int) -> list[Section]:
    """One server, one filling, everything after one another; it takes some minutes."""
    with running_postgres(DURABLE) as server:
        async with filled(server, customers) as url:
            return [
                await _sizes(url),
                await _statements(url, customers),
                await _writes(url),
                await _pools(url, customers),
                await churned(url),
                await partitioned(url, customers),
            ]


async def _statements(url: str, customers: int) -> Section:
    section = Section(
        f"Postgres: the program's statements at {customers * len(TOGGLES):,} values",
        f"{customers:,} customers and a journal of five lines each, one connection, one after the other, random "
        "customers, through the store in the program's restricted role; every commit is on the disk. A flip is its "
        "wish, its start and its end: three transactions, each with its line in the audit log.",
        ["", "times", "p50", "p99"],
    )
    store = SqlStore(make_engine(restricted(url)))
    for name, times, act in _acts(store):
        taken = await _timed(act, times, customers)
        section.add(name, f"{times:,}", ms(percentile(taken, 0.5)), ms(percentile(taken, 0.99)))
    await store.close()
    return section


def _acts(store: SqlStore) -> list[tuple[str, int, Act]]:
    def seen(value: str, at: int) -> list[Observation]:
        return [Observation(toggle.id, value if value == "off" else toggle.on, at) for toggle in TOGGLES]

    return [
        ("a page: zone, 50 values, newest changes", READS, store.page),
        ("what is new on a page: nothing", READS, lambda one: store.page(one, 1_000)),
        ("history: 20 lines", READS, lambda one: store.history(one, 20)),
        (
            "staff's search: 20 shops of a prefix",
            WRITES,
            lambda one: store.across_tenants_find(f"shop-{one}", 20),
        ),
        ("a whole read, nothing changed", WRITES, lambda one: _observe(store, one, seen("off", LATER))),
        ("a flip", WRITES, partial(_flip, store)),
        ("lease of 20 due zones, and giving them back", 200, lambda _: _lease(store)),
        ("the planner's counts over all zones", 20, lambda _: store.across_tenants_counts(LATER)),
    ]


async def _timed(act: Act, times: int, customers: int) -> list[float]:
    chance = random.Random(5)
    for _ in range(min(20, times)):
        await act(CustomerId(chance.randint(1, customers)))
    taken: list[float] = []
    for _ in range(times):
        one = CustomerId(chance.randint(1, customers))
        began = time.perf_counter()
        await act(one)
        taken.append(time.perf_counter() - began)
    return taken


async def _observe(store: SqlStore, customer: CustomerId, seen: list[Observation]) -> None:
    await store.observe(customer, seen, since=2**40, now=LATER)


async def _flip(store: SqlStore, customer: CustomerId) -> None:
    toggle, actor = TOGGLES[0], Actor(ActorKind.MERCHANT, "gid://shopify/User/1", customer)
    intent = Intent(toggle.id, State.ON, toggle.on, actor, Source.PAGE, f"bench-{time.perf_counter_ns()}")
    until = LATER + 60_000
    change = await store.open_intent(customer, intent, now=LATER, owner="w", lease_until=until)
    await store.start(customer, change.id, now=LATER, owner="w", lease_until=until)
    await store.settle_applied(
        customer, change.id, Observation(toggle.id, toggle.on, LATER), now=LATER, since=None
    )


async def _lease(store: SqlStore) -> None:
    until = LATER + 60_000
    zones = await store.lease(Urgency.SWEEP, platform=True, now=LATER, owner="w", until=until, limit=20)
    for zone in zones:
        await store.finish(zone, Finished(LATER + 900_000, Urgency.SWEEP, LATER), owner="w", now=LATER)


async def _writes(url: str) -> Section:
    section = Section(
        "Postgres: what those statements left behind",
        "Counted by the server after them. HOT: updated within the page, without touching an index.",
        ["", "updates", "HOT", "dead rows"],
    )
    async with owner(url) as connection:
        await connection.execute("SELECT pg_stat_force_next_flush()")
        for row in await connection.fetch(UPDATED):
            hot = f"{100 * row['hot'] / row['updates']:.0f} %"
            section.add(row["name"], f"{row['updates']:,}", hot, f"{row['dead']:,}")
    return section


async def _pools(url: str, customers: int) -> Section:
    section = Section(
        "Postgres: connections of one process",
        f"{CROWD} tasks in one process read {READS:,} random pages as fast as they can; the server is on the same "
        "machine.",
        ["connections", "pages/s", "p50", "p99"],
    )
    for size in (1, 2, 5, 10, 20, 40):
        store = SqlStore(make_engine(restricted(url), size))
        await asyncio.gather(*(store.page(CustomerId(one + 1)) for one in range(size)))
        chance = random.Random(11)
        waiting = [CustomerId(chance.randint(1, customers)) for _ in range(READS)]
        taken: list[float] = []
        began = time.perf_counter()
        await asyncio.gather(*(_reader(store, waiting, taken) for _ in range(CROWD)))
        seconds = time.perf_counter() - began
        await store.close()
        p50, p99 = percentile(taken, 0.5), percentile(taken, 0.99)
        section.add(str(size), f"{READS / seconds:,.0f}", ms(p50), ms(p99))
    return section


async def _reader(store: SqlStore, waiting: list[CustomerId], taken: list[float]) -> None:
    while waiting:
        one = waiting.pop()
        began = time.perf_counter()
        await store.page(one)
        taken.append(time.perf_counter() - began)


async def _sizes(url: str) -> Section:
    section = Section(
        "Postgres: tables and indexes",
        "The same database, filled in the order of its keys and not yet written to much; the largest 12.",
        ["", "rows", "MB"],
    )
    async with owner(url) as connection:
        for row in await connection.fetch(LARGEST, "%", 12):
            section.add(row["name"], f"{row['rows']:,}", f"{row['bytes'] / 2**20:,.0f}")
        whole = await connection.fetchval("SELECT pg_database_size(current_database())")
    section.add("the whole database", "", f"{whole / 2**20:,.0f}")
    return section
