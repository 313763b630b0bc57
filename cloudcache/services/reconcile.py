"""Reads settings of a zone and makes the cache agree; level-based and idempotent, whoever asks.

A read may overwrite a toggle only when it has no open intent and nothing newer was established after the read
began; the store enforces that by revision. An answer that would flip more than 30 % of the toggles is read a
second time and believed only when both agree.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace

from cloudcache.domain.budget import CallClass, Lane
from cloudcache.domain.catalog import BY_ID, TOGGLES, Read, Toggle, read_for, reads
from cloudcache.domain.customers import Customer, ZoneStatus
from cloudcache.domain.errors import (
    BatchWithdrawn,
    CloudcacheError,
    LeaseLost,
    Reason,
    Refused,
    Throttled,
    TryLater,
    Unauthorized,
    Unclear,
    explain,
)
from cloudcache.domain.events import Answered, Progress, ReadResult
from cloudcache.domain.feed import Attribution
from cloudcache.domain.ids import CustomerId, ToggleId
from cloudcache.domain.plan import diff
from cloudcache.domain.toggle import Cell
from cloudcache.ports import Budget, Bus, Clock, Gaps, Gateway, Store, ZoneAccess
from cloudcache.services.batch_read import BatchRead
from cloudcache.services.credentials import Credentials
from cloudcache.services.gathering import GIVE_UP_AFTER, Gathered, Look, agree
from cloudcache.services.suspensions import Suspensions

log = logging.getLogger("cloudcache.reconcile")

AT_ONCE = 5
"""Calls of one zone in flight together: a first read of 16 takes four round trips, and one zone cannot hog."""

CONFIRM_AT_MOST = 5
"""Settings that the bulk list lacks and that are then read singly; a list that lacks more is a bad answer."""

NOTHING_OFFERED = "Cloudflare offered none of the settings, though it knows the zone"
OF_THE_WHOLE_ZONE = (Reason.TOKEN_REFUSED, Reason.PERMISSION, Reason.ZONE_GONE)
"""Reasons that may concern the whole zone, or its token; not once the zone has answered to anything."""


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
        persons: Mapping[ToggleId, Attribution] | None = None,
        *,
        unknown: bool = False,
        lease: int | None = None,
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
            lane = Lane(access.credential, call_class, holder.id)
            is_part = 2 * sum(len(read.toggles) for read in plan) < len(TOGGLES)
            reading = Reading(holder, access, lane, look, persons or {}, lease, is_part)
            if unknown:
                await self._introduce(reading)
            await self._with_the_token_held_now(reading, plan)
        except LeaseLost as lost:
            log.info("customer %s: what was read is dropped: %s", holder.id, lost)
            look.is_lost, look.why = True, str(lost)
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
        the permission to ask, it is asked again at the next look; a refusal alone says nothing, the reads decide."""
        holder = reading.holder
        try:
            with await self._budget.acquire(reading.lane):
                facts = await self._gateway.zone(reading.access)
        except CloudcacheError as error:
            log.info("customer %s: what its zone is was not told: %s", holder.id, error)
            return
        now = self._clock.now_ms()
        await self._store.keep_facts(holder.id, facts, holder.credential, now=now, zone=holder.zone_id)

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
        gathered, look = Gathered(), reading.look
        since = reading.holder.revision  # known before any of the calls began
        try:
            for wave in (plan[:1], *(plan[i : i + AT_ONCE] for i in range(1, len(plan), AT_ONCE))):
                if look.silent >= GIVE_UP_AFTER and look.silent > look.answers:
                    return
                await self._wave(reading, wave, gathered)
                if waits:
                    since = await self._write(reading, gathered, since)
                    gathered = Gathered(refused=set() if reading.believes_refusals else gathered.refused)
        finally:
            if gathered:
                await self._write(reading, gathered, since)
            if gathered.refused and not reading.believes_refusals:
                look.refuse(gathered.refused, NOTHING_OFFERED)

    async def _write(self, reading: Reading, gathered: Gathered, since: int) -> int:
        """Keep what calls brought that began after revision `since`; returns the revision then reached."""
        look = reading.look
        look.seen |= {one.toggle for one in gathered.seen}
        refused = gathered.refused if reading.believes_refusals else set()
        gaps = Gaps(frozenset(gathered.absent), frozenset(gathered.omitted), frozenset(refused), gathered.at)
        observed = await self._store.observe(
            reading.holder.id,
            gathered.seen,
            since=since,
            now=self._clock.now_ms(),
            persons=reading.persons,
            gaps=gaps,
            zone=reading.holder.zone_id,
            lease=reading.lease,
        )
        look.written |= observed.written
        look.absent |= observed.absent
        look.changes += len(observed.changes)
        _note_omitted(look, gaps.toggles - observed.absent, reading.holder)
        if reading.holder.silent_since is not None:
            self._bus.tell(Answered(reading.holder.id))
        self._show(reading.holder.id, look, reading.lane.call_class)
        return observed.revision

    async def _wave(self, reading: Reading, wave: Sequence[Read], gathered: Gathered) -> None:
        """Make a few calls side by side and add what they brought."""
        gathered.at = gathered.at or self._clock.now_ms()
        calls = (self._read(reading, read) for read in wave)
        results = await asyncio.gather(*calls, return_exceptions=True)
        await self._check_reach(reading, results)
        for read, result in zip(wave, results, strict=True):
            if isinstance(result, BaseException):
                _note_failure(reading, read, result, gathered)
            elif read.batch:
                reading.look.answers += 1
                await self._take_list(reading, read, result, gathered)
            else:
                reading.look.answers += 1
                gathered.add(result)
            reading.look.done += 1

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

    async def _read(self, reading: Reading, read: Read) -> ReadResult:
        with await self._budget.acquire(reading.lane):
            result = await self._gateway.read(reading.access, read)
        if read.batch:
            await self._batch_read.answered()
        return result

    async def _take_list(self, reading: Reading, read: Read, result: ReadResult, gathered: Gathered) -> None:
        """Add what the bulk list brought: an absurd one is read again, and what it lacks is asked for singly."""
        cells = (await self._store.page(reading.holder.id)).cells
        if self._is_absurd(reading.holder.id, result, cells):
            second = await self._again(reading, read, result)
            if second is None:
                return
            result = second
        known = {one for one in result.omitted if one in cells and cells[one].absent_at is not None}
        doubtful = result.omitted - known
        gathered.add(ReadResult(result.usable, result.absent | known))
        if len(doubtful) > CONFIRM_AT_MOST:
            gathered.omitted |= doubtful
            return
        for toggle in sorted(doubtful):
            await self._confirm(reading, read_for(BY_ID[toggle]), gathered)

    async def _confirm(self, reading: Reading, read: Read, gathered: Gathered) -> None:
        """Read a setting singly that the bulk list did not hold, or not with a value."""
        reading.look.total += 1
        await self._wave(reading, (read,), gathered)

    async def _again(self, reading: Reading, read: Read, first: ReadResult) -> ReadResult | None:
        """Ask a second time; only what both answers show is believed."""
        try:
            second = await self._read(reading, read)
        except CloudcacheError as error:
            _note(reading.look, read, error, reading.holder)
            return None
        if agree(first.usable, second.usable):
            return second
        log.warning("customer %s: two answers in a row disagree; neither is believed", reading.holder.id)
        reading.look.failed += 1
        reading.look.why = "Cloudflare's answers disagree"
        return None

    def _is_absurd(self, customer: CustomerId, seen: ReadResult, cells: Mapping[ToggleId, Cell]) -> bool:
        plan = diff(cells, seen.usable)
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
    persons: Mapping[ToggleId, Attribution]
    lease: int | None
    is_part: bool
    """Whether only some of the zone's toggles are read."""

    @property
    def believes_refusals(self) -> bool:
        """Whether "no such setting" is about the setting: where nothing but refusals came of a whole read, they may
        be about the zone or the token."""
        return self.is_part or bool(self.look.seen)


