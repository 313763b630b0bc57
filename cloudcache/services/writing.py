"""Brings one stored intent to Cloudflare and settles it: exactly one outcome, whatever happens on the way.

    pending ──budget──> start ──PATCH──> answer ─────────────────> applied
       │ newer wish        │               │ no, for good ───────> failed
       └─> superseded      │               │ nothing was done ───> queued again
                           └───────────────│ unclear ─────> read ─> applied, or sent again

Every value sent is absolute ("on", never "toggle"), so sending it twice is harmless. A writer that dies leaves
its intent under a lease; whoever adopts it reads Cloudflare first when it may have been sent. Retries live here
and nowhere below: they wait with full jitter until the deadline, an hour after the click.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import Enum, auto

from cloudcache import logs
from cloudcache.domain.budget import CallClass, Lane, backoff_ms
from cloudcache.domain.catalog import BY_ID, Toggle, read_for
from cloudcache.domain.errors import (
    NotFound,
    Reason,
    Refused,
    StoreUnavailable,
    Throttled,
    TryLater,
    Unauthorized,
    Unclear,
)
from cloudcache.domain.events import Change, ChangeStatus, Observation
from cloudcache.domain.freshness import NEVER, Urgency
from cloudcache.domain.ids import ChangeId, CustomerId, ToggleId
from cloudcache.ports import (
    SILENT,
    Budget,
    Bus,
    Clock,
    Gateway,
    Settled,
    Start,
    Store,
    Telemetry,
    ZoneAccess,
    ZoneQueue,
)
from cloudcache.services.credentials import Credentials
from cloudcache.services.tasks import Tasks

log = logging.getLogger("cloudcache.writing")

LEASE_MS = 20_000
"""How long after its worker's death an intent is adopted. While it lives the lease is renewed every few seconds
(`keep`), however long the wait; one that was frozen meanwhile finds its intent settled, and looks (`_too_late`)."""

DEADLINE_MS = 3_600_000
SHOW_QUEUE_FROM_MS = 500
SILENT_FROM_ATTEMPT = 2
"""One lost answer is no silence: the page says so from the second on."""

NOTHING_SINCE = 2**62
"""A revision no customer reaches: asks the store for the customer without any cell."""

BACKOFF_BASE_MS = 1_000
BACKOFF_CAP_MS = 30_000


class Tried(Enum):
    """What one try came to."""

    SETTLED = auto()
    AGAIN = auto()  # nothing is at Cloudflare; go right on
    LATER = auto()  # nothing is at Cloudflare; wait first
    DOUBT = auto()  # it may be at Cloudflare; read before anything else


@dataclass
class Turn:
    """The lock of one toggle, and how many hold or want it."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    waiting: int = 0


