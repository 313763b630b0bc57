"""Row-level security as the second wall: as the program's own role, a query without its condition finds nothing."""

from __future__ import annotations

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from cloudcache.adapters.db.access_models import api_tokens, audit_log, shops, staff_views
from cloudcache.adapters.db.models import batch_refusals, changes, suspensions, toggles, zones
from cloudcache.adapters.db.rollout_models import kv_imports, rollout_shops
from cloudcache.adapters.db.store import SqlStore
from cloudcache.domain.errors import StoreUnavailable
from tests.support.tenants import Tenant

TABLES = (
    zones,
    suspensions,
    batch_refusals,
    toggles,
    changes,
    api_tokens,
    staff_views,
    audit_log,
    rollout_shops,
    kv_imports,
)


pytestmark = pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
"""SQLite has no row-level security; there the rule on the source holds alone."""


async def everything(store: SqlStore, whose: object) -> list[tuple[object, ...]]:
    """All rows of the tenants' tables that a connection for somebody sees without any condition."""
    found: list[tuple[object, ...]] = []
    async with store.database.reading(whose) as connection:
        for table in TABLES:
            found += [tuple(row) for row in await connection.execute(select(table))]
    return found


async def test_without_a_condition_a_tenant_still_sees_only_the_own(mine: Tenant, other: Tenant):
    await mine.saw("off")
    await mine.saw("on", at=600)

    seen = await everything(mine.store, mine.id)

    assert seen
    assert "lossless" not in repr(seen) and "other.myshopify.com" not in repr(seen)
    assert len(await everything(mine.store, "*")) > len(seen)


@pytest.mark.parametrize("whose", ["", "0", "nobody", "9999999", "mine", "' OR 1=1 --"])
async def test_nobody_sees_nothing(mine: Tenant, other: Tenant, whose: str):
    await mine.saw("off")

    assert await everything(mine.store, whose) == []


async def test_what_an_earlier_user_of_the_connection_said_does_not_count(mine: Tenant, other: Tenant):
    for _ in range(12):  # more than the pool holds
        assert await everything(mine.store, "*")
    assert await everything(mine.store, "nobody") == []


async def test_a_tenant_cannot_write_for_another(mine: Tenant, other: Tenant):
    before = await other.rows()

    async with mine.store.database.writing(mine.id) as connection:
        touched = await connection.execute(
            zones.update().where(zones.c.customer_id == other.id).values(plan="free")
        )
        assert touched.rowcount == 0
    with pytest.raises(StoreUnavailable):
        async with mine.store.database.writing(mine.id) as connection:
            await connection.execute(
                toggles.insert().values(
                    customer_id=other.id,
                    toggle_id="x",
                    updated_at=1,
                    confirmed_by="read",
                    revision=1,
                    value_revision=1,
                )
            )

    assert await other.rows() == before


async def test_the_program_is_neither_owner_nor_superuser(store: SqlStore):
    async with store.engine.connect() as connection:
        role = (
            await connection.execute(
                text(
                    "SELECT rolsuper, rolbypassrls, rolcreaterole FROM pg_roles WHERE rolname = current_user"
                )
            )
        ).one()
        assert tuple(role) == (False, False, False)
        for statement in ("ALTER TABLE changes DISABLE TRIGGER ALL", "DROP POLICY tenant ON changes"):
            with pytest.raises(DBAPIError, match="must be owner"):
                await connection.execute(text(statement))


async def test_a_shop_sees_the_own_installation_only(store: SqlStore):
    await store.install("mine.myshopify.com", now=1)
    await store.install("other.myshopify.com", now=1)

    async with store.database.reading("mine.myshopify.com") as connection:
        found = (await connection.execute(select(shops.c.shop))).scalars().all()

    assert found == ["mine.myshopify.com"]
