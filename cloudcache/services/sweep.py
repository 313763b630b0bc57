"""The safety net: the stalest zones are read again in what the budget leaves, a limited number of calls a run."""

from __future__ import annotations

import logging

from cloudcache.domain.budget import CallClass
from cloudcache.ports import Store
from cloudcache.services.reconcile import Reconciler

log = logging.getLogger("cloudcache.sweep")


class Sweep:
    """Woken every 15 minutes."""

    def __init__(self, store: Store, reconciler: Reconciler, *, calls_per_run: int) -> None:
        self._store = store
        self._reconciler = reconciler
        self._calls_per_run = calls_per_run

    async def run(self) -> int:
        """Read the stalest zones whole, until the next one would exceed the run's calls; returns the calls made."""
        used = largest = 0
        for customer in await self._store.across_tenants_stalest(self._calls_per_run):
            if used + max(largest, 1) > self._calls_per_run:
                break
            calls = await self._reconciler.zone(customer, CallClass.SWEEP)
            used, largest = used + calls, max(largest, calls)
        log.info("sweep: %d calls", used)
        return used
