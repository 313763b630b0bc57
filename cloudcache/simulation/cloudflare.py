"""A fast model of Cloudflare: budgets, the address, and the audit log; no HTTP, no values, only whether and when.

Times here are milliseconds of Cloudflare's own clock, whatever ours says.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from math import ceil

QUOTA, WINDOW_MS, BLOCK_MS = 1_200, 300_000, 300_000
PER_PAGE = 1_000


class Bucket:
    """What one token may still do: a bucket of 1,200 that refills in 300 seconds, and a block after a breach."""

    __slots__ = ("at", "blocked_until", "left", "most_in_window", "recent")

    def __init__(self, now: int) -> None:
        self.left, self.at, self.blocked_until = float(QUOTA), now, 0
        self.recent: deque[int] = deque()
        self.most_in_window = 0

    def take(self, now: int) -> bool:
        """One call; False is a 429."""
        self.left = min(QUOTA, self.left + (now - self.at) * QUOTA / WINDOW_MS)
        self.at = now
        recent = self.recent
        recent.append(now)
        while recent[0] <= now - WINDOW_MS:
            recent.popleft()
        if len(recent) > self.most_in_window:
            self.most_in_window = len(recent)
        if now < self.blocked_until:
            return False
        if self.left < 1:
            self.left, self.blocked_until = 0.0, now + BLOCK_MS
            return False
        self.left -= 1
        return True

    def meter(self) -> tuple[int, int]:
        """Calls left, and the seconds until all are back, as the `Ratelimit` header says."""
        return int(self.left), ceil((QUOTA - self.left) * WINDOW_MS / QUOTA / 1_000)


class Address:
    """The calls of the last second from our one address."""

    __slots__ = ("most", "recent")

    def __init__(self) -> None:
        self.recent: deque[int] = deque()
        self.most = 0

    def count(self, now: int) -> int:
        """How many in the last second, this one included."""
        recent = self.recent
        recent.append(now)
        while recent[0] <= now - 1_000:
            recent.popleft()
        if len(recent) > self.most:
            self.most = len(recent)
        return len(recent)


class Line:
    """A line of an audit log: who was changed, when, and from when on it can be read."""

    __slots__ = ("at", "id", "is_known", "is_own", "toggle", "visible_at", "zone")

    def __init__(self, id_: int, at: int, visible_at: int, zone: int, toggle: int, is_own: bool) -> None:
        self.id, self.at, self.visible_at = id_, at, visible_at
        self.zone, self.toggle, self.is_own = zone, toggle, is_own
        self.is_known = False


class AuditLog:
    """The log of one account, in the order of what was done."""

    __slots__ = ("_lines", "_times")

    def __init__(self) -> None:
        self._lines: list[Line] = []
        self._times: list[int] = []

    def add(self, line: Line) -> None:
        """At the end: time moves forward here."""
        self._lines.append(line)
        self._times.append(line.at)

    def page(self, since: int, before: int, cursor: str, now: int) -> tuple[list[Line], str]:
        """Up to 1,000 lines that can be seen by now, oldest first, and the cursor of the next page."""
        first = int(cursor) if cursor else bisect_left(self._times, since)
        last = bisect_left(self._times, before)
        found: list[Line] = []
        for place in range(first, last):
            line = self._lines[place]
            if line.visible_at <= now:
                if len(found) == PER_PAGE:
                    return found, str(place)
                found.append(line)
        return found, ""
