"""Cloudflare, as the services see it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from cloudcache.domain.catalog import Read, Toggle, ZonePlan
from cloudcache.domain.events import Observation, ReadResult
from cloudcache.domain.feed import FeedPage, FeedVersion, Window
from cloudcache.domain.ids import JSON, CredentialId, ZoneId
from cloudcache.domain.secret import Token


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


@dataclass(frozen=True, slots=True)
class FeedAccess:
    """What reading an account's audit log needs."""

    account: str
    credential: CredentialId
    token: Token


@dataclass(frozen=True, slots=True)
class DnsRecord:
    """A name's record: whether shoppers pass through Cloudflare (`is_proxied`), and where it leads."""

    name: str
    type: str
    content: str
    is_proxied: bool


@dataclass(frozen=True, slots=True)
class OAuthTokens:
    """What Cloudflare's OAuth gives; `until` in Unix milliseconds."""

    access: Token
    refresh: Token | None
    until: int


class CloudflareOAuth(Protocol):
    """Cloudflare's OAuth, authorization code with PKCE. Raises the tree of `domain/errors.py`."""

    def address(self, state: str, challenge: str) -> str:
        """Where a person is sent to agree; `challenge` is the S256 of the verifier."""
        ...

    async def redeem(self, code: str, verifier: str) -> OAuthTokens:
        """The tokens for a code; `Refused` when it is not taken."""
        ...

    async def renew(self, refresh: Token) -> OAuthTokens:
        """New tokens; `Refused` when the person took the permission back."""
        ...


class Gateway(Protocol):
    """Cloudflare, as the services see it. Raises the tree of `domain/errors.py`; never retries."""

    async def read(self, access: ZoneAccess, read: Read) -> ReadResult:
        """Make one call and return what it says of the toggles it names."""
        ...

    async def write(self, access: ZoneAccess, toggle: Toggle, value: JSON) -> Observation:
        """Set an absolute value; the observation is Cloudflare's answer to it."""
        ...

    async def zone(self, access: ZoneAccess) -> ZoneFacts:
        """The zone's name, plan and account."""
        ...

    async def zones(self, token: Token, limit: int) -> list[tuple[ZoneId, ZoneFacts]]:
        """The zones a token reaches, by name, at most `limit`."""
        ...

    async def dns(self, access: ZoneAccess, hostname: str) -> list[DnsRecord]:
        """The records of one name; `Unauthorized` when the token may not read them."""
        ...

    async def may_edit(self, access: ZoneAccess, toggle: Toggle) -> bool:
        """Whether the token has the toggle's permission. A write is sent that Cloudflare must refuse for its value:
        it says which of the two was wrong, and nothing changes."""
        ...

    async def verify(self, token: Token) -> TokenFacts:
        """Whether a token is alive; `Unauthorized` when Cloudflare does not know it."""
        ...

    async def changes(self, access: FeedAccess, version: FeedVersion, window: Window) -> FeedPage:
        """One page of an account's audit log, oldest entry first. `Unauthorized` when the token may not read it,
        `NotFound` when this version of the log is not there, `Refused` when the cursor is no longer taken."""
        ...
