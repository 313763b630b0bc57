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
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from starlette.applications import Starlette

from cloudcache import local
from cloudcache.adapters.clock import SystemClock
from cloudcache.adapters.cloudflare.client import CloudflareClient
from cloudcache.adapters.db.engine import make_engine
from cloudcache.adapters.db.measured import measure
from cloudcache.adapters.db.migrations import check_migration, is_migrated, upgrade
from cloudcache.adapters.db.roles import check_role
from cloudcache.adapters.db.store import SqlStore
from cloudcache.adapters.db.tables import check_tables
from cloudcache.adapters.identity.local import LocalIdentity, Nobody
from cloudcache.adapters.measured_budget import MeasuredBudget
from cloudcache.adapters.prometheus import PrometheusTelemetry, watch_loop
from cloudcache.adapters.scheduler import Scheduler
from cloudcache.adapters.scrape import Scrape
from cloudcache.adapters.shopify.client import ShopifyClient
from cloudcache.adapters.storefront.client import StorefrontClient
from cloudcache.adapters.tracing import Tracing, tracing
from cloudcache.adapters.vault import EnvelopeVault
from cloudcache.config import ConfigError, Settings
from cloudcache.domain.errors import CloudcacheError
from cloudcache.domain.secret import Token
from cloudcache.emulator.app import create_app
from cloudcache.emulator.transport import FaultyTransport
from cloudcache.emulator.world import World
from cloudcache.outsiders import (
    oauth_client,
    pretend_shopify,
    shopify_client,
    staff_identity,
    storefront_client,
)
from cloudcache.ports import StaffCookie, StaffSignIn
from cloudcache.services import Services, use
from cloudcache.services.assembly import Parts, assemble
from cloudcache.services.auditing import Auditing
from cloudcache.services.connecting import Connecting
from cloudcache.services.credentials import Credentials
from cloudcache.services.customers import Customers
from cloudcache.services.health import Health
from cloudcache.services.importing import Importing
from cloudcache.services.merchants import Merchants
from cloudcache.services.onboarding import Onboarding
from cloudcache.services.readiness import Readiness
from cloudcache.services.report import Reports
from cloudcache.services.rollouts import Rollouts
from cloudcache.services.scripts import Scripts
from cloudcache.services.sign_outs import SignOuts
from cloudcache.services.storefront import StorefrontChecks
from cloudcache.services.support import Support
from cloudcache.services.tasks import Tasks
from cloudcache.services.webhooks import Webhooks
from cloudcache.shared import Shared, share
from cloudcache.shopify_emulator.app import create_app as create_shopify
from cloudcache.web import ops
from cloudcache.web.listener import listen

log = logging.getLogger("cloudcache")

