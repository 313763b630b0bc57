"""Whatever is refused says why: as a problem to programs, as a page to people. Tried on every route there is."""

from __future__ import annotations

from collections.abc import Sequence

import httpx
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route

from cloudcache.domain.errors import (
    LeaseLost,
    NeedsConfirmation,
    NotAllowed,
    NotFound,
    NotRolledOut,
    Reason,
    Refused,
    StoreUnavailable,
    Throttled,
    TryLater,
    Unauthorized,
    Unclear,
)
from cloudcache.domain.rate_limit import RateLimitStatus
from cloudcache.web import api, local_session, openapi, ops, shield, signin, webhooks
from cloudcache.web.api import _credentials
from cloudcache.web.documents import APP_BRIDGE, DocumentMiddleware, Documents
from cloudcache.web.problem import MEDIA, of_error, too_many_requests
from cloudcache.web.shield import Shield
from tests.blackbox.test_every_door import GUARDED, LOCAL, OPEN, PRETENDED

FIELDS = {"type", "title", "status", "detail"}
BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


class Cookie:
    cookie, max_age_s, is_secure = "c", 1, False

    def issue(self, subject: str, email: str) -> str:
        return ""


class Broken:
    """A sign-in that fails in a way nobody expected."""

    cookie, attempt_s = "a", 1

    async def end(self, *given: str) -> None:
        raise RuntimeError


async def no_metrics() -> bytes:
    return b""


def nobody(token: str, shop: str | None) -> object:
    raise AssertionError


RULES = Documents("client", APP_BRIDGE, ["https://app.example"], nobody, is_local=False)
ROUTES: Sequence[Route] = [
    *ops.routes(no_metrics),
    *api.ROUTES,
    *openapi.ROUTES,
    *webhooks.ROUTES,
    *signin.AGREEMENT_ROUTES,
    *signin.staff_routes(Cookie(), Broken()),
    signin.bounce_route(RULES),
    *local_session.routes(Cookie()),
]
PATHS = sorted({route.path for route in ROUTES})


def filled(path: str) -> str:
    return path.replace("{toggle_id}", "polish").replace("{rest:path}", "x")


async def ask(
    path: str, method: str = "GET", *, routes: Sequence[Route | Mount] = ROUTES, **request: object
) -> httpx.Response:
    inner = DocumentMiddleware(Starlette(routes=routes, middleware=list[Middleware]()), RULES)
    transport = httpx.ASGITransport(
        Shield(inner, ["https://app.example"], tls=True), raise_app_exceptions=False
    )
    async with httpx.AsyncClient(transport=transport, base_url="https://app.example") as client:
        return await client.request(method, path, **request)


def assert_problem(answer: httpx.Response, status: int) -> None:
    assert answer.status_code == status
    assert answer.headers["content-type"] == MEDIA
    body = answer.json()
    assert set(body) >= FIELDS and body["status"] == status
    assert body["title"][0].isupper() and not body["title"].endswith(".")
    assert body["detail"].endswith(".") and "'" not in body["detail"]
    assert int(answer.headers["content-length"]) == len(answer.content)
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_every_route_is_tried():
    assert set(PATHS) == (OPEN | set(GUARDED) | LOCAL) - PRETENDED


