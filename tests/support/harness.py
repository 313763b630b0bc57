"""The harness of tests: a whole cloudcache in one process, with its real services, database and client, and an
emulated Cloudflare.

Time is virtual and moves only when the program sleeps: `FakeClock.sleep` jumps, so nothing here ever waits. The
gateway can be interposed: a script decides what happens around the next calls (a crash, a lost reply).
"""

from __future__ import annotations

import asyncio
import itertools
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

from cloudcache.adapters.budget import InMemoryBudget
from cloudcache.adapters.bus import InMemoryBus
from cloudcache.adapters.cloudflare.client import CloudflareClient
from cloudcache.adapters.db.store import SqlStore
from cloudcache.adapters.vault import EnvelopeVault
from cloudcache.domain.access import Actor, ActorKind
from cloudcache.domain.budget import Limits
from cloudcache.domain.catalog import Read, Toggle, Topology, ZonePlan
from cloudcache.domain.customers import Customer
from cloudcache.domain.errors import Unclear
from cloudcache.domain.events import Observation, ReadResult
from cloudcache.domain.feed import FeedPage, FeedVersion, Window
from cloudcache.domain.ids import JSON, CredentialId, CustomerId, ZoneId
from cloudcache.domain.secret import Token
from cloudcache.emulator.app import create_app
from cloudcache.emulator.transport import FaultyTransport
from cloudcache.emulator.world import Options, World
from cloudcache.local import PERMISSIONS
from cloudcache.ports import (
    SILENT,
    DnsRecord,
    FeedAccess,
    KvAccess,
    Telemetry,
    TokenFacts,
    ZoneAccess,
    ZoneFacts,
)
from cloudcache.services.assembly import Parts, assemble
from cloudcache.services.attention import Attention
from cloudcache.services.credentials import Credentials
from cloudcache.services.engine import Engine
from cloudcache.services.pacing import Pacing
from cloudcache.services.reconcile import Reconciler
from cloudcache.services.rollouts import Rollouts
from cloudcache.services.suspensions import Suspensions
from cloudcache.services.tasks import Tasks
from cloudcache.services.toggles import Toggles
from cloudcache.services.writing import Writer
from tests.support.fake_clock import FakeClock

SHOP = "shop.myshopify.com"
ZONE = ZoneId("0" * 31 + "a")
TOKEN = Token("cfat_rig_0123456789abcdef")


class Crash(BaseException):
    """The process dies here: nothing after it runs."""


Around = Callable[[Callable[[], Awaitable[Observation]]], Awaitable[Observation]]


class Interposed:
    """A gateway whose next writes go through a script, one entry a write."""

    def __init__(self, inner: CloudflareClient, clock: FakeClock) -> None:
        self._inner = inner
        self._clock = clock
        self.script: deque[Around] = deque()

    async def read(self, access: ZoneAccess, read: Read) -> ReadResult:
        seen = await self._inner.read(access, read)
        self._clock.ms += 1
        return seen

    async def write(self, access: ZoneAccess, toggle: Toggle, value: JSON) -> Observation:
        async def really() -> Observation:
            seen = await self._inner.write(access, toggle, value)
            self._clock.ms += 1
            return seen

        return await (self.script.popleft()(really) if self.script else really())

    async def zone(self, access: ZoneAccess) -> ZoneFacts:
        return await self._inner.zone(access)

    async def changes(self, access: FeedAccess, version: FeedVersion, window: Window) -> FeedPage:
        page = await self._inner.changes(access, version, window)
        self._clock.ms += 1
        return page

    async def zones(self, token: Token, limit: int) -> list[tuple[ZoneId, ZoneFacts]]:
        return await self._inner.zones(token, limit)

    async def dns(self, access: ZoneAccess, hostname: str) -> list[DnsRecord]:
        return await self._inner.dns(access, hostname)

    async def may_edit(self, access: ZoneAccess, toggle: Toggle) -> bool:
        return await self._inner.may_edit(access, toggle)

    async def kv_value(self, access: KvAccess, key: str) -> str | None:
        return await self._inner.kv_value(access, key)

    async def verify(self, token: Token) -> TokenFacts:
        return await self._inner.verify(token)

    async def close(self) -> None:
        await self._inner.close()


async def crash_before(really: Callable[[], Awaitable[Observation]]) -> Observation:
    """The process dies with the call not made."""
    raise Crash


async def crash_after(really: Callable[[], Awaitable[Observation]]) -> Observation:
    """The process dies with the change made and its answer not read."""
    await really()
    raise Crash


async def lost_reply(really: Callable[[], Awaitable[Observation]]) -> Observation:
    """The change is made; the answer never comes."""
    await really()
    raise Unclear("timed out")


async def lost_request(really: Callable[[], Awaitable[Observation]]) -> Observation:
    """Nothing arrives, but nobody can know that."""
    raise Unclear("timed out")


