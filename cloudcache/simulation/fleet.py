"""The zones as the simulated engine knows them, and as they really are at Cloudflare.

Only what differs is kept: `unseen` holds the changes made elsewhere that the cache does not have yet.
"""

from __future__ import annotations

import random
from collections import Counter, deque
from functools import cache
from heapq import heappop, heappush

from cloudcache.domain.catalog import TOGGLES, Read, reads
from cloudcache.domain.feed import Named, cheapest_reads, named_by_path
from cloudcache.domain.freshness import DAY_MS, REMEMBERED_MS, Interest, Place, Urgency
from cloudcache.domain.ids import ToggleId

NUMBER: dict[ToggleId, int] = {toggle.id: number for number, toggle in enumerate(TOGGLES)}
NAMED_BY: tuple[Named, ...] = tuple(named_by_path(f"/zones/{'0' * 32}{one.path}")[1] for one in TOGGLES)
"""What a log's line names when each toggle was changed."""


@cache
def planned(named: Named, batch: bool) -> tuple[Read, ...]:
    """The calls that read these; the same few sets come again and again."""
    return cheapest_reads(named, batch)


NUMBERS: dict[str, tuple[int, ...]] = {
    read.path: tuple(NUMBER[toggle.id] for toggle in read.toggles)
    for batch in (False, True)
    for read in reads(batch)
}
"""The toggles that a call tells of, by its path."""


class Fleet:
    """All zones, by number. Times of the cache are our clock's, times of changes Cloudflare's."""

    def __init__(self, many: int, now: int, spread_ms: int, chance: random.Random) -> None:
        self.read_at = [now - int(chance.random() * spread_ms) for _ in range(many)]
        self.truly_read_at = list(self.read_at)
        """The same by Cloudflare's clock, for the check that no age is a lie."""
        self.places = [Place(at + spread_ms, Urgency.SWEEP) for at in self.read_at]
        self.changed_at: dict[int, int] = {}
        self.watched_until: dict[int, int] = {}
        self.seen_at: dict[tuple[int, int], int] = {}
        """When single toggles were read by themselves; whole reads are in `read_at`."""
        self.named: dict[int, dict[int, Named]] = {}
        """The open lines of the log, by zone."""
        self.unseen: dict[int, dict[int, list[int]]] = {}
        self.held = bytearray(many)
        self.parked = bytearray(many)
        self._lines: dict[Urgency, list[tuple[int, int]]] = {one: [] for one in Urgency}
        self._lines[Urgency.SWEEP] = sorted((place.due, zone) for zone, place in enumerate(self.places))

    def __len__(self) -> int:
        return len(self.places)

    # -- the queue -----------------------------------------------------------------------------
    def put(self, zone: int, place: Place) -> None:
        """The zone's place from now on; while it is held it stands in no line."""
        self.places[zone] = place
        if not self.held[zone] and not self.parked[zone]:
            heappush(self._lines[place.urgency], (place.due, zone))

    def add(self, zone: int, due: int, urgency: Urgency) -> None:
        """Add it (again)."""
        self.put(zone, self.places[zone].added(due, urgency))

    def take(self, urgency: Urgency, now: int) -> int | None:
        """The zone of this urgency that is due for the longest, or None."""
        line, places = self._lines[urgency], self.places
        while line:
            due, zone = line[0]
            place = places[zone]
            overtaken = place.due != due or place.urgency is not urgency
            if overtaken or self.held[zone] or self.parked[zone]:
                heappop(line)
            elif due > now:
                return None
            else:
                heappop(line)
                self.held[zone] = 1
                return zone
        return None

    def set_back(self, by: int, now: int) -> None:
        """Our clock was set back: what is still to come, comes that much sooner."""
        for zone, place in enumerate(self.places):
            if place.due > now:
                self.put(zone, Place(place.due - by, place.urgency, place.generation, place.failures))

    def interest(self, zone: int, followed: bool) -> Interest:
        """What the rules want to know of a zone."""
        return Interest(
            full_read_at=self.read_at[zone],
            changed_at=self.changed_at.get(zone),
            watched_until=self.watched_until.get(zone),
            followed=followed,
        )

    # -- the truth -----------------------------------------------------------------------------
    def change(self, zone: int, toggle: int, at: int) -> None:
        """Somebody changes a setting elsewhere."""
        self.unseen.setdefault(zone, {}).setdefault(toggle, []).append(at)

    def see(self, zone: int, toggle: int, looked_at: int) -> list[int]:
        """A read tells what was so at `looked_at`; returns when what it brings to light was done."""
        hidden = self.unseen.get(zone)
        changes = hidden.get(toggle) if hidden else None
        if not hidden or not changes or changes[0] > looked_at:
            return []
        seen = [at for at in changes if at <= looked_at]
        if len(seen) == len(changes):
            del hidden[toggle]
            if not hidden:
                del self.unseen[zone]
        else:
            hidden[toggle] = changes[len(seen) :]
        return seen

    def has_read_since(self, zone: int, named: Named, at: int, now: int) -> bool:
        """Whether all of these were read after `at`; a time to come proves nothing, the clock was wrong then."""
        if at < self.read_at[zone] <= now:
            return True
        seen = self.seen_at
        return all(at < seen.get((zone, NUMBER[name]), 0) <= now for name in named)

    def hides_older_than_claimed(self) -> int:
        """Changes that the cache does not have although it claims to have read their zone since: must be none."""
        return sum(
            1
            for zone, hidden in self.unseen.items()
            for changes in hidden.values()
            for at in changes
            if at < self.truly_read_at[zone]
        )

    def oldest_unseen(self, now: int) -> int:
        """When the oldest change was made that the cache does not have; now when it has all."""
        return min((times[0] for hidden in self.unseen.values() for times in hidden.values()), default=now)

    def backlog(self, batch: bool) -> tuple[int, int]:
        """Changes not seen yet, and the calls it takes to see them."""
        changes = sum(len(times) for hidden in self.unseen.values() for times in hidden.values())
        calls = sum(
            len(planned(frozenset().union(*(NAMED_BY[toggle] for toggle in hidden)), batch))
            for hidden in self.unseen.values()
        )
        return changes, calls


