"""Every statement of the store finds its rows by an index: at 5,000,000 rows a scan is an outage.

The statements are caught as the store sends them, with their parameters, and the database is asked how it would
find the rows, out of enough of them that a planner would rather not read them all.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import event, text
from sqlalchemy.ext.asyncio import create_async_engine

from cloudcache.adapters.db.engine import make_engine
from cloudcache.adapters.db.store import SqlStore
from cloudcache.domain.catalog import TOGGLES
from cloudcache.domain.customers import ZoneStatus
from cloudcache.domain.errors import Reason
from cloudcache.domain.events import Change, Observation
from cloudcache.domain.feed import Entry, Position
from cloudcache.domain.freshness import Urgency
from cloudcache.domain.ids import CredentialId, CustomerId, ZoneId
from cloudcache.ports import Finished, LeasedFeed, LeasedZone
from tests.support.databases import analyze, temporary_store
from tests.support.tenants import FACTS, ROCKET, Tenant

CUSTOMERS, LINES = 1_000, 10
BIG = {"customer_zones", "customer_toggles", "changes", "feed_entries"}
Statement = tuple[str, object]

FILL = [
    """INSERT INTO customer_zones (shop, zone_id, zone_name, account_id, plan, topology, status, revision,
         full_read_at, sync_due_at, priority, generation, failures, last_error, created_at, updated_at)
       WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :customers)
       SELECT 's' || i, 'z' || i, '', '', 'pro', 'o2o', 'active', 1, 1000 + i, 1000 + i, 0, 0, 0, '', 1, 1 FROM n""",
    """INSERT INTO customer_toggles (customer_id, toggle_id, state, value, last_synced_at, updated_at,
         confirmed_by, revision, value_revision)
       SELECT customer_id, :toggle, 'on', '"on"', 1000 + customer_id, 1, 'read', 1, 1 FROM customer_zones""",
    """INSERT INTO changes (customer_id, toggle_id, to_state, to_value, actor_kind, actor_id, source, status,
         request_id, requested_at, sent_at, settled_at, error, detail, ray_id)
       SELECT customer_id, :toggle, 'on', '"on"', 'merchant', 'o', 'page',
         CASE WHEN customer_id % 50 = 0 THEN 'observed' ELSE 'applied' END,
         :toggle, customer_id * 1000, 2, 3, '', '', '' FROM customer_zones""",
    """INSERT INTO feed_entries (account_id, entry_id, customer_id, toggles, person, at, first_seen_at, is_open)
       SELECT '', 'f' || customer_id, customer_id, :toggle, '', 1000 + customer_id, 1000 + customer_id, :no
       FROM customer_zones""",
]


OF_THEIR_OWN = [
    """INSERT INTO credentials (credential_id, sealed, kind, status, created_at)
       SELECT 'c' || customer_id, '', 'token', 'active', 1 FROM customer_zones WHERE customer_id % 2 = 1""",
    "UPDATE customer_zones SET credential_id = 'c' || customer_id WHERE customer_id % 2 = 1",
]


@pytest.fixture
async def full(database_url: str) -> AsyncIterator[SqlStore]:
    """A store with 1,000 customers, their 50,000 values and 10,000 settled changes, as the planner knows."""
    store = SqlStore(make_engine(database_url))
    async with store.database.writing("*") as connection:
        await connection.execute(text(FILL[0]), {"customers": CUSTOMERS})
        for number, toggle in enumerate(TOGGLES):
            await connection.execute(text(FILL[1]), {"toggle": toggle.id})
            if number < LINES:
                await connection.execute(text(FILL[2]), {"toggle": toggle.id})
        for number in range(3):
            shifted = text(FILL[3].replace("'f' ||", f"'f{number}-' ||"))
            await connection.execute(shifted, {"toggle": ROCKET.id, "no": False})
        await connection.execute(text(OF_THEIR_OWN[0]))
        await connection.execute(text(OF_THEIR_OWN[1]))
    await analyze(database_url)
    yield store
    await store.close()


@contextmanager
def caught(store: SqlStore) -> Iterator[list[Statement]]:
    """What is sent to the database in this block."""
    sent: list[Statement] = []

    def catch(connection, cursor, statement, parameters, context, many) -> None:
        if re.match(r"\s*(SELECT(?! set_config)|INSERT|UPDATE|DELETE)", statement):
            rows = many and isinstance(parameters[0], tuple)
            sent.append((statement, parameters[0] if rows else parameters))

    event.listen(store.engine.sync_engine, "before_cursor_execute", catch)
    try:
        yield sent
    finally:
        event.remove(store.engine.sync_engine, "before_cursor_execute", catch)


async def scanned(store: SqlStore, statement: Statement) -> set[str]:
    """The big tables of which this statement would read every row."""
    if store.engine.dialect.name == "sqlite":
        async with store.database.reading("*") as connection:
            rows = await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement[0]}", statement[1])
            return _sqlite_scans([str(row[3]) for row in rows], statement[0])
    # As the owner, whom row-level security does not bind: under it the planner expects a handful of rows, and of
    # 1,000 it would rather read them all. The policies only add conditions to what is found here.
    owner = create_async_engine(store.engine.url.set(username="postgres", password=None))
    async with owner.connect() as connection:
        rows = await connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {statement[0]}", statement[1])
        plan = rows.scalar_one()
    await owner.dispose()
    return set(_postgres_scans(plan if isinstance(plan, list) else json.loads(plan)))


def _sqlite_scans(details: list[str], statement: str) -> set[str]:
    """`SCAN t` reads all of t, and so does `SCAN t USING INDEX i`; a partial index is the exception it is for."""
    scans = [
        detail.split()
        for detail in details
        if detail.startswith("SCAN") and "ix_changes_pending" not in detail
    ]
    aliased = {alias: table for table, alias in re.findall(r"(\w+) AS (\w+)", statement)}
    return {aliased.get(words[1], words[1]) for words in scans} & BIG


def _postgres_scans(node: object) -> Iterator[str]:
    """Walks the plan. An index walked without a condition is a scan too, unless it holds only what is pending."""
    if isinstance(node, list):
        for one in node:
            yield from _postgres_scans(one)
    elif isinstance(node, dict):
        index = str(node.get("Index Name", ""))
        found = "Index Cond" in node or index.startswith("ix_changes_pending")
        table = node.get("Relation Name")
        if table in BIG and (node["Node Type"] == "Seq Scan" or (index and not found)):
            yield str(table)
        for value in node.values():
            yield from _postgres_scans(value)


async def _some_life(store: SqlStore) -> tuple[Tenant, Change]:
    mine = Tenant(store, CustomerId(500))
    for toggle in TOGGLES[20:25]:
        await mine.wish(toggle=toggle)
    return mine, await mine.sent()


SEEN = [Observation(toggle.id, toggle.off, 5_000) for toggle in TOGGLES]
Act = Callable[[SqlStore, Tenant, Change], Awaitable[object]]
ACTS: dict[str, Act] = {
    "page": lambda store, mine, _: store.page(mine.id),
    "heads": lambda store, mine, _: store.heads([mine.id]),
    "news of a page": lambda store, mine, _: store.page(mine.id, 1),
    "staff's search": lambda store, _, __: store.across_tenants_find("s7", 20),
    "trail": lambda store, mine, _: store.trail(mine.id, 50, before=9),
    "history entries": lambda store, mine, _: store.history_entries(mine.id, 50, before=9),
    "customer of a shop": lambda store, _, __: store.customer_of_shop("s7"),
    "taken": lambda store, _, __: store.across_tenants_taken(
        [f"s{number}" for number in range(5)], [ZoneId(f"z{number}") for number in range(5)]
    ),
    "registered": lambda store, _, __: store.across_tenants_registered(20, after=CustomerId(500)),
    "facts": lambda store, mine, _: store.keep_facts(mine.id, FACTS, None, now=3),
    "customers": lambda store, _, __: store.across_tenants_customers(20, after=CustomerId(500)),
    "lease of the platform's": lambda store, _, __: store.lease(
        Urgency.SWEEP, platform=True, now=3_000, owner="w", until=9_000, limit=20
    ),
    "lease of their own": lambda store, _, __: store.lease(
        Urgency.SWEEP,
        platform=False,
        now=3_000,
        owner="w",
        until=9_000,
        limit=20,
        without=[CredentialId("c")],
    ),
    "lease of the named": lambda store, _, __: store.lease(
        Urgency.NAMED, platform=True, now=3_000, owner="w", until=9_000, limit=20
    ),
    "lease of one": lambda store, mine, _: store.lease_one(mine.id, now=3_000, owner="w", until=9_000),
    "prolong": lambda store, mine, _: store.prolong([mine.id], owner="w", until=9_000),
    "add": lambda store, mine, _: store.add(mine.id, due=3_000, urgency=Urgency.WATCHED),
    "finish": lambda store, mine, _: _finished(store, mine),
    "fail": lambda store, mine, _: _failed(store, mine),
    "release": lambda store, _, __: store.release("w"),
    "watch": lambda store, mine, _: store.watch([mine.id], until=9_000, now=3_000),
    "unwatch": lambda store, mine, _: store.unwatch([mine.id], now=3_000),
    "feeds": lambda store, _, __: store.lease_feeds(now=3_000, owner="w", until=9_000, limit=20),
    "note": lambda store, _, __: _noted(store),
    "forget": lambda store, _, __: store.forget_entries(3_000, 100),
    "drift": lambda store, _, __: store.across_tenants_drift(900_000, 10),
    "park": lambda store, _, __: store.park_credential(CredentialId("c7"), now=1, why=""),
    "history": lambda store, mine, change: store.history(mine.id, 20, before=change.id),
    "newest wish": lambda store, mine, _: store.newest_wish(mine.id, ROCKET.id),
    "start": lambda _, mine, change: mine.start(change),
    "queue": lambda store, mine, change: store.queue(
        mine.id, change.id, now=1, eta=2, owner="w", lease_until=3
    ),
    "extend": lambda store, _, change: store.extend(change.id, owner="w", lease_until=3),
    "keep": lambda store, _, change: store.keep([change.id], owner="w", lease_until=3),
    "applied": lambda _, mine, change: mine.applied(change),
    "failed": lambda store, mine, change: store.settle_failed(mine.id, change.id, Reason.OTHER, now=3),
    "cancel": lambda store, mine, _: store.cancel(mine.id, ROCKET.id, now=3),
    "mark seen": lambda store, mine, _: store.mark_seen(mine.id, ROCKET.id, now=3),
    "wish": lambda _, mine, __: mine.wish(),
    "adopt": lambda store, _, __: store.adopt(now=90_000, owner="x", lease_until=99_000, limit=20),
    "revision": lambda store, mine, _: store.revision(mine.id),
    "observe": lambda store, mine, _: store.observe(mine.id, SEEN, since=2**40, now=5_000),
    "answered": lambda store, mine, _: store.zone_answered(mine.id, now=3),
    "silent": lambda store, mine, _: store.zone_silent(mine.id, now=3),
    "status": lambda store, mine, _: store.set_status(mine.id, ZoneStatus.GONE, now=3),
}


async def _leased(store: SqlStore, mine: Tenant) -> LeasedZone:
    zone = await store.lease_one(mine.id, now=10**9, owner="w", until=10**9 + 1)
    assert zone is not None
    return zone


async def _finished(store: SqlStore, mine: Tenant) -> bool:
    zone = await _leased(store, mine)
    return await store.finish(zone, Finished(5, Urgency.SWEEP, 4, (1, 2)), owner="w", now=10**9)


async def _failed(store: SqlStore, mine: Tenant) -> bool:
    zone = await _leased(store, mine)
    return await store.fail(zone, owner="w", due=5, now=10**9, why="", silent=True)


async def _noted(store: SqlStore) -> list[Entry]:
    """Lines that name twenty zones, with ray ids and persons."""
    feed = LeasedFeed("", Position(), CustomerId(1), None, 0, None, False, 0)
    lines = [
        Entry(f"e{number}", 5_000, ZoneId(f"z{number}"), frozenset({ROCKET.id}), "ann", f"ray{number}")
        for number in range(1, 20)
    ]
    return await store.note(feed, lines, now=9_000)


async def test_no_statement_of_the_store_scans_a_big_table(full: SqlStore):
    mine, change = await _some_life(full)
    scans: dict[str, set[str]] = {}

    for name, act in ACTS.items():
        with caught(full) as statements:
            await act(full, mine, change)
        assert statements
        for statement in statements:
            found = await scanned(full, statement)
            if found:
                scans[f"{name}: {statement[0]}"] = found

    assert scans == {}


@pytest.mark.parametrize("table", sorted(BIG))
async def test_the_guard_itself_notices_a_scan(full: SqlStore, table: str):
    everywhere = (f"SELECT count(*) FROM {table} AS t WHERE t.customer_id % 7 = 3", ())

    assert await scanned(full, everywhere) == {table}


async def test_a_page_and_a_look_at_the_whole_zone_are_few_statements(full: SqlStore):
    mine = Tenant(full, CustomerId(7))

    with caught(full) as page:
        await full.page(mine.id)
    with caught(full) as look:
        await full.observe(mine.id, SEEN, since=2**40, now=5_000)

    assert (len(page), len(look)) == (1, 8), (
        "three chain the audit log, one remembers that something was changed"
    )


@pytest.mark.slow
async def test_the_queue_finds_its_zones_by_index_at_full_size(tmp_path: Path):
    """100,000 zones and 5,000,000 values, as a planner that knows their numbers would go about it."""
    store = await temporary_store(tmp_path / "full.db")
    ids = " UNION ALL ".join(f"SELECT '{toggle.id}' AS id" for toggle in TOGGLES)
    async with store.database.writing("*") as connection:
        await connection.execute(text(FILL[0]), {"customers": 100_000})
        await connection.execute(
            text(
                "INSERT INTO customer_toggles (customer_id, toggle_id, state, value, last_synced_at, updated_at,"
                " confirmed_by, revision, value_revision)"
                " SELECT customer_id, t.id, 'on', '\"on\"', 1000, 1, 'read', 1, 1"
                f" FROM customer_zones CROSS JOIN ({ids} ORDER BY id) AS t"
            )
        )
        rows = (await connection.execute(text("SELECT count(*) FROM customer_toggles"))).scalar_one()
        await connection.execute(text("ANALYZE customer_zones"))
    mine = Tenant(store, CustomerId(50_000))
    change = await mine.wish()
    queue = (
        "lease of the platform's",
        "lease of their own",
        "lease of the named",
        "lease of one",
        "finish",
        "note",
    )

    scans = {}
    for name in queue:
        with caught(store) as statements:
            await ACTS[name](store, mine, change)
        for statement in statements:
            if found := await scanned(store, statement):
                scans[f"{name}: {statement[0]}"] = found
    await store.close()

    assert rows == 5_000_000
    assert scans == {}
