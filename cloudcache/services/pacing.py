"""Keeps the pace that the credentials allow: counts what there is every few seconds and plans anew."""

from __future__ import annotations

from dataclasses import replace

from cloudcache.domain.budget import Limits
from cloudcache.domain.freshness import PLAN_EVERY_MS, Pace
from cloudcache.domain.planner import FleetPlan, plan
from cloudcache.ports import Clock, FleetCounts, ZoneQueue
from cloudcache.services.reconcile import Reconciler

PLATFORM_POOL, OWN_POOL = "platform", "own"


class Pacing:
    """The plan in force in this process; every process comes to the same one from the same counts."""

    def __init__(
        self,
        queue: ZoneQueue,
        reconciler: Reconciler,
        clock: Clock,
        limits: Limits,
        *,
        watch_every_ms: int,
        audit_log_every_ms: int,
        stale_after_ms: int,
    ) -> None:
        self._queue = queue
        self._reconciler = reconciler
        self._clock = clock
        self._limits = limits
        self._watch_every_ms = watch_every_ms
        self._audit_log_every_ms = audit_log_every_ms
        self._stale_after_ms = stale_after_ms
        self._planned_at: int | None = None
        self._pace: dict[str, Pace] = {}
        self._unplanned = replace(
            Pace(), watched_ms=watch_every_ms, followed_ms=stale_after_ms, feed_busy_ms=audit_log_every_ms
        )

    async def refresh(self) -> None:
        """Plan anew when the last plan is old, or the clock was set back."""
        now = self._clock.now_ms()
        if self._planned_at is None or not 0 <= now - self._planned_at < PLAN_EVERY_MS:
            fleet, _ = await self.plan()
            self._pace = {one.pool.name: one.pace for one in fleet.pools}
            self._planned_at = now

    async def plan(self) -> tuple[FleetPlan, FleetCounts]:
        """What can be achieved with what there is, and the counts it follows from."""
        counts = await self._queue.across_tenants_counts(self._clock.now_ms())
        fleet = plan(
            counts.pools,
            self._limits,
            self._reconciler.batch_read,
            watch_s=self._watch_every_ms / 1000,
            follow_s=self._stale_after_ms / 1000,
            audit_log_s=self._audit_log_every_ms / 1000,
        )
        return fleet, counts

    def pace(self, *, platform: bool) -> Pace:
        """The pace of one pool."""
        return self._pace.get(PLATFORM_POOL if platform else OWN_POOL, self._unplanned)
