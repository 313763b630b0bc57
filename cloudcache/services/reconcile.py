"""Reads a zone and makes the cache agree with it; level-based and idempotent, whoever asks.

A read may overwrite a toggle only when it has no open intent and nothing newer was established after the read
began; the store enforces that by revision. An answer that would flip more than 30 % of the toggles is read a
second time and believed only when both agree.
"""

from __future__ import annotations

import asyncio
import logging

from cloudcache.domain.budget import CallClass, Lane
from cloudcache.domain.catalog import BY_ID, Read, Toggle, read_for, reads
from cloudcache.domain.customers import Customer, ZoneStatus
from cloudcache.domain.errors import BatchWithdrawn, Reason, Refused, Throttled, TryLater, Unauthorized
from cloudcache.domain.events import Observation
from cloudcache.domain.ids import CustomerId
from cloudcache.domain.plan import diff
from cloudcache.ports import Budget, Bus, Clock, Gateway, Store, ZoneAccess
from cloudcache.services.credentials import Credentials

log = logging.getLogger("cloudcache.reconcile")

AT_ONCE = 4
"""Calls of one zone in flight together: a first read of 16 takes four round trips, and one zone cannot hog."""

GIVE_UP_AFTER = 3
"""Failed calls of one zone after which the rest is not tried: Cloudflare is down, or that zone's part of it."""


