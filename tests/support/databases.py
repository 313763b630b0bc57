"""Fresh, migrated databases for tests, cheaply: the migrations run once per kind, the result is copied."""

from __future__ import annotations

import asyncio
import atexit
import functools
import shutil
import tempfile
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
from sqlalchemy.engine import make_url

from cloudcache.adapters.db.engine import make_engine, upgrade
from cloudcache.adapters.db.store import SqlStore


@functools.cache
def migrated_sqlite() -> Path:
    """A migrated SQLite file to copy; made once a run."""
    folder = Path(tempfile.mkdtemp(prefix="cloudcache-template-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    file = folder / "template.db"
    with asyncio.Runner() as runner:
        runner.run(upgrade(f"sqlite:///{file}"))
    return file


async def temporary_store(file: Path) -> SqlStore:
    """A store on a fresh copy at `file`."""
    template = await asyncio.to_thread(migrated_sqlite)
    shutil.copy(template, file)
    return SqlStore(make_engine(f"sqlite:///{file}"))


_templates: dict[str, str] = {}


@asynccontextmanager
async def fresh_postgres(server: str) -> AsyncIterator[str]:
    """The address of a fresh, migrated database on `server`; dropped at the end."""
    if server not in _templates:
        _templates[server] = await _create(server, None)
        await upgrade(_address(server, _templates[server]))
    name = await _create(server, _templates[server])
    try:
        yield _address(server, name)
    finally:
        await _run(server, f'DROP DATABASE "{name}" WITH (FORCE)')


async def _create(server: str, template: str | None) -> str:
    name = f"t{uuid.uuid4().hex[:12]}"
    copied = f' TEMPLATE "{template}"' if template else ""
    await _run(server, f'CREATE DATABASE "{name}"{copied}')
    return name


def _address(server: str, name: str) -> str:
    return make_url(server).set(database=name).render_as_string(hide_password=False)


async def _run(server: str, statement: str) -> None:
    plain = make_url(server).set(drivername="postgresql").render_as_string(hide_password=False)
    connection = await asyncpg.connect(plain)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
