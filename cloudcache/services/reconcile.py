"""Reads settings of a zone and makes the cache agree; level-based and idempotent, whoever asks.

A read may overwrite a toggle only when it has no open intent and nothing newer was established after the read
began; the store enforces that by revision. An answer that would flip more than 30 % of the toggles is read a
second time and believed only when both agree.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from cloudcache.domain.budget import CallClass, Lane
from cloudcache.domain.catalog import BY_ID, Read, Toggle, read_for, reads
from cloudcache.domain.customers import Customer, ZoneStatus
from cloudcache.domain.errors import (
    BatchWithdrawn,
    CloudcacheError,
    Reason,
    Refused,
    Throttled,
    TryLater,
    Unauthorized,
    Unclear,
    explain,
)
from cloudcache.domain.events import Answered, Observation, Progress
from cloudcache.domain.ids import CustomerId, ToggleId
from cloudcache.domain.plan import diff
from cloudcache.ports import Budget, Bus, Clock, Gateway, Store, ZoneAccess
from cloudcache.services.batch_read import BatchRead
from cloudcache.services.credentials import Credentials
from cloudcache.services.suspensions import Suspensions

log = logging.getLogger("cloudcache.reconcile")

AT_ONCE = 5
"""Calls of one zone in flight together: a first read of 16 takes four round trips, and one zone cannot hog."""

GIVE_UP_AFTER = 3
"""Unanswered calls of one zone after which the rest is not tried: Cloudflare is down, or that zone's part of it."""

OF_THE_WHOLE_ZONE = (Reason.TOKEN_REFUSED, Reason.PERMISSION, Reason.ZONE_GONE)
"""Reasons that may concern the whole zone, or its token; not once the zone has answered to anything."""


@dataclass
class Look:
    """What came of reading a zone, or how far it is."""

    total: int
    done: int = 0
    failed: int = 0
    silent: int = 0
    """Calls without any answer, throttled ones not counted."""
    written: set[ToggleId] = field(default_factory=set)
    unreadable: set[ToggleId] = field(default_factory=set)
    """Toggles that this zone does not have, or this token may not read."""
    refused: set[ToggleId] = field(default_factory=set)
    """Toggles that Cloudflare refused to show."""
    problems: dict[ToggleId, str] = field(default_factory=dict)
    """Toggles that were not read, and why, for operators."""
    is_reachable: bool = False
    """Whether Cloudflare answered for this zone, so that a refusal is about one setting and not about all."""
    changes: int = 0
    """Differences that nobody here intended."""
    why: str = ""
    """The last failure, for people."""


