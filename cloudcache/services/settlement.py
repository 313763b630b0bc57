"""What every way of ending a change needs: the collaborators of a delivery, and the outcomes it may write."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass, replace
from enum import Enum, auto

from cloudcache.domain.budget import CallClass, Lane
from cloudcache.domain.catalog import BY_ID, Toggle
from cloudcache.domain.customers import Customer
from cloudcache.domain.errors import LeaseLost, Reason
from cloudcache.domain.events import Change, Observation
from cloudcache.domain.freshness import NEVER, Urgency
from cloudcache.domain.ids import JSON
from cloudcache.ports import Budget, Bus, Clock, Gateway, Settled, Store, ZoneAccess, ZoneQueue
from cloudcache.services.breakers import Breakers
from cloudcache.services.credentials import Credentials
from cloudcache.services.sleepers import Sleepers

NOTHING_SINCE = 2**62
"""A revision no customer reaches: asks the store for the customer without any cell."""


class Tried(Enum):
    """What one try came to."""

    SETTLED = auto()
    AGAIN = auto()  # go right on
    LATER = auto()  # wait first


@dataclass(frozen=True, slots=True)
class Desk:
    """What deliveries work with; `lock` lets one write of a toggle be under way in this process."""

    store: Store
    queue: ZoneQueue
    gateway: Gateway
    budget: Budget
    credentials: Credentials
    breakers: Breakers
    bus: Bus
    clock: Clock
    sleepers: Sleepers
    wake: Callable[[], None]
    owner: Callable[[], str]
    lease: Callable[[], int]
    chance: Callable[[], float]
    lock: Callable[[Change], AbstractAsyncContextManager[None]]


class Settlement:
    """One change with its toggle, and the outcomes that can be written for it."""

    def __init__(self, desk: Desk, change: Change) -> None:
        self._desk = desk
        self._toggle: Toggle = BY_ID[change.toggle]
        # A row may be older than the check of what is stored, so what will be sent is checked here again.
        self._change = replace(change, to_value=sendable(self._toggle, change))

    async def _settle_applied(self, access: ZoneAccess, seen: Observation, since: int | None) -> Settled:
        settled = await self._desk.store.settle_applied(
            self._change.customer, self._change.id, seen, now=self._now(), since=since
        )
        if settled is Settled.DONE:
            await self._desk.breakers.succeeded(access, self._toggle)
        return settled

    async def _fail(
        self, reason: Reason, detail: str = "", *, seen: Observation | None = None, since: int = 0
    ) -> Tried:
        await self._desk.store.settle_failed(
            self._change.customer,
            self._change.id,
            reason,
            now=self._now(),
            detail=detail,
            seen=seen,
            since=since,
        )
        return Tried.SETTLED

    async def _supersede(self) -> Tried:
        await self._desk.store.settle_superseded(self._change.customer, self._change.id, now=self._now())
        return Tried.SETTLED

    async def _observe(self, access: ZoneAccess, seen: Observation | None, since: int) -> Tried:
        """Cache what a call of ours brought about after the change had been settled by another process."""
        if seen is not None:
            with suppress(LeaseLost):  # another zone was connected: nothing of this one is to be kept
                await self._desk.store.observe(
                    self._change.customer, [seen], since=since, now=self._now(), zone=access.zone
                )
        return Tried.SETTLED

    async def _read_zone_soon(self) -> None:
        await self._desk.queue.add(self._change.customer, due=NEVER, urgency=Urgency.WATCHED)
        self._desk.wake()

    def _is_from(self, seen: Observation) -> bool:
        before = self._change.from_value
        return before is not None and self._toggle.read(seen.value) == self._toggle.read(before)

    def _is_chosen(self, seen: Observation) -> bool:
        """Whether Cloudflare took the change and chose a finer value of its own."""
        return self._toggle.read(seen.value).state is self._change.to_state and not self._is_from(seen)

    def _reads_as(self, seen: Observation, change: Change) -> bool:
        return self._toggle.read(seen.value) == self._toggle.read(change.to_value)

    async def _customer(self) -> Customer:
        return (await self._desk.store.page(self._change.customer, since=NOTHING_SINCE)).customer

    async def _lane_of(self, customer: Customer) -> Lane:
        token_id = await self._desk.credentials.token_id_of(customer.credential)
        return Lane(token_id, CallClass.WRITE, customer.id)

    def _now(self) -> int:
        return self._desk.clock.now_ms()


def sendable(toggle: Toggle, change: Change) -> JSON:
    """The value of a change, or the plain one when a stored value is not allowed by the setting's schema."""
    return toggle.wanted(change.to_state, change.to_value, change.to_value)
