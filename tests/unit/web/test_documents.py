"""What the address of a merchant's page comes to, without a server: as it is outside the local world."""

from __future__ import annotations

import base64
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from cloudcache.web.documents import (
    APP_BRIDGE,
    DocumentMiddleware,
    Documents,
    Framing,
    bounce_page,
    judge,
)
from tests.support.shopify import CLAIMS, NOW, SHOP, signed, verified

ORIGIN = "https://app.example"
HOST = base64.b64encode(b"admin.shopify.com/store/test-shop").decode().rstrip("=")
RULES = Documents(
    "client",
    APP_BRIDGE,
    [ORIGIN],
    lambda token, shop: verified(token, query_shop=shop),
    is_local=False,
)
GOOD, OLD = signed(CLAIMS), signed(CLAIMS | {"exp": NOW - 600, "iat": NOW - 660, "nbf": NOW - 660})
OTHER = signed(CLAIMS | {"dest": "https://o.myshopify.com", "iss": "https://o.myshopify.com/admin"})


def asked(presented: tuple[str, ...] = (), **changes: str | None) -> Framing:
    told = {"shop": SHOP, "host": HOST, "embedded": "1"} | changes
    query = urlencode({name: value for name, value in told.items() if value is not None})
    return judge(query, "/history", RULES, [f"Bearer {one}" for one in presented])


def test_a_page_in_the_admin_is_framed_by_its_shop():
    for one in (asked(), asked(id_token=GOOD), asked((GOOD,)), asked((GOOD,), id_token=GOOD)):
        assert one.status == 200 and one.ancestors == f"https://{SHOP} https://admin.shopify.com"


@pytest.mark.parametrize("embedded", [None, "0", "", "true", "01"])
def test_what_is_not_embedded_goes_to_the_admin_whatever_token_it_brings(embedded: str | None):
    for token in (None, GOOD, OLD):
        found = asked(embedded=embedded, id_token=token)
        assert found.status == 302 and found.ancestors == "'none'"
        assert found.location == "https://admin.shopify.com/store/test-shop/apps/client"


def test_two_different_tokens_are_refused_and_a_bad_one_in_the_header_is_not_bounced():
    assert asked((GOOD,), id_token=OLD).status == 400
    assert asked((GOOD, OLD)).status == 400
    assert asked((OTHER,)).status == 400 and asked(id_token=OTHER).status == 400
    assert asked((OLD,)).status == 401


def test_the_way_back_from_a_bounce_is_made_from_the_settings_and_is_believed_by_the_bounce_page():
    location = asked(id_token=OLD).location
    assert location is not None
    query = urlsplit(location).query
    reload = parse_qs(query)["shopify-reload"][0]

    assert reload.startswith(f"{ORIGIN}/history?") and "bounces=1" in reload and "id_token" not in location
    assert bounce_page(query, RULES) is not None


@pytest.mark.parametrize(
    "reload",
    [
        "https://app.example.evil.example/history",
        "https://app.example@evil.example/history",
        "https://app.example//history",
        "https://app.example",
        "https://app.example/staff",
        "http://app.example/history",
        "https://app.example/history\n",
        "https://app.example\\/history",
        "///history",
        "history",
        "data:text/html,x",
    ],
)
def test_no_other_address_is_a_way_back(reload: str):
    told = {"shop": SHOP, "host": HOST, "shopify-reload": reload}
    assert bounce_page(urlencode(told), RULES) is None


@pytest.mark.parametrize("bounces", ["2", "9", "-1", "x", "", "01", "1e1"])
def test_a_counter_that_is_full_or_odd_ends_the_bouncing(bounces: str):
    assert asked(id_token=OLD, bounces=bounces).status == 401


@pytest.mark.parametrize(
    ("kind", "policy"),
    [
        (b"text/html; charset=utf-8", b"frame-ancestors 'none'"),
        (b"application/javascript", None),
    ],
)
async def test_html_of_any_other_path_is_framed_by_nobody(kind: bytes, policy: bytes | None):
    async def app(scope, receive, send) -> None:
        await send({"type": "http.response.start", "status": 404, "headers": [(b"content-type", kind)]})
        await send({"type": "http.response.body", "body": b"<p>"})

    sent: list = []

    async def send(message) -> None:
        sent.append(message)

    async def receive():
        return {"type": "http.request"}

    scope = {"type": "http", "method": "GET", "path": "/index.html", "query_string": b"", "headers": []}
    await DocumentMiddleware(app, RULES)(scope, receive, send)

    found = dict(sent[0]["headers"]).get(b"content-security-policy")
    assert (found is None) if policy is None else (found is not None and policy in found)