@pytest.fixture(autouse=True)
def nobody_is_heard_out(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(shield, "DRAIN_S", 0)


@pytest.mark.parametrize("path", PATHS)
async def test_request_that_is_too_big_or_odd_is_told_so(path: str):
    address = filled(path)

    assert_problem(await ask(address, "POST", content=b"x" * (shield.WEBHOOK_BODY + 1)), 413)
    assert_problem(await ask(address, "POST", headers={"Content-Encoding": "br"}, content=b"x"), 415)
    assert_problem(await ask(address, "POST", headers={"Content-Length": "-1"}), 400)
    assert_problem(await ask(f"{address}?{'x' * 9000}"), 414)


@pytest.mark.parametrize("path", PATHS)
async def test_other_methods_are_told_which_there_are(path: str):
    served = {method for route in ROUTES if route.path == path for method in route.methods or ()}
    if path == "/webhooks/shopify":
        served = {"POST"}
    for method in {"GET", "POST", "PUT", "PATCH", "DELETE"} - served:
        answer = await ask(filled(path), method)

        assert_problem(answer, 405)
        assert set(answer.headers["allow"].split(", ")) == served
        assert method in answer.json()["detail"]


@pytest.mark.parametrize("path", [path for path in PATHS if "/healthz" not in path])
async def test_mistake_of_ours_is_told_as_one(path: str):
    """Nothing is composed here, so whoever needs a service fails."""
    for route in ROUTES:
        for method in (route.methods or set()) - {"HEAD", "OPTIONS", "TRACE"} if route.path == path else ():
            answer = await ask(filled(path), method)

            if answer.status_code >= 400:
                assert_problem(answer, answer.status_code)


async def test_unknown_path_of_the_api_is_a_problem_and_of_the_pages_a_page():
    assert_problem(await ask("/api/v1/nothing"), 404)
    assert_problem(await ask("/api/nothing"), 404)
    page = await ask("/nothing", headers=BROWSER)
    assert page.status_code == 404 and page.headers["content-type"].startswith("text/html")
    assert_problem(await ask("/said/html", routes=ODD, headers={"Accept": "application/json"}), 403)


@pytest.mark.parametrize("path", ["/local/session", "/auth/bounce", "/auth/staff/callback"])
async def test_person_reads_a_page_with_the_same_words(path: str):
    method = "POST" if path in LOCAL else "GET"
    plain, page = await ask(path, method), await ask(path, method, headers=BROWSER)

    assert page.status_code == plain.status_code and page.headers["content-type"].startswith("text/html")
    assert f"<h1>{plain.json()['title']}</h1><p>{plain.json()['detail']}</p>" in page.text
    assert "frame-ancestors 'none'" in page.headers["content-security-policy"]


async def test_api_answers_a_browser_as_a_program():
    assert_problem(await ask("/api/v1/nothing", headers=BROWSER), 404)


async def said(request: Request) -> Response:
    return {
        "json": JSONResponse({"status": "not ready"}, 503),
        "html": HTMLResponse("<p>words</p>", 403),
        "text": PlainTextResponse("words", 403, headers={"Retry-After": "7"}),
        "fine": PlainTextResponse("words"),
    }[request.path_params["what"]]


async def breaks(scope, receive, send) -> None:
    raise RuntimeError


SAID = Route("/said/{what}", said)
ODD = [SAID, Mount("/cloudflare", routes=[SAID])]


@pytest.mark.parametrize(("wait_s", "words"), [(0.2, "1 second."), (41.7, "42 seconds.")])
async def test_caller_over_its_limit_is_told_how_long_to_wait(wait_s: float, words: str):
    answer = too_many_requests(RateLimitStatus(12, 60, 0, wait_s, wait_s), {"RateLimit": "x"})

    assert answer.status_code == 429 and answer.media_type == MEDIA
    assert answer.headers["retry-after"] == words.split()[0]
    assert words in bytes(answer.body).decode()


async def test_only_what_says_nothing_is_replaced():
    assert (await ask("/said/json", routes=ODD)).json() == {"status": "not ready"}
    assert (await ask("/said/html", routes=ODD)).text == "<p>words</p>"
    assert (await ask("/said/fine", routes=ODD)).text == "words"
    assert (await ask("/cloudflare/said/text", routes=ODD)).text == "words"
    text = await ask("/said/text", routes=ODD)
    assert_problem(text, 403)
    assert text.headers["retry-after"] == "7"


async def test_app_that_fails_before_it_answers_is_a_problem():
    transport = httpx.ASGITransport(Shield(breaks, [], tls=False), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="https://app.example") as client:
        assert_problem(await client.get("/x"), 500)


@pytest.mark.parametrize(
    "error",
    [
        *(Refused(reason) for reason in Reason),
        Refused(Reason.CONFLICT, "Only TLS 1.3 is allowed"),
        Unauthorized(Reason.PERMISSION, "Zone WAF"),
        NeedsConfirmation(),
        TryLater(5),
        Throttled(300),
        Unclear("cut"),
        NotAllowed("no"),
        NotRolledOut("no"),
        NotFound("no"),
        LeaseLost("no"),
        StoreUnavailable("locked"),
    ],
    ids=repr,
)
def test_each_error_of_ours_is_a_whole_problem(error):
    body = of_error(error)

    words = httpx.Response(200, content=body.body).json()
    assert set(words) >= FIELDS and words["status"] == body.status_code
    assert words["detail"].endswith(".") and "'" not in words["detail"] and words["detail"][0].isupper()


@pytest.mark.parametrize(
    ("header", "token"),
    [
        ("Bearer abc", "abc"),
        ("Bearer  abc", "abc"),
        ("bearer    abc ", "abc"),
        ("Bearer", ""),
        ("Bearer ", ""),
        ("Bearer a b", "a b"),
    ],
)
def test_blanks_after_the_scheme_do_not_belong_to_the_token(header: str, token: str):
    scheme, found = _credentials(header)

    assert (scheme.lower(), found) == ("bearer", token)
