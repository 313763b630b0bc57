"""A pretend Shopify: shops, what it signs for them, and the tokens it gave out. Imports nothing of the app.

It plays the other side of an installation, for tests and the local world: ID tokens of one minute, signed links and
webhooks, token exchange with expiring tokens, and a shop's domains.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from secrets import token_hex
from urllib.parse import urlencode

ACCESS_S = 3600
REFRESH_S = 90 * 86_400
REDACT_S = 49 * 3600
"""An order to erase is dated two days and a little after the uninstallation."""


@dataclass(slots=True)
class Shop:
    """One shop: its number, its owner's user id, its domains (the primary one first), and its tokens."""

    shop: str
    number: int
    domains: Sequence[str]
    user: str = "42"
    access: dict[str, float] = field(default_factory=dict)
    refresh: dict[str, float] = field(default_factory=dict)

    @property
    def handle(self) -> str:
        return self.shop.removesuffix(".myshopify.com")


class ShopifyWorld:
    """The shops of one app, and what Shopify knows and signs."""

    def __init__(self, client_id: str, secret: str, clock: Callable[[], float] = time.time) -> None:
        self.client_id = client_id
        self.clock = clock
        self.shops: dict[str, Shop] = {}
        self._secret = secret

    def add_shop(self, shop: str, domains: Sequence[str]) -> Shop:
        """A shop that may install the app."""
        made = Shop(shop, 10_000 + len(self.shops), [*domains, shop])
        self.shops[shop] = made
        return made

    def id_token(self, shop: str, **changes: object) -> str:
        """A fresh ID token of the shop's owner; `changes` replace claims, None takes one away."""
        now = int(self.clock())
        known = self.shops.get(shop)
        claims: dict[str, object] = {
            "iss": f"https://{shop}/admin",
            "dest": f"https://{shop}",
            "aud": self.client_id,
            "sub": known.user if known else "42",
            "exp": now + 60,
            "nbf": now,
            "iat": now,
            "jti": str(uuid.uuid4()),
            "sid": token_hex(32),
        }
        told = {name: value for name, value in (claims | changes).items() if value is not None}
        return self._jwt(told)

    def link(self, shop: str) -> str:
        """The query with which the admin opens the app in its frame."""
        host = base64.b64encode(f"admin.shopify.com/store/{shop.split('.')[0]}".encode()).decode().rstrip("=")
        told = {
            "embedded": "1",
            "host": host,
            "id_token": self.id_token(shop),
            "locale": "en",
            "session": token_hex(32),
            "shop": shop,
            "timestamp": str(int(self.clock())),
        }
        message = "&".join(f"{name}={value}" for name, value in sorted(told.items()))
        return urlencode({**told, "hmac": self._mac(message.encode()).hex()})

    def webhook(
        self,
        topic: str,
        shop: str,
        body: Mapping[str, object] | None = None,
        *,
        triggered_at: float | None = None,
    ) -> tuple[dict[str, str], bytes]:
        """A signed delivery: headers and the exact bytes. `triggered_at` is in Unix seconds, by default now."""
        number = self.shops[shop].number if shop in self.shops else 1
        if body is None and topic == "app/uninstalled":
            body = {"id": number, "name": shop, "myshopify_domain": shop}
        raw = json.dumps(body or {"shop_id": number, "shop_domain": shop}).encode()
        headers = {
            "Content-Type": "application/json",
            "X-Shopify-Hmac-Sha256": base64.b64encode(self._mac(raw)).decode(),
            "X-Shopify-Topic": topic,
            "X-Shopify-Shop-Domain": shop,
            "X-Shopify-API-Version": "2026-10",
            "X-Shopify-Webhook-Id": str(uuid.uuid4()),
            "X-Shopify-Triggered-At": _instant(self.clock() if triggered_at is None else triggered_at),
        }
        return headers, raw

    # -- tokens for the API --------------------------------------------------------------------
    def exchange(self, shop: Shop, id_token: str) -> dict[str, object] | None:
        """An expiring offline token for an ID token of this shop; None when that is not good."""
        claims = self._claims(id_token)
        if (
            claims is None
            or claims.get("dest") != f"https://{shop.shop}"
            or int(str(claims["exp"])) <= self.clock()
        ):
            return None
        return self._give(shop)

    def renew(self, shop: Shop, refresh: str) -> dict[str, object] | None:
        """New tokens; the refresh token before goes on working until the new one was used."""
        until = shop.refresh.get(refresh)
        if until is None or until <= self.clock():
            return None
        for older in [one for one in shop.refresh if one != refresh]:
            del shop.refresh[older]
        return self._give(shop)

    def uninstall(self, shop: Shop) -> None:
        """All tokens end at once."""
        shop.access.clear()
        shop.refresh.clear()

    def _give(self, shop: Shop) -> dict[str, object]:
        access, refresh = f"shpat_{token_hex(16)}", f"shprt_{token_hex(16)}"
        shop.access[access] = self.clock() + ACCESS_S
        shop.refresh[refresh] = self.clock() + REFRESH_S
        return {
            "access_token": access,
            "refresh_token": refresh,
            "expires_in": ACCESS_S,
            "refresh_token_expires_in": REFRESH_S,
            "scope": "read_online_store_navigation",
        }

    def _jwt(self, claims: Mapping[str, object]) -> str:
        parts = [_part(json.dumps(one).encode()) for one in ({"alg": "HS256", "typ": "JWT"}, claims)]
        message = ".".join(parts)
        return f"{message}.{_part(self._mac(message.encode()))}"

    def _claims(self, token: str) -> dict[str, object] | None:
        message, _, signature = token.rpartition(".")
        if not hmac.compare_digest(_part(self._mac(message.encode())), signature):
            return None
        payload = message.split(".")[1]
        claims: dict[str, object] = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return claims

    def _mac(self, message: bytes) -> bytes:
        return hmac.new(self._secret.encode(), message, hashlib.sha256).digest()


def _instant(seconds: float) -> str:
    """RFC 3339 in UTC with nine digits of a second, as Shopify writes it."""
    whole, rest = divmod(round(seconds * 1000), 1000)
    return f"{datetime.fromtimestamp(whole, UTC):%Y-%m-%dT%H:%M:%S}.{rest:03d}000000Z"


def _part(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
