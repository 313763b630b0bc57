"""Which zone and which feed to look at next, and who is looking.

The rows themselves are the queue, so nothing is in it twice. The rules are those of `domain/freshness.py` (`Place`);
these methods carry them out, each in one transaction. A lease that ran out is nobody's: whoever comes next takes
the work up again, and what its late owner still brings is turned away. Times are Unix milliseconds.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from cloudcache.domain.customers import Customer, ZoneStatus
from cloudcache.domain.feed import Attribution, Entry, FeedStatus, Named, Position
from cloudcache.domain.freshness import Interest, Urgency
from cloudcache.domain.ids import CredentialId, CustomerId, ToggleId
from cloudcache.domain.planner import Pool


@dataclass(frozen=True, slots=True)
class Unread:
    """The toggles that the whole read begun at `at` left unread, and when they are to be tried again."""

    toggles: Named
    at: int
    due: int


@dataclass(frozen=True, slots=True)
class LeasedZone:
    """A zone to look at. `entries` are the feed's lines that ask for it, `named` what they name together, and `lines`
    what each of them names. One that `is_unknown` was taken from a list: Cloudflare was never asked what it is. The
    number `lease` is given to one lease only; `unread` is what the last whole read left open, and
    the toggles in `ended` should have ended by themselves since they were last read."""

    customer: Customer
    urgency: Urgency
    due: int
    generation: int
    failures: int
    interest: Interest
    named: Named
    entries: tuple[int, ...] = ()
    persons: dict[ToggleId, Attribution] = field(default_factory=dict)
    is_unknown: bool = False
    lines: dict[int, Named] = field(default_factory=dict)
    lease: int = 0
    unread: Unread | None = None
    ended: Named = frozenset()

    def unread_due(self, now: int) -> Named:
        """The unread toggles whose time to be tried again has come."""
        return self.unread.toggles if self.unread and self.unread.due <= now else frozenset()


@dataclass(frozen=True, slots=True)
class Finished:
    """How a look ended: when the zone is due again, when a look at all of it began (None: it was not whole), and
    which of the feed's lines it has answered. `unread_at` is when a look at all of it began that was refused some
    toggles. `keeps_unread`: unread toggles were not due and stay so, with the count of their failures."""

    due: int
    urgency: Urgency
    read_at: int | None
    entries: tuple[int, ...] = ()
    unread_at: int | None = None
    keeps_unread: bool = False


@dataclass(frozen=True, slots=True)
class LeasedFeed:
    """An account's audit log to read, and a customer of that account whose token is used (None: the platform's).
    `lease` is the number of this very lease: what is written under an earlier one is refused."""

    account: str
    position: Position
    customer: CustomerId
    credential: CredentialId | None
    failures: int
    active_at: int | None
    is_watched: bool
    leased_at: int
    lease: int = 0


@dataclass(frozen=True, slots=True)
class QueueDepth:
    """How much is due now, by urgency, how late the latest of it is, and how many zones are parked or leased."""

    due: dict[Urgency, int]
    behind_ms: int
    leased: int
    parked: int
    open_entries: int


@dataclass(frozen=True, slots=True)
class FleetCounts:
    """What the planner needs to know of all zones, by pool, and how their feeds stand."""

    pools: tuple[Pool, ...]
    feeds: dict[FeedStatus, int]


@dataclass(frozen=True, slots=True)
class Parked:
    """A zone that is looked at no more until somebody mends it."""

    shop: str
    status: ZoneStatus
    why: str


@dataclass(frozen=True, slots=True)
class Drift:
    """What was changed elsewhere since some time: how much, in how many zones, and where most of it was."""

    changes: int
    zones: int
    by_shop: tuple[tuple[str, int], ...]
    by_toggle: tuple[tuple[ToggleId, int], ...]


@dataclass(frozen=True, slots=True)
class AgeCounts:
    """How many connected zones were last read whole within how many milliseconds; rising, the last is "ever"."""

    within: tuple[tuple[int, int], ...]
    never: int
    oldest_ms: int | None


@dataclass(frozen=True, slots=True)
class Pending:
    """How many wishes have no outcome yet, and how long the oldest has waited."""

    count: int
    oldest_ms: int


NONE_NAMED: Mapping[int, Named] = {}


class ZoneQueue(Protocol):
    """The zones as a queue."""

    async def add(self, customer: CustomerId, *, due: int, urgency: Urgency) -> None:
        """Added (again): the earlier time, the higher urgency."""
        ...

    async def lease(
        self,
        urgency: Urgency,
        *,
        platform: bool,
        now: int,
        owner: str,
        until: int,
        limit: int,
        without: Collection[CredentialId] = (),
    ) -> list[LeasedZone]:
        """Take zones of this urgency that are due, the longest due first, for work until `until`. `platform` picks
        those on the platform's token, else those with their own, save the credentials in `without`."""
        ...

    async def lease_one(self, customer: CustomerId, *, now: int, owner: str, until: int) -> LeasedZone | None:
        """Take this one, due or not; None while somebody else works on it or when it is parked."""
        ...

    async def prolong(self, customers: Collection[CustomerId], *, owner: str, until: int) -> None:
        """Keep the leases that are still ours."""
        ...

    async def finish(self, zone: LeasedZone, done: Finished, *, owner: str, now: int) -> bool:
        """The look is over. False, and nothing is changed, when the lease was lost."""
        ...

    async def fail(
        self,
        zone: LeasedZone,
        *,
        owner: str,
        due: int,
        now: int,
        why: str,
        silent: bool,
        entries: Collection[int] = (),
        still_named: Mapping[int, Named] = NONE_NAMED,
        unread: Unread | None = None,
    ) -> bool:
        """End the lease of a read that failed, in part or whole; the zone is due again at `due`, or at once when a
        person asked for it meanwhile. `silent`: Cloudflare did not answer at all. The lines `entries` were answered
        all the same; those in `still_named` were answered but for what they name there. `unread` is what a whole read
        left open (None: as before)."""
        ...

    async def release(self, owner: str) -> None:
        """Give back everything this process holds: it stops, and another may go on at once."""
        ...

    async def watch(self, customers: Collection[CustomerId], *, until: int, now: int) -> None:
        """Pages of these are open until further notice; a feed that was not watched before is due at once."""
        ...

    async def unwatch(self, customers: Collection[CustomerId], *, now: int) -> None:
        """The last pages of these in this process closed; another process's will say `watch` again."""
        ...

    async def across_tenants_set_back(self, by: int, *, now: int) -> None:
        """The clock was set back by so much: what is still to come, comes that much sooner."""
        ...

    async def across_tenants_add_all(
        self, *, due: int, account: str | None = None, read_before: int | None = None
    ) -> int:
        """All zones, or an account's, or those not read whole since `read_before`; returns how many."""
        ...

    async def across_tenants_depth(self, now: int) -> QueueDepth:
        """How much there is to do."""
        ...

    async def across_tenants_counts(self, now: int) -> FleetCounts:
        """What there is, for the planner."""
        ...

    async def across_tenants_parked(self, limit: int) -> list[Parked]:
        """The zones that somebody must mend."""
        ...

    async def across_tenants_drift(self, since: int, limit: int) -> Drift:
        """What was changed elsewhere since then, the most changed first."""
        ...

    async def across_tenants_ages(self, now: int) -> AgeCounts:
        """How long ago the zones were read whole."""
        ...

    async def across_tenants_pending(self, now: int) -> Pending:
        """How many wishes wait for their outcome."""
        ...


