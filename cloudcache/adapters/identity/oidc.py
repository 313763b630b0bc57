"""Signing staff in with an OpenID Connect provider: authorization code with PKCE, state and nonce, through Authlib.

What the provider answers is believed only if its ID token is signed by its keys and made for us, for this nonce, for
a verified address, and (where one is required) for the right hosted domain; that the request asked for such a domain
proves nothing.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from secrets import token_urlsafe

import httpx
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from itsdangerous import BadData, URLSafeTimedSerializer

from cloudcache.adapters.identity.staff import LEEWAY_S, Jwks
from cloudcache.domain.errors import TryLater
from cloudcache.ports import Clock

log = logging.getLogger("cloudcache.staff")

ATTEMPT_S = 600
COOKIE = "cloudcache_oidc"


class _Unbelievable(Exception):
    """Why nobody is signed in; for the log."""


@dataclass(frozen=True, slots=True)
class Provider:
    """What is configured of the provider."""

    issuer: str
    client_id: str
    client_secret: str
    redirect_uri: str
    hosted_domain: str | None = None


class OidcSignIn:
    """Begins and ends an attempt to sign in; between the two a signed cookie of ten minutes holds what must match."""

    cookie = COOKIE
    attempt_s = ATTEMPT_S

    def __init__(
        self,
        provider: Provider,
        keys: list[str],
        clock: Clock,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._provider = provider
        self._clock = clock
        self._transport = transport
        self._serializer = URLSafeTimedSerializer(list(reversed(keys)), salt="oidc attempt")
        self._known: dict[str, str] | None = None
        self._jwks: Jwks | None = None

    async def begin(self) -> tuple[str, str]:
        """Where to send the browser, and the value of the attempt's cookie."""
        known = await self._discover()
        attempt = {"state": token_urlsafe(24), "nonce": token_urlsafe(24), "verifier": token_urlsafe(48)}
        address = prepare_grant_uri(
            known["authorization_endpoint"],
            self._provider.client_id,
            "code",
            redirect_uri=self._provider.redirect_uri,
            scope="openid email",
            state=attempt["state"],
            nonce=attempt["nonce"],
            code_challenge=create_s256_code_challenge(attempt["verifier"]),
            code_challenge_method="S256",
            **({"hd": self._provider.hosted_domain} if self._provider.hosted_domain else {}),
        )
        return address, self._serializer.dumps(attempt)

    async def end(self, cookie: str, state: str, code: str) -> tuple[str, str] | None:
        """The person's `sub` and address, or None with the reason in the log."""
        try:
            attempt = self._serializer.loads(cookie, max_age=ATTEMPT_S)
            claims = await self._claims(attempt, state, code)
            why = self._flaw(claims, attempt["nonce"])
        except BadData:
            why = "no attempt to sign in is under way"
        except (_Unbelievable, TryLater) as flaw:
            why = str(flaw)
        if why is not None:
            log.warning("a member of the staff could not sign in: %s", why)
            return None
        return str(claims["sub"]), str(claims["email"])

    async def _claims(self, attempt: dict[str, str], state: str, code: str) -> dict[str, object]:
        if not state or attempt["state"] != state:
            raise _Unbelievable("the state doesn't match")
        known = await self._discover()
        told = await self._redeem(known["token_endpoint"], code, attempt["verifier"])
        id_token = told.get("id_token")
        claims = await self._keys(known).claims(id_token) if isinstance(id_token, str) else None
        if claims is None:
            raise _Unbelievable("the ID token isn't signed by the provider")
        return claims

    def _flaw(self, claims: dict[str, object], nonce: str) -> str | None:
        now, wanted = self._clock.now_ms() / 1000, self._provider
        exp, iat, aud = claims.get("exp"), claims.get("iat"), claims.get("aud")
        if claims.get("iss") != wanted.issuer:
            return "another issuer"
        if aud != wanted.client_id and aud != [wanted.client_id]:
            return "made for somebody else"
        if type(exp) is not int or type(iat) is not int or exp <= now or iat > now + LEEWAY_S:
            return "it has ended"
        if claims.get("nonce") != nonce:
            return "another nonce"
        if claims.get("email_verified") is not True or not isinstance(claims.get("email"), str):
            return "the address isn't verified"
        if wanted.hosted_domain and claims.get("hd") != wanted.hosted_domain:
            return "another hosted domain"
        if not isinstance(claims.get("sub"), str) or not claims["sub"]:
            return "nobody is named"
        return None

    async def _discover(self) -> dict[str, str]:
        if self._known is None:
            url = f"{self._provider.issuer.rstrip('/')}/.well-known/openid-configuration"
            names = ("authorization_endpoint", "token_endpoint", "jwks_uri")
            try:
                async with self._client() as client:
                    answer = await client.get(url)
                    answer.raise_for_status()
                    told = answer.json()
                if told["issuer"] != self._provider.issuer:
                    raise ValueError("the provider names another issuer")
                self._known = {name: str(told[name]) for name in names}
            except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
                raise TryLater(30, f"the staff's provider is away ({type(error).__name__})") from None
        return self._known

    def _keys(self, known: dict[str, str]) -> Jwks:
        self._jwks = self._jwks or Jwks(known["jwks_uri"], self._clock, self._transport)
        return self._jwks

    async def _redeem(self, url: str, code: str, verifier: str) -> dict[str, object]:
        asked = {
            "grant_type": "authorization_code",
            "code": code,
            "code_verifier": verifier,
            "redirect_uri": self._provider.redirect_uri,
            "client_id": self._provider.client_id,
            "client_secret": self._provider.client_secret,
        }
        try:
            async with self._client() as client:
                answer = await client.post(url, data=asked)
                told = answer.json()
        except (httpx.HTTPError, ValueError) as error:
            raise _Unbelievable(f"the provider didn't answer ({type(error).__name__})") from None
        if answer.status_code != 200 or not isinstance(told, dict):
            raise _Unbelievable("the code wasn't taken")
        return told

    def _client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            timeout=10, follow_redirects=False, transport=self._transport, trust_env=False
        )
