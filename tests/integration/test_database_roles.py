"""The program's role on Postgres: an owner migrates, and whoever could look past row-level security is refused."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import uuid
from collections.abc import AsyncIterator

import asyncpg
import pytest
from sqlalchemy.engine import make_url

from cloudcache.adapters.db.engine import ROOT, make_engine
from cloudcache.adapters.db.migrations import upgrade
from cloudcache.adapters.db.roles import ROLE, check_role
from cloudcache.adapters.db.store import SqlStore
from cloudcache.domain.errors import StoreUnavailable
from tests.support.databases import as_user, copied_sqlite, fresh_postgres, ordered, owned, prepare_role
from tests.support.tenants import tenant
from tests.support.waiting import SAFETY_NET_S


@pytest.fixture
async def owners(postgres_url: str) -> AsyncIterator[tuple[str, str]]:
    """A database that a plain owner has migrated: an administrator's address, and the owner's."""
    await prepare_role(postgres_url)
    async with fresh_postgres(postgres_url, migrated=False) as url, owned(url) as owner:
        await upgrade(owner)
        yield url, owner


async def complaint(url: str) -> str:
    engine = make_engine(url)
    try:
        await check_role(engine)
        return ""
    except StoreUnavailable as error:
        return str(error)
    finally:
        await engine.dispose()


async def test_what_an_owner_migrated_the_programs_role_can_use_and_no_more(owners: tuple[str, str]):
    url = as_user(owners[0], ROLE)
    store = SqlStore(make_engine(url))

    mine = await tenant(store, "mine", "a")
    await mine.saw("off")
    assert await mine.cell() is not None
    await store.close()

    assert await complaint(url) == ""
    for forbidden in (
        "ALTER TABLE customer_zones DISABLE ROW LEVEL SECURITY",
        "DELETE FROM audit_log",
        "TRUNCATE changes",
        "UPDATE alembic_version SET version_num = '0'",
        "CREATE TABLE mine (id int)",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await ordered(url, forbidden)


async def test_a_login_in_the_programs_role_is_as_good(owners: tuple[str, str]):
    login = f"web_{uuid.uuid4().hex[:8]}"
    await ordered(owners[0], f"CREATE ROLE {login} LOGIN PASSWORD 'x' IN ROLE {ROLE}")
    store = SqlStore(make_engine(as_user(owners[0], login)))

    mine = await tenant(store, "mine", "a")

    assert (await store.page(mine.id)).customer.id == mine.id
    assert await complaint(as_user(owners[0], login)) == ""
    await store.close()
    await ordered(owners[0], f"DROP ROLE {login}")


async def test_superusers_owners_and_the_exempt_are_refused(owners: tuple[str, str]):
    url, owner = owners
    exempt = f"exempt_{uuid.uuid4().hex[:8]}"
    await ordered(url, f"CREATE ROLE {exempt} LOGIN BYPASSRLS PASSWORD 'x' IN ROLE {ROLE}")

    assert "a superuser" in await complaint(url)
    assert "owner" in await complaint(owner)
    assert "exempt from row-level security" in await complaint(as_user(url, exempt))
    await ordered(url, f"DROP ROLE {exempt}")


async def test_sqlite_has_no_roles(tmp_path):
    assert await complaint(f"sqlite:///{await copied_sqlite(tmp_path / 'store.db')}") == ""


async def test_outside_the_local_environment_the_program_does_not_start_as_the_owner(owners: tuple[str, str]):
    def command(url: str) -> subprocess.CompletedProcess[str]:
        settings = {
            "CLOUDCACHE_ENVIRONMENT": "production",
            "CLOUDCACHE_DATABASE_URL": make_url(url)
            .set(drivername="postgresql")
            .render_as_string(hide_password=False),
            "CLOUDCACHE_SECRET_KEYS": "0123456789abcdefghijklmnopqrstuvwxyz",
            "CLOUDCACHE_PUBLIC_URL": "https://app.example",
            "CLOUDCACHE_SHOPIFY_CLIENT_ID": "app",
            "CLOUDCACHE_SHOPIFY_CLIENT_SECRET": "0123456789abcdefghij",
        }
        words = [sys.executable, "-m", "cloudcache", "customers", "list"]
        return subprocess.run(
            words, cwd=ROOT, env=os.environ | settings, capture_output=True, text=True, timeout=SAFETY_NET_S
        )

    refused = await asyncio.to_thread(command, owners[1])
    taken = await asyncio.to_thread(command, as_user(owners[0], ROLE))

    assert refused.returncode == 1
    assert refused.stderr == (
        "cloudcache: the database user is the tables' owner; outside the local environment connect as a member of "
        "cloudcache_app\n"
    )
    assert taken.returncode == 0, taken.stderr
