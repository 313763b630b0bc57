"""Every handler and every route of the running server has a rule, and is tried by everybody it is not for.

They are enumerated from the program itself: one that is added without a rule here fails.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from starlette.routing import Route

import cloudcache
from cloudcache.web import api, openapi, ops, signin, webhooks
from tests.blackbox.conftest import MAPLE, Target, text_of
from tests.blackbox.test_hostile_sockets import HANDLERS, SESSION
from tests.support.page_socket import connection, cookie_for
from tests.support.waiting import http_client

pytestmark = pytest.mark.browser

OTHER = "harbour-candles.myshopify.com"
"""The stranger of these tests: what may be done to the own shop is really done to it."""

MERCHANTS = {
    "grid": "load flip confirm dismiss act check_all seen_all search show clear",
    "connect": "load again check agreed begin choose connect look_again replace ask disconnect",
    "history": "load more",
    "scripts": "load make revoke",
}
STAFF = {"staff": "load again search", "grid": "load_view start_view end_view"}
ANYBODY = {"session": "present", "signin": "load", "grid": "wake"}
REFLEX = "setvar hydrate on_load_internal hydrate_and_load set_is_hydrated update_vars_internal"
"""Reflex's own, which every app has; `setvar` sets only what has a setter of its own, and nothing of ours has."""

ARGUMENTS: dict[str, object] = {
    "toggle_id": "early_hints",
    "on": True,
    "token": "",
    "what": "retry",
    "form": {
        "token": "cfat_x",
        "name": "x",
        "scope": "write",
        "reason": "a good reason",
        "shop": "maple-lane",
    },
    "text": "maple",
    "chip": "look",
    "zone": "0" * 32,
    "which": "x",
}
TAKES = {
    "flip": "toggle_id on token",
    "confirm": "form token",
    "act": "what toggle_id token",
    "seen_all": "token",
    "search": "text",
    "show": "chip",
    "check": "form token",
    "agreed": "token",
    "begin": "token",
    "choose": "zone",
    "connect": "token",
    "look_again": "token",
    "ask": "on",
    "disconnect": "token",
    "make": "form token",
    "revoke": "which token",
    "start_view": "form",
    "present": "token",
}


def ours() -> dict[str, str]:
    """The handlers of our own states: `state.handler` to its full name."""
    found = {}
    for full in HANDLERS:
        state, _, handler = full.rpartition(".")
        if "cloudcache" in state and handler != "setvar":
            found[f"{state.rpartition('____')[2]}.{handler}"] = full
    return found


def test_every_handler_has_a_rule():
    ruled = {
        f"{state}.{name}"
        for rules in (MERCHANTS, STAFF, ANYBODY)
        for state, names in rules.items()
        for name in names.split()
    }

    assert set(ours()) == ruled
    rest = {full.rpartition(".")[2] for full in HANDLERS if full not in ours().values()}
    assert rest <= set(REFLEX.split()) | {"handle_frontend_exception"}, rest


async def journal(target: Target, shop: str) -> str:
    """All that a shop could be changed by, as one text."""
    async with http_client(base_url=target.url) as client:
        headers = {"Authorization": f"Bearer {target.token(shop)}"}
        path = "/api/v1/optimizations/early-hints/history?limit=200"
        return (await client.get(path, headers=headers)).text


async def staff_cookie(target: Target, role: str) -> str:
    async with http_client() as client:
        answer = await client.post(
            f"{target.url}/local/staff", data={"role": role}, headers={"Origin": target.url}
        )
    assert answer.status_code == 303
    return "; ".join(f"{name}={value}" for name, value in answer.cookies.items())


@pytest.mark.parametrize("name", sorted(ours()))
@pytest.mark.parametrize("who", ["nobody", "the other tenant", "staff"])
async def test_a_handler_does_nothing_to_a_shop_for(target: Target, name: str, who: str):
    cookie = {
        "nobody": "",
        "the other tenant": await cookie_for(target.url, OTHER),
        "staff": await staff_cookie(target, "admin"),
    }[who]
    before, writes = await journal(target, MAPLE), await target.writes()
    query = {"embedded": "1"} if who == "nobody" else {}
    payload = {one: ARGUMENTS[one] for one in TAKES.get(name.rpartition(".")[2], "").split()}

    async with connection(target.url, cookie, path="/", query={**query, "customer": MAPLE}) as one:
        await one.send(ours()[name], **payload)
        await one.send(f"{SESSION}.present", token="bad")
        await one.until_state("answered", lambda states: states.get("session", {}).get("gate") == "refused")
        shown = text_of({state: one.states[state] for state in one.states if state != "staff"})

    is_view = who == "staff" and name == "grid.start_view"  # an admin who gave a reason
    assert is_view or "maplelane" not in shown
    assert await journal(target, MAPLE) == before
    assert (await target.writes())[len(writes) :] == []