class Feeds(Protocol):
    """The change feeds of the accounts."""

    async def lease_feeds(
        self, *, now: int, owner: str, until: int, limit: int, without: Collection[str] = ()
    ) -> list[LeasedFeed]:
        """Take the audit logs that are due, the longest due first; not those of the accounts in `without`."""
        ...

    async def prolong_feeds(self, feeds: Collection[LeasedFeed], *, owner: str, until: int) -> frozenset[str]:
        """Keep the leases that are still held; returns the accounts of these."""
        ...

    async def note(
        self, feed: LeasedFeed, entries: Sequence[Entry], *, now: int, clock_offset_ms: int = 0
    ) -> list[Entry]:
        """Remember the lines never seen before, and queue the zones they name; returns those lines.

        A line is answered at once when it tells of our own write (by its ray id), or of what was read since; in the
        latter case the journal learns the person's name. A value the log itself tells is shown as *reported*. An own
        write answers only for the setting it wrote; what else it can have altered is read. `clock_offset_ms` is what
        our clock is ahead of the log's."""
        ...

    async def keep_position(
        self, feed: LeasedFeed, position: Position, *, owner: str, due: int, until: int | None
    ) -> bool:
        """Remember how far it was read. The lease is prolonged `until` then, or ended with None. False when it was
        lost. A feed that nobody watched when it was leased, and somebody does now, is due at once instead."""
        ...

    async def feed_failed(
        self, feed: LeasedFeed, position: Position, *, owner: str, due: int, why: str
    ) -> bool:
        """It could not be read; again at `due`, from this position."""
        ...

    async def feed_credential(self, feed: LeasedFeed) -> bool:
        """Use the token of another customer of that account from now on, one after the other; False after the last,
        when it begins again with the first."""
        ...

    async def forget_entries(self, before: int, limit: int) -> int:
        """Drop answered lines first seen before then; returns how many."""
        ...
