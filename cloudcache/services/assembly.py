"""Joins the services that synchronise with each other; wiring gives them adapters, tests give them what they like."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from cloudcache.domain.budget import Limits
from cloudcache.domain.events import Due
from cloudcache.ports import SILENT, Budget, Bus, Clock, Feeds, Gateway, Store, Telemetry, ZoneQueue
from cloudcache.services.attention import Attention
from cloudcache.services.batch_read import BatchRead
from cloudcache.services.changefeed import ChangeFeed
from cloudcache.services.credentials import Credentials
from cloudcache.services.engine import Engine
from cloudcache.services.pacing import Pacing
from cloudcache.services.reconcile import Reconciler
from cloudcache.services.rollouts import Rollouts
from cloudcache.services.suspensions import Suspensions
from cloudcache.services.tasks import Tasks
from cloudcache.services.timed import TimedChanges
from cloudcache.services.toggles import Toggles
from cloudcache.services.writing import Writer


@dataclass(frozen=True, slots=True)
class Parts:
    """What the synchronising services are made of. `owner` names the process in its leases."""

    store: Store
    queue: ZoneQueue
    feeds: Feeds
    gateway: Gateway
    budget: Budget
    credentials: Credentials
    bus: Bus
    clock: Clock
    tasks: Tasks
    rollouts: Rollouts
    owner: Callable[[], str]
    chance: Callable[[], float]
    batch_read: bool = True
    stale_after_ms: int = 3_600_000
    watch_every_ms: int = 60_000
    audit_log_every_ms: int = 15_000
    limits: Limits = field(default_factory=Limits)
    telemetry: Telemetry = SILENT


@dataclass(frozen=True, slots=True)
class Sync:
    """The services that bring changes to Cloudflare, and its changes here."""

    writer: Writer
    reconciler: Reconciler
    pacing: Pacing
    engine: Engine
    attention: Attention
    toggles: Toggles
    suspensions: Suspensions
    wake: Callable[[], None]
    """There may be something to do: the engines of all processes look."""


def assemble(p: Parts) -> Sync:
    """Make them from their parts."""
    wake = partial(p.bus.tell, Due())
    suspensions = Suspensions(
        p.store, p.gateway, p.credentials, p.budget, p.bus, p.clock, wake, jitter=p.chance
    )
    batch_read = BatchRead(p.store, p.clock, is_allowed=p.batch_read)
    reconciler = Reconciler(
        p.store, p.gateway, p.budget, p.credentials, p.bus, p.clock, batch_read, suspensions
    )
    pacing = Pacing(
        p.queue,
        reconciler,
        p.clock,
        p.limits,
        watch_every_ms=p.watch_every_ms,
        audit_log_every_ms=p.audit_log_every_ms,
        stale_after_ms=p.stale_after_ms,
    )
    changefeed = ChangeFeed(
        p.feeds, p.queue, p.gateway, p.budget, p.credentials, p.clock, owner=p.owner, chance=p.chance
    )
    engine = Engine(
        p.queue,
        p.feeds,
        reconciler,
        changefeed,
        pacing,
        suspensions,
        p.budget,
        p.bus,
        p.clock,
        p.tasks,
        owner=p.owner,
        chance=p.chance,
        token_id=p.credentials.known_id,
    )
    p.bus.listen(Due, lambda _: engine.wake())
    writer = Writer(
        p.store,
        p.queue,
        p.gateway,
        p.budget,
        p.credentials,
        p.bus,
        p.clock,
        p.tasks,
        wake,
        owner=p.owner,
        chance=p.chance,
        telemetry=p.telemetry,
    )
    engine.on_ended(TimedChanges(p.store, writer, p.bus, p.clock).end)
    attention = Attention(
        p.store,
        p.queue,
        reconciler,
        p.bus,
        p.clock,
        p.tasks,
        wake,
        stale_after_ms=p.stale_after_ms,
        blocked_until=lambda credential: p.budget.blocked_until_ms(p.credentials.known_id(credential)),
    )
    toggles = Toggles(
        p.store,
        p.queue,
        writer,
        reconciler,
        p.bus,
        p.clock,
        p.tasks,
        wake,
        p.rollouts,
        telemetry=p.telemetry,
    )
    return Sync(writer, reconciler, pacing, engine, attention, toggles, suspensions, wake)
