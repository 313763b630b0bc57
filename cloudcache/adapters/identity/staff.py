"""Who of the staff is at the other end: a signed cookie after OIDC, or Cloudflare Access's assertion on each request.

    OIDC     the provider's ID token is verified once; a cookie of eight hours remembers who it was
    Access   every request and every socket's handshake carries an assertion of its own, which ends the session
    local    three pretend members of the staff, in the local environment only

None of them looks at anything that a merchant's page sends. The role is not in here: `services/support.py` asks for
it each minute. People are known by `sub`, which never changes hands; the e-mail address is shown, not trusted.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from http.cookies import CookieError, SimpleCookie
from secrets import token_hex

import httpx
from itsdangerous import BadData, URLSafeTimedSerializer
from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from cloudcache.adapters.identity.local import sign_in_of
from cloudcache.domain.access import Actor, ActorKind, Principal
from cloudcache.ports import Clock

log = logging.getLogger("cloudcache.staff")

SESSION_S = 8 * 3600
LEEWAY_S = 10
LONGEST_ASSERTION = 8192
JWKS_AGAIN_S = 60
LOCAL_STAFF = ("viewer", "operator", "admin")


class StaffSessions:
    """The cookie of a staff session. `keys` newest first; the `__Host-` prefix binds it to this host and to TLS."""

    def __init__(self, keys: Sequence[str], clock: Clock, *, secure: bool) -> None:
        self.cookie = "__Host-cloudcache_staff" if secure else "cloudcache_staff"
        self.is_secure = secure
        self.max_age_s = SESSION_S
        self._clock = clock
        self._serializer = URLSafeTimedSerializer(list(reversed(keys)), salt="staff session")

    def issue(self, subject: str, email: str) -> str:
        """The signed cookie value for a verified person."""
        return self._serializer.dumps({"sub": subject, "email": email, "id": token_hex(8)})

    async def principal(self, headers: Mapping[str, str]) -> Principal | None:
        """The person of the cookie, if it is ours and not older than eight hours."""
        value = _cookie(headers.get("cookie", ""), self.cookie)
        if value is None:
            return None
        try:
            claims, made_at = self._serializer.loads(value, max_age=SESSION_S, return_timestamp=True)
        except BadData:
            return None
        until = int(made_at.timestamp() * 1000) + SESSION_S * 1000
        return staff_principal(claims.get("sub"), claims.get("email"), until, sign_in_of(value))


class LocalStaff(StaffSessions):
    """The pretend staff of the local environment; cannot be built elsewhere, even if asked for."""

    def __init__(self, environment: str, keys: Sequence[str], clock: Clock) -> None:
        if environment != "local":
            raise ValueError("the local sign-in exists in the local environment only")
        super().__init__(keys, clock, secure=False)


class AccessStaff:
    """Cloudflare Access: the header `Cf-Access-Jwt-Assertion`, verified with the team's keys at every request."""

    def __init__(
        self,
        team: str,
        audience: str,
        clock: Clock,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._issuer = team.rstrip("/")
        self._audience = audience
        self._clock = clock
        self._keys = Jwks(f"{self._issuer}/cdn-cgi/access/certs", clock, transport)

    async def principal(self, headers: Mapping[str, str]) -> Principal | None:
        """The person of the assertion; None for a service, a stranger's token, or one that has ended."""
        assertion = headers.get("cf-access-jwt-assertion", "")
        if not 0 < len(assertion) <= LONGEST_ASSERTION:
            return None
        claims = await self._keys.claims(assertion)
        if claims is None or not self._fits(claims):
            return None
        return staff_principal(claims["sub"], claims["email"], int(str(claims["exp"])) * 1000)

    def _fits(self, claims: Mapping[str, object]) -> bool:
        now = self._clock.now_ms() / 1000
        texts = all(isinstance(claims.get(name), str) and claims[name] for name in ("sub", "email"))
        audience = claims.get("aud")
        times = [claims.get(name) for name in ("exp", "nbf", "iat")]
        if not texts or not all(type(one) is int for one in times):
            return False
        exp, nbf, iat = (int(str(one)) for one in times)
        return (
            claims.get("iss") == self._issuer
            and isinstance(audience, list)
            and self._audience in audience
            and claims.get("type") == "app"
            and exp > now
            and nbf <= now + LEEWAY_S
            and iat <= now + LEEWAY_S
        )


class Jwks:
    """The keys of an issuer, kept; an unknown key id has them fetched again, once a minute at most."""

    def __init__(self, url: str, clock: Clock, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._url = url
        self._clock = clock
        self._transport = transport
        self._keys: KeySet | None = None
        self._ids: frozenset[str] = frozenset()
        self._fetched_at: int | None = None
        self._lock = asyncio.Lock()

    async def claims(self, token: str) -> dict[str, object] | None:
        """The claims of a token signed with RS256 by one of the keys; nothing in its header is followed."""
        try:
            header = jws.extract_compact(token.encode("ascii")).headers()
        except (JoseError, ValueError, UnicodeError):
            return None
        kid = header.get("kid")
        if header.get("alg") != "RS256" or "crit" in header or not isinstance(kid, str):
            return None
        if kid not in self._ids:
            await self._fetch()
        if kid not in self._ids or self._keys is None:
            return None
        try:
            claims: dict[str, object] = jwt.decode(token, self._keys, algorithms=["RS256"]).claims
        except (JoseError, ValueError):
            return None
        return claims

    async def _fetch(self) -> None:
        async with self._lock:
            now = self._clock.now_ms()
            if self._fetched_at is not None and now - self._fetched_at < JWKS_AGAIN_S * 1000:
                return
            self._fetched_at = now
            try:
                async with httpx.AsyncClient(
                    timeout=10, follow_redirects=False, transport=self._transport, trust_env=False
                ) as client:
                    answer = await client.get(self._url)
                    answer.raise_for_status()
                    told = answer.json()
                self._keys = KeySet.import_key_set(told)
                self._ids = frozenset(str(key["kid"]) for key in told["keys"] if "kid" in key)
            except (httpx.HTTPError, ValueError, KeyError, TypeError, JoseError) as error:
                log.error("the keys of the staff's sign-in cannot be fetched: %s", type(error).__name__)


class NoStaff:
    """No sign-in for staff is configured: everybody is refused."""

    async def principal(self, headers: Mapping[str, str]) -> Principal | None:
        return None


def staff_principal(subject: object, email: object, until: int, sign_in: str = "") -> Principal | None:
    """A member of the staff, without a role."""
    if not isinstance(subject, str) or not subject or not isinstance(email, str):
        return None
    actor = Actor(ActorKind.STAFF, subject, name=email)
    return Principal(f"staff:{subject}", actor, until, sign_in)


def _cookie(cookies: str, name: str) -> str | None:
    """The value of a cookie that came exactly once."""
    if f"{name}=" not in cookies:
        return None
    try:
        morsel = SimpleCookie(cookies).get(name)
    except CookieError:
        return None
    return morsel.value if morsel is not None and cookies.count(f"{name}=") == 1 else None
