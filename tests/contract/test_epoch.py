"""The epoch of a database: the same for all who read it, another one when a restore brings its tables back."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.engine import make_url

from cloudcache.adapters.db.engine import make_engine
from cloudcache.adapters.db.store import SqlStore
from tests.support.databases import ordered
from tests.support.tenants import Tenant


async def test_epoch_is_the_same_on_every_connection(mine: Tenant, database_url: str):
    page = await mine.store.page(mine.id)
    other = SqlStore(make_engine(database_url))
    head = (await other.heads([mine.id]))[mine.id]
    await other.close()

    assert head.epoch == page.customer.epoch
    assert bool(head.epoch) is (mine.store.engine.dialect.name == "postgresql")


async def test_restored_table_has_another_epoch(mine: Tenant, database_url: str):
    before = (await mine.store.page(mine.id)).customer.epoch
    url = make_url(database_url)
    if url.get_backend_name() != "postgresql":
        assert before == ""
        return
    async with mine.store.database.reading("*") as connection:
        started = (
            await connection.execute(text("SELECT extract(epoch FROM pg_postmaster_start_time())"))
        ).scalar()
    await ordered(
        url.set(username="postgres", password=None),
        "CREATE TABLE restored (LIKE customer_zones INCLUDING ALL)",
        "INSERT INTO restored SELECT * FROM customer_zones",
        "ALTER TABLE customer_zones RENAME TO former",
        "ALTER TABLE restored RENAME TO customer_zones",
        "GRANT SELECT ON customer_zones TO cloudcache_app",
    )

    after = (await mine.store.page(mine.id)).customer.epoch

    assert after != before
    assert before.split("/")[1] == after.split("/")[1] == str(started)
