"""Cloudflare, as the services see it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from cloudcache.domain.catalog import Read, Toggle, ZonePlan
from cloudcache.domain.events import Observation
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

    async def changes(self, access: FeedAccess, version: FeedVersion, window: Window) -> FeedPage:
        """One page of an account's audit log, oldest entry first. `Unauthorized` when the token may not read it,
        `NotFound` when this version of the log is not there, `Refused` when the cursor is no longer taken."""
        ...
