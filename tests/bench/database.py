"""Reading one customer's page out of 5,000,000 rows, through the service and as bare SQL."""

from __future__ import annotations

import random
import sqlite3
import tempfile
import time
from pathlib import Path

from cloudcache.adapters.bus import InMemoryBus
from cloudcache.adapters.clock import SystemClock
from cloudcache.domain.catalog import TOGGLES
from cloudcache.domain.ids import CustomerId
from cloudcache.services.rollouts import Rollouts
from cloudcache.services.tasks import Tasks
from cloudcache.services.toggles import Toggles
from tests.bench.report import Section, ms, percentile
from tests.support.databases import temporary_store
from tests.support.rig import merchant

READS = 2_000
BARE = """
SELECT z.*, t.*, c.* FROM customer_zones z
LEFT JOIN customer_toggles t ON t.customer_id = z.customer_id
LEFT JOIN changes c ON c.id = t.change_id
WHERE z.customer_id = ?
"""


async def page_from_many_rows(customers: int) -> Section:
    """p50 and p99 of both, for the same random customers, on the same file."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "bench.db"
        store = await temporary_store(file)
        fill(file, customers)
        clock = SystemClock()
        rollouts = Rollouts(store, clock, "local")
        toggles = Toggles(store, store, None, None, InMemoryBus(), clock, Tasks(), lambda: None, rollouts)
        chosen = [CustomerId(random.Random(number).randint(1, customers)) for number in range(READS)]
        for customer in chosen[:50]:
            await toggles.page(merchant(customer), customer)
        through: list[float] = []
        for customer in chosen:
            began = time.perf_counter()
            await toggles.page(merchant(customer), customer)
            through.append(time.perf_counter() - began)
        bare = bare_reads(file, chosen)
        await store.close()
    section = Section(
        f"A customer's 50 toggles out of {customers * len(TOGGLES):,} rows",
        f"SQLite, {READS:,} random customers, one after the other. Bare SQL: the same join with `sqlite3` in the "
        "same process, no thread, rows not turned into values.",
        ["", "p50", "p99"],
    )
    section.add("through the service", ms(percentile(through, 0.5)), ms(percentile(through, 0.99)))
    section.add("bare SQL", ms(percentile(bare, 0.5)), ms(percentile(bare, 0.99)))
    section.add(
        "ratio",
        f"{percentile(through, 0.5) / percentile(bare, 0.5):.1f}",
        f"{percentile(through, 0.99) / percentile(bare, 0.99):.1f}",
    )
    return section


def bare_reads(file: Path, chosen: list[CustomerId]) -> list[float]:
    """Seconds of each read without anything of ours."""
    taken: list[float] = []
    with sqlite3.connect(file) as connection:
        for customer in chosen:
            began = time.perf_counter()
            connection.execute(BARE, (customer,)).fetchall()
            taken.append(time.perf_counter() - began)
    return taken


def fill(file: Path, customers: int) -> None:
    """Customers with 50 toggles each, in the order of their keys."""
    now = 1_795_000_000_000
    zones = (
        (number, f"shop-{number}.myshopify.com", f"{number:032x}", f"shop-{number}.example")
        for number in range(1, customers + 1)
    )
    rows = (
        (number, toggle.id, "off", '"off"', now - number, now)
        for number in range(1, customers + 1)
        for toggle in sorted(TOGGLES, key=lambda one: one.id)
    )
    with sqlite3.connect(file) as connection:
        connection.execute("PRAGMA synchronous=OFF")
        connection.executemany(
            "INSERT INTO customer_zones (customer_id, shop, zone_id, zone_name, account_id, plan, topology, "
            "status, revision, priority, failures, last_error, created_at, updated_at) "
            f"VALUES (?, ?, ?, ?, '', 'pro', 'o2o', 'active', 1, 0, 0, '', {now}, {now})",
            zones,
        )
        connection.executemany(
            "INSERT INTO customer_toggles (customer_id, toggle_id, state, value, last_synced_at, updated_at, "
            "confirmed_by, revision, value_revision) VALUES (?, ?, ?, ?, ?, ?, 'read', 1, 1)",
            rows,
        )
    connection.close()
