"""Time, secrets, hints, sign-in, and the calls that may be made."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Protocol

from cloudcache.domain.access import Principal
from cloudcache.domain.budget import Lane
from cloudcache.domain.customers import Customer
from cloudcache.domain.ids import CredentialId, CustomerId
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