TICK_SECONDS = 1
RECOVER_SECONDS = 5
KEEP_SECONDS = 5
STILL_OPEN_SECONDS = 30
FORGET_SECONDS = 600
DELIVERIES_SECONDS = 5
WAITING_MS = 3_600_000
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
    vault: EnvelopeVault
    tasks: Tasks
    shared: Shared
    world: World | None
    cloudflare: Starlette | None
    """The pretend Cloudflare, to be mounted beside the pages; None when the real one is used."""
    shopify: Starlette | None
    """The pretend Shopify, likewise."""
    shopify_client: ShopifyClient
    storefront: StorefrontClient
    staff_cookie: StaffCookie | None
    staff_sign_in: StaffSignIn | None
    telemetry: PrometheusTelemetry
    scrape: Scrape

    @asynccontextmanager
    async def running(
        self, *, sync: bool | None = None, grace_s: float = GRACE_SECONDS
    ) -> AsyncIterator[None]:
        """Prepare the database, take up what was left, run the engine if this process is to (`sync`; by default as
        the settings say), and close at the end, giving what is under way `grace_s` seconds."""
        scheduler = Scheduler(self.telemetry)
        self.shared.start()
        with_engine = self.settings.sync_in_web if sync is None else sync
        async with self._observed():
            preparing = asyncio.create_task(self._prepare_until_done(scheduler, with_engine))
            try:
                await asyncio.wait({preparing}, timeout=PREPARE_AGAIN_SECONDS)
                yield
            finally:
                self.services.readiness.drain()
                preparing.cancel()
                scheduler.stop()
                await self.services.engine.drain(grace_s)
                await self._close()

    def traced(self, role: str) -> Tracing | None:
        """From now on every step goes to the collector that the environment names; None when it names none."""
        found = tracing(os.environ, role)
        self.telemetry.trace_with(found.span if found else None)
        return found

    @asynccontextmanager
    async def _observed(self) -> AsyncIterator[None]:
        """The process's own port, from before anything is prepared until after all is drained."""
        address = self.settings.metrics_address
        server = await listen(*address, ops.answering(self.scrape.text)) if address else None
        lateness = asyncio.create_task(watch_loop(self.telemetry))
        try:
            yield
        finally:
            lateness.cancel()
            if server is not None:
                server.close()

    async def _close(self) -> None:
        await self.shared.close()
        await self.gateway.close()
        await self.shopify_client.close()
        await self.storefront.close()
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
            await self._close()

    async def prepare(self) -> None:
        """Locally the database is made and migrated here; elsewhere it must already be at our migration."""
        if self.settings.is_local:
            self.settings.data_dir.mkdir(parents=True, exist_ok=True)
            if not await is_migrated(self.store.engine):
                await upgrade(self.settings.database_url)
        await check_database(self.settings, self.store)
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
                log.error(
                    "not ready, trying again in %d s: %s",
                    PREPARE_AGAIN_SECONDS,
                    error,
                    extra={"event": "not_ready"},
                )
            await asyncio.sleep(PREPARE_AGAIN_SECONDS)

    async def _start_jobs(self, scheduler: Scheduler, with_engine: bool) -> None:
        services = self.services
        await services.writer.recover()
        scheduler.every(RECOVER_SECONDS, "recover", services.writer.recover)
        scheduler.every(KEEP_SECONDS, "keep what is being delivered", services.writer.keep)
        scheduler.every(STILL_OPEN_SECONDS, "still open", services.attention.still_open)
        scheduler.every(DELIVERIES_SECONDS, "webhooks", services.webhooks.work)
        scheduler.every(FORGET_SECONDS, "forget what is over", self._forget)
        if with_engine:
            self._start_engine(scheduler)
        scheduler.start()

    async def _forget(self) -> None:
        """Answers given to scripts more than a day ago, and tokens nobody came back for."""
        await self.services.scripts.forget()
        await self.store.forget_waiting(self.services.clock.now_ms() - WAITING_MS)

    def _start_engine(self, scheduler: Scheduler) -> None:
        """The freshness engine of this process; the scheduler only wakes it."""
        engine = self.services.engine
        self.tasks.spawn(engine.run(), "freshness engine")
        scheduler.every(TICK_SECONDS, "engine tick", engine.tick)
        scheduler.every(FORGET_SECONDS, "forget yesterday's feed lines", engine.forget)
        engine.wake()


async def check_database(settings: Settings, store: SqlStore) -> None:
    """Whether it is at our migration with all tables and, outside the local environment, binds us to row-level
    security."""
    await check_migration(store.engine)
    await check_tables(store.engine)
    if not settings.is_local:
        await check_role(store.engine)


def _store(settings: Settings, telemetry: PrometheusTelemetry) -> SqlStore:
    try:
        engine = make_engine(settings.database_url, settings.database_pool)
    except ValueError as error:
        raise ConfigError(f"CLOUDCACHE_DATABASE_URL: {error}") from None
    measure(engine, telemetry, settings.database_pool)
    return SqlStore(engine, telemetry)


