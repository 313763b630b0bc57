"""The development sign-in: a signed cookie that says which demo shop somebody chose.

It exists in the local environment only and cannot be built elsewhere, even if asked for. Everything after it
(principal, guard, binding of the session) is what a real sign-in uses as well.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from http.cookies import CookieError, SimpleCookie
from secrets import token_hex

from itsdangerous import BadData, URLSafeTimedSerializer

from cloudcache.domain.access import Actor, ActorKind, Principal
from cloudcache.domain.customers import Customer
from cloudcache.domain.ids import CustomerId
from cloudcache.ports import Clock

COOKIE = "cloudcache_local"
MAX_AGE_S = 12 * 3600
MOST_REMEMBERED = 20_000


class LocalIdentity:
    """Issues and verifies local sessions. `keys` newest first."""

    cookie = COOKIE
    max_age_s = MAX_AGE_S

    def __init__(self, environment: str, keys: Sequence[str], clock: Clock) -> None:
        if environment != "local":
            raise ValueError("the local sign-in exists in the local environment only")
        self._clock = clock
        self._verified: dict[str, Principal] = {}
        self._serializer = URLSafeTimedSerializer(list(reversed(keys)), salt="local session")

    def issue(self, customer: Customer) -> str:
        """The signed cookie value for the owner of this shop."""
        return self._serializer.dumps({"shop": customer.shop, "customer": customer.id, "id": token_hex(8)})

    def principal(self, cookies: str) -> Principal | None:
        """The shop's owner, if the cookie is there, ours, and not older than 12 hours.

        A verified one is remembered with the second in which it ends: each event of a page asks."""
        known = self._verified.get(cookies)
        if known is None:
            known = self._verify(cookies)
            if known is not None and len(self._verified) < MOST_REMEMBERED:
                self._verified[cookies] = known
        return known if known is not None and known.expires_at > self._clock.now_ms() else None

    def _verify(self, cookies: str) -> Principal | None:
        try:
            morsel = SimpleCookie(cookies).get(COOKIE)
            if morsel is None:
                return None
            claims, made_at = self._serializer.loads(morsel.value, max_age=MAX_AGE_S, return_timestamp=True)
        except (BadData, CookieError):
            return None
        shop, customer = claims.get("shop"), claims.get("customer")
        if not isinstance(shop, str) or not isinstance(customer, int):
            return None
        actor = Actor(ActorKind.MERCHANT, f"owner of {shop}", CustomerId(customer), shop)
        expires_at = int(made_at.timestamp() * 1000) + MAX_AGE_S * 1000
        return Principal(f"local:{shop}", actor, expires_at, sign_in_of(morsel.value))


def sign_in_of(cookie: str) -> str:
    """Identify a sign-in by its cookie, in a way that tells nothing of the cookie."""
    return hashlib.sha256(cookie.encode()).hexdigest()[:32]


class Nobody:
    """The identity of an environment in which no sign-in is configured: everybody is refused."""

    def principal(self, cookies: str) -> Principal | None:
        return None
