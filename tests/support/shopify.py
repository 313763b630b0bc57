"""What Shopify would sign: ID tokens and webhooks made with the fixed clock and the fake secrets of the vectors."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from pathlib import Path

from cloudcache.domain.shopify import IdToken, verify_id_token

VECTORS = json.loads(
    (Path(__file__).resolve().parents[1] / "data" / "shopify-vectors.json").read_text(encoding="utf-8")
)
CONFIG = VECTORS["config"]
NOW = CONFIG["now"]
CURRENT, PREVIOUS = CONFIG["client_secret"], CONFIG["previous_client_secret"]
SHOP = "test-shop.myshopify.com"
CLAIMS = {
    "iss": f"https://{SHOP}/admin",
    "dest": f"https://{SHOP}",
    "aud": CONFIG["client_id"],
    "sub": "42",
    "exp": NOW + 60,
    "nbf": NOW,
    "iat": NOW,
    "jti": "j",
    "sid": "s",
}


def verified(token: object, **more: object) -> IdToken:
    return verify_id_token(
        token, **{"now": NOW, "client_id": CONFIG["client_id"], "secrets": [CURRENT], **more}
    )


def part(data: object) -> str:
    raw = data if isinstance(data, bytes) else json.dumps(data).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def signed(payload: object, header: object | None = None, secret: str = CURRENT) -> str:
    message = f"{part({'alg': 'HS256', 'typ': 'JWT'} if header is None else header)}.{part(payload)}"
    made = hmac.new(secret.encode(), message.encode(), hashlib.sha256).digest()
    return f"{message}.{part(made)}"


def webhook(body: bytes, **headers: str) -> list[tuple[str, str]]:
    made = base64.b64encode(hmac.new(CURRENT.encode(), body, hashlib.sha256).digest()).decode()
    values = {
        "Hmac-Sha256": made,
        "Topic": "shop/redact",
        "Shop-Domain": SHOP,
        "Webhook-Id": "1",
    } | headers
    return [(f"X-Shopify-{name}", value) for name, value in values.items()]
