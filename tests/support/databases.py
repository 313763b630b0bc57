"""Fresh, migrated databases for tests, cheaply: the migrations run once per kind, the result is copied.

The fixtures `database_url` and `store` give each test one on SQLite and one on a real Postgres; a folder's
`conftest.py` takes them in. When Postgres cannot be started these tests fail; they are never skipped.
"""

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
import pytest
from sqlalchemy import event
from sqlalchemy.engine import URL, make_url

from cloudcache.adapters.db.engine import make_engine
from cloudcache.adapters.db.migrations import upgrade
from cloudcache.adapters.db.roles import ROLE
from cloudcache.adapters.db.store import SqlStore
from tests.support.emptying import as_new
from tests.support.sqlite_on_loop import connect_on_the_loop


@pytest.fixture(params=["sqlite", "postgres"])
async def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[str]:
    """The address of a fresh, migrated database of this test's own."""
    if request.param == "sqlite":
        yield f"sqlite:///{await copied_sqlite(tmp_path / 'store.db')}"
        return
    async with used_postgres(request.getfixturevalue("postgres_url")) as url:
        yield restricted(url)


def restricted(url: str) -> str:
    """The same database, as the role that the program should have: the owner's rights are not its."""
    return make_url(url).set(username=APP_ROLE, password="app").render_as_string(hide_password=False)


async def analyze(url: str) -> None:
    """Let the planner know the tables; on Postgres that is their owner's to do."""
    whole = make_url(url)
    if whole.get_backend_name() == "postgresql":
        owner = whole.set(username="postgres", password=None).render_as_string(hide_password=False)
        await ordered(owner, "ANALYZE")
        return
    engine = make_engine(url)
    async with engine.connect() as connection:
        await connection.exec_driver_sql("ANALYZE")
    await engine.dispose()


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[SqlStore]:
    """A store on a fresh database."""
    opened = SqlStore(make_engine(database_url))
    yield opened
    await opened.close()


async def temporary_store(file: Path) -> SqlStore:
    """A store on a fresh SQLite database at `file`, without a thread for each connection; what quick tests use.

    One store to a file: a second one that waits for the first to commit would stop the event loop.
    """
    engine = make_engine(f"sqlite:///{await copied_sqlite(file)}")
    event.listen(engine.sync_engine, "do_connect", connect_on_the_loop)
    return SqlStore(engine)


async def copied_sqlite(file: Path) -> Path:
    """A fresh, migrated SQLite file."""
    shutil.copy(await asyncio.to_thread(migrated_sqlite), file)
    return file


@functools.cache
def migrated_sqlite() -> Path:
    """A migrated SQLite file to copy; made once a run."""
    folder = Path(tempfile.mkdtemp(prefix="cloudcache-template-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    file = folder / "template.db"
    with asyncio.Runner() as runner:
        runner.run(upgrade(f"sqlite:///{file}"))
    return file


@asynccontextmanager
async def fresh_postgres(server: str, *, migrated: bool = True) -> AsyncIterator[str]:
    """The address of a fresh database on `server`; dropped at the end."""
    name = await _create(server, await _template(server) if migrated else None)
    try:
        yield _address(server, name)
    finally:
        await ordered(server, f'DROP DATABASE "{name}" WITH (FORCE)')


_emptied: dict[str, list[str]] = {}
"""By server: databases that are as a fresh one is."""


@asynccontextmanager
async def used_postgres(server: str) -> AsyncIterator[str]:
    """The address of a migrated database, empty but not new: emptying one takes half the time of making one."""
    ready = _emptied.setdefault(server, [])
    name = ready.pop() if ready else await _create(server, await _template(server))
    yield _address(server, name)
    if await as_new(_address(server, name), _address(server, _templates[server])):
        ready.append(name)
    else:
        await ordered(server, f'DROP DATABASE "{name}" WITH (FORCE)')


@asynccontextmanager
async def owned(url: str) -> AsyncIterator[str]:
    """The address of a plain owner of that database, who is no superuser, as docs/postgres.md sets it up."""
    owner, name = f"owner_{uuid.uuid4().hex[:8]}", make_url(url).database
    await ordered(url, f"CREATE ROLE {owner} LOGIN PASSWORD 'x'", f'ALTER DATABASE "{name}" OWNER TO {owner}')
    try:
        yield as_user(url, owner)
    finally:
        await ordered(url, f"REASSIGN OWNED BY {owner} TO postgres", f"DROP OWNED BY {owner}")
        await ordered(url, f'ALTER DATABASE "{name}" OWNER TO postgres', f"DROP ROLE {owner}")


def as_user(url: str, name: str) -> str:
    """The same database for somebody else."""
    return make_url(url).set(username=name, password="x").render_as_string(hide_password=False)


_templates: dict[str, str] = {}
APP_ROLE = ROLE


async def _template(server: str) -> str:
    if server not in _templates:
        await prepare_role(server)
        _templates[server] = await _create(server, None)
        await upgrade(_address(server, _templates[server]))
    return _templates[server]


async def prepare_role(server: str) -> None:
    """The role that the program connects as, if the server has none yet."""
    await ordered(
        server,
        f"DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{APP_ROLE}') THEN "
        f"CREATE ROLE {APP_ROLE}; END IF; END $$; ALTER ROLE {APP_ROLE} LOGIN PASSWORD 'app'",
    )


async def _create(server: str, template: str | None) -> str:
    name = f"t{uuid.uuid4().hex[:12]}"
    copied = f' TEMPLATE "{template}" STRATEGY file_copy' if template else ""
    await ordered(server, f'CREATE DATABASE "{name}"{copied}')
    return name


def _address(server: str, name: str) -> str:
    return make_url(server).set(database=name).render_as_string(hide_password=False)


async def ordered(server: str | URL, *statements: str) -> None:
    """Statements one after the other, as the user in the address."""
    plain = make_url(server).set(drivername="postgresql").render_as_string(hide_password=False)
    connection = await asyncpg.connect(plain)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()
