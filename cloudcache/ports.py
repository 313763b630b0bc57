"""What the services need of the world, as Protocols; wiring puts adapters behind them, tests put fakes.

Every method of `Store` is one transaction. Where a customer is meant it comes first. Times are Unix milliseconds.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from cloudcache.domain.access import Actor, Principal
from cloudcache.domain.budget import Lane
from cloudcache.domain.catalog import Read, Toggle, Topology, ZonePlan
from cloudcache.domain.catalog.model import State
from cloudcache.domain.customers import Customer, Page, ZoneStatus
from cloudcache.domain.errors import Reason
from cloudcache.domain.events import Change, Observation, Source
from cloudcache.domain.ids import JSON, ChangeId, CredentialId, CustomerId, ToggleId, ZoneId
from cloudcache.domain.secret import Token


class Clock(Protocol):
    """Time as an argument: tests give a virtual one."""

    def now_ms(self) -> int:
        """Unix milliseconds, UTC."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait; cancellable."""
        ...


class Budget(Protocol):
    """The calls Cloudflare allows, shared out by class and customer."""

    async def acquire(self, lane: Lane) -> None:
        """Return when the call may be made; a cancelled wait gives its place back."""
        ...

    def estimate_ms(self, lane: Lane) -> int:
        """How long a call asked for now would wait, in milliseconds."""
        ...

    def report(self, credential: CredentialId, remaining: int, resets_in_s: int) -> None:
        """Correct downwards by what the `Ratelimit` header said."""
        ...

    def succeeded(self, credential: CredentialId) -> None:
        """An answer other than 429 came: a probe, if one was out, is closed."""
        ...

    def block(self, credential: CredentialId, retry_after_s: int) -> None:
        """A 429 came: nobody knocks until it opens, then one probe."""
        ...

    def blocked_until_ms(self, credential: CredentialId) -> int | None:
        """When a blocked credential opens, or None."""
        ...


@dataclass(frozen=True, slots=True)
class ZoneAccess:
    """What a call to Cloudflare needs: the zone, and the credential with its name in the budget."""

    zone: ZoneId
    credential: CredentialId
    token: Token


@dataclass(frozen=True, slots=True)
class ZoneFacts:
    """What Cloudflare says of a zone itself."""

    name: str
    plan: ZonePlan
    account_id: str
    account_name: str


@dataclass(frozen=True, slots=True)
class TokenFacts:
    """What Cloudflare says of a token: `status` is active, disabled or expired."""

    status: str
    id: str


class Gateway(Protocol):
    """Cloudflare, as the services see it. Raises the tree of `domain/errors.py`; never retries."""

    async def read(self, access: ZoneAccess, read: Read) -> list[Observation]:
        """One call; the toggles it names, without those the answer left out or refused to tell."""
        ...

    async def write(self, access: ZoneAccess, toggle: Toggle, value: JSON) -> Observation:
        """Set an absolute value; the observation is Cloudflare's answer to it."""
        ...

    async def zone(self, access: ZoneAccess) -> ZoneFacts:
        """The zone's name, plan and account."""
        ...

    async def verify(self, token: Token) -> TokenFacts:
        """Whether a token is alive; `Unauthorized` when Cloudflare does not know it."""
        ...


@dataclass(frozen=True, slots=True)
class Intent:
    """A wish to be stored: an absolute value, who wants it, and a request id that makes it idempotent."""

    toggle: ToggleId
    to_state: State
    to_value: JSON
    actor: Actor
    source: Source
    request_id: str


class Start(StrEnum):
    """What `Store.start` found when a writer wanted to send."""

    SEND = "send"
    SUPERSEDED = "superseded"  # a newer wish exists; it was settled so
    NOT_OPEN = "not_open"  # settled or cancelled meanwhile, or leased by another worker


class Settled(StrEnum):
    """What `Store.settle` did."""

    DONE = "done"
    CONTESTED = "contested"  # another intent was in flight at the same time: read before settling
    NOT_OPEN = "not_open"  # already settled by somebody else; nothing was written


