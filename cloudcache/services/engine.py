"""The freshness engine of one process: takes what is due, works on it within the budget, says when it is due again.

    turn   feeds that are due -> read -> their lines queue zones
           zones that are due, watched before named before swept -> read -> when to look again

Any number of processes may run one: the leases share the work out. Whoever wakes it (a timer, an opened page, a
feed that named something) only says *look*; what is due, the queue says, and what may be called, the budget.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable

from cloudcache import logs
from cloudcache.domain.errors import CloudcacheError, Refused, StoreUnavailable, explain
from cloudcache.domain.feed import WHOLE, cheapest_reads
from cloudcache.domain.freshness import (
    FEEDS_AT_ONCE,
    NEVER,
    ROOM_OWN,
    ROOM_PLATFORM,
    Urgency,
    next_look,
    retry_at,
)
from cloudcache.domain.ids import CredentialId, CustomerId
from cloudcache.domain.suspension import Suspension
from cloudcache.ports import (
    Budget,
    Bus,
    Clock,
    Feeds,
    LeasedFeed,
    LeasedZone,
    ZoneQueue,
)
from cloudcache.services.changefeed import ChangeFeed
from cloudcache.services.gathering import Look
from cloudcache.services.pacing import Pacing
from cloudcache.services.reconcile import Reconciler
from cloudcache.services.settling import asked_of, failed, finished, outcome
from cloudcache.services.suspensions import Suspensions, Verdict
from cloudcache.services.tally import Tally
from cloudcache.services.tasks import Tasks

log = logging.getLogger("cloudcache.engine")

LEASE_MS = 60_000
PROLONG_EVERY_MS = 20_000
ASK_AGAIN_MS = 1_000
"""A queue found empty is asked again after this long, or when somebody says that there is something in it."""

SET_BACK_MS = 5_000
"""Less is a clock being adjusted, which hurts nobody."""

REMEMBER_ENTRIES_MS = 25 * 3_600_000
FORGET_AT_ONCE = 5_000

Line = tuple[bool, Urgency]
"""A row of the queue: whose token (the platform's?), and how urgent."""

LINES: tuple[Line, ...] = tuple(
    (platform, urgency)
    for urgency in (Urgency.WATCHED, Urgency.NAMED, Urgency.SWEEP)
    for platform in (True, False)
)


class Engine:
    """Keeps zones fresh. `turn` may be called at any time and by anybody; it never runs twice at once."""

    def __init__(
        self,
        queue: ZoneQueue,
        feeds: Feeds,
        reconciler: Reconciler,
        changefeed: ChangeFeed,
        pacing: Pacing,
        suspensions: Suspensions,
        budget: Budget,
        bus: Bus,
        clock: Clock,
        tasks: Tasks,
        *,
        owner: Callable[[], str],
        chance: Callable[[], float],
        token_id: Callable[[CredentialId], CredentialId],
    ) -> None:
        """`token_id` names what the calls of a credential are counted under."""
        self._queue = queue
        self._feeds = feeds
        self._reconciler = reconciler
        self._changefeed = changefeed
        self._pacing = pacing
        self._suspensions = suspensions
        self._budget = budget
        self._bus = bus
        self._clock = clock
        self._tasks = tasks
        self._owner = owner
        self._chance = chance
        self._token_id = token_id
        self._zones: dict[CustomerId, Line] = {}
        self._accounts: dict[str, LeasedFeed] = {}
        self._in_hand: Counter[CredentialId] = Counter()
        self._busy: Counter[Line] = Counter()
        self._ask_after: dict[Line | str, int] = {}
        self._woken = asyncio.Event()
        self._turning = asyncio.Lock()
        self._prolonged_at = 0
        self._latest = 0
        self._stopping = False
        self._on_ended: Callable[[LeasedZone], Awaitable[None]] | None = None
        self.tally = Tally()

    def on_ended(self, end: Callable[[LeasedZone], Awaitable[None]]) -> None:
        """Have this called before a zone is read that has a setting whose time is up."""
        self._on_ended = end

    # -- being woken ---------------------------------------------------------------------------
    def wake(self) -> None:
        """There may be something to do right now."""
        self._ask_after.clear()
        self._woken.set()

    async def tick(self) -> None:
        """The timer's word: look whether something has become due."""
        self._woken.set()

    async def run(self, breath_s: float = 0.05) -> None:
        """Take turns for ever, whenever woken. After a turn it rests for a breath: what ends meanwhile is then
        replaced together, in one question to the queue instead of one for each."""
        while not self._stopping:
            await self._woken.wait()
            self._woken.clear()
            try:
                await self.turn()
            except StoreUnavailable as error:
                log.error("the queue cannot be read: %s", error)
                self._ask_after = dict.fromkeys((*LINES, "feeds"), self._clock.now_ms() + ASK_AGAIN_MS)
            await self._clock.sleep(breath_s)

    async def drain(self, grace_s: float) -> None:
        """Take nothing more, let what is under way end, and give the rest back, so that others go on at once."""
        self._stopping = True
        self._woken.set()
        await self._tasks.stop(grace_s)
        try:
            await self._queue.release(self._owner())
        except StoreUnavailable as error:
            log.error("leases are not given back, they run out by themselves: %s", error)

    @property
    def busy(self) -> bool:
        """Whether anything is under way."""
        return bool(self._zones or self._accounts)

    # -- one turn ------------------------------------------------------------------------------
    async def turn(self) -> int:
        """Take what is due, as far as there is room; returns how much was taken."""
        async with self._turning:
            if self._stopping:
                return 0
            await self._notice_clock()
            await self._prolong()
            await self._pacing.refresh()
            taken = await self._take_suspended() + await self._take_feeds()
            for line in LINES:
                taken += await self._take_zones(line)
            return taken

    async def look_now(self, customer: CustomerId) -> Look | None:
        """Read one zone whole right away, for somebody who waits; None while another process reads it."""
        now = self._clock.now_ms()
        zone = await self._queue.lease_one(customer, now=now, owner=self._owner(), until=now + LEASE_MS)
        if zone is None:
            return None
        line = (zone.customer.credential is None, Urgency.WATCHED)
        self._hold(zone, line)
        try:
            return await self._look(zone, line, whole=True)
        finally:
            self._let_go(zone, line)

    async def forget(self) -> int:
        """Drop the feeds' lines of yesterday."""
        before = self._clock.now_ms() - REMEMBER_ENTRIES_MS
        return await self._feeds.forget_entries(before, FORGET_AT_ONCE)

    async def _notice_clock(self) -> None:
        """A clock that was ahead leaves everything due in a future that may be hours away."""
        now, before = self._clock.now_ms(), self._latest
        self._latest = now
        if (by := before - now) > SET_BACK_MS:
            log.warning("the clock was set back by %d s", by // 1000, extra={"event": "clock_set_back"})
            self._ask_after.clear()
            await self._queue.across_tenants_set_back(by, now=now)

    async def _prolong(self) -> None:
        """Keep the leases of all that is in hand, also of what waits for its budget."""
        now = self._clock.now_ms()
        if not self.busy or 0 <= now - self._prolonged_at < PROLONG_EVERY_MS:
            return
        self._prolonged_at = now
        until, owner = now + LEASE_MS, self._owner()
        if self._zones:
            await self._queue.prolong(list(self._zones), owner=owner, until=until)
        if self._accounts:
            await self._feeds.prolong_feeds(list(self._accounts.values()), owner=owner, until=until)

    async def _take_suspended(self) -> int:
        """Examine suspended zones and tokens whose time has come."""
        if not self._may_ask("suspended", 1, 1):
            return 0
        due = await self._suspensions.take_due()
        self._ask_after["suspended"] = self._clock.now_ms() + ASK_AGAIN_MS
        for one in due:
            self._tasks.spawn(self._examine(one), f"examine the suspended {one.kind.value} {one.subject}")
        return len(due)

    async def _examine(self, suspension: Suspension) -> None:
        logs.job("examine a suspension")
        try:
            await self._suspensions.examine(suspension)
        except CloudcacheError as error:
            log.error("an examination waits for its claim to end: %s", error)
        finally:
            self._woken.set()

    async def _take_feeds(self) -> int:
        room = FEEDS_AT_ONCE - len(self._accounts)
        if not self._may_ask("feeds", room, FEEDS_AT_ONCE):
            return 0
        now = self._clock.now_ms()
        leased = await self._feeds.lease_feeds(
            now=now, owner=self._owner(), until=now + LEASE_MS, limit=room, without=list(self._accounts)
        )
        self._note_empty("feeds", len(leased), room)
        for feed in leased:
            self._accounts[feed.account] = feed
            self._tasks.spawn(self._read_feed(feed), f"read the feed of account {feed.account}")
        return len(leased)

    async def _take_zones(self, line: Line) -> int:
        platform, urgency = line
        most = (ROOM_PLATFORM if platform else ROOM_OWN).of(urgency)
        room = most - self._busy[line]
        if not self._may_ask(line, room, most):
            return 0
        now = self._clock.now_ms()
        leased = await self._queue.lease(
            urgency,
            platform=platform,
            now=now,
            owner=self._owner(),
            until=now + LEASE_MS,
            limit=room,
            without=self._blocked(),
        )
        self._note_empty(line, len(leased), room)
        for zone in leased:
            self._hold(zone, line)
            self._tasks.spawn(self._work(zone, line), f"read customer {zone.customer.id}")
        return len(leased)

    def _may_ask(self, line: Line | str, room: int, most: int) -> bool:
        """Not while nearly all room is taken (few at a time cost as many questions), nor soon after an empty hand."""
        return room >= max(1, most // 4) and self._ask_after.get(line, 0) <= self._clock.now_ms()

    def _note_empty(self, line: Line | str, got: int, room: int) -> None:
        if got < room:
            self._ask_after[line] = self._clock.now_ms() + ASK_AGAIN_MS

    def _blocked(self) -> list[CredentialId]:
        """Credentials of zones in hand that Cloudflare has blocked: no use in taking more of theirs."""
        blocked_until = self._budget.blocked_until_ms
        return [one for one in self._in_hand if blocked_until(self._token_id(one)) is not None]

    # -- the work ------------------------------------------------------------------------------
    async def _read_feed(self, feed: LeasedFeed) -> None:
        logs.job("read a feed")
        try:
            pace = self._pacing.pace(platform=feed.credential is None)
            named = await self._changefeed.read(feed, pace)
            self.tally.feeds += 1
            self.tally.named += named
            if named:
                self.wake()
        except CloudcacheError as error:
            log.error("the feed of account %s waits for its lease to end: %s", feed.account, error)
        finally:
            self._accounts.pop(feed.account, None)
            self._woken.set()

    async def _work(self, zone: LeasedZone, line: Line) -> None:
        logs.job("read a zone", customer=zone.customer.id)
        try:
            await self._look(zone, line)
        except CloudcacheError as error:
            self.tally.failures += 1
            log.error("customer %s waits for its lease to end: %s", zone.customer.id, error)
        finally:
            self._let_go(zone, line)
            self._woken.set()

    async def _look(self, zone: LeasedZone, line: Line, *, whole: bool = False) -> Look:
        """Read what is asked for and settle the lease."""
        (platform, urgency), began = line, self._clock.now_ms()
        is_whole = whole or self._wants_whole(zone, platform)
        if zone.ended and self._on_ended is not None:
            await self._on_ended(zone)
        wanted = WHOLE if is_whole else asked_of(zone, began)
        is_whole = wanted >= WHOLE
        await self._reconciler.prepare()
        plan = cheapest_reads(wanted, self._reconciler.batch_read)
        try:
            look = await self._reconciler.look(
                zone.customer,
                plan,
                urgency.call_class,
                zone.persons,
                unknown=zone.is_unknown,
                lease=zone.lease,
            )
        except Refused as refusal:
            self.tally.failures += 1
            await self._refused(zone, refusal)
            return Look(total=len(plan), why=explain(refusal))
        self.tally.looks[urgency] += 1
        self.tally.calls[urgency] += look.done
        self.tally.changes += look.changes
        await self._settle(zone, look, began, is_whole, platform)
        return look

    def _wants_whole(self, zone: LeasedZone, platform: bool) -> bool:
        """All of it when nothing in particular is to be read, when a person asked for all, or when its turn has come
        anyway: for an open page, and for a zone whose failures would else keep it from ever being swept."""
        now = self._clock.now_ms()
        if zone.due <= NEVER or not asked_of(zone, now):
            return True
        due, _ = next_look(zone.interest, self._pacing.pace(platform=platform), now)
        return due <= now and (
            zone.urgency is Urgency.WATCHED or zone.failures > 0 or zone.unread is not None
        )

    async def _settle(self, zone: LeasedZone, look: Look, began: int, is_whole: bool, platform: bool) -> None:
        """End the lease. A whole read is as old as its beginning: what it saw is at least that fresh."""
        if look.is_lost:
            return
        now, pace = self._clock.now_ms(), self._pacing.pace(platform=platform)
        result = outcome(zone, look.answered, look.settled, began, is_whole=is_whole, refused=look.refused)
        if result.is_complete:
            done = finished(zone, result, pace, now)
            await self._queue.finish(zone, done, owner=self._owner(), now=now)
            return
        self.tally.failures += 1
        retry = failed(zone, result, pace, now, self._chance(), is_silent=look.is_silent)
        await self._queue.fail(
            zone,
            owner=self._owner(),
            due=retry.due,
            now=now,
            why=look.why or "something of it was changed while it was read",
            silent=look.is_silent,
            entries=result.entries,
            still_named=result.still_named,
            unread=retry.unread,
        )

    async def _refused(self, zone: LeasedZone, refusal: Refused) -> None:
        """Cloudflare refuses the zone as a whole: have that confirmed; what cannot be is tried again later."""
        verdict = await self._suspensions.judge(zone.customer, refusal)
        if verdict is Verdict.SUSPENDED:
            return
        now = self._clock.now_ms()
        due = retry_at(zone.failures, now, self._chance())
        await self._queue.fail(
            zone, owner=self._owner(), due=due, now=now, why=explain(refusal), silent=False
        )

    def _hold(self, zone: LeasedZone, line: Line) -> None:
        self._zones[zone.customer.id] = line
        self._busy[line] += 1
        if zone.customer.credential is not None:
            self._in_hand[zone.customer.credential] += 1

    def _let_go(self, zone: LeasedZone, line: Line) -> None:
        self._bus.hint(zone.customer.id)
        self._zones.pop(zone.customer.id, None)
        self._busy[line] -= 1
        credential = zone.customer.credential
        if credential is not None:
            self._in_hand[credential] -= 1
            if not self._in_hand[credential]:
                del self._in_hand[credential]
