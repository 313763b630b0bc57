"""cloudcache as it runs on several machines, on this one: Postgres, Valkey, the pretend Cloudflare, web and workers.

    async with running_cluster(shops=1_000) as cluster:
        cluster.children["web-1"].kill()

Everything it writes is in a directory of its own, which is gone afterwards.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import shutil
import tempfile
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg
import httpx
from sqlalchemy.engine import make_url

from tests.cluster import parts
from tests.cluster.demo import fill
from tests.cluster.supervisor import Child, Program, Say, until
from tests.load.shops import Fleet
from tests.support.databases import APP_ROLE, restricted
from tests.support.ports import free_port
from tests.support.postgres import initialised
from tests.support.server import ready_to_serve
from tests.support.waiting import SAFETY_NET_S, http_client

START_SECONDS = SAFETY_NET_S


@dataclass
class Cluster:
    """What runs. Addresses are of this machine's loopback."""

    port: int
    database_url: str
    """Of the owner; the program itself connects as a role that may do less."""

    redis_url: str
    cloudflare_url: str
    settings: dict[str, str]
    fleet: Fleet
    say: Say
    logs: Path
    children: dict[str, Child] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    def start(self, *programs: Program) -> list[Child]:
        started = [Child(one, self.logs / f"{one.name}.log", self.say) for one in programs]
        for child in started:
            self.children[child.program.name] = child
            child.start()
        return started

    async def stop(self) -> None:
        """Web and workers first, what they need after them."""
        theirs = [child for name, child in self.children.items() if name.startswith(("web", "worker"))]
        for group in (theirs, [child for child in self.children.values() if child not in theirs]):
            await asyncio.gather(*(child.stop() for child in group))


@contextlib.asynccontextmanager
async def running_cluster(
    *,
    shops: int = 1_000,
    web: int = 2,
    workers: int = 2,
    port: int = 0,
    latency: float = 0.02,
    say: Say = lambda line: None,
    extra: Mapping[str, str] | None = None,
    logs: Path | None = None,
) -> AsyncIterator[Cluster]:
    """All of it, ready to be used; `extra` settings go to web and workers, and the logs are kept in `logs`."""
    with tempfile.TemporaryDirectory(prefix="cloudcache-cluster-", ignore_cleanup_errors=True) as name:
        home = _home(name)
        async with _needs(
            home,
            shops,
            port or free_port(),
            latency,
            say,
            {"CLOUDCACHE_PROCESSES": str(max(1, web + workers)), **(extra or {})},
        ) as cluster:
            directory = contextlib.ExitStack()
            try:
                pages = asyncio.to_thread(directory.enter_context, ready_to_serve(cluster.port))
                served, _ = await asyncio.gather(pages, _ready_to_use(cluster))
                names = [
                    parts.web(f"web-{n + 1}", cluster.port, served, cluster.settings) for n in range(web)
                ]
                names += [parts.worker(f"worker-{n + 1}", cluster.settings) for n in range(workers)]
                await asyncio.gather(*(child.up(START_SECONDS) for child in cluster.start(*names)))
                if web:
                    await _answering(cluster)
                yield cluster
            finally:
                await cluster.stop()
                directory.close()
                if logs is not None:
                    shutil.copytree(cluster.logs, logs, dirs_exist_ok=True)


def _home(name: str) -> Path:
    """Postgres may run as somebody else, and must find its own folder."""
    home = Path(name)
    home.chmod(0o711)
    for folder in ("postgres", "valkey", "logs", "data"):
        (home / folder).mkdir()
    return home


@contextlib.asynccontextmanager
async def _needs(
    home: Path, shops: int, port: int, latency: float, say: Say, extra: Mapping[str, str]
) -> AsyncIterator[Cluster]:
    """What web and workers need, started and on its way up."""
    made = await asyncio.to_thread(initialised, home / "postgres", synchronous_commit="on")
    redis_port, cloudflare_port = free_port(), free_port()
    key = secrets.token_urlsafe(48)
    redis_url = f"redis://127.0.0.1:{redis_port}/0"
    cloudflare_url = f"http://127.0.0.1:{cloudflare_port}"
    settings = {
        "CLOUDCACHE_ENVIRONMENT": "local",
        "CLOUDCACHE_DATA_DIR": str(home / "data"),
        "CLOUDCACHE_SECRET_KEYS": key,
        "CLOUDCACHE_DATABASE_URL": restricted(made.url).replace("+asyncpg", ""),
        "CLOUDCACHE_REDIS_URL": redis_url,
        "CLOUDCACHE_REDIS_ANSWER_SECONDS": "60",  # a busy machine is no lost Redis
        "CLOUDCACHE_CLOUDFLARE_URL": f"{cloudflare_url}/client/v4",
        **extra,
    }
    fleet = Fleet(shops, shops, key)
    cluster = Cluster(port, made.url, redis_url, cloudflare_url, settings, fleet, say, home / "logs")
    cluster.start(
        parts.postgres(made, home / "postgres"),
        parts.valkey(redis_port, home / "valkey"),
        parts.emulator(cloudflare_port, shops, home, latency),
    )
    try:
        yield cluster
    finally:
        await cluster.stop()


async def _ready_to_use(cluster: Cluster) -> None:
    """The database at our migration and with the demo in it; the others answer."""
    await cluster.children["postgres"].up(START_SECONDS)
    await _database(cluster.database_url)
    for name in ("valkey", "cloudflare"):
        await cluster.children[name].up(START_SECONDS)
    await fill(cluster.database_url, cluster.settings["CLOUDCACHE_CLOUDFLARE_URL"], cluster.fleet)


async def owner(url: str) -> asyncpg.Connection:
    """A connection of the database's owner, as soon as there is one to be had."""
    plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    found: list[asyncpg.Connection] = []

    async def connects() -> bool:
        try:
            found.append(await asyncpg.connect(plain))
        except (OSError, asyncpg.PostgresError):
            return False
        return True

    async with asyncio.timeout(START_SECONDS):
        await until(connects)
    return found[0]


async def _database(url: str) -> None:
    """The role that the program connects as; it is there before the tables, which name what it may do with them."""
    connection = await owner(url)
    await connection.execute(f"CREATE ROLE {APP_ROLE} LOGIN PASSWORD 'app'")
    await connection.close()


async def _answering(cluster: Cluster) -> None:
    """Ready is what a browser would call ready: the page comes."""
    async with http_client() as client, asyncio.timeout(START_SECONDS):
        for path in ("/ping", "/readyz", "/signin/"):
            await until(lambda address=cluster.url + path: _is_fine(client, address))


async def _is_fine(client: httpx.AsyncClient, address: str) -> bool:
    try:
        return (await client.get(address)).status_code == 200
    except httpx.HTTPError:
        return False