class Recent:
    """How many different things happened within some time."""

    def __init__(self, within_ms: int) -> None:
        self._within_ms = within_ms
        self._happened: deque[tuple[int, int]] = deque()
        self._times: Counter[int] = Counter()

    def note(self, what: int, now: int) -> None:
        """It happened now."""
        self._happened.append((now, what))
        self._times[what] += 1

    def different(self, now: int) -> int:
        """How many different ones."""
        self._forget(now)
        return len(self._times)

    def all(self, now: int) -> int:
        """How many in all."""
        self._forget(now)
        return len(self._happened)

    def _forget(self, now: int) -> None:
        while self._happened and self._happened[0][0] <= now - self._within_ms:
            _, what = self._happened.popleft()
            self._times[what] -= 1
            if not self._times[what]:
                del self._times[what]


class Activity:
    """What the planner counts besides the zones themselves."""

    def __init__(self, busy_ms: int, lively_ms: int) -> None:
        self.busy, self.lively = Recent(busy_ms), Recent(lively_ms)
        self.touched, self.changes = Recent(REMEMBERED_MS), Recent(DAY_MS)
        self._since: int | None = None

    def changed(self, account: int, zone: int, now: int) -> None:
        """The log told of a change."""
        self._since = now if self._since is None else self._since
        self.busy.note(account, now)
        self.lively.note(account, now)
        self.touched.note(zone, now)
        self.changes.note(zone, now)

    def changes_per_day(self, now: int) -> float:
        """As seen in the last day; on the first day as far as it has come."""
        if self._since is None or now - self._since < 60_000:
            return 0.0
        return self.changes.all(now) * DAY_MS / min(DAY_MS, now - self._since)
