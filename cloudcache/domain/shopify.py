"""What Shopify's messages must look like to be believed: names of shops, ID tokens, signed queries and webhooks.

Pure rules: the text, the time and the secrets come in; a value or `Forged(reason)` comes out. No library of
Shopify's checks all of this, so these rules stand in front of any. A reason is for the log, never for the browser.

    ID token   three canonical base64url parts, HS256 only, signature, claims by type, times, aud, dest, iss, sub
    host       where the admin is: one of two exact shapes; for redirects, never for identity
    query      signed parameters of an app link, at most 90 s old
    webhook    HMAC over the raw bytes; topic and shop are unsigned headers, so the body must name the same shop

Secrets are given newest first; while a secret is being rotated the previous one is accepted as well.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import unquote_plus

from cloudcache.domain.instants import instant_ms

LEEWAY_S = 10
LONGEST_TOKEN = 4096
LONGEST_LIFE_S = 3600
USUAL_LIFE_S = 120
"""Shopify's own live for 60 s; a longer life is believed, and noted in the log."""
QUERY_SKEW_S = 90
LONGEST_QUERY = 8192
LONGEST_WEBHOOK = 1_048_576

COMPLIANCE = frozenset({"customers/data_request", "customers/redact", "shop/redact"})
TOPICS = COMPLIANCE | {"app/uninstalled", "app/scopes_update"}
OF_TOPICS: Mapping[str, frozenset[str]] = {
    "shop_domain": COMPLIANCE,
    "customer": frozenset({"customers/data_request", "customers/redact"}),
    "orders_requested": frozenset({"customers/data_request"}),
    "data_request": frozenset({"customers/data_request"}),
    "orders_to_redact": frozenset({"customers/redact"}),
    "myshopify_domain": frozenset({"app/uninstalled"}),
    "previous": frozenset({"app/scopes_update"}),
    "current": frozenset({"app/scopes_update"}),
}
"""What only the bodies of some topics hold. The topic is an unsigned header; another's body gives itself away."""

_SHOP = re.compile(r"[a-z0-9][a-z0-9-]{0,62}\.myshopify\.com", re.ASCII)
_PART = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)
_SUB = re.compile(r"[0-9]{1,20}", re.ASCII)
_HOST = re.compile(
    r"admin\.shopify\.com/store/[a-z0-9][a-z0-9-]{0,62}|[a-z0-9][a-z0-9-]{0,62}\.myshopify\.com/admin",
    re.ASCII,
)
_DELIVERY = re.compile(r"[!-~]{1,100}", re.ASCII)
_TEXTS = ("iss", "dest", "aud", "sub", "jti", "sid")
_TIMES = ("exp", "nbf", "iat")