def build(settings: Settings, origins: Callable[[], Sequence[str]] | None = None) -> Wiring:
    """Join the parts and put their services in use. `origins` are those of our own pages."""
    telemetry = PrometheusTelemetry()
    clock, tasks = SystemClock(), Tasks(telemetry)
    started = secrets.token_hex(4)

    def owner() -> str:
        return f"{os.getpid()}-{started}"

    shared = share(settings, clock, owner)
    bus, budget = shared.bus, MeasuredBudget(shared.budget, telemetry, clock)
    world = local.pretend_cloudflare(settings.data_dir / "emulator.db") if settings.uses_emulator else None
    cloudflare = create_app(world) if world else None
    gateway = CloudflareClient(
        "http://emulator/client/v4" if world else settings.cloudflare_url,
        clock,
        on_quota=budget,
        transport=FaultyTransport(cloudflare) if cloudflare else None,
        telemetry=telemetry,
        pace=shared.pace,
    )
    store = _store(settings, telemetry)
    vault = EnvelopeVault(settings.secret_keys)
    platform = Token(settings.cloudflare_token) if settings.cloudflare_token else None
    oauth = oauth_client(settings, clock)
    credentials = Credentials(store, vault, platform, clock, oauth, owner)
    rollouts = Rollouts(store, clock, settings.environment)
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
        rollouts,
        owner=owner,
        chance=random.random,
        batch_read=settings.batch_read,
        stale_after_ms=settings.stale_seconds * 1000,
        watch_every_ms=settings.watch_seconds * 1000,
        audit_log_every_ms=settings.audit_log_seconds * 1000,
        telemetry=telemetry,
        limits=shared.limits,
    )
    sync = assemble(parts)
    storefront = storefront_client(settings, world)
    sessions = LocalIdentity(settings.environment, settings.secret_keys, clock) if settings.is_local else None
    pretend = pretend_shopify(settings)
    shopify_app = create_shopify(pretend) if pretend else None
    shopify = shopify_client(settings, clock, shopify_app)
    staff, cookie, sign_in = staff_identity(settings, clock)
    roles = settings.staff_roles | (local.STAFF if settings.is_local else {})
    reports = Reports(store, store, sync.pacing, clock, people=store)
    readiness = Readiness(
        {"database": lambda: check_database(settings, store)},
        {"redis": shared.redis.connection.check} if shared.redis else None,
    )
    telemetry.watch("redis_up", lambda: float(shared.is_whole))
    services = Services(
        toggles=sync.toggles,
        writer=sync.writer,
        reconciler=sync.reconciler,
        attention=sync.attention,
        storefront=StorefrontChecks(storefront, store, store, bus, clock, tasks, rollouts),
        engine=sync.engine,
        pacing=sync.pacing,
        reports=reports,
        customers=Customers(
            store,
            gateway,
            credentials,
            sync.suspensions,
            clock,
            people=store,
            signin_notes=local.SIGNIN_NOTES if settings.is_local else None,
        ),
        onboarding=Onboarding(store, credentials, clock, is_local=settings.is_local),
        credentials=credentials,
        connecting=Connecting(
            store,
            store,
            gateway,
            credentials,
            vault,
            budget,
            bus,
            clock,
            sync.wake,
            rollouts,
            sync.suspensions,
            oauth,
        ),
        merchants=Merchants(shopify, store, store, store, vault, clock, tasks, owner),
        scripts=Scripts(store, clock, rollouts, bus),
        support=Support(store, store, store, clock, roles),
        auditing=Auditing(store),
        rollouts=rollouts,
        importing=Importing(store, store, gateway, gateway, budget, credentials, sync.toggles, bus, clock),
        webhooks=Webhooks(shopify, store, store, store, bus, clock, telemetry),
        health=Health(
            store,
            gateway,
            credentials,
            lambda: check_database(settings, store),
            shared.redis.connection.check if shared.redis else None,
            has_platform_token=platform is not None,
        ),
        readiness=readiness,
        identity=sessions or Nobody(),
        staff=staff,
        local_sessions=sessions,
        sign_outs=SignOuts(bus),
        limits=shared.limiter,
        bus=bus,
        clock=clock,
        support_address=settings.support_address,
        telemetry=telemetry,
        origins=origins or (lambda: [settings.public_url] if settings.public_url else []),
    )
    use(services)
    return Wiring(
        settings,
        services,
        store,
        gateway,
        vault,
        tasks,
        shared,
        world,
        cloudflare,
        shopify_app,
        shopify,
        storefront,
        cookie,
        sign_in,
        telemetry,
        Scrape(telemetry, reports, rollouts, lambda: sync.engine.tally, readiness, clock),
    )
