"""Backup and restore as docs/postgres.md has them, with a little of everything; the benchmarks do it in full."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import delete, func, select
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import IntegrityError

from cloudcache.adapters.db.engine import make_engine
from cloudcache.adapters.db.migrations import check_migration
from cloudcache.adapters.db.models import metadata
from cloudcache.adapters.db.roles import check_role
from cloudcache.adapters.db.store import SqlStore
from cloudcache.adapters.vault import EnvelopeVault
from cloudcache.domain.access import SYSTEM
from cloudcache.services.auditing import Auditing
from cloudcache.services.credentials import Credentials
from tests.support.databases import fresh_postgres, ordered, owned, restricted
from tests.support.house import KITE, KITE_TOKEN, build_house, everything
from tests.support.postgres import program
from tests.support.waiting import SAFETY_NET_S

COPY = "import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute('VACUUM INTO ?', [sys.argv[2]])"
KEYS = ["k" * 40]
EVERYBODY = {"PGOPTIONS": "-c cloudcache.tenant=*"}


def plain(url: str | URL) -> str:
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


async def dumped(url: str, dump: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """A dump by a role that may read everything, and that row-level security binds like everybody."""
    owner = make_url(url).set(username="postgres", password=None)
    reader = f"backup_{uuid.uuid4().hex[:8]}"
    await ordered(owner, f"CREATE ROLE {reader} LOGIN PASSWORD 'x' IN ROLE pg_read_all_data")
    try:
        address = plain(owner.set(username=reader, password="x"))
        command = [str(program("pg_dump")), "--format=custom", f"--file={dump}", *words, address]
        return await asyncio.to_thread(
            subprocess.run,
            command,
            env=os.environ | environment,
            capture_output=True,
            text=True,
            timeout=SAFETY_NET_S,
        )
    finally:
        await ordered(owner, f"DROP ROLE {reader}")


async def copied(kind: str, url: str, target: str, folder: Path) -> None:
    """A backup of one database, and another made from it."""
    if kind == "sqlite":
        source, copy = (one.removeprefix("sqlite:///") for one in (url, target))
        command = [sys.executable, "-c", COPY, source, copy]
    else:
        dump = folder / "cloudcache.dump"
        made = await dumped(url, dump, "--enable-row-security", **EVERYBODY)
        assert made.returncode == 0, made.stderr
        command = [
            str(program("pg_restore")),
            "--exit-on-error",
            "--no-owner",
            "--enable-row-security",
            "--jobs=2",
            f"--dbname={plain(target)}",
            str(dump),
        ]
    environment = os.environ | EVERYBODY
    finished = await asyncio.to_thread(
        subprocess.run, command, env=environment, capture_output=True, text=True, timeout=SAFETY_NET_S
    )
    assert finished.returncode == 0, finished.stderr


@pytest.fixture
async def target(
    database_url: str, request: pytest.FixtureRequest, tmp_path: Path
) -> AsyncIterator[tuple[str, str, str]]:
    """What to restore into, with nothing in it: its kind, its owner's address, and the program's."""
    if make_url(database_url).get_backend_name() == "sqlite":
        url = f"sqlite:///{tmp_path / 'restored.db'}"
        yield "sqlite", url, url
        return
    server = request.getfixturevalue("postgres_url")
    async with fresh_postgres(server, migrated=False) as url, owned(url) as owner:
        yield "postgres", owner, restricted(url)


async def counts(store: SqlStore) -> dict[str, int]:
    found = {}
    async with store.database.reading("*") as connection:
        for table in metadata.sorted_tables:
            rows = await connection.execute(select(func.count()).select_from(table))
            found[table.name] = rows.scalar_one()
    return found


async def test_what_was_backed_up_comes_back_whole(
    database_url: str, target: tuple[str, str, str], tmp_path: Path
):
    store = SqlStore(make_engine(database_url))
    house = await build_house(store, KEYS)
    actor = await house.connected()
    assert actor.customer is not None
    await house.process.engine.look_now(actor.customer)
    await house.process.toggles.flip(actor, actor.customer, "polish", True, request_id="x")
    await house.process.tasks.idle()
    before, kept = await counts(store), await everything(store)
    verdict = await Auditing(store).verify(SYSTEM)

    kind, owners, url = target
    await copied(kind, database_url, owners, tmp_path)

    restored = SqlStore(make_engine(url))
    await check_migration(restored.engine)
    await check_role(restored.engine)
    assert before["changes"] and before["audit_log"] and before["customer_toggles"]
    assert await counts(restored) == before
    assert await everything(restored) == kept
    assert await Auditing(restored).verify(SYSTEM) == verdict and not verdict.problems
    customer = await restored.customer_of_shop(KITE)
    token = (await Credentials(restored, EnvelopeVault(KEYS), None).access(customer)).token
    assert token.reveal() == KITE_TOKEN
    await _is_bound(kind, restored)
    await restored.close()
    await house.close()


async def _is_bound(kind: str, restored: SqlStore) -> None:
    """What guards the rows was restored with them."""
    if kind == "postgres":
        async with restored.database.reading("nobody") as connection:
            for table in ("customer_zones", "customer_toggles", "changes", "audit_log"):
                assert (await connection.execute(select(metadata.tables[table]))).all() == []
        return
    with pytest.raises(IntegrityError, match="append-only"):
        async with restored.database.writing("*") as connection:
            await connection.execute(delete(metadata.tables["changes"]))


@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
async def test_a_backup_that_forgot_row_level_security_fails_instead_of_being_empty(
    database_url: str, tmp_path: Path
):
    made = await dumped(database_url, tmp_path / "cloudcache.dump")

    assert made.returncode != 0
    assert "row-level security" in made.stderr
