"""Finds the credential a zone is worked with: the customer's own, else the platform's. Keeps them sealed and fresh.

Calls are counted by the token itself, since that is what Cloudflare counts: twenty shops that were given one token
have twenty records, and one budget. A token's id is a keyed hash of it, the same in every process and after a change
of the secret keys. A grant of OAuth gets new tokens every hour, so its record's id stands for it.

A sealed token is opened when a call is about to be made and is held no longer than that call's caller. What OAuth
gave is sealed as one JSON text of both its tokens; the access token is renewed a few minutes before it ends.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import logging
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from secrets import token_hex

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
ID_KEY = "token ids"
"""The key with which ids of tokens are made. It is sealed like a token, so that it outlives the secret keys."""


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
        self._id_key: bytes | None = None
        self._token_ids: dict[CredentialId, CredentialId] = {}
        """The token's id of each record that was opened here."""

    async def access(self, customer: Customer) -> ZoneAccess:
        """What a call for this customer needs; `Refused` when nothing is connected."""
        if customer.status is ZoneStatus.DISCONNECTED:
            raise Refused(Reason.NOT_CONNECTED)
        token, token_id = await self._of(customer.credential)
        return ZoneAccess(customer.zone_id, token_id, token)

    async def feed_access(self, feed: LeasedFeed) -> FeedAccess:
        """What reading an account's log needs: the token of the customer that was chosen for it."""
        token, token_id = await self._of(feed.credential)
        return FeedAccess(feed.account, token_id, token)

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

    async def token_id_of(self, credential: CredentialId | None) -> CredentialId:
        """The id under which a record's calls are counted (None: the platform's), from the token if need be."""
        known = self._token_ids.get(credential or PLATFORM)
        if known is not None:
            return known
        if credential is None:
            return (await self._of(None))[1]
        await self._opened(credential)
        return self._token_ids[credential]

    def known_id(self, credential: CredentialId | None) -> CredentialId:
        """The id of the record's token (None: the platform's), if it was opened in this process; else the record's
        own."""
        record = credential or PLATFORM
        return self._token_ids.get(record, record)

    async def id_of(self, token: Token) -> CredentialId:
        """The id under which the calls of a pasted token are counted, whichever records hold it."""
        if self._id_key is None:
            self._id_key = await self._read_id_key()
        digest = hmac.new(self._id_key, token.reveal().encode(), hashlib.sha256).hexdigest()
        return CredentialId(f"t-{digest[:32]}")

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
        await self._rotate_id_key()
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

    async def _of(self, credential: CredentialId | None) -> tuple[Token, CredentialId]:
        """The token of a record (None: the platform's), and the id under which its calls are counted."""
        if credential is None:
            token = self.platform()
            self._token_ids[PLATFORM] = token_id = await self.id_of(token)
            return token, token_id
        token = await self._token(credential)
        return token, self._token_ids[credential]

    async def _opened(self, credential: CredentialId) -> tuple[Token, OAuthTokens | None]:
        """What is kept under a record, and what OAuth gave if it is that."""
        held = self._vault.open(await self._store.sealed_token(credential), credential)
        tokens = _unpacked(held)
        await self._identify(credential, held, is_oauth=tokens is not None)
        return held, tokens

    async def _identify(self, credential: CredentialId, held: Token, *, is_oauth: bool) -> None:
        """Learn the id of a record's token, and keep it with the record, where other records with it are found."""
        token_id = credential if is_oauth else await self.id_of(held)
        if self._token_ids.get(credential) != token_id:
            await self._store.keep_token_id(credential, token_id)
            self._token_ids[credential] = token_id

    async def _read_id_key(self) -> bytes:
        """The key that all processes share; the first of them makes it."""
        new = self._vault.seal(Token(token_hex(32)), ID_KEY)
        kept = await self._store.first_key(ID_KEY, new)
        try:
            return self._vault.open(kept, ID_KEY).reveal().encode()
        except Refused:
            log.warning("the key for ids of tokens does not open with the configured keys; it is made anew")
        await self._store.replace_key(ID_KEY, kept, new)
        return self._vault.open(await self._store.first_key(ID_KEY, new), ID_KEY).reveal().encode()

    async def _rotate_id_key(self) -> None:
        kept = await self._store.first_key(ID_KEY, self._vault.seal(Token(token_hex(32)), ID_KEY))
        with suppress(Refused):
            if (again := self._vault.renewed(kept, ID_KEY)) is not None:
                await self._store.replace_key(ID_KEY, kept, again)

    async def _token(self, credential: CredentialId) -> Token:
        held, tokens = await self._opened(credential)
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
