"""Every refusal has a body: a problem (RFC 9457) for programs, a page for people.

Routes answer with problems of their own. What a framework or a middleware refuses has an empty body or one line of
text: it gets the problem of its status. A browser that opens a page is sent the same words as a page.
"""

from __future__ import annotations

import json
from html import escape

from starlette.datastructures import Headers
from starlette.responses import HTMLResponse, Response
from starlette.types import Message, Receive, Scope, Send

from cloudcache.web.problem import MEDIA, problem_of_status

FOR_PROGRAMS = ("/api/", "/webhooks/", "/healthz", "/readyz", "/metrics")
STRANGERS = ("/cloudflare/", "/shopify/")
"""The emulators refuse as those do whom they emulate."""
PICTURE = "M8 2.5 14 13H2zM8 6.5v3M8 11.3v.1"
REPLACED = ("content-type", "content-length", "content-encoding")
POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; font-src 'self'; form-action 'none'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport"
content="width=device-width, initial-scale=1"><title>{title} · cloudcache</title>
<link rel="icon" href="/favicon.svg" type="image/svg+xml"><link rel="stylesheet" href="/tokens.css">
<link rel="stylesheet" href="/cloudcache.css"></head><body><main class="page narrow alone">
<section class="card" aria-label="{title}"><div class="empty lines">
<span class="picture"><svg class="icon" viewBox="0 0 16 16" aria-hidden="true"><path d="{picture}"/></svg></span>
<h1>{title}</h1><p>{text}</p></div></section></main></body></html>"""


class Refusals:
    """Passes an answer on, and replaces a refusal whose body says nothing, or says it to the wrong reader."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self._scope = scope
        self._send = send
        self._start: Message | None = None
        self._body = b""
        self.has_begun = False

    async def __call__(self, message: Message) -> None:
        """The messages of one answer, in order."""
        if message["type"] == "http.response.start":
            self.has_begun = True
            if self._is_replaced(message):
                self._start = message
                return
        if self._start is None:
            await self._send(message)
            return
        self._body += message.get("body", b"")
        if not message.get("more_body", False):
            await self._replace(self._start)

    async def fail(self) -> None:
        """Answer for an app that has failed before it answered."""
        await self({"type": "http.response.start", "status": 500, "headers": []})
        await self({"type": "http.response.body", "body": b""})

    def _is_replaced(self, start: Message) -> bool:
        if start["status"] < 400 or self._scope["path"].startswith(STRANGERS):
            return False
        kind = Headers(raw=start["headers"]).get("content-type", "")
        if kind.startswith(MEDIA):
            return self._is_for_people()
        if kind.startswith("text/html"):
            return "json" in self._accepted() and "text/html" not in self._accepted()
        return not kind.startswith("application/json")

    def _accepted(self) -> str:
        return Headers(scope=self._scope).get("accept", "")

    def _is_for_people(self) -> bool:
        return "text/html" in self._accepted() and not self._scope["path"].startswith(FOR_PROGRAMS)

    async def _replace(self, start: Message) -> None:
        given = Headers(raw=start["headers"])
        kept = {name: value for name, value in given.items() if name not in REPLACED}
        is_problem = given.get("content-type", "").startswith(MEDIA)
        answer: Response = problem_of_status(start["status"], self._scope["method"], kept)
        body = self._body if is_problem else bytes(answer.body)
        if self._is_for_people():
            answer = _page(start["status"], json.loads(body), kept)
        await answer(self._scope, _nothing, self._send)


def _page(status: int, words: dict[str, str], headers: dict[str, str]) -> HTMLResponse:
    html = PAGE.format(title=escape(words["title"]), text=escape(words["detail"]), picture=PICTURE)
    return HTMLResponse(
        html, status, headers={**headers, "content-security-policy": POLICY, "cache-control": "no-store"}
    )


async def _nothing() -> Message:
    return {"type": "http.disconnect"}


async def refuse(scope: Scope, receive: Receive, send: Send, status: int) -> None:
    """Answer with the problem of a status, and close the connection."""
    await problem_of_status(status, scope["method"], {"connection": "close"})(scope, receive, send)
