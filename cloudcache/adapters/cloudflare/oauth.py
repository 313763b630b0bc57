"""Cloudflare's OAuth: authorization code with PKCE, and renewal. `base` is `https://dash.cloudflare.com/oauth2`."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode

import httpx

from cloudcache.domain.errors import Reason, Refused, TryLater, Unclear
from cloudcache.domain.secret import Token
from cloudcache.ports import Clock, OAuthTokens

TIMEOUT = httpx.Timeout(10, connect=5)
SCOPES = (
    "zone.read",
    "zone.settings.read",
    "zone.settings.write",
    "dns.read",
    "bot.management.write",
    "zone.waf.write",
    "page.shield",
    "account.settings.read",
)
"""What the page can use; a person may agree to fewer, and the toggles that need the others are locked then."""


class OAuthClient:
    """The `CloudflareOAuth` of the ports."""

    def __init__(
        self,
        base: str,
        client_id: str,
        client_secret: str,
        redirect_uri: str,
        clock: Clock,
        transport: httpx.AsyncBaseTransport | None = None,
        public_base: str | None = None,
    ) -> None:
        self._base = base.rstrip("/")
        self._public_base = (public_base or base).rstrip("/")
        self._client_id = client_id
        self._secret = client_secret
        self._redirect_uri = redirect_uri
        self._clock = clock
        self._transport = transport

    def address(self, state: str, challenge: str) -> str:
        asked = {
            "response_type": "code",
            "client_id": self._client_id,
            "redirect_uri": self._redirect_uri,
            "scope": " ".join(SCOPES),
            "state": state,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        return f"{self._public_base}/auth?{urlencode(asked)}"

    async def redeem(self, code: str, verifier: str) -> OAuthTokens:
        return await self._ask(
            {
                "grant_type": "authorization_code",
                "code": code,
                "redirect_uri": self._redirect_uri,
                "code_verifier": verifier,
            }
        )

    async def renew(self, refresh: Token) -> OAuthTokens:
        told = await self._ask({"grant_type": "refresh_token", "refresh_token": refresh.reveal()})
        return told if told.refresh is not None else OAuthTokens(told.access, refresh, told.until)

    async def _ask(self, asked: Mapping[str, str]) -> OAuthTokens:
        body = {**asked, "client_id": self._client_id, "client_secret": self._secret}
        try:
            async with httpx.AsyncClient(
                timeout=TIMEOUT, follow_redirects=False, transport=self._transport, trust_env=False
            ) as client:
                answer = await client.post(f"{self._base}/token", data=body)
        except httpx.HTTPError as error:
            raise TryLater(30, f"Cloudflare's sign-in can't be reached ({type(error).__name__})") from None
        if answer.status_code in (400, 401, 403):
            raise Refused(Reason.TOKEN_REFUSED, "Cloudflare didn't take it")
        if answer.status_code != 200:
            raise TryLater(30, f"Cloudflare's sign-in answered {answer.status_code}")
        return self._read(answer)

    def _read(self, answer: httpx.Response) -> OAuthTokens:
        try:
            told = answer.json()
            access, lives = _token(told["access_token"]), int(told["expires_in"])
            refresh = _token(told["refresh_token"]) if told.get("refresh_token") else None
        except (ValueError, KeyError, TypeError, OverflowError):
            raise Unclear("Cloudflare's sign-in gave no token") from None
        return OAuthTokens(access, refresh, self._clock.now_ms() + lives * 1000)


def _token(value: object) -> Token:
    if not isinstance(value, str):
        raise TypeError
    return Token(value)
