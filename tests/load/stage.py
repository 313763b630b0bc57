"""A whole installation for a load test: a pretend Cloudflare on a port, a database full of shops, a web server."""

from __future__ import annotations

import asyncio
import secrets
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
from tests.support.server import RunningApp, running_app


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
        address = self.cloudflare.removesuffix("/client/v4") + "/_emulator/dashboard"
        answer = await client.post(
            address, json={"zone_id": shop.zone, "setting": setting, "value": value}, timeout=30
        )
        answer.raise_for_status()

    async def observed_at(self, customer: int, toggle: str, since: float) -> float | None:
        """When the program first knew of a change made elsewhere after `since`; Unix seconds."""
        query = select(func.min(changes.c.requested_at)).where(
            changes.c.customer_id == customer,
            changes.c.toggle_id == toggle,
            changes.c.status == ChangeStatus.OBSERVED.value,
            changes.c.requested_at >= since * 1000,
        )
        engine = make_engine(self.database_url)
        try:
            async with Database(engine).reading(customer) as connection:
                found = (await connection.execute(query)).scalar()
        finally:
            await engine.dispose()
        return found / 1000 if found is not None else None


@contextmanager
def embedded(
    shops: int, *, accounts: int = 20, latency: float = 0.15, env: Mapping[str, str] | None = None
) -> Iterator[Stage]:
    """The embedded kind: one web process with SQLite, its states in memory and the engine inside."""
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
                **(env or {}),
            }
            with running_app(told) as app:
                yield Stage(app, cloudflare, fleet, database)