class Store(Protocol):
    """The synchronised cache and its journal."""

    # -- reading -------------------------------------------------------------------------------
    async def page(self, customer: CustomerId, since: int = 0) -> Page:
        """The customer and the cells changed after revision `since`, from one snapshot. `NotFound` if none."""
        ...

    async def customer_of_shop(self, shop: str) -> Customer:
        """The customer of a shop's full name; `NotFound` if there is none."""
        ...

    async def across_tenants_customers(self, limit: int, after: CustomerId | None = None) -> list[Customer]:
        """Customers in rising order of their id."""
        ...

    async def across_tenants_stalest(self, limit: int) -> list[CustomerId]:
        """Connected customers, the one holding the oldest value first; never-read ones before all."""
        ...

    async def history(self, customer: CustomerId, limit: int, before: ChangeId | None = None) -> list[Change]:
        """The journal of one customer, newest first."""
        ...

    # -- writing one toggle --------------------------------------------------------------------
    async def open_intent(
        self, customer: CustomerId, intent: Intent, *, now: int, owner: str, lease_until: int
    ) -> Change:
        """Store a pending change under a lease; the same request id returns the change that exists."""
        ...

    async def start(
        self, customer: CustomerId, change: ChangeId, *, now: int, owner: str, lease_until: int
    ) -> Start:
        """Mark it as sent, if it is still open, still the newest, and ours."""
        ...

    async def queue(
        self, customer: CustomerId, change: ChangeId, *, now: int, eta: int, owner: str, lease_until: int
    ) -> bool:
        """Say when it will be sent, and that it is not at Cloudflare; False when it is no longer open or ours."""
        ...

    async def newest_wish(self, customer: CustomerId, toggle: ToggleId) -> Change | None:
        """The latest change of a toggle that somebody here asked for and did not take back."""
        ...

    async def extend(self, change: ChangeId, *, owner: str, lease_until: int) -> bool:
        """Prolong the lease; False when it is no longer ours."""
        ...

    async def settle_applied(
        self, customer: CustomerId, change: ChangeId, seen: Observation, *, now: int, since: int | None
    ) -> Settled:
        """The change is at Cloudflare with the value seen. `since` is the revision held before a verifying
        read began; None means that `seen` is the answer to the write itself."""
        ...

    async def settle_failed(
        self, customer: CustomerId, change: ChangeId, reason: Reason, *, now: int, detail: str = ""
    ) -> Settled:
        """It did not happen, and why."""
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
        person: str = "",
    ) -> list[Change]:
        """Write what a read saw, where no intent is open and nothing changed after revision `since`.

        Returns the journal rows made for differences that nobody here intended.
        """
        ...

    async def zone_answered(self, customer: CustomerId, *, now: int, full_read: bool = False) -> None:
        """Cloudflare answers for this zone; a full read is remembered with its time."""
        ...

    async def zone_silent(self, customer: CustomerId, *, now: int, due: int) -> None:
        """Cloudflare did not answer; remember since when, and look again at `due`."""
        ...

    async def set_status(self, customer: CustomerId, status: ZoneStatus, *, now: int) -> None:
        """Connected, token refused, or gone."""
        ...

    async def viewed(self, customer: CustomerId, *, now: int) -> None:
        """Somebody opened the page."""
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

    async def add_credential(self, credential: CredentialId, sealed: bytes, kind: str, *, now: int) -> None:
        """Keep a sealed token."""
        ...

    async def sealed_token(self, credential: CredentialId) -> bytes:
        """The sealed token; `NotFound` if there is none."""
        ...


class Vault(Protocol):
    """Seals and opens customer credentials."""

    def seal(self, token: Token) -> bytes:
        """The token, encrypted under the newest key."""
        ...

    def open(self, sealed: bytes) -> Token:
        """The token again; `Refused` when no configured key opens it."""
        ...


class Bus(Protocol):
    """Carries hints between the writers and the open pages: *look at this customer again*."""

    def hint(self, customer: CustomerId) -> None:
        """Never blocks and never fails; a lost hint is made good by the slow tick."""
        ...

    def hints(self) -> AsyncIterator[frozenset[CustomerId]]:
        """The customers hinted at since the last look, coalesced."""
        ...


class Identity(Protocol):
    """Who is at the other end of a socket or a request."""

    def principal(self, cookies: str) -> Principal | None:
        """The verified principal of a Cookie header, or None for nobody."""
        ...


class SessionIssuer(Protocol):
    """Makes the cookie of a local session; exists in the local environment only."""

    cookie: str
    """The cookie's name."""

    max_age_s: int
    """How long a session lasts, in seconds."""

    def issue(self, customer: Customer) -> str:
        """The signed value of the session cookie for this shop's owner."""
        ...
