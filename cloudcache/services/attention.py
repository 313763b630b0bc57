"""Pages that somebody looks at are read first: at once when they open with old values, then every minute.

Nothing here blocks a page, and the budget keeps it within the share of watched reads.
"""

from __future__ import annotations

from collections import Counter

from cloudcache.domain.access import Action, Actor, require
from cloudcache.domain.budget import CallClass
from cloudcache.domain.catalog import TOGGLES
from cloudcache.domain.customers import Page, ZoneStatus
from cloudcache.domain.ids import CustomerId
from cloudcache.ports import Clock, Store
from cloudcache.services.reconcile import Reconciler
from cloudcache.services.tasks import Tasks


class Attention:
    """Who is being looked at in this process."""

    def __init__(
        self,
        store: Store,
        reconciler: Reconciler,
        clock: Clock,
        tasks: Tasks,
        *,
        stale_after_ms: int,
        watch_every_ms: int,
    ) -> None:
        self._store = store
        self._reconciler = reconciler
        self._clock = clock
        self._tasks = tasks
        self._stale_after_ms = stale_after_ms
        self._watch_every_ms = watch_every_ms
        self._open: Counter[CustomerId] = Counter()

    async def opened(self, actor: Actor, customer: CustomerId) -> None:
        """A page opened: its zone is read in the background when a value is too old or was never read."""
        require(actor, Action.VIEW, customer)
        self._open[customer] += 1
        now = self._clock.now_ms()
        await self._store.viewed(customer, now=now)
        page = await self._store.page(customer)
        if page.customer.status is ZoneStatus.ACTIVE and self._is_stale(page, now):
            self._read(customer)

    def closed(self, customer: CustomerId) -> None:
        """A page closed; the last one lets go of the zone's priority."""
        self._open[customer] -= 1
        if self._open[customer] <= 0:
            del self._open[customer]

    def progress(self, customer: CustomerId) -> tuple[int, int] | None:
        """Calls done and in all while the zone is being read."""
        return self._reconciler.progress(customer)

    async def look_again(self) -> int:
        """Read every watched zone not looked at for a minute; returns how many. Called every few seconds."""
        due = [
            customer
            for customer in self._open
            if self._clock.now_ms() - self._reconciler.looked_at(customer) >= self._watch_every_ms
            and self._reconciler.progress(customer) is None
        ]
        for customer in due:
            self._read(customer)
        return len(due)

    def _is_stale(self, page: Page, now: int) -> bool:
        if len(page.cells) < len(TOGGLES):
            return True
        oldest = min(cell.seen_at or 0 for cell in page.cells.values())
        return now - oldest >= self._stale_after_ms

    def _read(self, customer: CustomerId) -> None:
        self._tasks.spawn(self._read_zone(customer), f"read watched customer {customer}")

    async def _read_zone(self, customer: CustomerId) -> None:
        await self._reconciler.zone(customer, CallClass.WATCHED)