# -- routes ------------------------------------------------------------------------------------

OPEN = {"/healthz", "/readyz", "/metrics", "/api/docs", "/api/docs/openapi.json"}
GUARDED = {
    "/api/v1/optimizations": 401,
    "/api/v1/optimizations/{toggle_id}": 401,
    "/api/v1/optimizations/{toggle_id}/history": 401,
    "/api/v1/{rest:path}": 404,
    "/webhooks/shopify": 401,
    "/connect/cloudflare": 400,
    "/connect/cloudflare/back": 400,
    "/connect/cloudflare/end": 403,
    "/auth/bounce": 400,
    "/auth/staff/begin": 403,
    "/auth/staff/callback": 404,
    "/auth/staff/signout": 403,
    "/local/session": 403,
    "/local/signout": 403,
    "/local/staff": 403,
}
PRETENDED = {"/cloudflare", "/cloudflare/_emulator/dashboard", "/shopify"}
"""The pretend others of the local world."""

PROGRAM = Path(cloudcache.__file__).parent
ROUTING = {"Route", "WebSocketRoute", "Mount", "Host", "add_route", "add_websocket_route", "mount", "host"}
LOCAL = {"/local/session", "/local/signout", "/local/staff"}


def routes() -> dict[str, set[str]]:
    """Every path of our own with its methods."""
    listed: list[Route] = [
        *ops.routes(_no_metrics),
        *api.ROUTES,
        *openapi.ROUTES,
        *webhooks.ROUTES,
        *signin.AGREEMENT_ROUTES,
        *signin.staff_routes(_Cookie(), None),
    ]
    found: dict[str, set[str]] = {}
    for one in listed:
        found.setdefault(one.path, set()).update(one.methods or {"GET"})
    return found


async def _no_metrics() -> bytes:
    return b""


class _Cookie:
    cookie, max_age_s, is_secure = "c", 1, False

    def issue(self, subject: str, email: str) -> str:
        return ""


def written() -> set[str]:
    """The path of every route that is written anywhere in the program, in whichever module it is."""
    found = set()
    for file in PROGRAM.rglob("*.py"):
        if {"emulator", "shopify_emulator"} & set(file.parts):
            continue
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in ROUTING:
                found.add(ast.literal_eval(node.args[0]))
    return found


def test_every_route_has_a_rule():
    assert set(routes()) | LOCAL | {"/auth/bounce"} == OPEN | set(GUARDED)
    assert written() == OPEN | set(GUARDED) | PRETENDED


@pytest.mark.parametrize("path", sorted(GUARDED))
async def test_a_route_refuses_nobody_and_a_stranger(target: Target, path: str):
    filled = path.replace("{toggle_id}", "polish").replace("{rest:path}", "x")
    methods = {"POST"} if path in LOCAL else routes().get(path, {"GET"}) - {"HEAD", "TRACE", "OPTIONS"}
    if path == "/webhooks/shopify":
        methods = {"POST"}
    cookies = f"{await cookie_for(target.url, OTHER)}; {await staff_cookie(target, 'viewer')}"
    async with http_client(base_url=target.url) as client:
        for method in methods:
            for headers in ({}, {"Cookie": cookies, "Origin": "https://evil.example"}):
                answer = await client.request(method, filled, headers=headers)
                refusals = {GUARDED[path], 429} if GUARDED[path] == 401 else {GUARDED[path]}
                assert answer.status_code in refusals, (method, headers, answer.text)
                assert answer.headers["content-type"] == "application/problem+json"
                assert {"type", "title", "status", "detail"} <= set(answer.json())
                assert "maplelane" not in answer.text and "set-cookie" not in answer.headers


@pytest.mark.parametrize("path", sorted(OPEN))
async def test_what_is_open_tells_of_no_shop(target: Target, path: str):
    async with http_client(base_url=target.url) as client:
        answer = await client.get(path)

    assert answer.status_code == 200
    assert "maple" not in answer.text and "birch" not in answer.text
