"""A Postgres with 100,000 customers, 5,000,000 values and a journal, filled by SQL: in a minute, not in a day.

It is made as a real one is: the migrations by the owner, everything after that by the program's own role.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import asyncpg
from sqlalchemy.engine import make_url

from cloudcache.adapters.db.migrations import upgrade
from cloudcache.domain.catalog import TOGGLES
from tests.support.databases import fresh_postgres, prepare_role

DURABLE: Mapping[str, str] = {
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    "shared_buffers": "1GB",
    "effective_cache_size": "4GB",
    "maintenance_work_mem": "256MB",
    "max_wal_size": "4GB",
    "random_page_cost": "1.1",
}
"""What a server with 4 GB for itself and a solid-state disk is set to; a commit is on the disk before it is told."""

NOW = 1_795_000_000_000
AT_ONCE = 5_000
A_JOURNAL = 5
"""Changes of each customer in the journal; its toggles of that number name them as their newest."""

ACCOUNTS = """
INSERT INTO accounts (account_id, name, feed_status, feed_version, feed_lateness_ms, feed_deep_at, feed_due_at,
  feed_failures, feed_error)
SELECT md5('account ' || i), 'Shop ' || i, 'on', 'v2', 0, 0, {now}, 0, '' FROM generate_series({first}, {last}) i
"""
CREDENTIALS = """
INSERT INTO credentials (credential_id, sealed, kind, status, created_at)
SELECT 'c-' || i, decode(repeat('5a', 180), 'hex'), 'token', 'active', {now}
FROM generate_series({first}, {last}) i WHERE i % 2 = 0
"""
ZONES = """
INSERT INTO customer_zones (customer_id, shop, zone_id, zone_name, account_id, plan, topology, hostname, verdicts,
  missing, status, credential_id, revision, full_read_at, sync_due_at, priority, generation, failures, last_error,
  created_at, updated_at)
SELECT i, 'shop-' || i || '.myshopify.com', md5(i::text), 'shop-' || i || '.example', md5('account ' || i),
  'pro', 'o2o', 'www.shop-' || i || '.example', '{{}}', '', 'active', CASE WHEN i % 2 = 0 THEN 'c-' || i END, 7,
  {now} - i * 1000, {now} + (i % 1000) * 1000, 0, 3, 0, '', {now}, {now}
FROM generate_series({first}, {last}) i
"""
JOURNAL = """
INSERT INTO changes (id, customer_id, toggle_id, from_state, to_state, to_value, actor_kind, actor_id, source,
  status, request_id, requested_at, sent_at, settled_at, error, detail, ray_id)
SELECT (i - 1) * {journal} + t.n, i, t.id, 'on', 'off', '"off"', 'merchant', 'gid://shopify/User/1', 'page',
  'applied', md5(i || t.id), {now} - i, {now} - i + 1, {now} - i + 300, '', '', ''
FROM generate_series({first}, {last}) i CROSS JOIN (VALUES {toggles}) t(n, id) WHERE t.n <= {journal}
"""
VALUES = """
INSERT INTO customer_toggles (customer_id, toggle_id, state, value, last_synced_at, updated_at, confirmed_by,
  editable, modified_on, last_on, last_off, revision, value_revision, change_id)
SELECT i, t.id, 'off', '"off"', {now} - i * 1000, {now}, 'read', true, '2026-11-20T10:00:00.000000Z', '"on"', '"off"',
  7, 7, CASE WHEN t.n <= {journal} THEN (i - 1) * {journal} + t.n END
FROM generate_series({first}, {last}) i CROSS JOIN (VALUES {toggles}) t(n, id) ORDER BY i, t.id
"""
NUMBERS = (
    "SELECT setval('customer_zones_customer_id_seq', (SELECT max(customer_id) FROM customer_zones))",
    "SELECT setval('changes_id_seq', (SELECT max(id) FROM changes))",
)


@asynccontextmanager
async def filled(server: str, customers: int) -> AsyncIterator[str]:
    """The owner's address of a database with so many customers, as the planner knows; dropped at the end."""
    await prepare_role(server)
    async with fresh_postgres(server, migrated=False) as url:
        await upgrade(url)
        await fill(url, customers)
        yield url


async def fill(url: str, customers: int) -> None:
    """All tables, in the order of their keys; as the owner and across tenants, for speed."""
    async with owner(url) as connection:
        for first in range(1, customers + 1, AT_ONCE):
            last = min(first + AT_ONCE - 1, customers)
            for statement in (ACCOUNTS, CREDENTIALS, ZONES, JOURNAL, VALUES):
                await connection.execute(_filled_in(statement, first, last))
        for statement in NUMBERS:
            await connection.execute(statement)
        await connection.execute("VACUUM (ANALYZE)")


@asynccontextmanager
async def owner(url: str) -> AsyncIterator[asyncpg.Connection]:
    """A plain connection as the owner, who says that it means everybody."""
    connection = await asyncpg.connect(
        make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    )
    try:
        await connection.execute("SELECT set_config('cloudcache.tenant', '*', false)")
        yield connection
    finally:
        await connection.close()


def _filled_in(statement: str, first: int, last: int) -> str:
    toggles = ", ".join(f"({number}, '{toggle.id}')" for number, toggle in enumerate(TOGGLES, 1))
    return statement.format(now=NOW, first=first, last=last, journal=A_JOURNAL, toggles=toggles)
