"""Other ways to lay out the table of values, measured on copies of it: fill factors, index kinds, partitions."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass

import asyncpg

from tests.bench.filled import owner
from tests.bench.report import Section, ms, percentile

CHURNED_CUSTOMERS = 20_000
ROUNDS = 3
AT_ONCE = 50
PARTS = 16
READS = 2_000

BTREE = "CREATE INDEX ON copy (last_synced_at)"
BRIN = "CREATE INDEX ON copy USING brin (last_synced_at)"
LOOK = """
INSERT INTO copy AS c SELECT * FROM copy WHERE customer_id = ANY($1::bigint[])
ON CONFLICT (customer_id, toggle_id) DO UPDATE SET state = excluded.state, value = excluded.value,
  last_synced_at = c.last_synced_at + 1000, confirmed_by = excluded.confirmed_by, editable = excluded.editable
"""
"""What a whole read of a zone writes when nothing has changed: all of its 50 rows, with a newer time."""

PAGE = "SELECT * FROM {table} WHERE customer_id = $1 AND revision > 0"


@dataclass(frozen=True, slots=True)
class Layout:
    """A way to keep the values: which index on the time, and how full a page is made."""

    name: str
    index: str | None
    fill_factor: int
    vacuumed: bool = True


LAYOUTS = (
    Layout("B-tree, pages full", BTREE, 100),
    Layout("no index on the time, pages full", None, 100),
    Layout("BRIN, pages full", BRIN, 100),
    Layout("BRIN, 90 % full", BRIN, 90),
    Layout("BRIN, 70 % full", BRIN, 70),
    Layout("BRIN, 50 % full", BRIN, 50),
    Layout("B-tree, pages full, no vacuum", BTREE, 100, vacuumed=False),
    Layout("BRIN, 50 % full, no vacuum", BRIN, 50, vacuumed=False),
)


async def churned(url: str) -> Section:
    """Every customer's 50 rows written anew some times, in random order, with a vacuum after each round."""
    section = Section(
        "Postgres: reading zones again and again",
        f"A copy with {CHURNED_CUSTOMERS:,} customers ({CHURNED_CUSTOMERS * 50:,} rows); each zone's rows are "
        f"written {ROUNDS} times with a newer time, {AT_ONCE} zones a transaction in random order, with a vacuum "
        "after each round or with none. "
        "HOT: the new version of a row went into the same page and no index had to be touched.",
        [
            "index on last_synced_at",
            "rows/s",
            "HOT",
            "WAL a row",
            "vacuum",
            "table before",
            "after",
            "indexes after",
        ],
    )
    async with owner(url) as connection:
        for layout in LAYOUTS:
            section.add(layout.name, *await _churn(connection, layout))
    return section


async def _churn(connection: asyncpg.Connection, layout: Layout) -> list[str]:
    await _copy(connection, layout)
    before = await connection.fetchval("SELECT pg_relation_size('copy')")
    written = vacuums = 0.0
    wal = 0
    chance = random.Random(3)
    for _ in range(ROUNDS):
        order = list(range(1, CHURNED_CUSTOMERS + 1))
        chance.shuffle(order)
        log = await connection.fetchval("SELECT pg_current_wal_lsn()")
        began = time.perf_counter()
        for start in range(0, CHURNED_CUSTOMERS, AT_ONCE):
            await connection.execute(LOOK, order[start : start + AT_ONCE])
        written += time.perf_counter() - began
        wal += int(await connection.fetchval("SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), $1)", log))
        if layout.vacuumed:
            began = time.perf_counter()
            await connection.execute("VACUUM copy")
            vacuums += time.perf_counter() - began
    rows = CHURNED_CUSTOMERS * 50 * ROUNDS
    await connection.execute("SELECT pg_stat_force_next_flush()")
    updated, hot = await connection.fetchrow(
        "SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = 'copy'"
    )
    after = await connection.fetchval("SELECT pg_relation_size('copy')")
    indexes = await connection.fetchval("SELECT pg_indexes_size('copy')")
    await connection.execute("DROP TABLE copy")
    return [
        f"{rows / written:,.0f}",
        f"{100 * hot / max(1, updated):.0f} %",
        f"{wal / rows:,.0f} B",
        f"{vacuums / ROUNDS:.2f} s" if layout.vacuumed else "none",
        _mb(before),
        _mb(after),
        _mb(indexes),
    ]


