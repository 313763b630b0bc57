"""Each request has an id, is counted under a route that nobody can make up, and is what the log lines are about."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from cloudcache import logs
from cloudcache.web.requests import Requests
from tests.support.counting import Counting

Asked = Callable[..., object]


async def echo(request: Request) -> Response:
    return PlainTextResponse(str(logs.now_about().get("request")))


async def fails(request: Request) -> Response:
    raise RuntimeError("a mistake of ours")


ROUTES = [Route("/api/v1/optimizations/{toggle_id}", echo), Route("/fails", fails)]


@pytest.fixture
def telemetry() -> Counting:
    return Counting()


async def ask(telemetry: Counting, path: str, **headers: str) -> httpx.Response:
    app = Requests(Starlette(routes=ROUTES), ROUTES, telemetry)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    async with httpx.AsyncClient(transport=transport, base_url="http://test", headers=given) as client:
        return await client.get(path)


async def test_a_request_gets_an_id_that_its_log_lines_and_its_answer_have(telemetry: Counting):
    answer = await ask(telemetry, "/api/v1/optimizations/polish")

    assert len(answer.text) == 16 and answer.headers["x-request-id"] == answer.text
    assert "request" not in logs.now_about()


async def test_an_id_from_in_front_is_kept(telemetry: Counting):
    answer = await ask(telemetry, "/api/v1/optimizations/polish", X_Request_Id="proxy-1234.abc")

    assert answer.text == answer.headers["x-request-id"] == "proxy-1234.abc"


@pytest.mark.parametrize(
    "given", ["short", "x" * 65, 'a"b{}c,d:ef', "cfut token with blanks", "-leading-dash"]
)
async def test_an_id_that_could_forge_a_line_is_replaced(telemetry: Counting, given: str):
    answer = await ask(telemetry, "/api/v1/optimizations/polish", X_Request_Id=given)

    assert answer.text != given and len(answer.text) == 16


async def test_requests_are_counted_by_template_and_made_up_paths_are_one(telemetry: Counting):
    for path in ("/api/v1/optimizations/polish", "/api/v1/optimizations/mirage", "/a", "/b/c", "/fails"):
        await ask(telemetry, path)

    assert telemetry.counted == {
        ("http_requests", "/api/v1/optimizations/{toggle_id}", "200"): 2,
        ("http_requests", "pages", "404"): 2,
        ("http_requests", "/fails", "500"): 1,
    }