class Forged(Exception):
    """Not to be believed; `reason` is a code such as `bad_signature`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class IdToken:
    """A verified ID token: who looks at the app, in which shop, until when, issued when (Unix seconds)."""

    shop: str
    user: str
    expires_at: int
    session: str
    lives_s: int
    issued_at: int = 0


@dataclass(frozen=True, slots=True)
class Webhook:
    """A verified delivery. `shop_id` is Shopify's number of the shop where the body tells it, `triggered_at` the time
    of the event in Unix milliseconds. That time is not signed: None when it is absent, repeated or unreadable."""

    topic: str
    shop: str
    delivery: str
    shop_id: int | None
    triggered_at: int | None = None


def shop_of(text: object) -> str | None:
    """The normal form of a myshopify.com name, or None; nothing is trimmed or completed."""
    if not isinstance(text, str) or not text.isascii():
        return None
    lowered = text.lower()
    return lowered if _SHOP.fullmatch(lowered) else None


def host_of(parameter: object) -> str | None:
    """The decoded `host` parameter (`admin.shopify.com/store/x` or `x.myshopify.com/admin`), or None."""
    if not isinstance(parameter, str) or not 0 < len(parameter) <= 400:
        return None
    bare = parameter.rstrip("=")
    try:
        data = base64.b64decode(bare + "=" * (-len(bare) % 4), validate=True)
        decoded = data.decode("ascii")
    except (binascii.Error, ValueError):
        return None
    written = base64.b64encode(data).decode()
    if parameter not in (
        written,
        written.rstrip("="),
    ):  # one host has two spellings, with padding and without
        return None
    return decoded if _HOST.fullmatch(decoded) else None


# -- ID tokens ---------------------------------------------------------------------------------


def verify_id_token(
    token: object,
    *,
    now: float,
    client_id: str,
    secrets: Sequence[str],
    query_shop: str | None = None,
    bound_shop: str | None = None,
) -> IdToken:
    """The token's content if every rule holds; `query_shop` and `bound_shop` are refused when they differ from it.

    The token decides, never the URL. It may come several times in its minute, so `jti` is not single-use.
    """
    if not isinstance(token, str) or not token:
        raise Forged("missing_token")
    if len(token) > LONGEST_TOKEN:
        raise Forged("too_long")
    parts = token.split(".")
    if len(parts) != 3:
        raise Forged("malformed")
    head, payload, signature = (_decoded(part) for part in parts)
    _require_hs256(_object(head))
    if not _is_signed(f"{parts[0]}.{parts[1]}".encode(), signature, secrets):
        raise Forged("bad_signature")
    found = _judged(_object(payload), now, client_id)
    if query_shop is not None and shop_of(query_shop) != found.shop:
        raise Forged("shop_mismatch")
    if bound_shop is not None and bound_shop != found.shop:
        raise Forged("shop_changed")
    return found


def _decoded(part: str) -> bytes:
    """Canonical base64url only: else one token would have several spellings."""
    if not _PART.fullmatch(part):
        raise Forged("malformed")
    try:
        decoded = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except (binascii.Error, ValueError):
        raise Forged("malformed") from None
    if base64.urlsafe_b64encode(decoded).rstrip(b"=").decode() != part:
        raise Forged("malformed")
    return decoded


def _object(data: bytes) -> dict[str, object]:
    """A JSON object in which no key comes twice."""
    try:
        loaded = json.loads(data.decode("utf-8"), object_pairs_hook=_once, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise Forged("malformed") from None
    if not isinstance(loaded, dict):
        raise Forged("malformed")
    return loaded


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key comes twice")
    return found


def _no_constant(name: str) -> object:
    raise ValueError(f"{name} is no JSON")


def _require_hs256(header: Mapping[str, object]) -> None:
    """Keys named in the header (kid, jku, jwk, x5u) are not looked at at all."""
    if header.get("alg") != "HS256" or header.get("typ", "JWT") != "JWT" or "crit" in header:
        raise Forged("bad_alg")


def _is_signed(message: bytes, signature: bytes, secrets: Sequence[str]) -> bool:
    """Whether any of the secrets made it; each is tried in the same time."""
    fits = False
    for secret in secrets:
        if secret:
            made = hmac.new(secret.encode(), message, hashlib.sha256).digest()
            fits |= hmac.compare_digest(made, signature)
    return fits


def _judged(claims: Mapping[str, object], now: float, client_id: str) -> IdToken:
    iss, dest, aud, sub, _, sid = _texts(claims)
    exp, nbf, iat = _times(claims)
    if not exp > now - LEEWAY_S:
        raise Forged("expired")
    if nbf > now + LEEWAY_S or iat > now + LEEWAY_S:
        raise Forged("not_yet_valid")
    if exp - iat > LONGEST_LIFE_S:
        raise Forged("lifetime_too_long")
    if aud != client_id:
        raise Forged("bad_aud")
    shop = shop_of(dest[len("https://") :]) if dest.startswith("https://") else None
    if shop is None:
        raise Forged("bad_dest")
    if iss.lower() != f"https://{shop}/admin" or not iss.isascii():
        raise Forged("bad_iss")
    if not _SUB.fullmatch(sub):
        raise Forged("bad_sub")
    return IdToken(shop, sub, exp, sid, exp - iat, iat)


def _texts(claims: Mapping[str, object]) -> list[str]:
    _require_present(claims)
    found = [claims[name] for name in _TEXTS]
    texts = [one for one in found if isinstance(one, str) and one]
    if len(texts) != len(found):
        raise Forged("bad_claim_type")
    return texts


def _times(claims: Mapping[str, object]) -> list[int]:
    found = [claims[name] for name in _TIMES]
    times = [one for one in found if isinstance(one, int) and not isinstance(one, bool)]
    if len(times) != len(found):
        raise Forged("bad_claim_type")
    return times


def _require_present(claims: Mapping[str, object]) -> None:
    if any(claims.get(name) is None for name in (*_TEXTS, *_TIMES)):
        raise Forged("missing_claim")


# -- signed queries ----------------------------------------------------------------------------


def verify_query(query: str, *, now: float, secrets: Sequence[str]) -> str:
    """The shop named in a query string that Shopify signed at most 90 s ago."""
    if len(query) > LONGEST_QUERY:
        raise Forged("too_long")
    if not query.isascii():
        raise Forged("malformed")
    pairs = [pair for pair in query.split("&") if pair]
    given = [_decoded_pair(pair) for pair in pairs]
    if len({name for name, _ in given}) != len(given):
        raise Forged("duplicate_param")
    values = dict(given)
    if not values.get("hmac"):
        raise Forged("missing_hmac")
    if not any(_is_hex_of(message, values["hmac"], secrets) for message in _messages(pairs, given)):
        raise Forged("bad_hmac")
    _require_fresh(values.get("timestamp", ""), now)
    shop = shop_of(values.get("shop"))
    if shop is None:
        raise Forged("bad_shop")
    return shop


def _decoded_pair(pair: str) -> tuple[str, str]:
    name, _, value = pair.partition("=")
    return unquote_plus(name), unquote_plus(value)


def _messages(pairs: Sequence[str], given: Sequence[tuple[str, str]]) -> list[str]:
    """What may have been signed: the pairs as they came, or decoded with only `%`, `&` and `=` written otherwise."""
    signed = [name not in ("hmac", "signature") for name, _ in given]
    raw = [pair for pair, counts in zip(pairs, signed, strict=True) if counts]
    plain = [
        f"{_escaped(name).replace('=', '%3D')}={_escaped(value)}"
        for (name, value), counts in zip(given, signed, strict=True)
        if counts
    ]
    return ["&".join(sorted(raw)), "&".join(sorted(plain))]


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("&", "%26")


def _is_hex_of(message: str, given: str, secrets: Sequence[str]) -> bool:
    fits = False
    for secret in secrets:
        if secret:
            made = hmac.new(secret.encode(), message.encode(), hashlib.sha256).hexdigest()
            fits |= hmac.compare_digest(made.encode(), given.encode())
    return fits


def _require_fresh(timestamp: str, now: float) -> None:
    if not re.fullmatch(r"[0-9]{1,12}", timestamp, re.ASCII):
        raise Forged("bad_timestamp")
    if abs(now - int(timestamp)) > QUERY_SKEW_S:
        raise Forged("stale")


# -- webhooks ----------------------------------------------------------------------------------


def verify_webhook(headers: Sequence[tuple[str, str]], body: bytes, *, secrets: Sequence[str]) -> Webhook:
    """The delivery, if its raw bytes carry Shopify's HMAC and its unsigned headers agree with them."""
    values = _headers(headers)
    given = values.get("hmac-sha256", [])
    if len(given) != 1 or not given[0]:
        raise Forged("missing_or_repeated_hmac")
    if not _is_signed(body, _digest(given[0]), secrets):
        raise Forged("bad_hmac")
    topic = _only(values.get("topic", []))
    if topic not in TOPICS:
        raise Forged("bad_topic")
    shop = shop_of(_only(values.get("shop-domain", [])))
    if shop is None:
        raise Forged("bad_shop")
    try:
        told = _object(body)
    except Forged:
        raise Forged("bad_json") from None
    _require_same_shop(told, topic, shop)
    delivery = _only(values.get("webhook-id", []))
    if delivery is None or not _DELIVERY.fullmatch(delivery):
        raise Forged("missing_webhook_id")
    number = told.get("shop_id", told.get("id"))
    shop_id = number if isinstance(number, int) and not isinstance(number, bool) else None
    return Webhook(topic, shop, delivery, shop_id, instant_ms(_only(values.get("triggered-at", []))))