class Reconciler:
    """Reads zones, one read of a zone at a time."""

    def __init__(
        self,
        store: Store,
        gateway: Gateway,
        budget: Budget,
        credentials: Credentials,
        bus: Bus,
        clock: Clock,
        *,
        batch_read: bool,
    ) -> None:
        self._store = store
        self._gateway = gateway
        self._budget = budget
        self._credentials = credentials
        self._bus = bus
        self._clock = clock
        self._batch_read = batch_read
        self._reading: dict[CustomerId, Progress] = {}
        self._looked_at: dict[CustomerId, int] = {}

    def progress(self, customer: CustomerId) -> tuple[int, int] | None:
        """Calls done and calls in all while the zone is being read, or None."""
        progress = self._reading.get(customer)
        return (progress.done, progress.total) if progress else None

    def looked_at(self, customer: CustomerId) -> int:
        """When this process last began to read the zone, Unix milliseconds; 0 for never."""
        return self._looked_at.get(customer, 0)

    async def zone(self, customer: CustomerId, call_class: CallClass) -> int:
        """Read the whole zone; returns the calls made. Does nothing while it is being read already."""
        if customer in self._reading:
            return 0
        plan = reads(self._batch_read)
        progress = self._reading[customer] = Progress(total=len(plan))
        self._looked_at[customer] = self._clock.now_ms()
        self._bus.hint(customer)
        try:
            await self._read_all(customer, call_class, plan, progress)
        finally:
            del self._reading[customer]
            self._bus.hint(customer)
        return progress.done

    async def toggle(self, customer: CustomerId, toggle: Toggle, call_class: CallClass) -> None:
        """Read one toggle (and those that share its call)."""
        await self._read_all(customer, call_class, (read_for(toggle),), Progress(total=1))
        self._bus.hint(customer)

    async def _read_all(
        self, customer: CustomerId, call_class: CallClass, plan: tuple[Read, ...], progress: Progress
    ) -> None:
        holder = (await self._store.page(customer)).customer
        if holder.status is ZoneStatus.GONE:
            return
        try:
            access = await self._credentials.access(holder)
            await self._with_or_without_batch(holder, access, call_class, plan, progress)
        except Unauthorized as refusal:
            await self._token_refused(customer, refusal)
            return
        except Refused as refusal:
            log.warning("customer %s cannot be read: %s", customer, refusal)
            if refusal.reason is Reason.ZONE_GONE:
                await self._store.set_status(customer, ZoneStatus.GONE, now=self._clock.now_ms())
            return
        await self._finish(holder, plan, progress)

    async def _with_or_without_batch(
        self,
        holder: Customer,
        access: ZoneAccess,
        call_class: CallClass,
        plan: tuple[Read, ...],
        progress: Progress,
    ) -> None:
        """As planned; once the batch call is withdrawn, at once with single reads, from then on for everybody."""
        try:
            await self._in_waves(holder, access, call_class, plan, progress)
        except BatchWithdrawn:
            self._without_batch()
            single = reads(batch=False)
            progress.total += len(single) - 1
            await self._in_waves(holder, access, call_class, single, progress)

    async def _in_waves(
        self,
        holder: Customer,
        access: ZoneAccess,
        call_class: CallClass,
        plan: tuple[Read, ...],
        progress: Progress,
    ) -> None:
        """The first call alone (it tells most, and whether the token works), then a few at a time."""
        waves = [plan[:1], *(plan[i : i + AT_ONCE] for i in range(1, len(plan), AT_ONCE))]
        for wave in waves:
            if progress.silent >= GIVE_UP_AFTER:
                return
            calls = (self._one(holder, access, call_class, read, progress) for read in wave)
            results = await asyncio.gather(*calls, return_exceptions=True)
            for result in results:
                if isinstance(result, BaseException):
                    raise result

    async def _one(
        self, holder: Customer, access: ZoneAccess, call_class: CallClass, read: Read, progress: Progress
    ) -> None:
        """One call; a permission or a setting this zone does not have leaves its toggles as they are."""
        try:
            await self._read(holder, access, call_class, read)
        except TryLater as error:
            progress.failed += 1
            progress.silent += not isinstance(error, Throttled)
            log.info("customer %s: %s not read: %s", holder.id, read.path, error)
        except BatchWithdrawn:
            raise
        except Refused as refusal:
            if refusal.reason in (Reason.TOKEN_REFUSED, Reason.ZONE_GONE):
                raise
            log.info("customer %s: %s is not readable: %s", holder.id, read.path, refusal)
        progress.done += 1
        self._bus.hint(holder.id)

    async def _read(self, holder: Customer, access: ZoneAccess, call_class: CallClass, read: Read) -> None:
        lane = Lane(access.credential, call_class, holder.id)
        await self._budget.acquire(lane)
        since = await self._store.revision(holder.id)
        seen = await self._gateway.read(access, read)
        if read.batch and await self._is_absurd(holder.id, seen):
            await self._budget.acquire(lane)
            since = await self._store.revision(holder.id)
            again = await self._gateway.read(access, read)
            if not _agree(seen, again):
                log.warning("customer %s: two answers in a row disagree; neither is believed", holder.id)
                raise TryLater(60, "Cloudflare's answers disagree")
            seen = again
        await self._store.observe(holder.id, seen, since=since, now=self._clock.now_ms())

    async def _is_absurd(self, customer: CustomerId, seen: list[Observation]) -> bool:
        plan = diff((await self._store.page(customer)).cells, seen)
        if plan.is_absurd:
            log.warning("customer %s: an answer would flip %d toggles; reading again", customer, len(plan))
        return plan.is_absurd

    async def _finish(self, holder: Customer, plan: tuple[Read, ...], progress: Progress) -> None:
        now = self._clock.now_ms()
        if progress.silent >= min(GIVE_UP_AFTER, len(plan)):
            await self._store.zone_silent(holder.id, now=now, due=now)
        elif len(plan) > 1 or holder.silent_since is not None:
            whole = len(plan) > 1 and not progress.failed
            await self._store.zone_answered(holder.id, now=now, full_read=whole)

    async def _token_refused(self, customer: CustomerId, refusal: Unauthorized) -> None:
        log.warning("customer %s: Cloudflare refuses the token: %s", customer, refusal)
        await self._store.set_status(customer, ZoneStatus.TOKEN_REFUSED, now=self._clock.now_ms())

    def _without_batch(self) -> None:
        if self._batch_read:
            log.warning("the batch read is withdrawn; reading settings one by one from now on")
        self._batch_read = False


class Progress:
    """How far the reading of one zone is."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.done = 0
        self.failed = 0
        self.silent = 0


def _agree(one: list[Observation], other: list[Observation]) -> bool:
    """Whether two answers show the same positions."""
    first = {seen.toggle: BY_ID[seen.toggle].read(seen.value).state for seen in one}
    second = {seen.toggle: BY_ID[seen.toggle].read(seen.value).state for seen in other}
    return first == second