class Reconciler:
    """Reads zones of this process."""

    def __init__(
        self,
        store: Store,
        gateway: Gateway,
        budget: Budget,
        credentials: Credentials,
        bus: Bus,
        clock: Clock,
        batch_read: BatchRead,
        suspensions: Suspensions,
    ) -> None:
        self._store = store
        self._gateway = gateway
        self._budget = budget
        self._credentials = credentials
        self._bus = bus
        self._clock = clock
        self._reading: dict[CustomerId, Look] = {}
        self._batch_read = batch_read
        self._suspensions = suspensions

    @property
    def batch_read(self) -> bool:
        """Whether one call may read 33 settings."""
        return self._batch_read.is_used

    async def prepare(self) -> None:
        """Learn what other processes found out about the batch read; to be called before calls are planned."""
        await self._batch_read.refresh()

    def progress(self, customer: CustomerId) -> tuple[int, int] | None:
        """Calls done and calls in all while the zone is being read, or None."""
        look = self._reading.get(customer)
        return (look.done, look.total) if look else None

    async def zone(self, customer: CustomerId, call_class: CallClass) -> Look:
        """Read the whole zone, without the queue; a parked one is left alone."""
        holder = (await self._store.page(customer)).customer
        await self.prepare()
        return await self.look(holder, reads(self.batch_read), call_class)

    async def toggle(self, customer: CustomerId, toggle: Toggle, call_class: CallClass) -> Look:
        """Read one toggle (and those that share its call)."""
        holder = (await self._store.page(customer)).customer
        return await self.look(holder, (read_for(toggle),), call_class)

    async def look(
        self,
        holder: Customer,
        plan: Sequence[Read],
        call_class: CallClass,
        persons: Mapping[ToggleId, str] | None = None,
        *,
        unknown: bool = False,
    ) -> Look:
        """Make these calls and write what they tell; of an `unknown` zone first what it is. `Unauthorized` when the
        token is refused as such, `Refused` when the zone is gone or nothing is connected; what went wrong with single
        calls is in the result."""
        look = Look(total=len(plan))
        if holder.status is not ZoneStatus.ACTIVE:
            return look
        if len(plan) > 1:
            self._reading[holder.id] = look
        self._show(holder.id, look, call_class)
        try:
            access = await self._credentials.access(holder)
            reading = Reading(
                holder, access, Lane(access.credential, call_class, holder.id), look, persons or {}
            )
            if unknown:
                await self._introduce(reading)
            await self._with_the_token_held_now(reading, plan)
        finally:
            if self._reading.get(holder.id) is look:
                del self._reading[holder.id]
            self._show(holder.id, look, call_class, is_over=True)
        return look

    def _show(
        self, customer: CustomerId, look: Look, call_class: CallClass, *, is_over: bool = False
    ) -> None:
        """Open pages show how far a reading is, in whichever process it is done; of a sweep nobody asks."""
        if look.total > 1 and call_class is not CallClass.SWEEP:
            self._bus.tell(Progress(customer, look.total if is_over else look.done, look.total))
        self._bus.hint(customer)

    async def _introduce(self, reading: Reading) -> None:
        """Ask what a list of customers need not say: the zone's domain, its plan, its account. Without an answer, or
        the permission to ask, it is asked again at the next look."""
        holder = reading.holder
        try:
            with await self._budget.acquire(reading.lane):
                facts = await self._gateway.zone(reading.access)
        except CloudcacheError as error:
            if isinstance(error, Refused) and error.reason in (Reason.TOKEN_REFUSED, Reason.ZONE_GONE):
                raise
            log.info("customer %s: what its zone is was not told: %s", holder.id, error)
            return
        await self._store.keep_facts(holder.id, facts, holder.credential, now=self._clock.now_ms())

    async def _with_the_token_held_now(self, reading: Reading, plan: Sequence[Read]) -> None:
        """Read; when the token is refused and was replaced or renewed meanwhile, read again with the new one."""
        try:
            await self._with_or_without_batch(reading, plan)
        except Unauthorized:
            renewed = await self._renewed(reading)
            if renewed is None:
                raise
            log.info("customer %s: its token was replaced while it was read", reading.holder.id)
            reading.look.done, reading.look.total = 0, len(plan)
            await self._with_or_without_batch(renewed, plan)

    async def _renewed(self, reading: Reading) -> Reading | None:
        """The same with the token held now; None when that is the one that was refused."""
        holder = (await self._store.page(reading.holder.id)).customer
        if holder.zone_id != reading.holder.zone_id or holder.status is not ZoneStatus.ACTIVE:
            return None
        access = await self._credentials.access(holder)
        if access.token == reading.access.token:
            return None
        lane = Lane(access.credential, reading.lane.call_class, holder.id)
        return replace(reading, holder=holder, access=access, lane=lane)

    async def _with_or_without_batch(self, reading: Reading, plan: Sequence[Read]) -> None:
        """Read as planned; a zone that is refused the batch read is read setting by setting at once."""
        try:
            await self._in_waves(reading, plan)
        except BatchWithdrawn:
            await self._batch_read.refused(reading.holder, reading.access.credential)
            single = _one_by_one(plan)
            reading.look.total += len(single) - len(plan)
            await self._in_waves(reading, single)

    async def _in_waves(self, reading: Reading, plan: Sequence[Read]) -> None:
        """The first call alone (it tells most, and whether the token works), then a few at a time. What a watched
        zone's calls tell is written wave by wave, for somebody waits; a swept one's once, which costs a quarter."""
        waits = reading.lane.call_class is not CallClass.SWEEP
        seen: list[Observation] = []
        since = reading.holder.revision  # known before any of the calls began
        try:
            for wave in (plan[:1], *(plan[i : i + AT_ONCE] for i in range(1, len(plan), AT_ONCE))):
                if reading.look.silent >= GIVE_UP_AFTER:
                    return
                seen += await self._wave(reading, wave)
                if waits:
                    since = await self._write(reading, seen, since)
                    seen = []
        finally:
            if seen:
                await self._write(reading, seen, since)

    async def _write(self, reading: Reading, seen: Sequence[Observation], since: int) -> int:
        """Keep what was seen by calls that began after revision `since`; returns the revision then reached."""
        observed = await self._store.observe(
            reading.holder.id, seen, since=since, now=self._clock.now_ms(), persons=reading.persons
        )
        reading.look.written |= observed.written
        reading.look.changes += len(observed.changes)
        if reading.holder.silent_since is not None:
            self._bus.tell(Answered(reading.holder.id))
        self._show(reading.holder.id, reading.look, reading.lane.call_class)
        return observed.revision

    async def _wave(self, reading: Reading, wave: Sequence[Read]) -> list[Observation]:
        """A few calls side by side, and what they saw."""
        calls = (self._read(reading, read) for read in wave)
        results = await asyncio.gather(*calls, return_exceptions=True)
        await self._check_reach(reading, results)
        seen: list[Observation] = []
        for read, result in zip(wave, results, strict=True):
            if isinstance(result, BaseException):
                _note(reading.look, read, result, reading.holder)
            elif read.batch and await self._is_absurd(reading.holder.id, result):
                seen += await self._again(reading, read, result)
            else:
                seen += result
            reading.look.done += 1
        return seen

    async def _check_reach(self, reading: Reading, results: Sequence[object]) -> None:
        """Find out whether a refusal concerns the zone as a whole: not if it answers to anything else."""
        look = reading.look
        look.is_reachable |= any(not isinstance(one, BaseException) for one in results)
        if look.is_reachable or not any(isinstance(one, Unauthorized) for one in results):
            return
        try:
            refusal = await self._suspensions.zone_refusal(reading.access, reading.lane)
        except (TryLater, Unclear) as error:
            log.info("customer %s: a refusal cannot be confirmed now: %s", reading.holder.id, error)
        else:
            look.is_reachable = refusal is None

    async def _read(self, reading: Reading, read: Read) -> list[Observation]:
        with await self._budget.acquire(reading.lane):
            result = await self._gateway.read(reading.access, read)
        if read.batch:
            await self._batch_read.answered()
        return result

    async def _again(self, reading: Reading, read: Read, first: list[Observation]) -> list[Observation]:
        """Ask a second time; only what both answers show is believed."""
        try:
            second = await self._read(reading, read)
        except CloudcacheError as error:
            _note(reading.look, read, error, reading.holder)
            return []
        if _agree(first, second):
            return second
        log.warning("customer %s: two answers in a row disagree; neither is believed", reading.holder.id)
        reading.look.failed += 1
        reading.look.why = "Cloudflare's answers disagree"
        return []

    async def _is_absurd(self, customer: CustomerId, seen: list[Observation]) -> bool:
        plan = diff((await self._store.page(customer)).cells, seen)
        if plan.is_absurd:
            held = {"event": "answer_held"}
            log.warning(
                "customer %s: an answer would flip %d toggles; reading again", customer, len(plan), extra=held
            )
        return plan.is_absurd


