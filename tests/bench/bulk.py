"""The register by the thousand, and backup with restore: on SQLite and on Postgres, in full."""

from __future__ import annotations

import asyncio
import io
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

from sqlalchemy.engine import make_url

from cloudcache.adapters.clock import SystemClock
from cloudcache.adapters.db.engine import make_engine
from cloudcache.adapters.db.migrations import check_migration, upgrade
from cloudcache.adapters.db.store import SqlStore
from cloudcache.adapters.vault import EnvelopeVault
from cloudcache.domain.access import SYSTEM
from cloudcache.domain.catalog import TOGGLES
from cloudcache.local import Crowd
from cloudcache.services.credentials import Credentials
from cloudcache.services.onboarding import ImportPlan, Onboarding
from tests.bench.filled import DURABLE, owner
from tests.bench.report import Section
from tests.support.databases import fresh_postgres, prepare_role, restricted, temporary_store
from tests.support.postgres import program, running_postgres

COPY = "import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute('VACUUM INTO ?', [sys.argv[2]])"
Result = TypeVar("Result")
HEAD = "shop,zone_id,zone_name,plan,account_id,token\n"


async def sections(customers: int) -> list[Section]:
    """First SQLite, then Postgres; on each an import into an empty register, and a crowd that is backed up."""
    taken = Section(
        f"{customers:,} customers in bulk",
        "Through the service, from CSV text in memory; the audit log and, with tokens, the sealing included; "
        "commits as durable as in production. Progress and errors are written by the command, which starts in "
        "about a second.",
        ["", "SQLite", "Postgres"],
    )
    kept = Section(
        f"Backup and restore of {customers * len(TOGGLES):,} values",
        f"{customers:,} seeded customers with sealed tokens. SQLite: `VACUUM INTO`, which is the restored file as "
        "well. Postgres: `pg_dump --format=custom`, and `pg_restore --jobs=2` into an empty database; then the "
        "migration is checked and the rows are counted.",
        ["", "backup", "its size", "restore", "rows counted"],
    )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        lite = await _bulk(await temporary_store(folder / "import.db"), customers)
        lite["seed"], size = await _seeded(await temporary_store(folder / "crowd.db"), customers)
        kept.add("SQLite", *await _lite_copy(folder, size))
        with running_postgres(DURABLE) as server:
            await prepare_role(server)
            async with _postgres(server) as url:
                post = await _bulk(SqlStore(make_engine(restricted(url))), customers)
            async with _postgres(server) as url:
                post["seed"], size = await _seeded(SqlStore(make_engine(restricted(url))), customers)
                kept.add("Postgres", *await _dumped(server, url, folder, size))
    for key, words in WORDS.items():
        taken.add(words.format(customers=customers), f"{lite[key]:.1f} s", f"{post[key]:.1f} s")
    return [taken, kept]


WORDS = {
    "check": "judging {customers:,} rows",
    "store": "storing them",
    "again": "the same file again: all there already",
    "check tokens": "judging as many others, with a token each",
    "store tokens": "sealing and storing them",
    "export": "exporting all",
    "seed": "seeding {customers:,} customers with 50 values and a sealed token each",
}


@asynccontextmanager
async def _postgres(server: str) -> AsyncIterator[str]:
    async with fresh_postgres(server, migrated=False) as url:
        await upgrade(url)
        yield url


def _service(store: SqlStore) -> Onboarding:
    credentials = Credentials(store, EnvelopeVault(["k" * 40]), None)
    return Onboarding(store, credentials, SystemClock(), is_local=True)


async def _bulk(store: SqlStore, customers: int) -> dict[str, float]:
    service = _service(store)
    taken: dict[str, float] = {}

    async def imported(text: str, check: str, store_it: str | None) -> None:
        plan: ImportPlan = await _timed(
            taken, check, lambda: service.check(SYSTEM, io.BytesIO(text.encode()))
        )
        assert plan.refused == 0 and plan.rows == customers
        if store_it:
            await _timed(taken, store_it, lambda: service.carry_out(SYSTEM, plan, "bench.csv"))

    await imported(_csv(0, customers, ""), "check", "store")
    await imported(_csv(0, customers, ""), "again", None)
    await imported(_csv(customers, customers, "cfut_"), "check tokens", "store tokens")
    await _timed(taken, "export", lambda: _exported(service))
    await store.close()
    return taken


async def _timed(taken: dict[str, float], name: str, work: Callable[[], Awaitable[Result]]) -> Result:
    began = time.perf_counter()
    result = await work()
    taken[name] = time.perf_counter() - began
    return result


async def _exported(service: Onboarding) -> int:
    return len([one async for one in service.export(SYSTEM)])


def _csv(first: int, count: int, token: str) -> str:
    return HEAD + "".join(
        f"my-{i},{i:032x},my-{i}.example,pro,{i:032x},{f'{token}{i:040}' if token else ''}\n"
        for i in range(first, first + count)
    )


async def _seeded(store: SqlStore, customers: int) -> tuple[float, int]:
    """Seconds, and the number of rows that there are then."""
    crowd = Crowd(customers)
    seen = await crowd.seen(SystemClock())
    began = time.perf_counter()
    await _service(store).seed(SYSTEM, crowd.rows(), seen)
    seconds = time.perf_counter() - began
    rows = await _rows(store)
    await store.close()
    return seconds, rows


async def _rows(store: SqlStore) -> int:
    async with store.database.reading("*") as connection:
        counted = [
            (await connection.exec_driver_sql(f"SELECT count(*) FROM {table}")).scalar_one()
            for table in ("customer_zones", "customer_toggles", "credentials", "accounts")
        ]
    return sum(counted)


async def _lite_copy(folder: Path, rows: int) -> list[str]:
    copy = folder / "copy.db"
    began = time.perf_counter()
    await _command(sys.executable, "-c", COPY, folder / "crowd.db", copy)
    seconds = time.perf_counter() - began
    return [f"{seconds:.1f} s", _mb(copy), "none needed", await _compared(f"sqlite:///{copy}", rows)]


async def _dumped(server: str, url: str, folder: Path, rows: int) -> list[str]:
    dump = folder / "cloudcache.dump"
    began = time.perf_counter()
    await _command(
        *(program("pg_dump"), "--format=custom", "--enable-row-security"),
        *(f"--file={dump}", f"--dbname={_plain(url)}"),
    )
    backup = time.perf_counter() - began
    async with fresh_postgres(server, migrated=False) as target:
        began = time.perf_counter()
        await _command(
            program("pg_restore"),
            "--exit-on-error",
            "--enable-row-security",
            "--jobs=2",
            f"--dbname={_plain(target)}",
            dump,
        )
        restore = time.perf_counter() - began
        async with owner(target) as connection:
            await connection.execute("ANALYZE")
        compared = await _compared(restricted(target), rows)
    return [f"{backup:.1f} s", _mb(dump), f"{restore:.1f} s", compared]


async def _command(*words: object) -> None:
    environment = os.environ | {"PGOPTIONS": "-c cloudcache.tenant=*"}
    command = [str(word) for word in words]
    await asyncio.to_thread(subprocess.run, command, env=environment, check=True)


async def _compared(url: str, rows: int) -> str:
    store = SqlStore(make_engine(url))
    await check_migration(store.engine)
    found = await _rows(store)
    await store.close()
    return f"{found:,}, {'all' if found == rows else 'NOT ALL'}"


def _plain(url: str) -> str:
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


def _mb(file: Path) -> str:
    return f"{file.stat().st_size / 2**20:,.0f} MB"
