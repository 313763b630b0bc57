"""What an operator asks: how fresh are we, what could be achieved, what drifted, and what must be mended."""

from __future__ import annotations

from dataclasses import dataclass

from cloudcache.domain.access import Actor, require_administrator
from cloudcache.domain.breaker import CircuitBreaker
from cloudcache.domain.customers import Page
from cloudcache.domain.events import Change
from cloudcache.domain.freshness import DAY_MS
from cloudcache.domain.planner import FleetPlan
from cloudcache.ports import (
    AgeCounts,
    Clock,
    Drift,
    FleetCounts,
    Parked,
    Pending,
    People,
    QueueDepth,
    Store,
    ZoneQueue,
)
from cloudcache.services.naming import customer_named
from cloudcache.services.pacing import Pacing

MOST_CHANGES = 500


@dataclass(frozen=True, slots=True)
class Freshness:
    """How fresh the fleet is and could be."""

    at: int
    plan: FleetPlan
    counts: FleetCounts
    depth: QueueDepth
    ages: AgeCounts
    pending: Pending
    breakers: tuple[CircuitBreaker, ...] = ()
    """The open ones."""


@dataclass(frozen=True, slots=True)
class FleetReport:
    """All zones: freshness, drift since some time, and what is parked."""

    freshness: Freshness
    since: int
    drift: Drift
    parked: tuple[Parked, ...]


@dataclass(frozen=True, slots=True)
class ZoneReport:
    """One zone: what is held of it, and what was changed elsewhere since some time."""

    at: int
    since: int
    page: Page
    changes: tuple[Change, ...]


class Reports:
    """Reads only; for commands, metrics and staff."""

    def __init__(
        self, store: Store, queue: ZoneQueue, pacing: Pacing, clock: Clock, *, people: People
    ) -> None:
        self._store = store
        self._queue = queue
        self._pacing = pacing
        self._clock = clock
        self._people = people

    async def freshness(self, actor: Actor) -> Freshness:
        """What the credentials can buy, and how things stand."""
        require_administrator(actor)
        now = self._clock.now_ms()
        plan, counts = await self._pacing.plan()
        depth = await self._queue.across_tenants_depth(now)
        ages = await self._queue.across_tenants_ages(now)
        pending = await self._queue.across_tenants_pending(now)
        breakers = tuple(await self._store.open_breakers())
        return Freshness(now, plan, counts, depth, ages, pending, breakers)

    async def fleet(self, actor: Actor, days: float = 1.0, limit: int = 10) -> FleetReport:
        """All zones, with the outside changes of the last days."""
        require_administrator(actor)
        since = self._clock.now_ms() - int(days * DAY_MS)
        return FleetReport(
            await self.freshness(actor),
            since,
            await self._queue.across_tenants_drift(since, limit),
            tuple(await self._queue.across_tenants_parked(limit)),
        )

    async def zone(self, actor: Actor, shop: str, days: float = 1.0) -> ZoneReport:
        """One zone, with the outside changes of the last days."""
        require_administrator(actor)
        now = self._clock.now_ms()
        since = now - int(days * DAY_MS)
        customer = await customer_named(self._store, self._people, shop)
        history = await self._store.history(customer.id, MOST_CHANGES)
        outside = [one for one in history if one.is_outside and one.requested_at >= since]
        return ZoneReport(now, since, await self._store.page(customer.id), tuple(outside))
