"""Outermost: gives each request an id, counts it, and says in the log whom it is about.

`X-Request-Id` is taken from whoever stands in front if it is well-formed, else made; it is in the answer, and in
every log line of the request and of all the work that it sets off.
"""

from __future__ import annotations

from collections.abc import Sequence
from time import perf_counter

from starlette.routing import Match, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cloudcache import logs
from cloudcache.ports import Telemetry

HEADER = b"x-request-id"
PAGES = "pages"


class Requests:
    """An ASGI middleware. `routes` are ours; everything else counts as a page, whatever path somebody invents."""

    def __init__(self, app: ASGIApp, routes: Sequence[object], telemetry: Telemetry) -> None:
        self._app = app
        self._routes = [one for one in routes if isinstance(one, Route)]
        self._telemetry = telemetry
        self._sockets = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._socket(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        route, request, status = self._route(scope), logs.request_id(_given(scope)), [500]

        async def with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                status[0] = message["status"]
                message = {**message, "headers": [*message["headers"], (HEADER, request.encode())]}
            await send(message)

        began = perf_counter()
        try:
            with logs.about(request=request), self._telemetry.span(f"HTTP {route}"):
                await self._app(scope, receive, with_id)
        finally:
            self._telemetry.count("http_requests", route, str(status[0]))
            self._telemetry.observe("http_request_seconds", perf_counter() - began, route)

    async def _socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._sockets += 1
        self._telemetry.set("sockets_open", self._sockets)
        try:
            await self._app(scope, receive, send)
        finally:
            self._sockets -= 1
            self._telemetry.set("sockets_open", self._sockets)

    def _route(self, scope: Scope) -> str:
        """The template of the route; a path without one may be anything, and anybody can make it up."""
        found = (one.path for one in self._routes if one.matches(scope)[0] is not Match.NONE)
        return next(found, PAGES)


def _given(scope: Scope) -> str | None:
    found = [value.decode("latin-1") for name, value in scope["headers"] if name == HEADER]
    return found[0] if len(found) == 1 else None
