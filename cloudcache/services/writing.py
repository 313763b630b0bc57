"""Delivers stored changes in the background, adopts those of dead processes, and keeps their leases.

How one change is delivered is in `delivery.py`. A process that dies leaves its changes under a lease; when that runs
out another process adopts them.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from cloudcache import logs
from cloudcache.domain.catalog import Toggle
from cloudcache.domain.customers import Customer
from cloudcache.domain.errors import NotFound, StoreUnavailable
from cloudcache.domain.events import Answered, Change
from cloudcache.domain.ids import ChangeId, CustomerId, ToggleId
from cloudcache.ports import (
    SILENT,
    Budget,
    Bus,
    Clock,
    Gateway,
    Store,
    Telemetry,
    ZoneQueue,
)
from cloudcache.services.breakers import Breakers
from cloudcache.services.credentials import Credentials
from cloudcache.services.delivery import Delivery
from cloudcache.services.settlement import Desk
from cloudcache.services.sleepers import Sleepers
from cloudcache.services.tasks import Tasks

log = logging.getLogger("cloudcache.writing")

LEASE_MS = 20_000
"""How long after its process's death a change is adopted. While it lives the lease is renewed every few seconds
(`keep`), however long the wait; a process that was frozen meanwhile finds its change settled, and reads."""


@dataclass
class Turn:
    """The lock of one toggle, and how many hold or want it."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    waiting: int = 0


class Writer:
    """Delivers changes. One per process; `owner` names the process in the leases."""

    def __init__(
        self,
        store: Store,
        queue: ZoneQueue,
        gateway: Gateway,
        budget: Budget,
        credentials: Credentials,
        bus: Bus,
        clock: Clock,
        tasks: Tasks,
        wake: Callable[[], None],
        *,
        owner: Callable[[], str],
        chance: Callable[[], float],
        telemetry: Telemetry = SILENT,
    ) -> None:
        self._telemetry = telemetry
        self._store = store
        self._bus = bus
        self._clock = clock
        self._tasks = tasks
        self._owner = owner
        self._breakers = Breakers(store, credentials, clock)
        self._sleepers = Sleepers(clock)
        self._delivering: set[ChangeId] = set()
        self._turns: dict[tuple[CustomerId, ToggleId], Turn] = {}
        self._desk = Desk(
            store,
            queue,
            gateway,
            budget,
            credentials,
            self._breakers,
            bus,
            clock,
            self._sleepers,
            wake,
            owner,
            self.lease,
            chance,
            self._turn,
        )
        bus.listen(Answered, lambda news: self._sleepers.wake(news.customer))

    @property
    def owner(self) -> str:
        """This process's name in the leases; asked for late, because a server forks after it was wired."""
        return self._owner()

    def lease(self) -> int:
        """The end of a lease taken now."""
        return self._clock.now_ms() + LEASE_MS

    async def is_refused(self, customer: Customer, toggle: Toggle) -> bool:
        """Return whether a circuit breaker keeps changes of this toggle from being sent now."""
        return await self._breakers.refuses(customer, toggle)

    def submit(self, change: Change, *, is_adopted: bool = False) -> None:
        """Deliver it in the background; the outcome reaches the pages through live updates."""
        if change.id not in self._delivering:
            self._delivering.add(change.id)
            self._tasks.spawn(
                self._deliver_safely(change, is_adopted=is_adopted), f"deliver change {change.id}"
            )

    async def recover(self, limit: int = 100) -> int:
        """Adopt changes whose process died; returns how many. Called at start and every few seconds."""
        adopted = await self._store.adopt(
            now=self._clock.now_ms(), owner=self.owner, lease_until=self.lease(), limit=limit
        )
        for change in adopted:
            self.submit(change, is_adopted=True)
        return len(adopted)

    async def keep(self) -> None:
        """Renew the leases of what is being delivered here. Called every few seconds; a dead process cannot."""
        if self._delivering:
            await self._store.keep(sorted(self._delivering), owner=self.owner, lease_until=self.lease())

    async def _deliver_safely(self, change: Change, *, is_adopted: bool) -> None:
        logs.know(customer=change.customer, change=change.id)  # in a task of its own
        try:
            with self._telemetry.span("deliver a wish"):
                await Delivery(self._desk, change, is_adopted=is_adopted).run()
        except StoreUnavailable as error:
            # The change stays pending; its lease runs out and recovery takes it up again.
            log.error(
                "change %s waits for the database: %s", change.id, error, extra={"event": "write_waits"}
            )
        except NotFound:
            if not await self._is_erased(change.customer):
                raise
            log.info("change %s ends with its customer, who was erased", change.id)
        finally:
            self._delivering.discard(change.id)
            self._bus.hint(change.customer)

    async def _is_erased(self, customer: CustomerId) -> bool:
        try:
            await self._store.revision(customer)
        except NotFound:
            return True
        return False

    @asynccontextmanager
    async def _turn(self, change: Change) -> AsyncIterator[None]:
        """One write per toggle at a time in this process, so Cloudflare sees them in the order of their numbers."""
        key = (change.customer, change.toggle)
        turn = self._turns.setdefault(key, Turn())
        turn.waiting += 1
        try:
            async with turn.lock:
                yield
        finally:
            turn.waiting -= 1
            if not turn.waiting:
                del self._turns[key]