async def _copy(connection: asyncpg.Connection, layout: Layout) -> None:
    for statement in (
        "CREATE TABLE copy (LIKE customer_toggles INCLUDING DEFAULTS INCLUDING CONSTRAINTS) "
        f"WITH (fillfactor = {layout.fill_factor}, autovacuum_enabled = off)",
        f"INSERT INTO copy SELECT * FROM customer_toggles WHERE customer_id <= {CHURNED_CUSTOMERS} "
        "ORDER BY customer_id, toggle_id",
        "ALTER TABLE copy ADD PRIMARY KEY (customer_id, toggle_id)",
        *([layout.index] if layout.index else []),
        "VACUUM (ANALYZE, FREEZE) copy",
        "CHECKPOINT",
    ):
        await connection.execute(statement)


async def partitioned(url: str, customers: int) -> Section:
    """All rows as one table, and in 16 parts by hash and by range of the customer."""
    section = Section(
        "Postgres: one table or 16 parts",
        f"All {customers * 50:,} values in copies; the 50 rows of {READS:,} random customers by bare SQL, "
        f"prepared, one after the other; the cost of one customer's rows written anew; "
        f"a vacuum of all after that of {READS:,}.",
        ["", "read p50", "p99", "write p50", "p99", "vacuum", "table and index"],
    )
    width = customers // PARTS + 1
    async with owner(url) as connection:
        for name, by, bounds in (
            ("one table", "", []),
            (f"{PARTS} by hash", "PARTITION BY HASH (customer_id)", _hashes()),
            (f"{PARTS} by range", "PARTITION BY RANGE (customer_id)", _ranges(width)),
        ):
            section.add(name, *await _parts(connection, by, bounds, customers))
    return section


def _hashes() -> list[str]:
    return [f"WITH (MODULUS {PARTS}, REMAINDER {number})" for number in range(PARTS)]


def _ranges(width: int) -> list[str]:
    return [f"FROM ({number * width}) TO ({(number + 1) * width})" for number in range(PARTS)]


async def _parts(connection: asyncpg.Connection, by: str, bounds: list[str], customers: int) -> list[str]:
    await connection.execute(
        f"CREATE TABLE copy (LIKE customer_toggles INCLUDING DEFAULTS, PRIMARY KEY (customer_id, toggle_id)) {by}"
    )
    for number, bound in enumerate(bounds):
        await connection.execute(f"CREATE TABLE copy_{number} PARTITION OF copy FOR VALUES {bound}")
    await connection.execute(
        "INSERT INTO copy SELECT * FROM customer_toggles ORDER BY customer_id, toggle_id"
    )
    await connection.execute("VACUUM (ANALYZE) copy")
    reads = await _each(connection, PAGE.format(table="copy"), customers, as_list=False)
    writes = await _each(connection, LOOK, customers, as_list=True)
    began = time.perf_counter()
    await connection.execute("VACUUM copy")
    vacuum = time.perf_counter() - began
    size = await connection.fetchval(
        "SELECT coalesce((SELECT sum(pg_total_relation_size(inhrelid))::bigint FROM pg_inherits "
        "WHERE inhparent = 'copy'::regclass), pg_total_relation_size('copy'))"
    )
    await connection.execute("DROP TABLE copy")
    return [
        ms(percentile(reads, 0.5)),
        ms(percentile(reads, 0.99)),
        ms(percentile(writes, 0.5)),
        ms(percentile(writes, 0.99)),
        f"{vacuum:.2f} s",
        _mb(size),
    ]


async def _each(
    connection: asyncpg.Connection, statement: str, customers: int, *, as_list: bool
) -> list[float]:
    prepared = await connection.prepare(statement)
    chance = random.Random(7)
    taken: list[float] = []
    for _ in range(READS):
        one = chance.randint(1, customers)
        began = time.perf_counter()
        await prepared.fetch([one] if as_list else one)
        taken.append(time.perf_counter() - began)
    return taken


def _mb(size: int) -> str:
    return f"{size / 2**20:,.0f} MB"
