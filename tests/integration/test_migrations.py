"""The migrations: up, down and up again on both databases, from the program and from the command line."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, event, inspect, text
from sqlalchemy.ext.asyncio import AsyncEngine

from cloudcache.adapters.db.engine import ROOT, Database, make_engine
from cloudcache.adapters.db.migrations import EXPECTED_MIGRATION, check_migration, downgrade, upgrade
from cloudcache.adapters.db.models import metadata
from cloudcache.adapters.db.tables import check_tables
from cloudcache.domain.errors import StoreUnavailable
from tests.support.databases import fresh_postgres, migrated_sqlite
from tests.support.tenants import Tenant, tenant

TABLES = {
    *("accounts", "changes", "credentials", "customer_toggles", "customer_zones", "feed_entries"),
    *("api_answers", "api_tokens", "audit_heads", "audit_log", "erasures", "shops", "staff", "staff_views"),
    *("webhook_receipts", "rollouts", "rollout_shops", "kv_imports", "suspensions", "batch_refusals"),
    *("circuit_breakers", "sealed_keys"),
}


@pytest.fixture(params=["sqlite", "postgres"])
async def bare_url(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[str]:
    """The address of a database with nothing in it; on SQLite not even a file."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'bare.db'}"
        return
    async with fresh_postgres(request.getfixturevalue("postgres_url"), migrated=False) as url:
        yield url


@pytest.fixture
async def engine(bare_url: str) -> AsyncIterator[AsyncEngine]:
    opened = make_engine(bare_url)
    yield opened
    await opened.dispose()


async def tables(engine: AsyncEngine) -> set[str]:
    async with engine.connect() as connection:
        return set(await connection.run_sync(lambda sync: inspect(sync).get_table_names()))


def differences(connection: Connection) -> list[object]:
    return list(compare_metadata(MigrationContext.configure(connection), metadata))


async def set_migration(engine: AsyncEngine, revision: str) -> None:
    async with Database(engine).writing("*") as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = :it"), {"it": revision})


async def test_up_down_and_up_again_gives_exactly_the_tables_of_the_models(
    bare_url: str, engine: AsyncEngine
):
    await upgrade(bare_url)
    first = await tables(engine)
    await downgrade(bare_url, "base")
    nothing = await tables(engine)
    await upgrade(bare_url)

    async with engine.connect() as connection:
        assert await connection.run_sync(differences) == []
    assert first == await tables(engine) == TABLES | {"alembic_version"}
    assert nothing == {"alembic_version"}
    await check_migration(engine)


async def test_it_works_wherever_the_program_was_started_and_twice_is_once(
    bare_url: str, engine: AsyncEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)

    await asyncio.gather(upgrade(bare_url), upgrade(bare_url))

    await check_migration(engine)


def test_expected_migration_is_the_newest():
    assert ScriptDirectory(str(ROOT / "alembic")).get_current_head() == EXPECTED_MIGRATION


async def test_two_commands_at_once_migrate_once(bare_url: str, engine: AsyncEngine):
    environment = {**os.environ, "CLOUDCACHE_DATABASE_URL": bare_url, "CLOUDCACHE_ENVIRONMENT": "production"}

    async def command() -> tuple[int | None, bytes]:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "alembic", "upgrade", "head"),
            cwd=ROOT,
            env=environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await process.communicate()
        return process.returncode, output

    results = await asyncio.gather(command(), command())

    assert [code for code, _ in results] == [0, 0], results
    await check_migration(engine)


async def test_no_other_process_gets_between_two_migrations_of_sqlite(tmp_path: Path):
    url, began = f"sqlite:///{tmp_path / 'new.db'}", []

    def note(connection: Connection) -> None:
        began.append(connection.get_execution_options().get("writing"))

    event.listen(Engine, "begin", note)
    try:
        await upgrade(url)
    finally:
        event.remove(Engine, "begin", note)

    assert began == [True], "the write lock was let go in between"


async def test_a_database_at_another_migration_is_named_with_the_remedy(bare_url: str, engine: AsyncEngine):
    async def complaint() -> str:
        with pytest.raises(StoreUnavailable) as raised:
            await check_migration(engine)
        return str(raised.value)

    await upgrade(bare_url)
    await downgrade(bare_url, "base")
    bare = await complaint()
    await upgrade(bare_url)
    await set_migration(engine, "9999")
    newer = await complaint()

    expected = f"this program expects {EXPECTED_MIGRATION}"
    assert bare == f"the database is at migration none, {expected}; run: alembic upgrade head"
    assert newer == (
        f"the database is at migration 9999, {expected}; this program is older: install the newer one"
    )
    with pytest.raises(StoreUnavailable, match="9999"):
        await upgrade(bare_url)


async def test_database_without_a_table_is_named_until_the_table_is_back(bare_url: str, engine: AsyncEngine):
    await upgrade(bare_url)
    await check_tables(engine)
    await _rename(engine, "customer_zones", "elsewhere")

    with pytest.raises(StoreUnavailable, match=r"lacks the table customer_zones$"):
        await check_tables(engine)
    await _rename(engine, "elsewhere", "customer_zones")

    await check_tables(engine)


async def _rename(engine: AsyncEngine, before: str, after: str) -> None:
    async with Database(engine).writing("*") as connection:
        await connection.execute(text(f"ALTER TABLE {before} RENAME TO {after}"))


async def test_an_id_is_never_given_to_a_second_customer(mine: Tenant, other: Tenant):
    async with mine.store.database.writing("*") as connection:
        await connection.execute(text("DELETE FROM customer_zones"))

    third = await tenant(mine.store, "third", "c")

    assert third.id > other.id


def test_the_rows_of_a_customer_lie_together_in_sqlite():
    with sqlite3.connect(migrated_sqlite()) as connection:
        found = connection.execute("SELECT sql FROM sqlite_master WHERE name = 'customer_toggles'").fetchone()
    connection.close()

    assert "WITHOUT ROWID" in found[0]
