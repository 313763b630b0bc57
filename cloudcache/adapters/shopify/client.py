"""Shopify over HTTP: ID tokens and webhooks verified with the app's secrets, tokens exchanged, domains read.

Calls go to `https://{shop}/admin/...` of a shop whose name passed the rule, follow no redirect, and never put a token
into a URL. The secret signs nothing here: Shopify signs, we verify, and it proves us when a token is asked for.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence

import httpx

from cloudcache.domain.errors import Reason, Refused, TryLater, Unclear
from cloudcache.domain.secret import Token
from cloudcache.domain.shopify import (
    USUAL_LIFE_S,
    Forged,
    IdToken,
    Webhook,
    shop_of,
    verify_id_token,
    verify_webhook,
)
from cloudcache.ports import Clock, ShopTokens

log = logging.getLogger("cloudcache.shopify")

API_VERSION = "2026-10"
TIMEOUT = httpx.Timeout(10, connect=5)
LONGEST_ANSWER = 200_000
MOST_DOMAINS = 100
DOMAINS = "{ shop { primaryDomain { host } domains(first: 100) { nodes { host } } } }"
OLDER_DOMAINS = "{ shop { primaryDomain { host } } }"
_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
_ID_TOKEN = "urn:ietf:params:oauth:token-type:id_token"  # noqa: S105  a name, not a secret
_OFFLINE = "urn:shopify:params:oauth:token-type:offline-access-token"


class ShopifyClient:
    """The `Shopify` of the ports. `secrets` newest first; `base` makes a shop's address."""

    def __init__(
        self,
        client_id: str,
        secrets: Sequence[str],
        clock: Clock,
        *,
        base: Callable[[str], str] = lambda shop: f"https://{shop}",
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._client_id = client_id
        self._secrets = tuple(secrets)
        self._clock = clock
        self._base = base
        self._transport = transport
        self._client: httpx.AsyncClient | None = None

    def id_token(self, token: object, *, query_shop: str | None, bound_shop: str | None) -> IdToken:
        found = verify_id_token(
            token,
            now=self._clock.now_ms() / 1000,
            client_id=self._client_id,
            secrets=self._secrets,
            query_shop=query_shop,
            bound_shop=bound_shop,
        )
        if found.lives_s > USUAL_LIFE_S:
            log.warning("an ID token of %s lives %s s; Shopify's own live 60", found.shop, found.lives_s)
        return found

    def webhook(self, headers: Sequence[tuple[str, str]], body: bytes) -> Webhook:
        return verify_webhook(headers, body, secrets=self._secrets)

    async def exchange(self, shop: str, id_token: str) -> ShopTokens:
        """An expiring offline token; `Refused` when the ID token is not taken (it may just have ended)."""
        return await self._tokens(
            shop,
            {
                "grant_type": _EXCHANGE,
                "subject_token": id_token,
                "subject_token_type": _ID_TOKEN,
                "requested_token_type": _OFFLINE,
                "expiring": "1",
            },
        )

    async def renew(self, shop: str, refresh: Token) -> ShopTokens:
        """New tokens; a refusal is final until the merchant's next visit."""
        return await self._tokens(shop, {"grant_type": "refresh_token", "refresh_token": refresh.reveal()})

    async def domains(self, shop: str, access: Token) -> list[str]:
        """The primary domain first, then the others the shop answers to, in lower case."""
        headers = {"X-Shopify-Access-Token": access.reveal()}
        path = f"/admin/api/{API_VERSION}/graphql.json"
        for query in (DOMAINS, OLDER_DOMAINS):
            told = await self._post(shop, path, {"query": query}, headers)
            found = _domains(told)
            if found:
                return found
        return []

    async def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    async def _tokens(self, shop: str, asked: Mapping[str, str]) -> ShopTokens:
        body = {"client_id": self._client_id, "client_secret": self._secrets[0], **asked}
        told = await self._post(shop, "/admin/oauth/access_token", body, {})
        now = self._clock.now_ms()
        access, refresh = told.get("access_token"), told.get("refresh_token")
        lives, refresh_lives = told.get("expires_in"), told.get("refresh_token_expires_in")
        if not isinstance(access, str) or not isinstance(lives, int):
            raise Unclear("Shopify's answer holds no expiring token")
        try:
            tokens = Token(access), Token(refresh) if isinstance(refresh, str) and refresh else None
        except ValueError:
            raise Unclear("Shopify's answer holds no expiring token") from None
        return ShopTokens(
            *tokens,
            now + lives * 1000,
            now + refresh_lives * 1000 if isinstance(refresh_lives, int) else None,
            str(told.get("scope", "")),
        )

    async def _post(
        self, shop: str, path: str, body: Mapping[str, str], headers: Mapping[str, str]
    ) -> Mapping[str, object]:
        if shop_of(shop) != shop:
            raise Forged("bad_shop")
        client = self._client or httpx.AsyncClient(
            timeout=TIMEOUT, follow_redirects=False, transport=self._transport, trust_env=False
        )
        self._client = client
        try:
            answer = await client.post(f"{self._base(shop)}{path}", json=dict(body), headers=dict(headers))
        except httpx.HTTPError as error:
            raise TryLater(30, f"Shopify can't be reached ({type(error).__name__})") from None
        return _read(answer)


def _read(answer: httpx.Response) -> Mapping[str, object]:
    if answer.status_code == 429 or answer.status_code >= 500:
        raise TryLater(_wait(answer), f"Shopify answered {answer.status_code}")
    if len(answer.content) > LONGEST_ANSWER:
        raise Unclear("Shopify's answer is too long")
    if answer.status_code != 200:
        raise Refused(Reason.TOKEN_REFUSED, f"Shopify answered {answer.status_code}")
    try:
        told = answer.json()
    except ValueError:
        raise Unclear("Shopify's answer is no JSON") from None
    return told if isinstance(told, dict) else {}


def _wait(answer: httpx.Response) -> float:
    given = answer.headers.get("retry-after", "")
    is_number = given.isascii() and given.replace(".", "", 1).isdigit()
    return min(float(given), 600.0) if is_number else 30.0


def _domains(told: Mapping[str, object]) -> list[str]:
    data = told.get("data")
    shop = data.get("shop") if isinstance(data, dict) else None
    if not isinstance(shop, dict):
        return []
    nodes = shop.get("domains")
    others = nodes.get("nodes", []) if isinstance(nodes, dict) else []
    listed = [shop.get("primaryDomain"), *others]
    hosts = [one.get("host") for one in listed if isinstance(one, dict)]
    return list(dict.fromkeys(one.lower() for one in hosts if isinstance(one, str) and one))[:MOST_DOMAINS]
