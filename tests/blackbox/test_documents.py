"""What is served: App Bridge first, who may frame it, which scripts run, and what is refused before all that."""

from __future__ import annotations

import base64
import re

import httpx
import pytest

from cloudcache.ui import wording
from tests.blackbox.conftest import BIRCH, MAPLE, Target
from tests.support.waiting import http_client

pytestmark = pytest.mark.browser

HOST = base64.b64encode(b"admin.shopify.com/store/maple-lane").decode().rstrip("=")
MERCHANT, STAFF = ("/", "/connect", "/history"), ("/staff", "/staff/customers/x", "/signin")
CSP = "content-security-policy"
GOOD = {"shop": MAPLE, "host": HOST, "embedded": "1"}


async def get(target: Target, path: str, **params: object) -> httpx.Response:
    async with http_client() as client:
        return await client.get(f"{target.url}{path}", params=params or None)


@pytest.mark.parametrize("path", MERCHANT)
async def test_app_bridge_is_the_first_script_of_every_merchant_document(target: Target, path: str):
    page = (await get(target, path, **GOOD)).text

    first = re.search(r"<script[^>]*>", page)
    assert first is not None and "app-bridge.js" in first.group(0) and "defer" not in first.group(0)
    assert page.index("shopify-api-key") < first.start()
    assert "/staff" not in page and "maplelane" not in page


@pytest.mark.parametrize("path", STAFF)
async def test_staff_documents_are_framed_by_nobody_and_know_no_app_bridge(target: Target, path: str):
    answer = await get(target, path, **GOOD)

    assert "app-bridge" not in answer.text and "shopify-api-key" not in answer.text
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]


@pytest.mark.parametrize("path", ["/index.html", "/connect/index.html", "/404.html", "/nothing/here"])
async def test_no_file_of_a_page_can_be_framed(target: Target, path: str):
    answer = await get(target, path)

    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]


async def test_a_page_is_framed_by_its_own_shop_only(target: Target):
    policies = {}
    for shop in (MAPLE, BIRCH):
        answer = await get(target, "/", **{**GOOD, "shop": shop})
        policies[shop] = answer.headers["content-security-policy"].split("frame-ancestors ")[1]
    bare = await get(target, "/")

    assert policies[MAPLE].startswith(f"https://{MAPLE} https://admin.shopify.com")
    assert BIRCH in policies[BIRCH] and MAPLE not in policies[BIRCH]
    assert "frame-ancestors 'none'" in bare.headers["content-security-policy"]
    assert "x-frame-options" not in bare.headers


@pytest.mark.parametrize("path", [*MERCHANT, *STAFF])
async def test_only_known_inline_scripts_run(target: Target, path: str):
    answer = await get(target, path)
    policy = answer.headers["content-security-policy"]
    scripts = re.search(r"script-src ([^;]*)", policy)

    assert scripts is not None
    assert "unsafe-inline" not in scripts.group(1) and "unsafe-eval" not in policy
    assert scripts.group(1).count("'sha256-") >= 1
    for name, value in (
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "same-origin"),
        ("cache-control", "no-store"),
    ):
        assert answer.headers[name] == value


@pytest.mark.parametrize(
    "change",
    [
        {"shop": "evil.example"},
        {"shop": "x.myshopify.com.evil.example"},
        {"shop": f"{MAPLE};script-src *"},
        {"shop": f"{MAPLE}\r\nX-Evil: 1"},
        {"shop": ""},
        {"host": "ZXZpbC5leGFtcGxl"},
        {"host": "not base64!!"},
        {"host": ""},
        {"shop": [MAPLE, BIRCH]},
    ],
)
async def test_a_bad_address_is_refused_and_reflected_nowhere(target: Target, change: dict):
    answer = await get(target, "/", **{**GOOD, **change})

    assert answer.status_code == 400
    assert "evil" not in answer.text and "evil" not in repr(answer.headers).lower()
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]


async def test_a_token_of_another_shop_is_refused(target: Target):
    answer = await get(target, "/", **GOOD, id_token=target.token(BIRCH))

    assert answer.status_code == 400


