"""Follows the audit log of one account and queues the zones it names.

A log is read page by page to the end of its window; each page's lines are stored before the position moves, so
that nothing is lost wherever this ends. What cannot be read is tried again, never faster than the cadence, and
what a token may not read is left alone for hours: then there is only polling, and the report says so.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from cloudcache.domain.budget import CallClass, Lane
from cloudcache.domain.clock_offset import ClockOffset, Dated
from cloudcache.domain.errors import (
    CloudcacheError,
    NotFound,
    Refused,
    StoreUnavailable,
    TryLater,
    Unauthorized,
    Unclear,
)
from cloudcache.domain.feed import (
    FeedPage,
    FeedStatus,
    FeedVersion,
    Position,
    Unpageable,
    Window,
    cadence_of,
    from_time,
)
from cloudcache.domain.freshness import DAY_MS, Pace, retry_at
from cloudcache.ports import Budget, Clock, FeedAccess, Feeds, Gateway, LeasedFeed, ZoneQueue
from cloudcache.services.credentials import Credentials

log = logging.getLogger("cloudcache.feed")

LEASE_MS = 60_000
MOST_RESTARTS = 3
"""Refused cursors in one walk after which the pages must lead on by time."""

SURELY_HELD_MS = 30_000
"""After a longer wait the lease is asked for before a call is made."""

MOST_PAGES = 500
"""Pages of one look; half a million lines. The next look goes on from there."""

RETRY_CAP_MS = 60_000
"""One call a minute for a log that is down costs nothing, and is soon there when it is back."""

ACCESS_RETRY_S = 60
DENIED_FOR_MS = 6 * 3_600_000
CATCH_UP_AT_MOST_EVERY_MS = 3_600_000


@dataclass
class _Walk:
    """One walk through the pages of a window: where it is, and how far it came."""

    position: Position
    window: Window
    held_at: int
    """When the lease was last known to be ours."""
    found: int = 0
    restarts: int = 0
    reached: int | None = None
    """Up to when the lines of this window were read."""
    cursors: set[str] = field(default_factory=set)

    def go_on(self, window: Window, page: FeedPage) -> None:
        """The next page comes from here."""
        self.window, self.reached = window, page.reached or self.reached

    def restart(self) -> None:
        """The cursor leads nowhere: the rest of the window by time, or all of it when nothing of it was read."""
        self.restarts += 1
        self.cursors.clear()  # the pages come again, and so may their cursors
        if self.restarts > MOST_RESTARTS or (self.reached or 0) > self.window.since:
            self.window = from_time(self.window, self.reached)
        else:
            self.window = replace(self.window, cursor="")

    def without_loop(self, page: FeedPage) -> FeedPage:
        """The page; a cursor that was there before in this walk leads in a circle, and is none."""
        if page.cursor not in self.cursors:
            self.cursors.add(page.cursor)
            return page
        return replace(page, cursor="", has_more=True) if page.cursor else page


class ChangeFeed:
    """Reads the logs that are leased to this process."""

    def __init__(
        self,
        feeds: Feeds,
        queue: ZoneQueue,
        gateway: Gateway,
        budget: Budget,
        credentials: Credentials,
        clock: Clock,
        *,
        owner: Callable[[], str],
        chance: Callable[[], float],
    ) -> None:
        self._feeds = feeds
        self._queue = queue
        self._gateway = gateway
        self._budget = budget
        self._credentials = credentials
        self._clock = clock
        self._owner = owner
        self._chance = chance
        self._caught_up: dict[str, int] = {}
        self._offset = ClockOffset()

    async def read(self, feed: LeasedFeed, pace: Pace) -> int:
        """Read it to its end and say when it is due again; returns the new lines that concern us."""
        try:
            return await self._read(feed, pace)
        except Unauthorized as refusal:
            await self._denied(feed, refusal)
        except NotFound as error:
            await self._absent(feed, error)
        except Refused as refusal:
            await self._retry(feed, feed.position.restarted(), pace, refusal)
        except TryLater as error:
            await self._retry(feed, feed.position, pace, error)
        return 0

    async def _read(self, feed: LeasedFeed, pace: Pace) -> int:
        now = self._clock.now_ms()
        if feed.position.clock_offset_ms and not self._offset.measured:
            self._offset = ClockOffset(initial_ms=feed.position.clock_offset_ms)
        had_gap = feed.position.had_gap(self._at_cloudflare(now))
        walk = _Walk(feed.position, feed.position.next_window(self._at_cloudflare(now)), held_at=now)
        for _ in range(MOST_PAGES):
            page = await self._page(feed, walk)
            if page is None or not await self._take_in(feed, walk, page):
                return walk.found  # another process holds the lease now, and reads the same window
            if walk.position.window is None:
                break
        if had_gap:
            log.warning("account %s: its log was not read for long; sweeping its zones", feed.account)
            await self._catch_up(feed, self._clock.now_ms())
        self._say_when_it_changes(feed, walk.position)
        due = self._due(feed, pace, walk.found, self._clock.now_ms())
        await self._feeds.keep_position(feed, walk.position, owner=self._owner(), due=due, until=None)
        return walk.found

    async def _take_in(self, feed: LeasedFeed, walk: _Walk, page: FeedPage) -> bool:
        """Store a page's lines, then move the position behind it; False when the lease is lost."""
        now = self._clock.now_ms()
        offset_ms = self._offset.ms
        new = await self._feeds.note(feed, page.entries, now=now, clock_offset_ms=offset_ms)
        walk.found += len(new)
        if page.garbled:
            log.warning("account %s: %d lines of its log cannot be read", feed.account, page.garbled)
            await self._catch_up(feed, now)
        position = replace(walk.position, clock_offset_ms=offset_ms)
        try:
            walk.position = position.read(walk.window, page, new, self._at_cloudflare(now))
        except Unpageable as error:
            log.warning("account %s: %s; sweeping its zones", feed.account, error)
            await self._catch_up(feed, now)
            raise
        if walk.position.window is None:
            return True
        walk.go_on(walk.position.window, page)
        walk.held_at = now
        return await self._keep(feed, walk.position, now, until=now + LEASE_MS)

    async def _page(self, feed: LeasedFeed, walk: _Walk) -> FeedPage | None:
        """The window's next page; None when the lease was lost while the call waited for its budget.

        A cursor that is no longer taken costs pages, not lines: the rest of the window is asked for by time."""
        try:
            page = await self._changes(feed, walk)
        except (Unauthorized, NotFound):
            raise
        except Refused as refusal:
            if not walk.window.cursor:
                raise
            log.info("account %s: the cursor is no longer taken (%s)", feed.account, refusal)
            walk.restart()
            page = await self._changes(feed, walk)
        return page and walk.without_loop(page)

    async def _changes(self, feed: LeasedFeed, walk: _Walk) -> FeedPage | None:
        with await self._budget.acquire(await self._lane(feed)):
            if not await self._still_held(feed, walk):
                return None
            access = await self._access(feed)  # after the wait, in which the token may have been renewed
            began = self._clock.now_ms()
            page = await self._gateway.changes(access, walk.position.version, walk.window)
        if page.served_at is not None:
            dated = Dated(began, self._clock.now_ms(), page.served_at)
            self._offset = self._offset.with_answer(dated)
        return page

    async def _lane(self, feed: LeasedFeed) -> Lane:
        call_class = CallClass.WATCHED if feed.is_watched else CallClass.FEED
        try:
            token_id = await self._credentials.token_id_of(feed.credential)
        except NotFound as error:  # the record was replaced; that says nothing about the log
            raise TryLater(ACCESS_RETRY_S, str(error)) from None
        return Lane(token_id, call_class, feed.customer)

    async def _access(self, feed: LeasedFeed) -> FeedAccess:
        """The token to read with. That it cannot be had now says nothing about the log."""
        try:
            return await self._credentials.feed_access(feed)
        except (NotFound, Unclear) as error:
            raise TryLater(ACCESS_RETRY_S, str(error)) from None

    async def _still_held(self, feed: LeasedFeed, walk: _Walk) -> bool:
        """Whether the lease is ours after a wait in which it may have run out."""
        now = self._clock.now_ms()
        if 0 <= now - walk.held_at < SURELY_HELD_MS:
            return True
        held = await self._feeds.prolong_feeds([feed], owner=self._owner(), until=now + LEASE_MS)
        walk.held_at = now
        return feed.account in held

    def _at_cloudflare(self, now: int) -> int:
        """Our time by Cloudflare's clock."""
        return now - self._offset.ms

    async def _keep(self, feed: LeasedFeed, position: Position, now: int, until: int) -> bool:
        return await self._feeds.keep_position(feed, position, owner=self._owner(), due=now, until=until)

    def _due(self, feed: LeasedFeed, pace: Pace, found: int, now: int) -> int:
        active_at = now if found else feed.active_at
        cadence = cadence_of(active_at, feed.is_watched, now)
        every = {"busy": pace.feed_busy_ms, "lively": pace.feed_lively_ms, "quiet": pace.feed_quiet_ms}
        return now + every[cadence]

    async def _retry(self, feed: LeasedFeed, position: Position, pace: Pace, error: CloudcacheError) -> None:
        """Again with full jitter, but not before the cadence would have come round."""
        now = self._clock.now_ms()
        log.info("account %s: its log is not read: %s", feed.account, error)
        later = min(retry_at(feed.failures, now, self._chance()), now + RETRY_CAP_MS)
        due = max(later, self._due(feed, pace, 0, now) if feed.failures else now)
        await self._feeds.feed_failed(feed, position, owner=self._owner(), due=due, why=str(error))

    async def _denied(self, feed: LeasedFeed, refusal: Unauthorized) -> None:
        """Another customer's token of that account may be allowed to; when none is, hours pass."""
        now = self._clock.now_ms()
        more = await self._feeds.feed_credential(feed)
        position = feed.position if more else replace(feed.position, status=FeedStatus.DENIED)
        self._say_when_it_changes(feed, position)
        await self._feeds.feed_failed(
            feed,
            position,
            owner=self._owner(),
            due=now if more else now + DENIED_FOR_MS,
            why=f"the token can't read the account's audit log ({refusal})",
        )

    async def _absent(self, feed: LeasedFeed, error: NotFound) -> None:
        """The newer log is not there: the older one; neither: nothing for a day."""
        now = self._clock.now_ms()
        if feed.position.version is FeedVersion.V2:
            position, due = replace(feed.position, version=FeedVersion.V1, window=None), now
            log.warning("account %s: no newer audit log; using the older one", feed.account)
        else:
            position = replace(feed.position, version=FeedVersion.V2, window=None, status=FeedStatus.ABSENT)
            due = now + DAY_MS
        self._say_when_it_changes(feed, position)
        await self._feeds.feed_failed(feed, position, owner=self._owner(), due=due, why=str(error))

    async def _catch_up(self, feed: LeasedFeed, now: int) -> None:
        """What the log lost, only reading the zones can tell: those of this account, in what the budget leaves."""
        last = self._caught_up.get(feed.account)
        if last is not None and 0 <= now - last < CATCH_UP_AT_MOST_EVERY_MS:
            return
        self._caught_up[feed.account] = now
        try:
            await self._queue.across_tenants_add_all(due=now, account=feed.account, read_before=now)
        except StoreUnavailable:
            del self._caught_up[feed.account]
            raise

    def _say_when_it_changes(self, feed: LeasedFeed, position: Position) -> None:
        before, after = feed.position.status, position.status
        if before is after:
            return
        if after is FeedStatus.ON:
            log.info("account %s: its changes are followed", feed.account)
        else:
            lost = {"event": "feed_lost"}
            log.warning(
                "account %s: its audit log is %s; its zones are polled", feed.account, after.value, extra=lost
            )
