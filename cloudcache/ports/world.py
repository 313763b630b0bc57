"""Time, secrets, hints, sign-in, and the calls that may be made."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from types import TracebackType
from typing import Protocol, TypeVar

from cloudcache.domain.access import Principal
from cloudcache.domain.budget import Lane
from cloudcache.domain.customers import Customer
from cloudcache.domain.events import News
from cloudcache.domain.ids import CredentialId, CustomerId
from cloudcache.domain.rate_limit import RateLimitStatus
from cloudcache.domain.secret import Token

AnyNews = TypeVar("AnyNews", bound=News)


class Clock(Protocol):
    """Time as an argument: tests give a virtual one."""

    def now_ms(self) -> int:
        """Unix milliseconds, UTC."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait; cancellable."""
        ...


class Reservation(Protocol):
    """One call to Cloudflare that may be made now, as a context: `with await budget.acquire(lane): ...`.

    When the block ends without the call (superseded, cancelled, an error before it), the call is returned at once.
    """

    def __enter__(self) -> Reservation: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def release(self) -> None:
        """End it before the block does."""
        ...


class Budget(Protocol):
    """The calls Cloudflare allows, shared out by class and customer."""

    async def acquire(self, lane: Lane) -> Reservation:
        """Wait until one call may be made, and reserve it; a cancelled wait gives its place back."""
        ...

    def estimate_ms(self, lane: Lane) -> int:
        """How long a call asked for now would wait, in milliseconds."""
        ...

    def report(self, credential: CredentialId, remaining: int, resets_in_s: int, policy: str = "") -> None:
        """Correct downwards by what the `Ratelimit` header said of the limit named `policy`."""
        ...

    def succeeded(self, credential: CredentialId) -> None:
        """An answer other than 429 came: a probe, if one was out, is closed."""
        ...

    def block(self, credential: CredentialId, retry_after_s: float) -> None:
        """A 429 came: nobody knocks until it opens, then one probe."""
        ...

    def blocked_until_ms(self, credential: CredentialId) -> int | None:
        """When a blocked credential opens, or None."""
        ...


class Vault(Protocol):
    """Seals and opens tokens. `name` says whose it is, and must be the same at opening."""

    def seal(self, token: Token, name: str) -> bytes:
        """The token, encrypted under the newest key."""
        ...

    def open(self, sealed: bytes, name: str) -> Token:
        """The token again; `Refused` when no configured key opens it, or it was sealed for another name."""
        ...

    def renewed(self, sealed: bytes, name: str) -> bytes | None:
        """The same under the newest key; None when it is already. `Refused` as `open`."""
        ...


class Bus(Protocol):
    """Carries hints between the writers and the open pages, *look at this customer again*, and news, in all
    processes. Telling never blocks and never fails."""

    def hint(self, customer: CustomerId) -> None:
        """A lost hint is made good by the slow tick."""
        ...

    def hints(self) -> AsyncIterator[frozenset[CustomerId] | None]:
        """The customers hinted at since the last look, coalesced; None: hints were lost, look at everybody."""
        ...

    def on_hint(self, listener: Callable[[CustomerId | None], None]) -> None:
        """Have this called with each hint, before `hint` returns or as it arrives from another process; None: hints
        were lost."""
        ...

    def tell(self, news: News) -> None:
        """To the listeners of this process at once, and to those of the others."""
        ...

    def listen(self, kind: type[AnyNews], listener: Callable[[AnyNews], None]) -> None:
        """Have this called with each news of that kind."""
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


class Limiter(Protocol):
    """How often something may be done; kinds and their figures are named where they are kept."""

    async def hit(self, kind: str, key: str) -> RateLimitStatus:
        """Count a request of this key, unless it has to be refused, and return the limit's status after it."""
        ...


class StaffIdentity(Protocol):
    """Who of the staff is at the other end of a socket or a request."""

    async def principal(self, headers: Mapping[str, str]) -> Principal | None:
        """The verified person, without a role; None for nobody. Header names are in lower case."""
        ...


class StaffCookie(Protocol):
    """Makes the cookie of a staff session."""

    cookie: str
    max_age_s: int
    is_secure: bool

    def issue(self, subject: str, email: str) -> str:
        """The signed value for a verified person."""
        ...


class StaffSignIn(Protocol):
    """Signing staff in with a provider of theirs; between beginning and end a cookie holds what must match."""

    cookie: str
    attempt_s: int

    async def begin(self) -> tuple[str, str]:
        """Where to send the browser, and the attempt's cookie; `TryLater` when the provider is away."""
        ...

    async def end(self, cookie: str, state: str, code: str) -> tuple[str, str] | None:
        """The person's `sub` and e-mail address, or None for somebody who is not believed."""
        ...