async def test_an_old_token_bounces_twice_and_then_stops(target: Target):
    old = target.token(exp=1, iat=0, nbf=0)
    path, params = "/", {**GOOD, "id_token": old}
    for _ in range(2):
        answer = await get(target, path, **params)
        assert answer.status_code == 302
        bounce = httpx.URL(answer.headers["location"])
        assert bounce.path == "/auth/bounce" and "id_token" not in str(bounce)
        page = await get(target, f"/auth/bounce?{bounce.query.decode()}")
        assert page.status_code == 200 and "app-bridge.js" in page.text
        assert MAPLE in page.headers["content-security-policy"]
        again = httpx.URL(bounce.params["shopify-reload"])
        path, params = again.path, {**again.params, "id_token": old}

    assert (await get(target, path, **params)).status_code == 401


@pytest.mark.parametrize(
    "reload",
    [
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "javascript:alert(1)",
        "/\t/evil",
        "",
        "/staff",
    ],
)
async def test_the_bounce_page_leads_nowhere_else(target: Target, reload: str):
    answer = await get(target, "/auth/bounce", **GOOD, **{"shopify-reload": reload})

    assert answer.status_code == 400 and "evil" not in answer.text


async def test_outside_the_frame_the_admin_is_the_way(target: Target):
    answer = await get(target, "/", shop=MAPLE, host=HOST)

    assert answer.status_code == 302
    assert answer.headers["location"].startswith("https://admin.shopify.com/store/maple-lane/apps/")


async def test_bodies_that_are_too_big_or_compressed_are_refused(target: Target):
    async with http_client() as client:
        big = await client.post(f"{target.url}/local/session", content=b"x" * 70_000)
        hook = await client.post(f"{target.url}/webhooks/shopify", content=b"x" * 1_100_000)
        packed = await client.post(
            f"{target.url}/webhooks/shopify", content=b"x", headers={"Content-Encoding": "gzip"}
        )
        long = await client.get(f"{target.url}/?{'x' * 9000}")
        asked = await client.get(f"{target.url}/webhooks/shopify")

    statuses = [one.status_code for one in (big, hook, packed, long, asked)]
    assert statuses == [413, 413, 415, 414, 405]
    for refusal in (big, hook, packed, long, asked):
        assert refusal.headers["content-type"] == "application/problem+json"
        assert refusal.json()["status"] == refusal.status_code


async def test_there_is_no_upload_and_no_list_of_routes(target: Target):
    async with http_client() as client:
        upload = await client.post(f"{target.url}/_upload", files={"files": b"x"})
        routes = await client.get(f"{target.url}/_all_routes")

    assert upload.status_code in (404, 405) and "/staff" not in routes.text


@pytest.mark.parametrize("vector_id", ["whk-01", "whk-10"])
async def test_webhooks_are_answered_by_the_server(target: Target, vector_id: str):
    headers, body = target.shopify.webhook("customers/redact", MAPLE)
    if vector_id == "whk-10":
        headers.pop("X-Shopify-Hmac-Sha256")
    async with http_client() as client:
        answers = [
            (await client.post(f"{target.url}/webhooks/shopify", content=body, headers=headers)).status_code
            for _ in range(2)
        ]

    assert answers == ([200, 200] if vector_id == "whk-01" else [401, 401])


@pytest.mark.parametrize("path", ["/nope", "/staff/fleet", "/connect/nothing"])
async def test_address_without_a_page_leads_back_in_the_look_of_the_app(target: Target, path: str):
    async with http_client() as client:
        answer = await client.get(f"{target.url}{path}")

    assert answer.status_code == 404
    assert f"<h1>{wording.common.NOT_FOUND}</h1><p>{wording.common.NOT_FOUND_MORE}</p>" in answer.text
    assert (
        f'href="/">{wording.common.BACK}</a>' in answer.text
        and "frame-ancestors 'none'" in answer.headers[CSP]
    )
    assert f"<title>{wording.common.NOT_FOUND} · {wording.common.APP}</title>" in answer.text


async def test_every_page_names_icons_that_exist(target: Target):
    async with http_client() as client:
        icons = {
            path: (await client.get(f"{target.url}{path}")).headers["content-type"]
            for path in ("/favicon.ico", "/favicon.svg", "/favicon.png")
        }
        page = (await client.get(f"{target.url}/signin")).text
        docs = await client.get(f"{target.url}/api/docs")
        dashboard = await client.get(f"{target.url}/cloudflare/_emulator/dashboard")

    assert all(kind.startswith("image/") for kind in icons.values())
    assert 'content="/favicon.png"' in page and 'href="/favicon.svg"' in docs.text
    assert "img-src 'self'" in docs.headers["content-security-policy"]
    assert "rel='icon'" in dashboard.text and "img-src data:" in dashboard.headers["content-security-policy"]
