"""Finds the credential a zone is worked with: the customer's own, else the platform's. Keeps them sealed and fresh.

A sealed token is opened when a call is about to be made and is held no longer than that call's caller. What OAuth
gave is sealed as one JSON text of both its tokens; the access token is renewed a few minutes before it ends.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass

from cloudcache.domain.access import Actor, require_administrator
from cloudcache.domain.customers import Customer, ZoneStatus
from cloudcache.domain.errors import Reason, Refused, TryLater
from cloudcache.domain.ids import CredentialId
from cloudcache.domain.secret import Token
from cloudcache.ports import (
    Clock,
    CloudflareOAuth,
    FeedAccess,
    LeasedFeed,
    OAuthTokens,
    Store,
    Vault,
    ZoneAccess,
)

log = logging.getLogger("cloudcache.credentials")

PLATFORM = CredentialId("platform")
RENEW_BEFORE_MS = 5 * 60_000
LOCK_MS = 30_000
"""Longer than a renewal may take: connecting and answering time out after ten seconds."""
A_PAGE = 500


@dataclass(frozen=True, slots=True)
class Rotation:
    """How many sealed tokens there are, how many were sealed anew, and which no configured key opens."""

    total: int
    renewed: int
    unreadable: tuple[str, ...]


class Credentials:
    """The tokens of the customers, and one for those who have none."""

    def __init__(
        self,
        store: Store,
        vault: Vault,
        platform: Token | None,
        clock: Clock | None = None,
        oauth: CloudflareOAuth | None = None,
        owner: Callable[[], str] = lambda: "",
    ) -> None:
        """`owner` names the process in its leases; where nothing is renewed none is needed."""
        self._store = store
        self._vault = vault
        self._platform = platform
        self._clock = clock
        self._oauth = oauth
        self._owner = owner
        self._renewing: defaultdict[CredentialId, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def access(self, customer: Customer) -> ZoneAccess:
        """What a call for this customer needs; `Refused` when nothing is connected."""
        if customer.status is ZoneStatus.DISCONNECTED:
            raise Refused(Reason.NOT_CONNECTED)
        if customer.credential is not None:
            return ZoneAccess(customer.zone_id, customer.credential, await self._token(customer.credential))
        return ZoneAccess(customer.zone_id, PLATFORM, self.platform())

    async def feed_access(self, feed: LeasedFeed) -> FeedAccess:
        """What reading an account's log needs: the token of the customer that was chosen for it."""
        if feed.credential is None:
            return FeedAccess(feed.account, PLATFORM, self.platform())
        return FeedAccess(feed.account, feed.credential, await self._token(feed.credential))

    async def token_of(self, credential: CredentialId | None) -> Token:
        """A credential's token, renewed if need be (None: the platform's)."""
        return self.platform() if credential is None else await self._token(credential)

    async def held(self, customer: Customer) -> Token:
        """The customer's token as it is kept, even if it should be renewed."""
        if customer.credential is None:
            return self.platform()
        held = self._vault.open(await self._store.sealed_token(customer.credential), customer.credential)
        tokens = _unpacked(held)
        return held if tokens is None else tokens.access

    def platform(self) -> Token:
        """The token given in the settings; `Refused` when there is none."""
        if self._platform is None:
            raise Refused(Reason.NOT_CONNECTED)
        return self._platform

    def lane_of(self, customer: Customer) -> CredentialId:
        """The name under which this customer's calls are counted."""
        return customer.credential if customer.credential is not None else PLATFORM

    def seal(self, token: Token, credential: CredentialId) -> bytes:
        """A pasted token, for keeping."""
        return self._vault.seal(token, credential)

    def seal_oauth(self, tokens: OAuthTokens, credential: CredentialId) -> bytes:
        """What OAuth gave, for keeping."""
        return self._vault.seal(_packed(tokens), credential)

    async def rotate(self, actor: Actor) -> Rotation:
        """Seal everything anew under the newest key, while the program runs: each is replaced only as it was found.

        When nothing is left to do, the older keys may be taken out of the settings."""
        require_administrator(actor)
        total = renewed = 0
        unreadable: list[str] = []
        after = ""
        while page := await self._store.across_tenants_sealed(A_PAGE, after):
            for name, sealed in page:
                total += 1
                try:
                    again = self._vault.renewed(sealed, name)
                except Refused:
                    unreadable.append(name)
                    continue
                if again is not None and await self._store.replace_sealed(name, sealed, again):
                    renewed += 1
            after = page[-1][0]
        return Rotation(total, renewed, tuple(unreadable))

    async def _token(self, credential: CredentialId) -> Token:
        held = self._vault.open(await self._store.sealed_token(credential), credential)
        tokens = _unpacked(held)
        if tokens is None:
            return held
        if self._is_fresh(tokens):
            return tokens.access
        async with self._renewing[credential]:
            return await self._renewed(credential)

    async def _renewed(self, credential: CredentialId) -> Token:
        """Under the credential's lock in the database: a refresh token is good for one renewal, whoever asks."""
        tokens = await self._held(credential)
        if self._is_fresh(tokens):
            return tokens.access
        now = self._clock.now_ms() if self._clock else 0
        owner = self._owner()
        if not await self._store.lock_credential(credential, owner=owner, now=now, until=now + LOCK_MS):
            raise TryLater(2, "another process renews this token")
        try:
            return await self._renew(credential, owner)
        finally:
            await self._store.unlock_credential(credential, owner=owner)

    async def _renew(self, credential: CredentialId, owner: str) -> Token:
        """Another process may have been first, so it is looked at once more."""
        tokens = await self._held(credential)
        if self._is_fresh(tokens):
            return tokens.access
        if self._oauth is None or tokens.refresh is None:
            raise Refused(Reason.TOKEN_REFUSED)
        new = await self._oauth.renew(tokens.refresh)
        if not await self._store.keep_renewed(credential, self.seal_oauth(new, credential), owner=owner):
            log.warning("what renewing a token gave was not kept: it was disconnected or took too long")
        return new.access

    async def _held(self, credential: CredentialId) -> OAuthTokens:
        tokens = _unpacked(self._vault.open(await self._store.sealed_token(credential), credential))
        if tokens is None:
            raise Refused(Reason.TOKEN_REFUSED)
        return tokens

    def _is_fresh(self, tokens: OAuthTokens) -> bool:
        return self._clock is None or tokens.until - RENEW_BEFORE_MS > self._clock.now_ms()


def _packed(tokens: OAuthTokens) -> Token:
    kept = {
        "access": tokens.access.reveal(),
        "refresh": tokens.refresh.reveal() if tokens.refresh else None,
        "until": tokens.until,
    }
    return Token(json.dumps(kept, separators=(",", ":")))


def _unpacked(held: Token) -> OAuthTokens | None:
    """None for a token that was pasted: no Cloudflare token begins with a brace."""
    text = held.reveal()
    if not text.startswith("{"):
        return None
    kept = json.loads(text)
    refresh = Token(kept["refresh"]) if kept["refresh"] else None
    return OAuthTokens(Token(kept["access"]), refresh, int(kept["until"]))