@dataclass(frozen=True, slots=True)
class Reading:
    """What stays the same while a zone is read."""

    holder: Customer
    access: ZoneAccess
    lane: Lane
    look: Look
    persons: Mapping[ToggleId, str]


def _note(look: Look, read: Read, error: BaseException, holder: Customer) -> None:
    """Note a call that failed or was refused: its toggles stay as they are. Raise what concerns the whole zone."""
    toggles = {toggle.id for toggle in read.toggles}
    if isinstance(error, TryLater):
        look.failed += 1
        look.silent += not isinstance(error, Throttled)
        _explain(look, toggles, error)
        log.info("customer %s: %s not read: %s", holder.id, read.path, error)
        return
    if not isinstance(error, Refused) or isinstance(error, BatchWithdrawn):
        raise error
    if error.reason in OF_THE_WHOLE_ZONE and not look.is_reachable:
        raise error
    look.unreadable |= toggles
    if error.reason is not Reason.UNKNOWN_SETTING:
        look.refused |= toggles
        _explain(look, toggles, error)
    log.info("customer %s: %s is not readable: %s", holder.id, read.path, explain(error))


def _explain(look: Look, toggles: Collection[ToggleId], error: CloudcacheError) -> None:
    look.why = explain(error)
    look.problems |= dict.fromkeys(toggles, look.why)


def _one_by_one(plan: Sequence[Read]) -> tuple[Read, ...]:
    """The same without the batch call, each setting once."""
    wanted = {toggle.id for read in plan for toggle in read.toggles}
    return tuple(read for read in reads(batch=False) if any(one.id in wanted for one in read.toggles))


def _agree(one: list[Observation], other: list[Observation]) -> bool:
    """Whether two answers show the same positions."""
    first = {seen.toggle: BY_ID[seen.toggle].read(seen.value).state for seen in one}
    second = {seen.toggle: BY_ID[seen.toggle].read(seen.value).state for seen in other}
    return first == second