def _note_failure(reading: Reading, read: Read, error: BaseException, gathered: Gathered) -> None:
    """Note a call that failed. That there is no such setting is an answer, to be believed when it comes twice."""
    is_refused = isinstance(error, Refused) and not isinstance(error, BatchWithdrawn)
    reading.look.answers += is_refused
    if isinstance(error, Refused) and is_refused and error.reason is Reason.UNKNOWN_SETTING:
        gathered.refused |= {one.id for one in read.toggles}
        log.info("customer %s: %s is not there: %s", reading.holder.id, read.path, error)
        return
    _note(reading.look, read, error, reading.holder)


def _note_omitted(look: Look, omitted: Set[ToggleId], holder: Customer) -> None:
    """Count toggles that Cloudflare's answers did not hold: they were asked for, and not read."""
    if not omitted:
        return
    titles = ", ".join(sorted(BY_ID[one].title for one in omitted))
    look.omitted |= omitted
    look.failed += len(omitted)
    look.why = f"Cloudflare's answer has no value for {titles}"
    look.problems |= dict.fromkeys(omitted, "Cloudflare's answer has no value for it")
    extra = {"event": "value_omitted"}
    log.warning(
        "customer %s: no value was reported for %s", holder.id, ", ".join(sorted(omitted)), extra=extra
    )


def _note(look: Look, read: Read, error: BaseException, holder: Customer) -> None:
    """Note a call that failed or was refused: its toggles stay as they are. Raise what concerns the whole zone."""
    toggles = {toggle.id for toggle in read.toggles}
    if isinstance(error, TryLater):
        look.failed += 1
        look.silent += not isinstance(error, Throttled)
        look.explain(toggles, str(error))
        log.info("customer %s: %s not read: %s", holder.id, read.path, error)
        return
    if not isinstance(error, Refused) or isinstance(error, BatchWithdrawn):
        raise error
    if error.reason in OF_THE_WHOLE_ZONE and not look.is_reachable:
        raise error
    look.refuse(toggles, explain(error))
    log.info("customer %s: %s is not readable: %s", holder.id, read.path, explain(error))


def _one_by_one(plan: Sequence[Read]) -> tuple[Read, ...]:
    """The same without the batch call, each setting once."""
    wanted = {toggle.id for read in plan for toggle in read.toggles}
    return tuple(read for read in reads(batch=False) if any(one.id in wanted for one in read.toggles))
