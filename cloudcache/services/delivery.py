"""Brings one stored change to Cloudflare and settles it: exactly one outcome, whatever happens on the way.

    pending ──budget──> token ──> start ──PATCH──> answer ───────> applied
       │ newer change              │                 │ no, for good ──> failed
       └─> superseded              │ too old,        │ nothing was done ──> queued again
                                   │ conflict        │
                                   └─> failed        └ unclear, or old value ──> read ──> applied, again, failed

Every value sent is absolute ("on", never "toggle"), so sending it twice is harmless. A change that was adopted from a
dead process, or that waited for long, reads the setting before it is sent: it may have been decided otherwise at
Cloudflare meanwhile. What a change may cost, and for how long it is tried, is in `domain/delivery.py`.
"""

from __future__ import annotations

from cloudcache.domain.budget import Lane, backoff_ms
from cloudcache.domain.catalog import read_for
from cloudcache.domain.delivery import (
    FIRST_PAUSE_MS,
    MAX_AGE_MS,
    READ_FIRST_AFTER_MS,
    REJECTED,
    SILENT_AFTER,
    Effort,
    Holds,
    compare,
    is_expired,
    pause_ms,
    written_meanwhile,
)
from cloudcache.domain.errors import (
    NotFound,
    Reason,
    Refused,
    Throttled,
    TryLater,
    Unauthorized,
    Unclear,
)
from cloudcache.domain.events import NOT_SENT, Answered, Change, ChangeStatus, Observation
from cloudcache.ports import Settled, Start, ZoneAccess
from cloudcache.services.settlement import Desk, Settlement, Tried, sendable

SHOW_QUEUE_FROM_MS = 500
ACCESS_PAUSE_CAP_MS = 30_000
"""Between two tries to get at the token, which cost no call to the API."""

RESTORE_MS = 60_000
"""Longer than a call may take."""

EARLIER_CHANGES = 20
"""Of a toggle, among which are those that were in flight at the same time."""


