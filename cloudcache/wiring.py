"""The only module that knows everything: settings in, adapters built, services out.

Building opens no connection and starts no thread, because a production server forks after it has imported the
app; `running` does the opening, and the closing at the end.
"""

from __future__ import annotations

import asyncio
import logging
import os
import random
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from starlette.applications import Starlette

from cloudcache import local
from cloudcache.adapters.budget import InMemoryBudget
from cloudcache.adapters.bus import InMemoryBus
from cloudcache.adapters.clock import SystemClock
from cloudcache.adapters.cloudflare.client import CloudflareClient
from cloudcache.adapters.db.engine import check_migration, make_engine, upgrade
from cloudcache.adapters.db.store import SqlStore
from cloudcache.adapters.identity.local import LocalIdentity, Nobody
from cloudcache.adapters.scheduler import Scheduler
from cloudcache.adapters.vault import FernetVault
from cloudcache.config import Settings
from cloudcache.domain.budget import Limits
from cloudcache.domain.errors import CloudcacheError
from cloudcache.domain.secret import Token
from cloudcache.emulator.app import create_app
from cloudcache.emulator.transport import FaultyTransport
from cloudcache.emulator.world import World
from cloudcache.services import Services, use
from cloudcache.services.attention import Attention
from cloudcache.services.credentials import Credentials
from cloudcache.services.customers import Customers
from cloudcache.services.health import Health
from cloudcache.services.reconcile import Reconciler
from cloudcache.services.sweep import Sweep
from cloudcache.services.tasks import Tasks
from cloudcache.services.toggles import Toggles
from cloudcache.services.writing import Writer

log = logging.getLogger("cloudcache")

SWEEP_CALLS_PER_RUN = 100
RECOVER_SECONDS = 15
LOOK_AGAIN_SECONDS = 5
PREPARE_AGAIN_SECONDS = 10
GRACE_SECONDS = 4
"""Reflex gives a lifespan five seconds to end; what is cut off is taken up again under its lease."""


@dataclass(frozen=True, slots=True)
class Wiring:
    """The parts of one process, joined."""

    settings: Settings
    services: Services
    store: SqlStore
    gateway: CloudflareClient
    vault: FernetVault
    tasks: Tasks
    world: World | None
    cloudflare: Starlette | None
    """The pretend Cloudflare, to be mounted beside the pages; None when the real one is used."""

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Prepare the database, take up what was left, run the jobs if this process is to, and close at the end."""
        scheduler = Scheduler()
        preparing = asyncio.create_task(self._prepare_until_done(scheduler))
        try:
            await asyncio.wait({preparing}, timeout=PREPARE_AGAIN_SECONDS)
            yield
        finally:
            preparing.cancel()
            scheduler.stop()
            await self.tasks.stop(GRACE_SECONDS)
            await self.gateway.close()
            await self.store.close()
            if self.world is not None:
                self.world.close()

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[None]:
        """For a command: the database prepared, no jobs; raises `StoreUnavailable` when that fails."""
        try:
            await self.prepare()
            yield
            await self.tasks.idle()
        finally:
            await self.gateway.close()
            await self.store.close()
            if self.world is not None:
                self.world.close()

    async def prepare(self) -> None:
        """Locally the database is made and migrated here; elsewhere it must already be at our migration."""
        if self.settings.is_local:
            self.settings.data_dir.mkdir(parents=True, exist_ok=True)
            await upgrade(self.settings.database_url)
        await check_migration(self.store.engine)
        if self.world is not None:
            await local.seed(self.world, self.store, self.gateway, self.vault, self.services.clock)
            local.answer_like_the_real_one(self.world)

    async def _prepare_until_done(self, scheduler: Scheduler) -> None:
        """A missing or locked database must not end the process: pages say so, and it is tried again."""
        while True:
            try:
                await self.prepare()
                await self._start_jobs(scheduler)
                return
            except (CloudcacheError, OSError) as error:
                log.error("not ready, trying again in %d s: %s", PREPARE_AGAIN_SECONDS, error)
            await asyncio.sleep(PREPARE_AGAIN_SECONDS)

    async def _start_jobs(self, scheduler: Scheduler) -> None:
        services = self.services
        await services.writer.recover()
        scheduler.every(RECOVER_SECONDS, "recover", services.writer.recover)
        if self.settings.sync_in_web:
            scheduler.every(LOOK_AGAIN_SECONDS, "look again", services.attention.look_again)
            scheduler.every_quarter_hour("sweep", services.sweep.run)
        scheduler.start()


def build(settings: Settings) -> Wiring:
    """Join the parts and put their services in use."""
    clock, bus, tasks = SystemClock(), InMemoryBus(), Tasks()
    budget = InMemoryBudget(Limits(), clock)
    world = local.pretend_cloudflare(settings.data_dir / "emulator.db") if settings.uses_emulator else None
    cloudflare = create_app(world) if world else None
    gateway = CloudflareClient(
        "http://emulator/client/v4" if world else settings.cloudflare_url,
        clock,
        on_quota=budget,
        transport=FaultyTransport(cloudflare) if cloudflare else None,
    )
    store = SqlStore(make_engine(settings.database_url))
    vault = FernetVault(settings.secret_keys)
    platform = Token(settings.cloudflare_token) if settings.cloudflare_token else None
    credentials = Credentials(store, vault, platform)
    started = secrets.token_hex(4)
    writer = Writer(
        store,
        gateway,
        budget,
        credentials,
        bus,
        clock,
        tasks,
        owner=lambda: f"{os.getpid()}-{started}",
        chance=random.random,
    )
    reconciler = Reconciler(store, gateway, budget, credentials, bus, clock, batch_read=settings.batch_read)
    sessions = LocalIdentity(settings.environment, settings.secret_keys, clock) if settings.is_local else None
    services = Services(
        toggles=Toggles(store, writer, reconciler, bus, clock, tasks),
        writer=writer,
        reconciler=reconciler,
        attention=Attention(
            store,
            reconciler,
            clock,
            tasks,
            stale_after_ms=settings.stale_seconds * 1000,
            watch_every_ms=settings.watch_seconds * 1000,
        ),
        sweep=Sweep(store, reconciler, calls_per_run=SWEEP_CALLS_PER_RUN),
        customers=Customers(
            store,
            gateway,
            credentials,
            vault,
            clock,
            signin_notes=local.SIGNIN_NOTES if settings.is_local else None,
        ),
        health=Health(
            store,
            gateway,
            credentials,
            lambda: check_migration(store.engine),
            has_platform_token=platform is not None,
        ),
        identity=sessions or Nobody(),
        local_sessions=sessions,
        bus=bus,
        clock=clock,
    )
    use(services)
    return Wiring(settings, services, store, gateway, vault, tasks, world, cloudflare)