class Writer:
    """Delivers intents. One per process; `owner` names the process in the leases."""

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
        self._queue = queue
        self._wake = wake
        self._gateway = gateway
        self._budget = budget
        self._credentials = credentials
        self._bus = bus
        self._clock = clock
        self._tasks = tasks
        self._chance = chance
        self._owner = owner
        self._delivering: set[ChangeId] = set()
        self._turns: dict[tuple[CustomerId, ToggleId], Turn] = {}

    @property
    def owner(self) -> str:
        """This process's name in the leases; asked for late, because a server forks after it was wired."""
        return self._owner()

    def lease(self) -> int:
        """The end of a lease taken now."""
        return self._clock.now_ms() + LEASE_MS

    def submit(self, change: Change) -> None:
        """Deliver it in the background; the outcome reaches the pages through the feed."""
        if change.id not in self._delivering:
            self._delivering.add(change.id)
            self._tasks.spawn(self._deliver_safely(change), f"deliver change {change.id}")

    async def recover(self, limit: int = 100) -> int:
        """Adopt intents whose worker died; returns how many. Called at start and every few seconds."""
        adopted = await self._store.adopt(
            now=self._clock.now_ms(), owner=self.owner, lease_until=self.lease(), limit=limit
        )
        for change in adopted:
            self.submit(change)
        return len(adopted)

    async def keep(self) -> None:
        """Renew the leases of what is being delivered here. Called every few seconds; a dead process cannot."""
        if self._delivering:
            await self._store.keep(sorted(self._delivering), owner=self.owner, lease_until=self.lease())

    async def _deliver_safely(self, change: Change) -> None:
        logs.know(customer=change.customer, change=change.id)  # in a task of its own
        try:
            with self._telemetry.span("deliver a wish"):
                await self._deliver(change)
        except StoreUnavailable as error:
            # The intent stays pending; its lease runs out and recovery takes it up again.
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

    async def _deliver(self, change: Change) -> None:
        """Try until it is settled, or the deadline has passed."""
        tried = Tried.DOUBT if change.sent_at is not None else Tried.AGAIN
        attempt = 0
        while True:
            in_doubt = tried is Tried.DOUBT
            try:
                tried = await self._try_once(change, in_doubt)
            except Refused as refusal:
                await self._refuse(change, refusal)
                return
            if tried is Tried.SETTLED:
                return
            attempt += 1
            if tried is not Tried.AGAIN and not await self._pause(change, attempt, tried):
                return

    async def _try_once(self, change: Change, in_doubt: bool) -> Tried:
        customer = (await self._store.page(change.customer, since=NOTHING_SINCE)).customer
        access = await self._credentials.access(customer)
        lane = Lane(access.credential, CallClass.WRITE, change.customer)
        if not await self._show_wait(change, lane, in_doubt):
            return Tried.SETTLED
        step = self._resolve if in_doubt else self._send
        async with self._turn(change):
            return await step(change, BY_ID[change.toggle], access, lane)

    async def _send(self, change: Change, toggle: Toggle, access: ZoneAccess, lane: Lane) -> Tried:
        try:
            with await self._budget.acquire(lane):
                if not await self._starts(change):
                    return Tried.SETTLED  # superseded, cancelled, or taken by another worker
                seen = await self._gateway.write(access, toggle, change.to_value)
        except Throttled:
            return Tried.AGAIN  # the budget knows when it opens
        except TryLater:
            return Tried.LATER
        except Unclear:
            return Tried.DOUBT
        settled = await self._settle(change, toggle, seen, since=None)
        return await self._too_late(change, toggle, access, lane) if settled is None else settled

    async def _starts(self, change: Change) -> bool:
        """Mark the change as sent; False when it may not be sent any more."""
        now, until = self._clock.now_ms(), self.lease()
        started = await self._store.start(
            change.customer, change.id, now=now, owner=self.owner, lease_until=until
        )
        return started is Start.SEND

    async def _too_late(self, change: Change, toggle: Toggle, access: ZoneAccess, lane: Lane) -> Tried:
        """Somebody else has settled it while our call was under way: this process was frozen, or its clock is wrong.
        The call may have landed on a newer wish, so Cloudflare is read, and the newest put back if need be."""
        resolved = await self._resolve(change, toggle, access, lane)
        return Tried.DOUBT if resolved is Tried.DOUBT else Tried.SETTLED

    async def _resolve(self, change: Change, toggle: Toggle, access: ZoneAccess, lane: Lane) -> Tried:
        """After doubt: what Cloudflare holds decides whether it is applied or must be sent again."""
        since = await self._store.revision(change.customer)
        newest = await self._store.newest_wish(change.customer, toggle.id)
        try:
            seen = await self._read(access, toggle, lane)
            if newest is not None and newest.id > change.id and newest.status is ChangeStatus.APPLIED:
                return await self._yield_to(newest, change, toggle, access, lane, seen)
        except (TryLater, Unclear):
            return Tried.DOUBT
        if seen is not None and _same(toggle, seen, change):
            return await self._settle(change, toggle, seen, since) or Tried.SETTLED
        return Tried.AGAIN

    async def _read(self, access: ZoneAccess, toggle: Toggle, lane: Lane) -> Observation | None:
        with await self._budget.acquire(lane):
            seen = await self._gateway.read(access, read_for(toggle))
        return next((one for one in seen if one.toggle == toggle.id), None)

    async def _yield_to(
        self,
        newest: Change,
        change: Change,
        toggle: Toggle,
        access: ZoneAccess,
        lane: Lane,
        seen: Observation | None,
    ) -> Tried:
        """A later wish was applied while this one was under way. If ours landed on top of it, the later one is
        put back: the later number wins, whichever call Cloudflare happened to serve last."""
        ours_on_top = seen is not None and _same(toggle, seen, change) and not _same(toggle, seen, newest)
        if ours_on_top:
            with await self._budget.acquire(lane):
                await self._gateway.write(access, toggle, newest.to_value)
        now = self._clock.now_ms()
        await self._store.settle_superseded(change.customer, change.id, now=now)
        return Tried.SETTLED

    async def _show_wait(self, change: Change, lane: Lane, in_doubt: bool) -> bool:
        """Show a wait for the budget that is worth showing. False when the change was taken back."""
        wait = self._budget.estimate_ms(lane)
        return wait < SHOW_QUEUE_FROM_MS or await self._hold(change, wait, in_doubt)

    async def _hold(self, change: Change, wait_ms: int, in_doubt: bool) -> bool:
        """Keep the lease over a wait and, if it is not at Cloudflare, show when it will be sent."""
        if in_doubt:
            return await self._store.extend(change.id, owner=self.owner, lease_until=self.lease())
        now = self._clock.now_ms()
        held = await self._store.queue(
            change.customer,
            change.id,
            now=now,
            eta=now + wait_ms,
            owner=self.owner,
            lease_until=self.lease(),
        )
        self._bus.hint(change.customer)
        return held

    async def _settle(
        self, change: Change, toggle: Toggle, seen: Observation, since: int | None
    ) -> Tried | None:
        """Settle by what Cloudflare holds; in doubt when another write was in flight at the same time. None when
        somebody else was first."""
        now = self._clock.now_ms()
        if toggle.read(seen.value).state is not change.to_state:
            settled = await self._store.settle_failed(change.customer, change.id, Reason.NOT_KEPT, now=now)
        else:
            settled = await self._store.settle_applied(change.customer, change.id, seen, now=now, since=since)
        if settled is Settled.NOT_OPEN:
            return None
        return Tried.DOUBT if settled is Settled.CONTESTED else Tried.SETTLED

    async def _refuse(self, change: Change, refusal: Refused) -> None:
        now = self._clock.now_ms()
        await self._store.settle_failed(
            change.customer, change.id, refusal.reason, now=now, detail=refusal.detail
        )
        if isinstance(refusal, Unauthorized) and refusal.reason is Reason.TOKEN_REFUSED:
            # One answer proves little: the engine looks next, and asks about the token before it parks anything.
            await self._queue.add(change.customer, due=NEVER, urgency=Urgency.WATCHED)
            self._wake()

    async def _silent(self, change: Change) -> None:
        now = self._clock.now_ms()
        await self._store.zone_silent(change.customer, now=now)
        self._bus.hint(change.customer)

    async def _pause(self, change: Change, attempt: int, tried: Tried) -> bool:
        """Wait with full jitter before the next try; False when the deadline has passed and it was settled."""
        now = self._clock.now_ms()
        if now >= change.requested_at + DEADLINE_MS:
            await self._store.settle_failed(change.customer, change.id, Reason.NO_ANSWER, now=now)
            return False
        if attempt >= SILENT_FROM_ATTEMPT:
            await self._silent(change)
        wait = backoff_ms(attempt, BACKOFF_BASE_MS, BACKOFF_CAP_MS, self._chance())
        if not await self._hold(change, wait, in_doubt=tried is Tried.DOUBT):
            return False
        await self._clock.sleep(wait / 1000)
        return True

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


def _same(toggle: Toggle, seen: Observation, change: Change) -> bool:
    """Whether what was seen is what was wanted, the finer value included."""
    return toggle.read(seen.value) == toggle.read(change.to_value)
