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
from cloudcache.services.assembly import Parts, assemble
from cloudcache.services.credentials import Credentials
from cloudcache.services.customers import Customers
from cloudcache.services.health import Health
from cloudcache.services.report import Reports
from cloudcache.services.tasks import Tasks

log = logging.getLogger("cloudcache")

TICK_SECONDS = 1
RECOVER_SECONDS = 15
STILL_OPEN_SECONDS = 30
FORGET_SECONDS = 600
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
    async def running(
        self, *, sync: bool | None = None, grace_s: float = GRACE_SECONDS
    ) -> AsyncIterator[None]:
        """Prepare the database, take up what was left, run the engine if this process is to (`sync`; by default as
        the settings say), and close at the end, giving what is under way `grace_s` seconds."""
        scheduler = Scheduler()
        with_engine = self.settings.sync_in_web if sync is None else sync
        preparing = asyncio.create_task(self._prepare_until_done(scheduler, with_engine))
        try:
            await asyncio.wait({preparing}, timeout=PREPARE_AGAIN_SECONDS)
            yield
        finally:
            preparing.cancel()
            scheduler.stop()
            await self.services.engine.drain(grace_s)
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
            await local.seed(
                self.world, self.store, self.store, self.gateway, self.vault, self.services.clock
            )
            local.answer_like_the_real_one(self.world)

    async def _prepare_until_done(self, scheduler: Scheduler, with_engine: bool) -> None:
        """A missing or locked database must not end the process: pages say so, and it is tried again."""
        while True:
            try:
                await self.prepare()
                await self._start_jobs(scheduler, with_engine)
                return
            except (CloudcacheError, OSError) as error:
                log.error("not ready, trying again in %d s: %s", PREPARE_AGAIN_SECONDS, error)
            await asyncio.sleep(PREPARE_AGAIN_SECONDS)

    async def _start_jobs(self, scheduler: Scheduler, with_engine: bool) -> None:
        services = self.services
        await services.writer.recover()
        scheduler.every(RECOVER_SECONDS, "recover", services.writer.recover)
        scheduler.every(STILL_OPEN_SECONDS, "still open", services.attention.still_open)
        if with_engine:
            self._start_engine(scheduler)
        scheduler.start()

    def _start_engine(self, scheduler: Scheduler) -> None:
        """The freshness engine of this process; the scheduler only wakes it."""
        engine = self.services.engine
        self.tasks.spawn(engine.run(), "freshness engine")
        scheduler.every(TICK_SECONDS, "engine tick", engine.tick)
        scheduler.every(FORGET_SECONDS, "forget yesterday's feed lines", engine.forget)
        engine.wake()


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
    parts = Parts(
        store,
        store,
        store,
        gateway,
        budget,
        credentials,
        bus,
        clock,
        tasks,
        owner=lambda: f"{os.getpid()}-{started}",
        chance=random.random,
        batch_read=settings.batch_read,
        stale_after_ms=settings.stale_seconds * 1000,
        watch_every_ms=settings.watch_seconds * 1000,
    )
    sync = assemble(parts)
    sessions = LocalIdentity(settings.environment, settings.secret_keys, clock) if settings.is_local else None
    services = Services(
        toggles=sync.toggles,
        writer=sync.writer,
        reconciler=sync.reconciler,
        attention=sync.attention,
        engine=sync.engine,
        pacing=sync.pacing,
        reports=Reports(store, store, sync.pacing, clock),
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
