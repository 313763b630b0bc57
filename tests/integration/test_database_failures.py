"""Whatever is wrong with the database is told in one plain sentence, and nothing is half done."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import quote

import pytest
from sqlalchemy import event, insert, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import IntegrityError

from cloudcache.adapters.db import engine as database
from cloudcache.adapters.db.engine import async_url, make_engine
from cloudcache.adapters.db.failures import plain_words
from cloudcache.adapters.db.migrations import upgrade
from cloudcache.adapters.db.models import accounts
from cloudcache.adapters.db.store import SqlStore
from cloudcache.domain.errors import NotFound, StoreUnavailable
from cloudcache.domain.ids import CustomerId
from tests.support.databases import copied_sqlite, fresh_postgres
from tests.support.tenants import FACTS, Tenant, tenant

NOBODY = CustomerId(99)


async def complaint(url: str, *, writing: bool = False) -> str:
    """What a store on that address says when it is used."""
    store = SqlStore(make_engine(url))
    try:
        with pytest.raises(StoreUnavailable) as raised:
            await (store.add_credential("c", b"", "token", now=1) if writing else store.page(NOBODY))
    finally:
        await store.close()
        await _workers_ended()
    return str(raised.value)


async def _workers_ended() -> None:
    """A SQLite connection that could not be opened reports its end to the loop, which must still be there."""
    for thread in threading.enumerate():
        if "_connection_worker_thread" in thread.name:
            await asyncio.to_thread(thread.join, 5)


# -- addresses ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "made"),
    [
        ("sqlite:///some/file.db", "sqlite+aiosqlite:///some/file.db"),
        ("sqlite+aiosqlite:////file.db", "sqlite+aiosqlite:////file.db"),
        ("postgres://u:p@h/db", "postgresql+asyncpg://u:p@h/db"),
        ("postgresql://u:p@h:5/db?sslmode=require", "postgresql+asyncpg://u:p@h:5/db?ssl=require"),
        ("postgresql+psycopg://u:p@h/db", "postgresql+asyncpg://u:p@h/db"),
    ],
)
def test_an_address_as_people_write_it_gets_the_driver_we_use(given: str, made: str):
    assert async_url(given).render_as_string(hide_password=False) == made


@pytest.mark.parametrize(
    "wrong",
    [
        "no address, sekrit",
        "mysql://u:sekrit@h/db",
        "sqlite://",
        "sqlite:///:memory:",
        "postgresql://u:sekrit@h/db?channel_binding=require",
    ],
)
def test_an_address_that_is_none_is_refused_without_its_password(wrong: str):
    with pytest.raises(ValueError) as refusal:
        make_engine(wrong)

    assert "sekrit" not in str(refusal.value)


async def test_a_path_with_odd_characters_is_a_path(tmp_path: Path):
    file = await copied_sqlite(tmp_path / "it is 100% #1.db")
    store = SqlStore(make_engine(f"sqlite:///{quote(str(file))}"))

    with pytest.raises(NotFound):
        await store.page(NOBODY)
    await store.close()


# -- SQLite ------------------------------------------------------------------------------------


@pytest.fixture
async def file(tmp_path: Path) -> Path:
    return await copied_sqlite(tmp_path / "store.db")


async def test_a_locked_database_can_be_read_and_says_so_when_written(
    file: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(database, "BUSY_MS", 50)
    store = SqlStore(make_engine(f"sqlite:///{file}"))
    mine = await tenant(store, "mine", "a")
    other_program = sqlite3.connect(file, isolation_level=None)
    other_program.execute("BEGIN IMMEDIATE")

    assert (await store.page(mine.id)).customer.id == mine.id
    with pytest.raises(StoreUnavailable, match="locked by another program"):
        await mine.wish()
    other_program.close()

    assert (await mine.wish()).is_open
    await store.close()


async def test_a_read_only_database_can_be_read_and_says_so_when_written(file: Path):
    said = await complaint(f"sqlite:///{file}?mode=ro", writing=True)

    assert said == "the database can't be written to (read-only)"


async def test_an_absent_file_is_not_made_by_looking_at_it(tmp_path: Path):
    file = tmp_path / "absent.db"

    assert "can't be opened" in await complaint(f"sqlite:///{file}")
    assert "can't be opened" in await complaint(f"sqlite:///{tmp_path}/no/folder.db")
    assert not file.exists()
    with pytest.raises(StoreUnavailable, match="can't be opened"):
        await upgrade(f"sqlite:///{tmp_path}/no/folder.db")


async def test_a_file_that_is_no_database_or_not_ours_is_recognised(tmp_path: Path):
    strange, empty = tmp_path / "strange.db", tmp_path / "empty.db"
    strange.write_bytes(b"this is no database at all" * 100)
    empty.touch()

    assert "damaged or not a database" in await complaint(f"sqlite:///{strange}")
    assert "run: alembic upgrade head" in await complaint(f"sqlite:///{empty}")


async def test_a_full_disk_is_told_and_nothing_is_half_written(file: Path):
    store = SqlStore(make_engine(f"sqlite:///{file}"))
    mine = await tenant(store, "mine", "a")
    before = await mine.rows()
    await store.engine.dispose()
    event.listen(store.engine.sync_engine, "connect", _no_further_page)

    with pytest.raises(StoreUnavailable, match="disk that holds the database is full"):
        for number in range(200):
            await store.add_credential(f"c{number}", b"x" * 1000, "token", now=1)

    assert await mine.rows() == before
    await store.close()


def _no_further_page(connection, _) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA max_page_count=1")  # as good as a full disk: SQLite takes the present size instead
    cursor.close()


async def test_a_file_replaced_by_a_broken_one_is_told_and_heals(file: Path, tmp_path: Path):
    good = shutil.copy(file, tmp_path / "good.db")
    shutil.copy("/bin/sh", file)
    said = await complaint(f"sqlite:///{file}")

    shutil.copy(good, file)
    store = SqlStore(make_engine(f"sqlite:///{file}"))

    assert "damaged" in said
    assert (await tenant(store, "mine", "a")).id == 1
    await store.close()


# -- Postgres ----------------------------------------------------------------------------------


@pytest.fixture
async def postgres(postgres_url: str) -> AsyncIterator[str]:
    async with fresh_postgres(postgres_url) as url:
        yield url


async def test_a_server_that_is_not_there_is_told_without_address_or_password():
    said = await complaint("postgresql://user:sekrit@127.0.0.1:1/name")

    assert said == "the database can't be reached"


async def test_a_database_or_user_that_is_not_there_is_told_apart(postgres: str):
    absent = make_url(postgres).set(database="absent").render_as_string(hide_password=False)
    stranger = make_url(postgres).set(username="stranger").render_as_string(hide_password=False)

    assert "no database with that name" in await complaint(absent)
    assert "refuses the user" in await complaint(stranger)


async def test_a_server_without_our_tables_asks_for_the_migration(postgres_url: str):
    async with fresh_postgres(postgres_url, migrated=False) as url:
        assert "run: alembic upgrade head" in await complaint(url)


async def test_a_connection_cut_while_idle_is_replaced_unnoticed(postgres: str):
    store = SqlStore(make_engine(postgres))
    mine = await tenant(store, "mine", "a")
    await _cut_all_others(postgres)

    assert (await store.page(mine.id)).customer.id == mine.id
    await store.close()


async def test_a_connection_cut_while_writing_is_told_and_leaves_nothing(postgres: str):
    store = SqlStore(make_engine(postgres))
    mine = await tenant(store, "mine", "a")
    before = await mine.rows()

    with pytest.raises(StoreUnavailable, match=r"was cut|shutting down"):
        async with store.database.writing("*") as connection:
            await connection.execute(text("UPDATE customer_zones SET failures = 9"))
            await _cut_all_others(postgres)
            await connection.execute(text("SELECT 1"))

    assert await mine.rows() == before
    await store.close()


async def test_a_statement_that_takes_too_long_is_ended(postgres: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(database, "STATEMENT_SECONDS", 0.05)
    store = SqlStore(make_engine(postgres))

    with pytest.raises(StoreUnavailable, match="took too long"):
        async with store.database.reading("*") as connection:
            await connection.execute(text("SELECT pg_sleep(600)"))
    await store.close()


async def test_a_pool_without_a_free_connection_is_told_in_time(
    postgres: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(database, "WAIT_SECONDS", 0.1)
    store = SqlStore(make_engine(postgres, pool_size=1))

    async with store.database.reading("*"):
        with pytest.raises(StoreUnavailable, match="doesn't answer in time"):
            await store.page(NOBODY)

    with pytest.raises(NotFound):
        await store.page(NOBODY)
    await store.close()


async def test_who_waits_for_a_lock_is_told_so_and_may_come_again(
    postgres: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(database, "WAIT_SECONDS", 0.1)
    hurried = SqlStore(make_engine(postgres))
    mine = await tenant(hurried, "mine", "a")

    async with hurried.database.writing(mine.id) as connection:
        await connection.execute(text("UPDATE customer_zones SET failures = 9"))
        with pytest.raises(StoreUnavailable, match="another transaction holds"):
            await hurried.zone_answered(mine.id, now=1)

    await hurried.zone_answered(mine.id, now=2)
    await hurried.close()


async def test_the_locks_of_a_process_that_froze_in_a_transaction_are_given_back(
    postgres: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(database, "STATEMENT_SECONDS", 0.1)
    frozen = SqlStore(make_engine(postgres))
    monkeypatch.undo()
    store = SqlStore(make_engine(postgres))
    mine = await tenant(store, "mine", "a")

    has_locked = False
    while not has_locked:  # on a busy machine the statement itself may take longer than it is given here
        with pytest.raises(StoreUnavailable):
            async with frozen.database.writing(mine.id) as connection:
                await connection.execute(text("UPDATE customer_zones SET failures = 9"))
                has_locked = True
                await store.zone_answered(mine.id, now=2)

    assert (await store.page(mine.id)).customer.revision > 1
    await frozen.close()
    await store.close()


async def _cut_all_others(url: str) -> None:
    engine = make_engine(url)
    async with engine.connect() as connection:
        await connection.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        )
    await engine.dispose()


# -- both --------------------------------------------------------------------------------------


async def test_what_raises_inside_a_transaction_undoes_it(mine: Tenant):
    before = await mine.rows()

    with pytest.raises(ZeroDivisionError):
        async with mine.store.database.writing("*") as connection:
            await connection.execute(text("UPDATE customer_zones SET failures = 9"))
            _ = 1 / 0

    assert await mine.rows() == before


async def test_a_broken_constraint_is_left_to_the_caller_and_shows_no_values(store: SqlStore):
    row = {"account_id": "sekrit", "name": "sekrit"}

    with pytest.raises(IntegrityError) as raised:
        async with store.database.writing("*") as connection:
            await connection.execute(insert(accounts), [row])
            await connection.execute(insert(accounts), [row])

    assert "sekrit" not in str(raised.value).split("[SQL")[1]


def test_a_failure_nobody_foresaw_is_told_by_its_code():
    class Strange(Exception):
        sqlstate = "XX000"

    assert plain_words(Strange()) == "the database failed (XX000)"
    assert plain_words(sqlite3.ProgrammingError("closed")) == "the database failed (ProgrammingError)"


async def test_the_account_of_a_customer_is_kept_with_its_newest_name(mine: Tenant, other: Tenant):
    async with mine.store.database.reading("*") as connection:
        kept = (await connection.execute(text("SELECT account_id, name FROM accounts"))).all()

    assert [tuple(row) for row in kept] == [(FACTS.account_id, FACTS.account_name)]
