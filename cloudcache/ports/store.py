"""The synchronised cache and its journal.

Every method is one transaction. Where a customer is meant it comes first. Times are Unix milliseconds.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from cloudcache.domain.access import Actor
from cloudcache.domain.audit import Deed
from cloudcache.domain.catalog import Topology
from cloudcache.domain.catalog.model import State
from cloudcache.domain.customers import Customer, Page, ZoneStatus
from cloudcache.domain.errors import Reason
from cloudcache.domain.events import Change, Observation, Source
from cloudcache.domain.feed import NOTHING, Attribution
from cloudcache.domain.ids import JSON, ChangeId, CredentialId, CustomerId, ToggleId, ZoneId
from cloudcache.domain.storefront import StorefrontCheck
from cloudcache.ports.breakers import CircuitBreakers
from cloudcache.ports.cloudflare import ZoneFacts
from cloudcache.ports.credentials import SealedTokens
from cloudcache.ports.suspending import BatchReading, Suspending


@dataclass(frozen=True, slots=True)
class Intent:
    """A wish to be stored: an absolute value, who wants it, and a request id that makes it idempotent."""

    toggle: ToggleId
    to_state: State
    to_value: JSON
    actor: Actor
    source: Source
    request_id: str
    ends_at: int | None = None
    """When it is to be undone (Unix milliseconds), for one that is requested for a limited time."""
    undoes: int | None = None
    """The `ends_at` whose time is up; refused if something was decided since."""


class Start(StrEnum):
    """What `Store.start` found when a writer wanted to send."""

    SEND = "send"
    SUPERSEDED = "superseded"  # a newer change exists; it was settled so
    EXPIRED = "expired"  # too old to be sent; it was settled as failed
    CONFLICT = "conflict"  # a rule between settings forbids it by now; it was settled as failed
    NOT_OPEN = "not_open"  # settled or cancelled meanwhile, or leased by another worker


class Settled(StrEnum):
    """What `Store.settle` did."""

    DONE = "done"
    CONTESTED = "contested"  # another intent was in flight at the same time: read before settling
    NOT_OPEN = "not_open"  # already settled by somebody else; nothing was written


@dataclass(frozen=True, slots=True)
class Observed:
    """What came of an observation: the journal rows of changes made elsewhere, the toggles whose value was written
    (the others have something newer, or an open change), the revision after it, and the toggles that the zone does
    not have."""

    changes: Sequence[Change]
    written: frozenset[ToggleId]
    revision: int
    absent: frozenset[ToggleId] = NOTHING


@dataclass(frozen=True, slots=True)
class Gaps:
    """Toggles that a read asked for and has no value of: `absent` where the answer shows that the zone does not have
    them, `omitted` where it should have held a value, `refused` where Cloudflare knows no such setting. The calls
    began at `at`, in Unix milliseconds."""

    absent: frozenset[ToggleId] = NOTHING
    omitted: frozenset[ToggleId] = NOTHING
    refused: frozenset[ToggleId] = NOTHING
    at: int = 0

    @property
    def toggles(self) -> frozenset[ToggleId]:
        """All of them."""
        return self.absent | self.omitted | self.refused

    def __bool__(self) -> bool:
        return bool(self.toggles)


NO_GAPS = Gaps()


@dataclass(frozen=True, slots=True)
class Way:
    """How shoppers reach the shop: by which hostname, and what each toggle does for them on that way."""

    hostname: str
    topology: Topology
    verdicts: Mapping[ToggleId, str]


class Store(Suspending, BatchReading, CircuitBreakers, SealedTokens, Protocol):
    """The synchronised cache and its journal."""

    # -- reading -------------------------------------------------------------------------------
    async def page(self, customer: CustomerId, since: int = 0) -> Page:
        """The customer and the cells changed after revision `since`, from one snapshot. `NotFound` if none."""
        ...

    async def heads(self, customers: Collection[CustomerId]) -> dict[CustomerId, Customer]:
        """These customers without their cells, from one snapshot; those that are gone are missing."""
        ...

    async def customer_of_shop(self, shop: str) -> Customer:
        """The customer of a shop's full name; `NotFound` if there is none."""
        ...

    async def across_tenants_customers(self, limit: int, after: CustomerId | None = None) -> list[Customer]:
        """Customers in rising order of their id."""
        ...

    async def history(self, customer: CustomerId, limit: int, before: ChangeId | None = None) -> list[Change]:
        """The journal of one customer, newest first."""
        ...

    async def history_of(self, customer: CustomerId, toggle: ToggleId, limit: int) -> list[Change]:
        """The journal of one toggle, newest first."""
        ...

    # -- writing one toggle --------------------------------------------------------------------
    async def open_intent(
        self, customer: CustomerId, intent: Intent, *, now: int, owner: str, lease_until: int
    ) -> Change:
        """Store a pending change under a lease; the same request id returns the change that exists. The rules between
        settings are applied to the value, which may become another; `Refused` when they forbid the change."""
        ...

    async def record_refused(
        self, customer: CustomerId, intent: Intent, reason: Reason, *, now: int
    ) -> Change | None:
        """Store a change that failed as it was requested, so that it can be tried again; None when the request is
        known, or another change of the toggle is open, which the row goes on showing."""
        ...

    async def start(
        self,
        customer: CustomerId,
        change: ChangeId,
        *,
        now: int,
        owner: str,
        lease_until: int,
        calls: int | None = None,
    ) -> Start:
        """Mark it as sent, if it is still open, still the newest, not too old, allowed by the rules, and ours.
        `calls` is what it has cost then."""
        ...

    async def queue(
        self,
        customer: CustomerId,
        change: ChangeId,
        *,
        now: int,
        eta: int,
        owner: str,
        lease_until: int,
        calls: int | None = None,
    ) -> bool:
        """Record when it will be sent, and that it is not at Cloudflare; False when it is no longer open or ours."""
        ...

    async def record_ray(self, customer: CustomerId, change: ChangeId, ray_id: str) -> None:
        """Keep the id of a call that was made for a change after it was settled, so that the audit log's entry for it
        is recognized."""
        ...

    async def claim_restore(
        self, customer: CustomerId, change: Change, *, now: int, owner: str, lease_until: int
    ) -> bool:
        """Lease an applied change whose value an older write has replaced, to write it once more; False when it is no
        longer the newest, or another process does that already."""
        ...

    async def end_restore(
        self, customer: CustomerId, change: Change, *, now: int, owner: str, ray_id: str = ""
    ) -> bool:
        """End that lease; `ray_id` is the call's. Whether it is still the newest change."""
        ...

    async def newest_wish(self, customer: CustomerId, toggle: ToggleId) -> Change | None:
        """The latest change of a toggle that somebody here asked for and did not take back."""
        ...

    async def extend(
        self, change: ChangeId, *, owner: str, lease_until: int, calls: int | None = None
    ) -> bool:
        """Prolong the lease; False when it is no longer ours."""
        ...

    async def keep(self, which: Collection[ChangeId], *, owner: str, lease_until: int) -> None:
        """Prolong the leases of these, as far as they are still open and ours."""
        ...

    async def settle_applied(
        self, customer: CustomerId, change: ChangeId, seen: Observation, *, now: int, since: int | None
    ) -> Settled:
        """The change is at Cloudflare with the value seen. `since` is the revision held before a verifying
        read began; None means that `seen` is the answer to the write itself."""
        ...

    async def settle_failed(
        self,
        customer: CustomerId,
        change: ChangeId,
        reason: Reason,
        *,
        now: int,
        detail: str = "",
        seen: Observation | None = None,
        since: int = 0,
    ) -> Settled:
        """Record that it did not happen, and why; cache what a read has `seen` that began after revision `since`."""
        ...

    async def settle_superseded(self, customer: CustomerId, change: ChangeId, *, now: int) -> Settled:
        """A newer wish took its place, or the person took it back."""
        ...

    async def cancel(self, customer: CustomerId, toggle: ToggleId, *, now: int) -> bool:
        """Take back a pending change that was not sent; False when there is none."""
        ...

    async def mark_seen(self, customer: CustomerId, toggle: ToggleId, *, now: int) -> bool:
        """The person has seen a failure or an outside change; it no longer stands beside the switch."""
        ...

    async def adopt(self, *, now: int, owner: str, lease_until: int, limit: int) -> list[Change]:
        """Take over open changes whose lease ran out: their worker died."""
        ...

    # -- observing -----------------------------------------------------------------------------
    async def revision(self, customer: CustomerId) -> int:
        """The customer's present revision; taken before a read begins."""
        ...

    async def observe(
        self,
        customer: CustomerId,
        seen: Sequence[Observation],
        *,
        since: int,
        now: int,
        persons: Mapping[ToggleId, Attribution] | None = None,
        gaps: Gaps = NO_GAPS,
        zone: ZoneId | None = None,
        lease: int | None = None,
    ) -> Observed:
        """Write what a read saw, and its `gaps`, where no intent is open and nothing changed after revision `since`.

        `persons` are those who changed a toggle elsewhere, as far as a feed told; who did so clearly before the value
        was set is not taken for who set it. `LeaseLost`, and nothing is written, when the customer no longer has the
        `zone` that was read, or another `lease` followed."""
        ...

    async def zone_silent(self, customer: CustomerId, *, now: int) -> None:
        """Cloudflare did not answer; remember since when."""
        ...

    async def zone_answered(self, customer: CustomerId, *, now: int) -> None:
        """Cloudflare answers for this zone again."""
        ...

    async def set_status(self, customer: CustomerId, status: ZoneStatus, *, now: int, why: str = "") -> None:
        """Connected, token refused, or gone. A zone that is not connected leaves the queue and costs no calls;
        one that is connected again is due at once."""
        ...

    async def park_credential(self, credential: CredentialId | None, *, now: int, why: str) -> int:
        """Take all zones of a refused token (None: the platform's) out of the queue; returns how many."""
        ...

    async def unpark_credential(self, credential: CredentialId | None, *, now: int) -> int:
        """Its token is accepted again: its zones are due at once; returns how many."""
        ...

    # -- customers and credentials -------------------------------------------------------------
    async def add_customer(
        self,
        shop: str,
        zone: ZoneId,
        facts: ZoneFacts,
        topology: Topology,
        credential: CredentialId | None,
        *,
        now: int,
    ) -> Customer:
        """A new customer; `Refused` when the shop or zone is taken by another."""
        ...

    async def keep_facts(
        self,
        customer: CustomerId,
        facts: ZoneFacts,
        credential: CredentialId | None,
        *,
        now: int,
        zone: ZoneId | None = None,
    ) -> None:
        """What Cloudflare says the zone is, of a customer that was taken from a list. `LeaseLost` when it has another
        `zone` by now."""
        ...

    async def connect_zone(
        self,
        shop: str,
        zone: ZoneId,
        facts: ZoneFacts,
        way: Way,
        missing: Collection[str],
        credential: CredentialId,
        sealed: bytes,
        kind: str,
        deed: Deed,
        *,
        now: int,
        token_id: CredentialId | None = None,
    ) -> Customer:
        """A merchant connects a zone with a credential of its own, in place of any before. `Refused` when the zone is
        connected to another shop; one that its shop has disconnected is free."""
        ...

    async def claim_storefront(self, customer: CustomerId, *, tried_at: int | None, now: int) -> bool:
        """Begin a check of the store's pages; False when another was begun since `tried_at` was read."""
        ...

    async def keep_storefront(self, customer: CustomerId, check: StorefrontCheck, *, zone: ZoneId) -> bool:
        """Keep what was seen; False when another zone was connected meanwhile."""
        ...

    async def disconnect_zone(self, customer: CustomerId, shop: str, deed: Deed, *, now: int) -> None:
        """A merchant takes the zone off: its credential is deleted, open changes fail, nothing is called any more."""
        ...

    async def keep_way(self, customer: CustomerId, way: Way, missing: Collection[str], *, now: int) -> None:
        """What was found when the way was looked at again."""
        ...
