"""A thousand shops, each with a zone, an account and a token of its own at the pretend Cloudflare.

Everything is known of them, as if they had last been read ten minutes ago, and the sweep finds them due one after the
other within an hour, as it would have left them.
"""

from __future__ import annotations

from sqlalchemy import update

from cloudcache.adapters.clock import SystemClock
from cloudcache.adapters.db.engine import ACROSS_TENANTS, make_engine
from cloudcache.adapters.db.models import accounts, toggles, zones
from cloudcache.adapters.db.store import SqlStore
from tests.load import shops

READ_AGO_MS = 600_000
SPREAD_MS = 3_600_000
FEEDS_SPREAD_MS = 900_000

NUMBERS_GO_ON = (
    "SELECT setval(pg_get_serial_sequence('customer_zones', 'customer_id'),"
    " (SELECT max(customer_id) FROM customer_zones))"
)
"""The shops came with their numbers; the next one is to have the next."""


async def fill(database_url: str, cloudflare_url: str, fleet: shops.Fleet) -> None:
    """Put the fleet into an empty database."""
    await shops.fill(database_url, cloudflare_url, fleet)
    store, now = SqlStore(make_engine(database_url)), SystemClock().now_ms()
    read, number = now - READ_AGO_MS, zones.c.customer_id
    due = now + number * (SPREAD_MS // fleet.shops)
    try:
        async with store.database.writing(ACROSS_TENANTS) as connection:
            await connection.execute(update(zones).values(full_read_at=read, sync_due_at=due))
            await connection.execute(update(toggles).values(last_synced_at=read))
            await connection.execute(update(accounts).values(feed_due_at=now + FEEDS_SPREAD_MS))
            await connection.exec_driver_sql(NUMBERS_GO_ON)
    finally:
        await store.close()
