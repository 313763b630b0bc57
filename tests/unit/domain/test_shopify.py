"""Every vector of `tests/data/shopify-vectors.json`, and more of the same kind made here with a fixed clock."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudcache.domain.shopify import (
    Forged,
    host_of,
    shop_of,
    verify_query,
    verify_webhook,
)
from tests.support.shopify import (
    CLAIMS,
    CONFIG,
    CURRENT,
    NOW,
    PREVIOUS,
    SHOP,
    VECTORS,
    signed,
    verified,
    webhook,
)


def ids(one: dict[str, object]) -> str:
    return str(one.get("id"))


def secrets_of(context: dict[str, object]) -> list[str]:
    return [CURRENT, PREVIOUS] if context.get("old_secret_configured") else [CURRENT]


@pytest.mark.parametrize("vector", VECTORS["session_tokens"], ids=ids)
def test_id_token(vector):
    context, expected = vector["context"], vector["expect"]

    def look():
        return verified(
            vector["token"],
            secrets=secrets_of(context),
            query_shop=context.get("query_shop"),
            bound_shop=context.get("bound_shop"),
        )

    if expected["verdict"] == "accept":
        found = look()
        assert (found.shop, found.user) == (expected["shop"], expected["user_id"])
    else:
        with pytest.raises(Forged) as refusal:
            look()
        assert refusal.value.reason in {
            expected["reason"],
            *expected.get("accept_reasons", []),
        }


@pytest.mark.parametrize("vector", VECTORS["shop_names"], ids=ids)
def test_shop_name(vector):
    assert shop_of(vector["input"]) == vector["expect"]["shop"]


@pytest.mark.parametrize("vector", VECTORS["host_parameters"], ids=ids)
def test_host_parameter(vector):
    assert host_of(vector["host"]) == vector["expect"]["decoded"]


@pytest.mark.parametrize("vector", VECTORS["query_hmacs"], ids=ids)
def test_signed_query(vector):
    def look() -> str:
        return verify_query(vector["query"], now=NOW, secrets=secrets_of(vector["context"]))

    if vector["expect"]["verdict"] == "accept":
        assert look() == SHOP
    else:
        with pytest.raises(Forged) as refusal:
            look()
        assert refusal.value.reason == vector["expect"]["reason"]


@pytest.mark.parametrize("vector", VECTORS["published_hmacs"], ids=ids)
def test_published_hmac(vector):
    from cloudcache.domain.shopify import _is_hex_of

    assert _is_hex_of(vector["message"], vector["hmac_hex"], [vector["secret"]])
    assert not _is_hex_of(vector["message"], vector["hmac_hex"], ["another"])


@pytest.mark.parametrize("vector", VECTORS["webhooks"], ids=ids)
def test_webhook(vector):
    body, expected = base64.b64decode(vector["body_base64"]), vector["expect"]

    def look():
        headers = [tuple(pair) for pair in vector["headers"]]
        return verify_webhook(headers, body, secrets=secrets_of(vector["context"]))

    if expected["status"] == 200:
        assert look().delivery  # a repeated one is told by whoever stores it
    else:
        with pytest.raises(Forged) as refusal:
            look()
        assert refusal.value.reason == expected["action"]


# -- more than the vectors ---------------------------------------------------------------------


def test_the_token_of_these_tests_is_good():
    assert verified(signed(CLAIMS)).session == "s"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"exp": NOW - 10}, "expired"),
        ({"exp": True}, "bad_claim_type"),
        ({"iat": NOW + 11}, "not_yet_valid"),
        ({"nbf": NOW + 11}, "not_yet_valid"),
        ({"exp": NOW + 3601}, "lifetime_too_long"),
        ({"aud": [CONFIG["client_id"]]}, "bad_claim_type"),
        ({"aud": CONFIG["client_id"] + "x"}, "bad_aud"),
        ({"sid": None}, "missing_claim"),
        ({"sid": ""}, "bad_claim_type"),
        ({"sub": "gid://shopify/Customer/1"}, "bad_sub"),
        ({"sub": "1" * 21}, "bad_sub"),
        ({"sub": "٤٢"}, "bad_sub"),
        ({"dest": f"http://{SHOP}"}, "bad_dest"),
        ({"dest": f"https://{SHOP}:443"}, "bad_dest"),
        ({"dest": f"HTTPS://{SHOP}"}, "bad_dest"),
        ({"dest": "https://evil.example/.myshopify.com"}, "bad_dest"),
        ({"dest": "https://x.shopify.com"}, "bad_dest"),
        ({"iss": f"https://{SHOP}"}, "bad_iss"),
        ({"iss": f"https://{SHOP}/admin/"}, "bad_iss"),
        ({"iss": "https://other.myshopify.com/admin"}, "bad_iss"),
    ],
)
def test_one_wrong_claim_is_enough(change, reason):
    with pytest.raises(Forged) as refusal:
        verified(signed(CLAIMS | change))
    assert refusal.value.reason == reason


def test_the_last_accepted_seconds_of_the_leeway():
    assert verified(signed(CLAIMS | {"exp": NOW - 9, "iat": NOW - 69, "nbf": NOW - 69}))
    assert verified(signed(CLAIMS | {"nbf": NOW + 10, "iat": NOW + 10}))


@pytest.mark.parametrize(
    "token",
    [
        signed(CLAIMS, {"alg": "none"}),
        signed(CLAIMS, {"alg": "HS384"}),
        signed(CLAIMS, {"alg": "RS256"}),
        signed(CLAIMS, {"alg": "HS256", "typ": "jwt"}),
        signed(CLAIMS, {"alg": "HS256", "crit": []}),
        signed(CLAIMS, {"alg": ["HS256"]}),
        signed(CLAIMS, []),
        signed([CLAIMS]),
        signed(b'{"iss":"a","iss":"b"}'),
        signed(b"\xff\xfe"),
        signed(b"[" * 3000),
        signed(b'{"exp": NaN}'),
        signed(CLAIMS, secret=PREVIOUS),
        signed(CLAIMS, secret=""),
        signed(CLAIMS) + "\n",
        signed(CLAIMS) + ".",
        signed(CLAIMS)[:-1],
        " " + signed(CLAIMS),
        signed(CLAIMS).replace(".", ".."),
        None,
        b"bytes",
        12,
        {},
        [],
    ],
)
def test_nothing_else_is_a_token(token):
    with pytest.raises(Forged):
        verified(token)


def test_the_shop_of_a_bound_socket_cannot_change():
    with pytest.raises(Forged) as refusal:
        verified(signed(CLAIMS), bound_shop="other.myshopify.com")
    assert refusal.value.reason == "shop_changed"
    assert verified(signed(CLAIMS), bound_shop=SHOP)


def test_without_a_secret_nothing_is_accepted():
    with pytest.raises(Forged):
        verified(signed(CLAIMS, secret=""), secrets=[""])
    with pytest.raises(Forged):
        verified(signed(CLAIMS), secrets=[])


@given(st.text(max_size=200) | st.binary(max_size=200) | st.integers())
def test_no_input_ends_in_another_error(text):
    for look in (
        lambda: verified(text),
        lambda: verify_query(str(text), now=NOW, secrets=[CURRENT]),
        lambda: verify_webhook(
            [("X-Shopify-Hmac-Sha256", str(text))], str(text).encode("utf-8", "replace"), secrets=[CURRENT]
        ),
    ):
        with pytest.raises(Forged):
            look()
    assert shop_of(text) is None or str(text).isascii()
    host_of(text)


@given(st.data())
def test_no_altered_token_is_accepted(data):
    good = signed(CLAIMS)
    at = data.draw(st.integers(0, len(good) - 1))
    letter = data.draw(st.sampled_from("ABCabc012-_.=/+ \n"))
    altered = good[:at] + letter + good[at + 1 :]
    if altered != good:
        with pytest.raises(Forged):
            verified(altered)


def test_a_body_signed_for_one_topic_does_not_pass_for_another_without_its_shop():
    body = json.dumps({"id": 1, "myshopify_domain": SHOP}).encode()
    assert verify_webhook(webhook(body, Topic="app/uninstalled"), body, secrets=[CURRENT]).shop_id == 1
    with pytest.raises(Forged) as refusal:
        verify_webhook(webhook(body), body, secrets=[CURRENT])
    assert refusal.value.reason == "shop_mismatch"


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ({"Hmac-Sha256": "ü" * 44}, "bad_hmac"),
        ({"Hmac-Sha256": "A" * 43}, "bad_hmac"),
        ({"Topic": ""}, "bad_topic"),
        ({"Shop-Domain": "a.b.myshopify.com"}, "bad_shop"),
        ({"Webhook-Id": ""}, "missing_webhook_id"),
        ({"Webhook-Id": "x" * 101}, "missing_webhook_id"),
    ],
)
def test_odd_headers_of_a_webhook(headers, reason):
    body = json.dumps({"shop_domain": SHOP}).encode()
    with pytest.raises(Forged) as refusal:
        verify_webhook(webhook(body, **headers), body, secrets=[CURRENT])
    assert refusal.value.reason == reason


def test_two_families_of_headers_with_different_hmacs_are_refused():
    body = json.dumps({"shop_domain": SHOP}).encode()
    headers = [*webhook(body), ("shopify-hmac-sha256", "A" * 44)]
    with pytest.raises(Forged) as refusal:
        verify_webhook(headers, body, secrets=[CURRENT])
    assert refusal.value.reason == "missing_or_repeated_hmac"
