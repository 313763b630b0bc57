"""Tokens with which a shop's scripts use the REST API, and the answers they get twice for the same key.

    cct_<id>_<secret>     the id finds it, the secret proves it; only a digest of the whole is kept

A shop makes, sees and revokes its own; a token that reads cannot write, and none can make another.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from secrets import token_hex, token_urlsafe

from cloudcache.domain.access import Action, Actor, ActorKind, Origin, require, require_shop
from cloudcache.domain.audit import AuditAction, Deed
from cloudcache.domain.errors import NotAllowed, Reason, Refused
from cloudcache.domain.events import ApiTokenRevoked, Uninstalled
from cloudcache.domain.ids import CustomerId
from cloudcache.domain.secret import Token
from cloudcache.domain.shops import DAY_MS, Answer, ApiToken, KnownToken, Scope
from cloudcache.ports import Bus, Clock, People
from cloudcache.services.recent import RecentValues
from cloudcache.services.rollouts import Rollouts

PREFIX = "cct_"
MOST_TOKENS = 20
TOKENS_KEPT = 2_000
"""In memory, of those used last."""

ANSWERS_KEPT_MS = DAY_MS
_TOKEN = re.compile(r"cct_[0-9a-f]{12}_[A-Za-z0-9_-]{43}", re.ASCII)
_KEY = re.compile(r"[\x21-\x7e]{1,80}", re.ASCII)


class Scripts:
    """A shop's tokens for scripts."""

    def __init__(self, people: People, clock: Clock, rollouts: Rollouts, bus: Bus) -> None:
        self._people = people
        self._clock = clock
        self._rollouts = rollouts
        self._bus = bus
        self._tokens = RecentValues[str, KnownToken](clock, self._look_up, TOKENS_KEPT)
        """By digest; a token that isn't in force is never kept."""
        bus.on_hint(lambda customer: self._tokens.invalidate_all() if customer is None else None)
        bus.listen(
            ApiTokenRevoked,
            lambda news: self._invalidate(lambda known: known.token.customer == news.customer),
        )
        bus.listen(Uninstalled, lambda news: self._invalidate(lambda known: known.shop == news.shop))

    async def make(self, actor: Actor, name: object, scope: object) -> tuple[ApiToken, Token]:
        """A new token and, this once, its secret. `ValueError` says what is wrong with the name or scope."""
        customer = _customer(actor)
        await self._rollouts.admit(actor)
        title = " ".join(name.split()) if isinstance(name, str) else ""
        if not 1 <= len(title) <= 60:
            raise ValueError("Enter a name (up to 60 characters).")
        if not isinstance(scope, str) or scope not in Scope.__members__.values():
            raise ValueError("Choose Read only or Read and write.")
        alive = [one for one in await self._people.api_tokens(customer) if one.revoked_at is None]
        if len(alive) >= MOST_TOKENS:
            raise Refused(Reason.CONFLICT, f"You can have up to {MOST_TOKENS} API tokens. Revoke one first.")
        id_ = token_hex(6)
        secret = Token(f"{PREFIX}{id_}_{token_urlsafe(32)}")
        token = ApiToken(id_, customer, title, Scope(scope), secret.last_four, actor.id, self._clock.now_ms())
        deed = Deed(actor, AuditAction.TOKEN_MADE, scope, detail={"name": title})
        await self._people.add_api_token(token, _digest(secret.reveal()), deed)
        return token, secret

    async def all(self, actor: Actor) -> Sequence[ApiToken]:
        """The shop's tokens, newest first, without those revoked."""
        customer = _customer(actor)
        return [one for one in await self._people.api_tokens(customer) if one.revoked_at is None]

    async def revoke(self, actor: Actor, token: object) -> bool:
        """End one; False when the shop has no such token."""
        customer = _customer(actor)
        if not isinstance(token, str) or len(token) > 32:
            return False
        deed = Deed(actor, AuditAction.TOKEN_REVOKED, detail={"token": token})
        is_revoked = await self._people.revoke_api_token(customer, token, deed, now=self._clock.now_ms())
        self._bus.tell(ApiTokenRevoked(customer))
        return is_revoked

    def last_customer(self, text: str) -> CustomerId | None:
        """Whose token this was when it was last looked up, from memory; None for one that nothing is known of. Good
        for counting requests, not for answering them."""
        known = self._tokens.peek(_digest(text))
        return known.token.customer if known is not None else None

    async def actor_of(
        self, text: str, origin: Origin | None = None, *, is_recent_enough: bool = False
    ) -> Actor | None:
        """Who presents this token: its shop, reading only if that is its scope. None when it is not believed.

        With `is_recent_enough` a look of a second ago counts, unless a revocation was heard of since."""
        if not _TOKEN.fullmatch(text):
            return None
        digest = _digest(text)
        if not is_recent_enough:
            self._tokens.invalidate(digest)
        known = await self._tokens.get(digest)
        if known is None:
            return None
        return Actor(
            ActorKind.MERCHANT,
            f"script {known.token.name}",
            known.token.customer,
            known.shop,
            reads_only=known.token.scope is Scope.READ,
            origin=origin,
        )

    async def claim(self, actor: Actor, key: str, request: bytes) -> Answer | None:
        """Claim an `Idempotency-Key` for a request; the answer it was given if it is the same again. `Refused` when
        the key belongs to another request, or `TryLater` is told by an answer without a status."""
        customer = _flipping(actor)
        if not _KEY.fullmatch(key):
            raise ValueError("Idempotency-Key must be 1 to 80 visible ASCII characters.")
        digest = hashlib.sha256(request).hexdigest()
        held = await self._people.claim_answer(customer, key, digest, now=self._clock.now_ms())
        if held is not None and held.digest != digest:
            raise Refused(Reason.CONFLICT, "This Idempotency-Key was already used for another request.")
        return held

    async def keep(self, actor: Actor, key: str, status: int, body: str) -> None:
        """What the claimed request was answered with."""
        await self._people.keep_answer(_flipping(actor), key, status, body)

    async def release(self, actor: Actor, key: str) -> None:
        """Nothing came of the claimed request; it may be made again under its key."""
        await self._people.release_answer(_flipping(actor), key)

    async def forget(self) -> int:
        """Drop answers of more than a day ago."""
        return await self._people.forget_answers(self._clock.now_ms() - ANSWERS_KEPT_MS, 500)

    async def _look_up(self, digest: str, previous: KnownToken | None) -> KnownToken | None:
        found = await self._people.across_tenants_api_token(digest, now=self._clock.now_ms())
        return found if found is not None and found.is_installed else None

    def _invalidate(self, is_affected: Callable[[KnownToken], bool]) -> None:
        for digest, known in self._tokens.items():
            if is_affected(known):
                self._tokens.invalidate(digest)


def _customer(actor: Actor) -> CustomerId:
    require_shop(actor)
    if actor.customer is None or actor.id.startswith("script "):
        raise NotAllowed("API tokens are created and revoked on the page of a connected store")
    return actor.customer


def _flipping(actor: Actor) -> CustomerId:
    if actor.customer is None:
        raise NotAllowed("no customer")
    require(actor, Action.FLIP, actor.customer)
    return actor.customer


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
