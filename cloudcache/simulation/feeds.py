"""The change feeds of the simulated engine: the real reader on the model's logs."""

from __future__ import annotations

from heapq import heappop, heappush
from typing import TYPE_CHECKING

from cloudcache.domain.budget import CallClass
from cloudcache.domain.feed import Entry, FeedPage, FeedStatus, Position, Window, cadence_of
from cloudcache.domain.freshness import FEEDS_AT_ONCE, Urgency, retry_at
from cloudcache.domain.ids import ZoneId
from cloudcache.simulation.calls import Call, Verdict
from cloudcache.simulation.cloudflare import AuditLog, Line
from cloudcache.simulation.fleet import NAMED_BY

if TYPE_CHECKING:
    from cloudcache.simulation.engine import Engine

READ_AFTER_MS = 2_000
DENIED_FOR_MS = 6 * 3_600_000
RETRY_CAP_MS = 60_000
SOMEWHERE = ZoneId("0" * 32)


class Feed:
    """One account's feed."""

    __slots__ = ("active_at", "due", "failures", "gap", "held", "looked_at", "position", "watched", "window")

    def __init__(self, due: int) -> None:
        self.position = Position()
        self.due = due
        self.held = False
        self.failures = 0
        self.active_at: int | None = None
        self.watched = 0
        self.window: Window | None = None
        self.gap = False
        self.looked_at: int | None = None


class Feeds:
    """All of them, and the queue they stand in."""

    def __init__(self, engine: Engine, accounts: int, now: int, spread_ms: int) -> None:
        self._engine = engine
        self.logs = [AuditLog() for _ in range(accounts)]
        self.feeds = [Feed(now + int(engine.chance.random() * spread_ms)) for _ in range(accounts)]
        self._queue = sorted((feed.due, account) for account, feed in enumerate(self.feeds))
        self._under_way = 0
        self.longest_unread_ms = 0

    def put(self, account: int, due: int) -> None:
        """When to look at this one next."""
        feed = self.feeds[account]
        feed.due = due
        if not feed.held:
            heappush(self._queue, (due, account))

    def watch(self, account: int, many: int, now: int) -> None:
        """Pages open (or, negative, close); the first one makes it due."""
        feed = self.feeds[account]
        if not feed.watched and many > 0 and feed.due > now:
            self.put(account, now)
        feed.watched += many

    def set_back(self, by: int, now: int) -> None:
        """Our clock was set back."""
        for account, feed in enumerate(self.feeds):
            if feed.due > now:
                self.put(account, feed.due - by)

    def fill(self, now: int) -> None:
        """Begin what is due, as far as there is room."""
        queue = self._queue
        while queue and queue[0][0] <= now and self._under_way < FEEDS_AT_ONCE:
            due, account = heappop(queue)
            feed = self.feeds[account]
            if feed.due != due or feed.held:
                continue
            feed.held = True
            self._under_way += 1
            feed.gap = feed.position.had_gap(now)
            feed.window = feed.position.next_window(now)
            self._ask(account, feed)

    def _ask(self, account: int, feed: Feed) -> None:
        call_class = CallClass.WATCHED if feed.watched else CallClass.FEED
        self._engine.ask(self._engine.lane(account, call_class), "feed", self._answered, account)

    def _answered(self, call: Call, now: int) -> None:
        account = call.about
        feed = self.feeds[account]
        if call.verdict is Verdict.DONE and feed.window is not None:
            self._page(account, feed, feed.window, call.left_at, now)
            return
        if call.verdict is Verdict.REFUSED:
            self._done(account, feed, now + DENIED_FOR_MS)
            return
        feed.failures += 1
        later = retry_at(feed.failures, now, self._engine.chance.random())
        every = self._every(feed, now)
        self._done(account, feed, max(now + every, min(later, now + RETRY_CAP_MS)))

    def _page(self, account: int, feed: Feed, window: Window, left_at: int, now: int) -> None:
        lines, cursor = self.logs[account].page(window.since, window.before, window.cursor, left_at)
        new = [self._note(account, line, now) for line in lines if not line.is_known]
        feed.position = feed.position.read(window, FeedPage((), cursor), new, now)
        if feed.position.window is not None:
            feed.window = feed.position.window
            self._ask(account, feed)
            return
        if new:
            feed.active_at = now
        if feed.gap:
            self._engine.catch_up(account, now)
        feed.failures = 0
        if feed.looked_at is not None:
            self.longest_unread_ms = max(self.longest_unread_ms, now - feed.looked_at)
        feed.looked_at = now
        self._done(account, feed, now + self._every(feed, now))

    def _note(self, account: int, line: Line, now: int) -> Entry:
        """A line never seen before: our own, answered by a read since, or a reason to look."""
        line.is_known = True
        fleet, named = self._engine.fleet, NAMED_BY[line.toggle]
        entry = Entry(str(line.id), line.at, SOMEWHERE, named)
        if line.is_own:
            return entry
        self._engine.activity.changed(account, line.zone, now)
        fleet.changed_at[line.zone] = now
        if not fleet.has_read_since(line.zone, named, line.at + READ_AFTER_MS, now):
            fleet.named.setdefault(line.zone, {})[line.id] = named
            fleet.add(line.zone, now, Urgency.NAMED)
        return entry

    def _every(self, feed: Feed, now: int) -> int:
        pace = self._engine.pace
        cadence = cadence_of(feed.active_at, feed.watched > 0, now)
        if cadence == "busy":
            return pace.feed_busy_ms
        return pace.feed_lively_ms if cadence == "lively" else pace.feed_quiet_ms

    def _done(self, account: int, feed: Feed, due: int) -> None:
        feed.held = False
        self._under_way -= 1
        self.put(account, due)
        self.fill(self._engine.clock())

    def is_followed(self, account: int, now: int) -> bool:
        """Whether this account's changes are told."""
        position = self.feeds[account].position
        verified = position.verified_until
        return position.status is FeedStatus.ON and verified is not None and verified > now - 1_200_000