def meanwhile(first: Callable[[], Awaitable[None]], *, before: bool) -> Around:
    """Somebody else acts while this write is under way: before it lands, or before its answer is read."""

    async def around(really: Callable[[], Awaitable[Observation]]) -> Observation:
        if before:
            await first()
            return await really()
        seen = await really()
        await first()
        return seen

    return around


class CrashingTasks(Tasks):
    """Background work in which a `Crash` ends that task silently, as the death of a process would."""

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if not task.cancelled():
            error = task.exception()
            if error is not None and not isinstance(error, Crash):
                self.failures.append(error)

    def __init__(self) -> None:
        super().__init__()
        self.failures: list[BaseException] = []


@dataclass
class Process:
    """One worker process: its own writer, engine, locks and tasks; database and Cloudflare are shared."""

    name: str
    toggles: Toggles
    writer: Writer
    reconciler: Reconciler
    attention: Attention
    engine: Engine
    pacing: Pacing
    tasks: CrashingTasks
    store: SqlStore
    suspensions: Suspensions

    async def settle(self, turns: int = 20) -> None:
        """Let the engine do all that is due."""
        for _ in range(turns):
            self.engine.wake()
            taken = await self.engine.turn()
            await self.tasks.idle()
            if not taken:
                return
        raise AssertionError("the engine does not come to rest")


@dataclass
class Harness:
    """Everything a test needs; `process()` makes another worker on the same database and zone."""

    store: SqlStore
    world: World
    clock: FakeClock
    gateway: Interposed
    budget: InMemoryBudget
    bus: InMemoryBus
    credentials: Credentials
    customer: Customer
    rollouts: Rollouts
    names: itertools.count = field(default_factory=itertools.count)
    telemetry: Telemetry = SILENT

    @property
    def owner(self) -> Actor:
        return merchant(self.customer.id)

    def process(self, *, batch_read: bool = True) -> Process:
        name = f"process-{next(self.names)}"
        tasks = CrashingTasks()
        parts = Parts(
            self.store,
            self.store,
            self.store,
            self.gateway,
            self.budget,
            self.credentials,
            self.bus,
            self.clock,
            tasks,
            self.rollouts,
            owner=lambda: name,
            chance=lambda: 0.5,
            batch_read=batch_read,
            telemetry=self.telemetry,
        )
        sync = assemble(parts)
        return Process(
            name,
            sync.toggles,
            sync.writer,
            sync.reconciler,
            sync.attention,
            sync.engine,
            sync.pacing,
            tasks,
            self.store,
            sync.suspensions,
        )

    async def facts(self, zone: str, name: str) -> tuple[ZoneId, ZoneFacts]:
        """One more zone at Cloudflare, in the same account, as a customer is added with."""
        self.world.add_zone(zone, name, "acc", "pro")
        return ZoneId(zone), ZoneFacts(name, ZonePlan.PRO, "acc", "acc")

    async def close(self) -> None:
        await self.gateway.close()
        await self.store.close()
        self.world.close()


def merchant(customer: CustomerId) -> Actor:
    """The owner of a customer's shop."""
    return Actor(ActorKind.MERCHANT, f"owner of {customer}", customer)


async def build_harness(
    store: SqlStore,
    *,
    plan: str = "enterprise",
    topology: Topology = Topology.PROXIED,
    permissions: frozenset[str] = PERMISSIONS,
    options: Options | None = None,
    state: Path | None = None,
    limits: Limits | None = None,
    telemetry: Telemetry = SILENT,
    again: bool = False,
) -> Harness:
    """A harness with one customer on `plan`, registered and never read; `again`, when the database has it already."""
    clock = FakeClock()
    world = World(options or Options(token_budget=1_000_000), clock=clock.now_s, path=state)
    world.add_account("acc", "acc")
    world.add_zone(ZONE, "shop.example", "acc", plan)
    world.add_token(TOKEN.reveal(), kind="account", accounts=("acc",), zones=None, permissions=permissions)
    budget = InMemoryBudget(limits or Limits(), clock)
    client = CloudflareClient(
        "http://emulator/client/v4",
        clock,
        on_quota=budget,
        transport=FaultyTransport(create_app(world)),
        calls_per_second=0,  # time is virtual here
        telemetry=telemetry,
    )
    vault = EnvelopeVault(["k" * 40])
    credential = CredentialId("c1")
    if again:
        customer = await store.customer_of_shop(SHOP)
    else:
        await store.add_credential(credential, vault.seal(TOKEN, credential), "token", now=clock.ms)
        facts = ZoneFacts("shop.example", ZonePlan.named(plan), "acc", "acc")
        customer = await store.add_customer(SHOP, ZONE, facts, topology, credential, now=clock.ms)
    credentials = Credentials(store, vault, None)
    rollouts = Rollouts(store, clock, "local")
    gateway = Interposed(client, clock)
    bus = InMemoryBus()
    return Harness(
        store, world, clock, gateway, budget, bus, credentials, customer, rollouts, telemetry=telemetry
    )