def _headers(headers: Sequence[tuple[str, str]]) -> dict[str, list[str]]:
    """Both families of Shopify's headers (`X-Shopify-Topic`, `shopify-topic`), without their prefix."""
    found: dict[str, list[str]] = {}
    for name, value in headers:
        lowered = name.lower().removeprefix("x-")
        if lowered.startswith("shopify-"):
            found.setdefault(lowered.removeprefix("shopify-"), []).append(value)
    return found


def _only(values: Sequence[str]) -> str | None:
    return values[0] if len(values) == 1 else None


def _digest(given: str) -> bytes:
    try:
        decoded = base64.b64decode(given.encode("ascii"), validate=True)
    except (ValueError, binascii.Error):
        raise Forged("bad_hmac") from None
    if len(decoded) != hashlib.sha256().digest_size or base64.b64encode(decoded).decode() != given:
        raise Forged("bad_hmac")
    return decoded


def _require_same_shop(told: Mapping[str, object], topic: str, shop: str) -> None:
    """Headers are not signed: without this, one captured body could be replayed for every shop and topic."""
    name = "shop_domain" if topic in COMPLIANCE else "myshopify_domain"
    if (topic in COMPLIANCE or name in told) and shop_of(told.get(name)) != shop:
        raise Forged("shop_mismatch")
    if any(mark in told and topic not in topics for mark, topics in OF_TOPICS.items()):
        raise Forged("topic_mismatch")
