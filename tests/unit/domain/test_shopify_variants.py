"""Variants of every kind of vector: names, hosts, tokens, signed queries and webhooks, as odd as can be."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json

import pytest

from cloudcache.domain.shopify import Forged, host_of, shop_of, verify_query, verify_webhook
from tests.support.shopify import CLAIMS, CONFIG, CURRENT, NOW, PREVIOUS, SHOP, signed, verified, webhook

# -- names and hosts ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "a" * 64 + ".myshopify.com",
        "-shop.myshopify.com",
        "shop\u0660.myshopify.com",
        "\u212aite.myshopify.com",
        "shop.myshop\u0131fy.com",
        "shop.myshopify.com\n",
        "shop.myshopify.com\t",
        "shop.myshopify.com ",
        "shop%2emyshopify.com",
        "shop.myshopify.com?x=.myshopify.com",
        "https://shop.myshopify.com",
        "//shop.myshopify.com",
        "xn--.myshopify.com.",
        "shop.shopify.com",
        "shop.spin.dev",
        "shop.shop.dev",
        "shop\u3002myshopify.com",
        b"shop.myshopify.com",
        ["shop.myshopify.com"],
        True,
        None,
    ],
)
def test_what_is_no_name_of_a_shop(name):
    assert shop_of(name) is None


@pytest.mark.parametrize(
    "label", ["a", "0", "shop-", "a--b", "xn--80ak6aa92e", "A" * 63, "1" * 63, "a" + "-" * 62]
)
def test_what_is_one(label):
    assert shop_of(f"{label}.MYSHOPIFY.com") == f"{label.lower()}.myshopify.com"


def host(text: str, *, padded: bool = False) -> str:
    made = base64.b64encode(text.encode()).decode()
    return made if padded else made.rstrip("=")


@pytest.mark.parametrize("text", ["admin.shopify.com/store/x", "a-shop.myshopify.com/admin"])
def test_a_host_is_believed_with_and_without_its_padding(text):
    assert host_of(host(text)) == host_of(host(text, padded=True)) == text


@pytest.mark.parametrize(
    "given",
    [
        host("admin.shopify.com/store/xy") + "=" * 3,
        host("admin.shopify.com/store/abcd") + "====",
        host("admin.shopify.com/store/xy")[:-1] + "f",  # the same bytes, with bits that no encoder leaves
        host("admin.shopify.com/store/x") + "\n",
        " " + host("admin.shopify.com/store/x"),
        host("admin.shopify.com/store/x\n"),
        host("admin.shopify.com/store/x\r\nSet-Cookie: a=b"),
        host("admin.shopify.com/store/x/"),
        host("admin.shopify.com/store/"),
        host("admin.shopify.com/store/x?y"),
        host("admin.shopify.com/store/x#y"),
        host("admin.shopify.com:443/store/x"),
        host("user@admin.shopify.com/store/x"),
        host("https://admin.shopify.com/store/x"),
        host("//admin.shopify.com/store/x"),
        host("admin.shopify.com/store/..%2f"),
        host("admin.shopify.com\\@evil.example/store/x"),
        host("evil.example?admin.shopify.com/store/x"),
        host("shop.myshopify.com/admin/"),
        host("shop.myshopify.com"),
        host("shop.myshopify.com.evil.example/admin"),
        host("evil.example/shop.myshopify.com/admin"),
        host("a.b.myshopify.com/admin"),
        host("shop.myshopify.io/admin"),
        host("admin.shopify.com/store/\u0445"),
        host("\ufeffadmin.shopify.com/store/x"),
        host("a" * 64 + ".myshopify.com/admin"),
        base64.urlsafe_b64encode(b"admin.shopify.com/store/x?>").decode(),
        "=",
        "====",
        "A" * 401,
        b"YWRtaW4uc2hvcGlmeS5jb20vc3RvcmUveA",
        None,
    ],
)
def test_no_other_host_is_believed(given):
    assert host_of(given) is None


# -- ID tokens ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"exp": float(NOW + 60)}, "bad_claim_type"),
        ({"exp": str(NOW + 60)}, "bad_claim_type"),
        ({"exp": [NOW + 60]}, "bad_claim_type"),
        ({"exp": -1}, "expired"),
        ({"exp": 0}, "expired"),
        ({"exp": 10**30}, "lifetime_too_long"),
        ({"exp": 10**30, "iat": 10**30, "nbf": 10**30}, "not_yet_valid"),
        ({"iat": -(10**30)}, "lifetime_too_long"),
        ({"nbf": False}, "bad_claim_type"),
        ({"iat": "now"}, "bad_claim_type"),
        ({"exp": NOW + 3501, "iat": NOW - 100}, "lifetime_too_long"),
        ({"jti": 7}, "bad_claim_type"),
        ({"sub": 42}, "bad_claim_type"),
        ({"sub": " 42"}, "bad_sub"),
        ({"sub": "42\n"}, "bad_sub"),
        ({"sub": "-42"}, "bad_sub"),
        ({"sub": "4.2"}, "bad_sub"),
        ({"sub": "\uff14\uff12"}, "bad_sub"),
        ({"sub": ["42"]}, "bad_claim_type"),
        ({"aud": ""}, "bad_claim_type"),
        ({"aud": CONFIG["client_id"].upper()}, "bad_aud"),
        ({"aud": CONFIG["client_id"] + "\n"}, "bad_aud"),
        ({"dest": [f"https://{SHOP}"]}, "bad_claim_type"),
        ({"dest": f"https://{SHOP}/"}, "bad_dest"),
        ({"dest": f"https://{SHOP}?"}, "bad_dest"),
        ({"dest": f"https://{SHOP}#"}, "bad_dest"),
        ({"dest": f"https:/{SHOP}"}, "bad_dest"),
        ({"dest": f" https://{SHOP}"}, "bad_dest"),
        ({"dest": f"https:// {SHOP}"}, "bad_dest"),
        ({"dest": "https://" + "a" * 64 + ".myshopify.com"}, "bad_dest"),
        ({"iss": f"https://{SHOP}/admin?"}, "bad_iss"),
        ({"iss": f"http://{SHOP}/admin"}, "bad_iss"),
        ({"iss": f"https://{SHOP}/adm\u0131n"}, "bad_iss"),
    ],
)
def test_variants_of_wrong_claims(change, reason):
    with pytest.raises(Forged) as refusal:
        verified(signed(CLAIMS | change))
    assert refusal.value.reason == reason


def test_the_exact_seconds_at_which_a_token_begins_and_ends():
    assert verified(signed(CLAIMS | {"exp": NOW + 3600}))
    with pytest.raises(Forged):
        verified(signed(CLAIMS), now=NOW + 70)
    assert verified(signed(CLAIMS), now=NOW + 69.9)
    assert verified(signed(CLAIMS), now=NOW - 10)
    with pytest.raises(Forged):
        verified(signed(CLAIMS), now=NOW - 10.1)


def test_unknown_claims_and_headers_change_nothing():
    more = {"sig": "x", "nested": {"a": [1]}, "scope": None}
    header = {"alg": "HS256", "typ": "JWT", "kid": "../../dev/null", "x5u": "https://evil.example"}
    assert verified(signed(CLAIMS | more, header)).lives_s == 60


@pytest.mark.parametrize("key", ["iss", "nested"])
def test_a_repeated_key_is_refused_wherever_it_is(key):
    text = json.dumps(CLAIMS)[:-1] + (', "iss": "x"}' if key == "iss" else ', "n": {"a": 1, "a": 1}}')
    with pytest.raises(Forged) as refusal:
        verified(signed(text.encode()))
    assert refusal.value.reason == "malformed"


# -- queries -----------------------------------------------------------------------------------


def hexed(message: str, secret: str = CURRENT) -> str:
    return hmac.new(secret.encode(), message.encode(), hashlib.sha256).hexdigest()


BASE = [f"shop={SHOP}", f"timestamp={NOW}"]


def asked(*pairs: str, message: str | None = None) -> str:
    """A query of these pairs, signed as it stands, or over another text."""
    return "&".join([*pairs, "hmac=" + hexed("&".join(sorted(pairs)) if message is None else message)])


@pytest.mark.parametrize(
    "query",
    [
        asked(*BASE, "locale="),
        asked(*BASE, "flag"),  # signed as it came
        asked(*BASE, "flag", message="&".join(["flag=", *BASE])),  # signed as libraries read it
        asked(*BASE, "name=a%20b"),
        asked(*BASE, "name=a+b", message="&".join(["name=a b", *BASE])),
        asked(*BASE, "name=a%20b", message="&".join(["name=a b", *BASE])),
        asked(*BASE, "c%3D3%26d=4", message="&".join(["c%3D3%26d=4", *BASE])),
        asked(*BASE, "ids=%5B%222%22%2C+%221%22%5D", message="&".join(['ids=["2", "1"]', *BASE])),
        asked(*BASE) + "&signature=of-old",
        "&" + asked(*BASE) + "&",
    ],
)
def test_queries_as_shopifys_libraries_sign_them(query):
    assert verify_query(query, now=NOW, secrets=[CURRENT]) == SHOP


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        (asked(*BASE).replace("hmac=", "HMAC="), "missing_hmac"),
        (asked(*BASE)[:-64] + hexed("&".join(BASE)).upper(), "bad_hmac"),
        (asked(*BASE) + "0", "bad_hmac"),
        (asked(*BASE)[:-1], "bad_hmac"),
        ("&".join([*BASE, "hmac="]), "missing_hmac"),
        ("&".join([*BASE, "hmac"]), "missing_hmac"),
        (asked(*BASE) + "&sh%6Fp=evil.myshopify.com", "duplicate_param"),
        (asked(*BASE) + "&hmac", "duplicate_param"),
        (asked(*BASE, "a[]=1", "a[]=2"), "duplicate_param"),
        (asked(*BASE) + "&x=\u0660", "malformed"),
        (asked(*BASE) + "&x=\ud800", "malformed"),
        (asked(BASE[0], f"timestamp={NOW - 91}"), "stale"),
        (asked(BASE[0], f"timestamp={NOW + 91}"), "stale"),
        (asked(BASE[0], f"timestamp=+{NOW}"), "bad_timestamp"),
        (asked(BASE[0], f"timestamp=-{NOW}"), "bad_timestamp"),
        (asked(BASE[0], f"timestamp={NOW}.0"), "bad_timestamp"),
        (asked(BASE[0], "timestamp=" + "9" * 400), "bad_timestamp"),
        (asked(BASE[0], "timestamp="), "bad_timestamp"),
        (asked(BASE[0], f"timestamp=%20{NOW}"), "bad_timestamp"),
        (asked(BASE[0], "timestamp=%D9%A1"), "bad_timestamp"),
        (asked(BASE[1]), "bad_shop"),
        (asked(BASE[1], "shop="), "bad_shop"),
        (asked(BASE[1], f"shop={SHOP}%0A"), "bad_shop"),
        (asked(*BASE, "x=" + "a" * 8192), "too_long"),
        ("", "missing_hmac"),
    ],
)
def test_queries_that_are_refused(query, reason):
    with pytest.raises(Forged) as refusal:
        verify_query(query, now=NOW, secrets=[CURRENT])
    assert refusal.value.reason == reason


def test_a_query_is_believed_for_ninety_seconds_each_way():
    query = asked(*BASE)
    for now in (NOW - 90, NOW + 90):
        assert verify_query(query, now=now, secrets=[PREVIOUS, CURRENT]) == SHOP
    for now in (NOW - 90.5, NOW + 90.5):
        with pytest.raises(Forged):
            verify_query(query, now=now, secrets=[CURRENT])


# -- webhooks ----------------------------------------------------------------------------------

BODIES: dict[str, dict[str, object]] = {
    "app/uninstalled": {"id": 1, "name": "Shop", "domain": "www.shop.example", "myshopify_domain": SHOP},
    "app/scopes_update": {"id": "gid://shopify/App/1", "previous": ["a"], "current": ["b"]},
    "customers/data_request": {
        "shop_domain": SHOP,
        "customer": {"email": "a@b.example"},
        "orders_requested": [],
    },
    "customers/redact": {"shop_domain": SHOP, "customer": {}, "orders_to_redact": [1]},
    "shop/redact": {"shop_id": 1, "shop_domain": SHOP},
}


def delivered(topic: str, told: object, **headers: str):
    body = told if isinstance(told, bytes) else json.dumps(told).encode()
    return verify_webhook(webhook(body, Topic=topic, **headers), body, secrets=[CURRENT])


@pytest.mark.parametrize("topic", BODIES)
def test_each_topic_is_believed_with_its_own_body_only(topic):
    assert delivered(topic, BODIES[topic]).topic == topic
    others = [one for one in BODIES if one != topic]
    if topic in ("customers/data_request", "customers/redact"):
        others.remove(
            "shop/redact"
        )  # its body holds nothing that theirs may not hold; both only ask what is held
    for other in others:
        with pytest.raises(Forged):
            delivered(topic, BODIES[other])


def test_an_uninstallation_need_not_name_its_shop_but_must_not_name_another():
    assert delivered("app/uninstalled", {"id": 1, "domain": "www.shop.example"}).shop == SHOP
    for named in ("other.myshopify.com", None, 7, ""):
        with pytest.raises(Forged) as refusal:
            delivered("app/uninstalled", {"id": 1, "myshopify_domain": named})
        assert refusal.value.reason == "shop_mismatch"


@pytest.mark.parametrize(
    "told", [b"[]", b"null", b"1", b'"x"', b"{", b"", b"\xff", b'{"a":1,"a":2}', b'{"a":NaN}']
)
def test_a_body_that_is_no_object_is_refused(told):
    with pytest.raises(Forged) as refusal:
        delivered("shop/redact", told)
    assert refusal.value.reason == "bad_json"


@pytest.mark.parametrize("number", [True, 1.5, "1", None, [1]])
def test_the_number_of_a_shop_is_a_whole_number_or_unknown(number):
    assert delivered("shop/redact", BODIES["shop/redact"] | {"shop_id": number}).shop_id is None


@pytest.mark.parametrize(
    "change",
    [
        lambda made: made.rstrip("="),
        lambda made: made + "=",
        lambda made: made + "\n",
        lambda made: " " + made,
        lambda made: made[:20] + "\n" + made[20:],
        lambda made: made[:-2] + chr(ord(made[-2]) + 1) + "=",  # the same bytes, otherwise written
        lambda made: made.replace("+", "-").replace("/", "_") + "-",
        lambda made: "sha256=" + made,
        lambda made: made + "," + made,
        lambda made: base64.b64decode(made).hex(),
    ],
    ids=range(10),
)
def test_only_strict_base64_is_a_signature(change):
    body = json.dumps(BODIES["shop/redact"]).encode()
    good = dict(webhook(body))["X-Shopify-Hmac-Sha256"]
    with pytest.raises(Forged) as refusal:
        verify_webhook(webhook(body, **{"Hmac-Sha256": change(good)}), body, secrets=[CURRENT])
    assert refusal.value.reason == "bad_hmac"


@pytest.mark.parametrize("prefix", ["x-shopify-", "X-SHOPIFY-", "shopify-", "Shopify-", "X-Shopify-"])
def test_headers_are_known_in_any_case_and_of_both_families(prefix):
    body = json.dumps(BODIES["shop/redact"]).encode()
    headers = [(name.replace("X-Shopify-", prefix), value) for name, value in webhook(body)]
    assert verify_webhook(headers, body, secrets=[CURRENT]).shop == SHOP


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("Hmac-Sha256", "missing_or_repeated_hmac"),
        ("Topic", "bad_topic"),
        ("Shop-Domain", "bad_shop"),
        ("Webhook-Id", "missing_webhook_id"),
    ],
)
def test_a_header_that_comes_twice_even_from_both_families_is_refused(name, reason):
    body = json.dumps(BODIES["shop/redact"]).encode()
    headers = webhook(body)
    again = dict(headers)[f"X-Shopify-{name}"]
    for more in (f"X-Shopify-{name}", f"x-shopify-{name.lower()}", f"shopify-{name}"):
        for value in (again, "other"):
            with pytest.raises(Forged) as refusal:
                verify_webhook([*headers, (more, value)], body, secrets=[CURRENT])
            assert refusal.value.reason == reason


@pytest.mark.parametrize("delivery", [" ", "a b", "a\n", "\u0661", "x" * 101])
def test_the_number_of_a_delivery_is_one_word(delivery):
    with pytest.raises(Forged) as refusal:
        delivered("shop/redact", BODIES["shop/redact"], **{"Webhook-Id": delivery})
    assert refusal.value.reason == "missing_webhook_id"
