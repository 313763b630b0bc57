"""Follows the audit log of one account and queues the zones it names.

A log is read page by page to the end of its window; each page's lines are stored before the position moves, so
that nothing is lost wherever this ends. What cannot be read is tried again, never faster than the cadence, and
what a token may not read is left alone for hours: then there is only polling, and the report says so.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace

from cloudcache.domain.budget import CallClass, Lane
from cloudcache.domain.errors import (
    CloudcacheError,
    NotFound,
    Refused,
    StoreUnavailable,
    TryLater,
    Unauthorized,
)
from cloudcache.domain.feed import FeedPage, FeedStatus, FeedVersion, Position, Window, cadence_of
from cloudcache.domain.freshness import DAY_MS, Pace, retry_at
from cloudcache.ports import Budget, Clock, FeedAccess, Feeds, Gateway, LeasedFeed, ZoneQueue
from cloudcache.services.credentials import Credentials

log = logging.getLogger("cloudcache.feed")

LEASE_MS = 60_000
MOST_PAGES = 500
"""Pages of one look; half a million lines. The next look goes on from there."""

RETRY_CAP_MS = 60_000
"""One call a minute for a log that is down costs nothing, and is soon there when it is back."""

DENIED_FOR_MS = 6 * 3_600_000
CATCH_UP_AT_MOST_EVERY_MS = 3_600_000


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
        position, found = feed.position, 0
        had_gap = position.had_gap(now)
        access = await self._credentials.feed_access(feed)
        window = position.next_window(now)
        for _ in range(MOST_PAGES):
            page, window = await self._page(feed, access, position, window)
            now = self._clock.now_ms()
            new = await self._feeds.note(feed, page.entries, now=now)
            found += len(new)
            if page.garbled:
                log.warning("account %s: %d lines of its log cannot be read", feed.account, page.garbled)
                await self._catch_up(feed, now)
            position = position.read(window, page, new, now)
            if position.window is None:
                break
            window = position.window
            if not await self._keep(feed, position, now, until=now + LEASE_MS):
                return found  # somebody else has it now, and reads the same window
        if had_gap:
            log.warning("account %s: its log was not read for long; sweeping its zones", feed.account)
            await self._catch_up(feed, now)
        self._say_when_it_changes(feed, position)
        due = self._due(feed, pace, found, now)
        await self._feeds.keep_position(feed, position, owner=self._owner(), due=due, until=None)
        return found

    async def _page(
        self, feed: LeasedFeed, access: FeedAccess, position: Position, window: Window
    ) -> tuple[FeedPage, Window]:
        """One page. A cursor that is no longer taken costs its window's pages once more, not its lines."""
        call_class = CallClass.WATCHED if feed.is_watched else CallClass.FEED
        lane = Lane(access.credential, call_class, feed.customer)
        try:
            return await self._changes(lane, access, position.version, window), window
        except (Unauthorized, NotFound):
            raise
        except Refused as refusal:
            if not window.cursor:
                raise
            log.info("account %s: the cursor is no longer taken (%s)", feed.account, refusal)
        again = replace(window, cursor="")
        return await self._changes(lane, access, position.version, again), again

    async def _changes(
        self, lane: Lane, access: FeedAccess, version: FeedVersion, window: Window
    ) -> FeedPage:
        with await self._budget.acquire(lane):
            return await self._gateway.changes(access, version, window)

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
            why=f"the token may not read the account's audit log ({refusal})",
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