class Delivery(Settlement):
    """The delivery of one change by one process."""

    def __init__(self, desk: Desk, change: Change, *, is_adopted: bool) -> None:
        super().__init__(desk, change)
        self._effort = Effort(change.calls)
        self._read_at = change.requested_at
        self._reads_first = is_adopted
        self._in_doubt = change.sent_at is not None
        self._kept_old_value = False
        self._had_last_read = False
        self._lost_race = False
        self._restoring: Change | None = None
        self._wrote = [self._change]
        self._access: ZoneAccess | None = None
        self._pauses = 0
        self._blocks = 0
        self._token_trouble = 0

    async def run(self) -> None:
        """Try until it is settled."""
        while (tried := await self._try_once()) is not Tried.SETTLED:
            if tried is Tried.LATER and not await self._pause():
                return

    # -- one try -------------------------------------------------------------------------------
    async def _try_once(self) -> Tried:
        if await self._is_over():
            return Tried.SETTLED
        lane: Lane | None = None
        self._access = None
        try:
            lane = await self._lane_of(await self._customer())
            if not await self._show_wait(lane):
                return Tried.SETTLED
            async with self._desk.lock(self._change):
                with await self._desk.budget.acquire(lane):
                    return await self._step(lane)
        except Refused as refusal:
            return await self._refused(refusal)
        except NotFound:
            return await self._missing(lane)
        except (TryLater, Unclear):  # of getting at the token; calls to the API keep theirs
            self._token_trouble += 1
            return Tried.LATER

    async def _step(self, lane: Lane) -> Tried:
        """Make the call that is due, now that it may be made."""
        if await self._is_over():
            return Tried.SETTLED
        waited_ms = self._now() - self._read_at
        is_read = self._in_doubt or self._reads_first or waited_ms >= READ_FIRST_AFTER_MS
        if not is_read and self._restoring is None and not await self._starts():
            return Tried.SETTLED  # superseded, cancelled, too old, in conflict, or taken by another process
        access = await self._opened(lane)
        if access is None:
            return Tried.AGAIN
        if self._restoring is not None:
            return await self._restore(access, self._restoring)
        return await (self._read(access) if is_read else self._send(access))

    async def _opened(self, lane: Lane) -> ZoneAccess | None:
        """Open the token as it is now, for it may have been replaced during the wait for the budget; None when the
        call was reserved for another token than is used by now."""
        customer = await self._customer()
        if await self._lane_of(customer) != lane:
            return None
        self._access = await self._desk.credentials.access(customer)
        self._token_trouble = 0
        return self._access

    async def _is_over(self) -> bool:
        """Give the change up when it is too old to be sent, or has cost all the calls it may."""
        if self._in_doubt and self._effort.calls_left:
            return False
        if self._lost_race:  # settled already
            await self._read_zone_soon()
        elif self._restoring is not None:
            await self._supersede()
            await self._read_zone_soon()
        elif self._in_doubt:
            await self._fail(Reason.NO_ANSWER)
        elif is_expired(self._change.requested_at, self._now()):
            await self._fail(Reason.NO_ANSWER, "" if self._effort.is_silent else NOT_SENT)
        elif not self._effort.may_write:
            await self._fail(Reason.SETTING_FAILING if self._effort.failure else Reason.NO_ANSWER)
        else:
            return False
        return True

    # -- sending -------------------------------------------------------------------------------
    async def _starts(self) -> bool:
        started = await self._desk.store.start(
            self._change.customer,
            self._change.id,
            now=self._now(),
            owner=self._desk.owner(),
            lease_until=self._desk.lease(),
            calls=self._effort.calls + 1,
        )
        return started is Start.SEND

    async def _send(self, access: ZoneAccess) -> Tried:
        if not await self._desk.breakers.admits(access, self._toggle):
            return await self._fail(Reason.SETTING_FAILING if self._effort.failure else Reason.CIRCUIT_OPEN)
        try:
            seen = await self._write(access, self._change)
        except Throttled:
            return self._throttle()
        except TryLater:
            self._effort = self._effort.lost()
            return Tried.LATER
        except Unclear as error:
            self._in_doubt, self._effort = True, self._effort.write_failed(str(error))
            return Tried.LATER
        await self._note_answer()
        return await self._written(access, seen)

    async def _written(self, access: ZoneAccess, seen: Observation) -> Tried:
        """Settle by Cloudflare's answer to the write. One that shows the old value may be wrong: it is read once."""
        is_wanted_state = self._toggle.read(seen.value).state is self._change.to_state
        if not is_wanted_state or self._is_from(seen):
            self._in_doubt = self._kept_old_value = True
            return Tried.AGAIN
        settled = await self._settle_applied(access, seen, since=None)
        if settled is Settled.DONE:
            return Tried.SETTLED
        self._in_doubt = True
        if settled is Settled.CONTESTED:
            return Tried.LATER
        # This process was frozen, or its clock is wrong: the call may have landed on a newer change.
        self._lost_race = True
        await self._desk.store.record_ray(self._change.customer, self._change.id, seen.ray_id)
        return Tried.AGAIN

    def _throttle(self) -> Tried:
        """The budget knows when the block ends; a change that is refused again waits longer than that."""
        self._blocks += 1
        return Tried.AGAIN if self._blocks == 1 else Tried.LATER

    # -- reading -------------------------------------------------------------------------------
    async def _read(self, access: ZoneAccess) -> Tried:
        """Ask Cloudflare what it holds, and decide by that."""
        since = await self._desk.store.revision(self._change.customer)
        newest = await self._desk.store.newest_wish(self._change.customer, self._toggle.id)
        self._had_last_read = is_expired(self._change.requested_at, self._now())
        self._effort = self._effort.called()
        try:
            found = await self._desk.gateway.read(access, read_for(self._toggle))
        except Throttled:
            return self._throttle()
        except (TryLater, Unclear):
            self._effort = self._effort.lost()
            return Tried.LATER
        await self._note_answer()
        self._read_at, self._reads_first = self._now(), False
        seen = next((one for one in found.usable if one.toggle == self._toggle.id), None)
        if newest is not None and newest.id > self._change.id:
            return await self._give_way(access, newest, seen, since)
        return await self._judge(access, seen, since)

    async def _judge(self, access: ZoneAccess, seen: Observation | None, since: int) -> Tried:
        """Decide by what Cloudflare holds whether the change is applied, sent again, or has failed."""
        if self._lost_race:
            return await self._observe(access, seen, since)
        holds = await self._compared(seen)
        if seen is not None and (holds is Holds.WANTED or (self._kept_old_value and self._is_chosen(seen))):
            settled = await self._settle_applied(access, seen, since)
            return Tried.LATER if settled is Settled.CONTESTED else Tried.SETTLED
        self._in_doubt, self._effort = False, self._effort.read_without_effect()
        reason = self._failure(holds)
        if reason is None:
            return Tried.AGAIN
        if reason is Reason.SETTING_FAILING:
            await self._desk.breakers.failed(access, self._toggle)
        return await self._fail(reason, seen=seen, since=since)

    def _failure(self, holds: Holds) -> Reason | None:
        """Why the change is not sent (again), after a read has shown that it is not there."""
        if self._kept_old_value:
            return Reason.NOT_KEPT
        if is_expired(self._change.requested_at, self._now()):
            return Reason.NO_ANSWER
        if holds is Holds.OTHER:
            return Reason.CHANGED_ELSEWHERE
        if self._effort.keeps_failing or (self._effort.failure and not self._effort.may_write):
            return Reason.SETTING_FAILING
        return None

    async def _compared(self, seen: Observation | None) -> Holds:
        holds = compare(self._toggle, seen, self._change)
        if holds is not Holds.OTHER:
            return holds
        history = await self._desk.store.history_of(self._change.customer, self._toggle.id, EARLIER_CHANGES)
        return compare(self._toggle, seen, self._change, written_meanwhile(self._change, history))

    # -- giving way to a later change ----------------------------------------------------------
    async def _give_way(
        self, access: ZoneAccess, newest: Change, seen: Observation | None, since: int
    ) -> Tried:
        """A later change was requested meanwhile. If it was applied and ours landed on top of it, the later one is
        written once more: the later number wins, whichever call Cloudflare happened to serve last."""
        is_ours = seen is not None and any(self._reads_as(seen, one) for one in self._wrote)
        is_open = newest.status is not ChangeStatus.APPLIED and not self._lost_race
        if is_open and seen is not None and self._reads_as(seen, self._change):
            await self._settle_applied(access, seen, since)
            return Tried.SETTLED
        if newest.status is not ChangeStatus.APPLIED or not is_ours or seen is None:
            return await self._supersede()
        if self._reads_as(seen, newest):
            return await self._supersede()
        if not await self._claim_restore(newest):
            return Tried.LATER
        self._restoring = newest
        return Tried.AGAIN

    async def _restore(self, access: ZoneAccess, newest: Change) -> Tried:
        """Write the later change's value once more, under a lease on it and with a call the journal knows."""
        self._restoring = None
        self._wrote.append(newest)
        ray_id = ""
        try:
            ray_id = (await self._write(access, newest)).ray_id
        except (TryLater, Unclear):
            return Tried.LATER
        finally:
            is_newest = await self._desk.store.end_restore(
                self._change.customer, newest, now=self._now(), owner=self._desk.owner(), ray_id=ray_id
            )
        return await self._supersede() if is_newest else Tried.AGAIN

    async def _claim_restore(self, newest: Change) -> bool:
        now = self._now()
        return await self._desk.store.claim_restore(
            self._change.customer, newest, now=now, owner=self._desk.owner(), lease_until=now + RESTORE_MS
        )

    async def _refused(self, refusal: Refused) -> Tried:
        """A refusal is final, unless it was of a token that has been replaced meanwhile."""
        if isinstance(refusal, Unauthorized) and await self._has_other_token():
            return Tried.AGAIN
        if self._lost_race:
            await self._read_zone_soon()
            return Tried.SETTLED
        if self._toggle.depends_on_zone and refusal.reason in REJECTED:
            await self._fail(Reason.DASHBOARD_ONLY)
        else:
            await self._fail(refusal.reason, refusal.detail)
        if refusal.reason in (Reason.TOKEN_REFUSED, Reason.ZONE_GONE):
            # One answer proves little: the engine reads next, and confirms it before it suspends anything.
            await self._read_zone_soon()
        return Tried.SETTLED

    async def _missing(self, lane: Lane | None) -> Tried:
        """The customer or its token is gone; a token may just have been replaced by another."""
        try:
            if lane is not None and await self._lane_of(await self._customer()) != lane:
                return Tried.AGAIN
        except (NotFound, Refused):
            pass
        return await self._fail(Reason.NOT_CONNECTED)

    async def _has_other_token(self) -> bool:
        if self._access is None:
            return False
        try:
            held = await self._desk.credentials.access(await self._customer())
        except (Refused, NotFound, TryLater, Unclear):
            return False
        return held.token != self._access.token

    # -- waiting -------------------------------------------------------------------------------
    async def _pause(self) -> bool:
        """Wait with full jitter before the next try; False when there is none, and the change was settled."""
        left_ms = self._change.requested_at + MAX_AGE_MS - self._now()
        if left_ms <= 0 and (self._had_last_read or not self._in_doubt):
            if not self._lost_race:
                await self._fail(Reason.NO_ANSWER)
            return False
        if self._effort.is_silent or self._token_trouble >= SILENT_AFTER:
            await self._desk.store.zone_silent(self._change.customer, now=self._now())
            self._desk.bus.hint(self._change.customer)
        wait_ms = self._wait_ms(max(0, left_ms))
        if not await self._hold(wait_ms):
            return False
        await self._desk.sleepers.sleep(self._change.customer, wait_ms / 1000)
        return True

    def _wait_ms(self, left_ms: int) -> int:
        if self._token_trouble:
            wait = backoff_ms(self._token_trouble, FIRST_PAUSE_MS, ACCESS_PAUSE_CAP_MS, self._desk.chance())
            return min(wait, left_ms)
        self._pauses += 1
        return pause_ms(self._pauses - 1, self._effort, left_ms, self._desk.chance())

    async def _show_wait(self, lane: Lane) -> bool:
        """Show a wait for the budget that is worth showing; False when the change was taken back."""
        wait_ms = self._desk.budget.estimate_ms(lane)
        return wait_ms < SHOW_QUEUE_FROM_MS or await self._hold(wait_ms)

    async def _hold(self, wait_ms: int) -> bool:
        """Keep the lease over a wait and, if it is not at Cloudflare, show when it will be sent. False when the
        change is not ours to deliver any more."""
        if self._lost_race:
            return True
        leased = {"lease_until": self._desk.lease(), "calls": self._effort.calls}
        if self._in_doubt:
            return await self._desk.store.extend(self._change.id, owner=self._desk.owner(), **leased)
        now = self._now()
        is_held = await self._desk.store.queue(
            self._change.customer,
            self._change.id,
            now=now,
            eta=now + wait_ms,
            owner=self._desk.owner(),
            **leased,
        )
        self._desk.bus.hint(self._change.customer)
        return is_held

    # -- calls ----------------------------------------------------------------------------------
    async def _write(self, access: ZoneAccess, change: Change) -> Observation:
        self._effort = self._effort.called()
        return await self._desk.gateway.write(access, self._toggle, sendable(self._toggle, change))

    async def _note_answer(self) -> None:
        """An answered call ends the silence, for the page and for this customer's other changes."""
        if self._effort.is_silent:
            await self._desk.store.zone_answered(self._change.customer, now=self._now())
            self._desk.bus.tell(Answered(self._change.customer))
        self._effort = self._effort.answered()
