"""A whole installation for a load test: a pretend Cloudflare on a port, a database full of shops, web servers.

embedded   one web process: SQLite, states in memory, the engine inside
shared     two web workers behind one port and a sync worker: Postgres, Valkey
"""

from __future__ import annotations

import asyncio
import os
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from sqlalchemy import func, select

from cloudcache.adapters.db.engine import Database, make_engine
from cloudcache.adapters.db.models import changes
from cloudcache.domain.events import ChangeStatus
from tests.bench.engine import pretend_cloudflare
from tests.load.processes import family
from tests.load.shops import Fleet, Shop, fill
from tests.support.postgres import fresh_database, running_postgres
from tests.support.server import RunningApp, running_app
from tests.support.valkey import running_valkey
from tests.support.waiting import SAFETY_NET_S


@dataclass(frozen=True)
class Stage:
    """Where to knock."""

    app: RunningApp
    cloudflare: str
    fleet: Fleet
    database_url: str

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.app.port}"

    @property
    def web(self) -> list[int]:
        """The web server's processes: the one that watches, and the workers."""
        return family(self.app.pid)

    async def dashboard(self, client: httpx.AsyncClient, shop: Shop, setting: str, value: object) -> None:
        """Somebody changes a setting in Cloudflare's own dashboard."""
        order = {"zone_id": shop.zone, "setting": setting, "value": value}
        await self.emulate(client, "dashboard", order)

    async def emulate(self, client: httpx.AsyncClient, control: str, order: dict[str, object]) -> None:
        """Tell the emulated Cloudflare what to do."""
        address = f"{self.cloudflare.removesuffix('/client/v4')}/_emulator/{control}"
        (await client.post(address, json=order, timeout=SAFETY_NET_S)).raise_for_status()

    async def observed_at(self, customer: int, toggle: str, since: float) -> float | None:
        """When the program first knew of a change made elsewhere after `since`; Unix seconds."""
        query = select(func.min(changes.c.settled_at)).where(
            changes.c.customer_id == customer,
            changes.c.toggle_id == toggle,
            changes.c.status == ChangeStatus.OBSERVED.value,
            changes.c.settled_at >= since * 1000,
        )
        engine = make_engine(self.database_url)
        try:
            async with Database(engine).reading(customer) as connection:
                found = (await connection.execute(query)).scalar()
        finally:
            await engine.dispose()
        return found / 1000 if found is not None else None


MANY_TABS = {"CLOUDCACHE_SOCKETS_PER_ADDRESS": "100000"}
"""All tabs of a load test come from one address."""


@contextmanager
def embedded(
    shops: int,
    *,
    accounts: int = 20,
    latency: float = 0.15,
    env: Mapping[str, str] | None = None,
    first: str = "",
) -> Iterator[Stage]:
    """The embedded kind: one web process with SQLite, its states in memory and the engine inside; the statements
    `first` run before it serves."""
    key = secrets.token_hex(24)
    fleet = Fleet(shops, min(accounts, shops), key)
    with tempfile.TemporaryDirectory(prefix="cloudcache-load-") as folder:
        database = f"sqlite:///{Path(folder) / 'load.db'}"
        with pretend_cloudflare(zones=shops, accounts=fleet.accounts, latency=latency) as cloudflare:
            asyncio.run(fill(database, cloudflare, fleet))
            told = {
                "CLOUDCACHE_DATABASE_URL": database,
                "CLOUDCACHE_CLOUDFLARE_URL": cloudflare,
                "CLOUDCACHE_SECRET_KEYS": key,
                **MANY_TABS,
                **(env or {}),
            }
            with running_app(told, first=first) as app:
                yield Stage(app, cloudflare, fleet, database)


@contextmanager
def shared(
    shops: int,
    *,
    accounts: int = 20,
    latency: float = 0.15,
    workers: int = 2,
    env: Mapping[str, str] | None = None,
) -> Iterator[Stage]:
    """The kind for real machines, as many of it as one machine has cores."""
    key = secrets.token_hex(24)
    fleet = Fleet(shops, min(accounts, shops), key)
    with (
        running_postgres() as server,
        fresh_database(server) as database,
        running_valkey() as redis,
        pretend_cloudflare(zones=shops, accounts=fleet.accounts, latency=latency) as cloudflare,
    ):
        asyncio.run(fill(database, cloudflare, fleet))
        told = {
            "CLOUDCACHE_DATABASE_URL": database,
            "CLOUDCACHE_REDIS_URL": redis,
            "CLOUDCACHE_CLOUDFLARE_URL": cloudflare,
            "CLOUDCACHE_SECRET_KEYS": key,
            "CLOUDCACHE_SYNC_IN_WEB": "off",
            **MANY_TABS,
            **(env or {}),
        }
        with _sync_worker(told), running_app(told, workers=workers) as app:
            yield Stage(app, cloudflare, fleet, database)


@contextmanager
def _sync_worker(told: Mapping[str, str]) -> Iterator[None]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CLOUDCACHE_")}
    process = subprocess.Popen(
        [sys.executable, "-m", "cloudcache", "worker"],
        env=environment | told,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        process.terminate()
        process.wait(SAFETY_NET_S)
