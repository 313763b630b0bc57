"""The facts that happen: a change somebody wanted or made, an observation of Cloudflare, and news among processes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from cloudcache.domain.access import Actor
from cloudcache.domain.catalog.model import State
from cloudcache.domain.ids import JSON, ChangeId, CustomerId, ToggleId

NOT_SENT = "not sent"
"""The detail of a change that failed without an answer because it was not sent in time."""


class ChangeStatus(StrEnum):
    """The life of a change. It starts `PENDING` and ends in exactly one of the others.

    `OBSERVED` is born settled: somebody changed the setting at Cloudflare, and we saw it.
    """

    PENDING = "pending"
    APPLIED = "applied"
    FAILED = "failed"
    SUPERSEDED = "superseded"
    OBSERVED = "observed"


class Source(StrEnum):
    """Through which door a change came."""

    PAGE = "page"
    API = "api"
    CLOUDFLARE = "cloudflare"
    IMPORT = "import"
    SIDE_EFFECT = "side_effect"  # Cloudflare changed it along with a setting that was changed here
    EXPIRY = "expiry"  # the setting ended by itself, as was known when it was turned on
    TIMER = "timer"  # it was turned on here for a limited time, which is over


@dataclass(frozen=True, slots=True)
class Change:
    """One numbered line of the journal; the number rises, so the later wish is the larger number.

    Times are Unix milliseconds. `sent_at` is set while it is at Cloudflare, `eta_at` while it waits for budget.
    An observed change has the time it was made at Cloudflare as `requested_at`, where that is known, else the time
    it was noticed, which `settled_at` always has.
    `ends_at` is when it is to be undone, for one that was requested for a limited time.
    `calls` is how many calls to Cloudflare it has cost so far, in whichever process.
    """

    id: ChangeId
    customer: CustomerId
    toggle: ToggleId
    from_state: State | None
    from_value: JSON
    to_state: State
    to_value: JSON
    actor: Actor
    source: Source
    status: ChangeStatus
    request_id: str
    requested_at: int
    sent_at: int | None = None
    eta_at: int | None = None
    settled_at: int | None = None
    seen_at: int | None = None
    error: str = ""
    detail: str = ""
    ray_id: str = ""
    calls: int = field(default=0, compare=False)
    ends_at: int | None = None

    @property
    def is_open(self) -> bool:
        """Whether its outcome is still unknown."""
        return self.status is ChangeStatus.PENDING

    @property
    def noticed_at(self) -> int:
        """When its outcome became known here."""
        return self.requested_at if self.settled_at is None else self.settled_at

    @property
    def has_known_time(self) -> bool:
        """Whether the time at which an observed change was made is known, not only when it was noticed."""
        return self.requested_at < self.noticed_at

    @property
    def is_outside(self) -> bool:
        """Whether it was made at Cloudflare, and neither along with a change of ours nor by itself."""
        return self.status is ChangeStatus.OBSERVED and self.source is Source.CLOUDFLARE


@dataclass(frozen=True, slots=True)
class Observation:
    """What one call saw of one toggle at Cloudflare.

    `at` is the Unix millisecond at which that call *began*: the value is at least that fresh, never fresher.
    `editable` is None where Cloudflare does not say (endpoints of their own). `cloudflare_at` is `at` by Cloudflare's
    clock, where its answer has a date; to be compared with the times of audit-log lines.
    A setting that ends by itself has `ends_at` while it runs, and `ended_at` when Cloudflare counts the time since.
    """

    toggle: ToggleId
    value: JSON
    at: int
    editable: bool | None = None
    modified_on: str | None = None
    ends_at: int | None = None
    ended_at: int | None = None
    ray_id: str = ""
    cloudflare_at: int | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class ReadResult:
    """What one read call returned of its toggles: the values, which it iterates over; those that are `absent`,
    because this zone does not have them; and those `omitted`, which should be there and are not, or whose value
    cannot be used."""

    seen: tuple[Observation, ...] = ()
    absent: frozenset[ToggleId] = frozenset()
    omitted: frozenset[ToggleId] = frozenset()

    @property
    def usable(self) -> tuple[Observation, ...]:
        """The values that say on or off."""
        return tuple(one for one in self.seen if one.toggle not in self.omitted)

    def __iter__(self) -> Iterator[Observation]:
        return iter(self.seen)

    def __len__(self) -> int:
        return len(self.seen)


class News:
    """What one process tells all the others, and itself. It may be lost; nothing hangs on it but how soon."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Due(News):
    """There may be something to do right now: engines look at the queue."""


@dataclass(frozen=True, slots=True)
class Answered(News):
    """Cloudflare answers for this customer's zone again: open changes are tried at once."""

    customer: CustomerId


@dataclass(frozen=True, slots=True)
class ApiTokenRevoked(News):
    """An API token of this customer was revoked: what is remembered of the customer's tokens counts no more."""

    customer: CustomerId


@dataclass(frozen=True, slots=True)
class Uninstalled(News):
    """This shop took the app off: whoever speaks for it is let go."""

    shop: str


@dataclass(frozen=True, slots=True)
class SignedOut(News):
    """This sign-in has ended: its open tabs end with it."""

    sign_in: str


@dataclass(frozen=True, slots=True)
class Progress(News):
    """How far the reading of a customer's zone is, in calls; it is over when all are done."""

    customer: CustomerId
    done: int
    total: int
