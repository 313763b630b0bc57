"""The pages as the browser gets them: who may frame them, which scripts run, App Bridge before all others.

Reflex prerenders each page; what it cannot know is put in here, on the way out. A page holds no shop's data: that
comes over the socket, after the ID token. So a document request with a shop in its address only decides who may
frame it, and what is wrong with the address is answered before anything is served.

    /  /history  /connect    merchants: App Bridge first, framed by that shop's admin only
    /staff...  /signin       framed by nobody, no App Bridge

Inline scripts are Reflex's own; each is allowed by its hash, computed here, and nothing else inline runs.
"""

from __future__ import annotations

import gzip
import hashlib
import re
from base64 import b64encode
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from urllib.parse import parse_qsl, quote, urlencode

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cloudcache.domain.shopify import Forged, IdToken, host_of, shop_of
from cloudcache.web.not_found import with_not_found_page
from cloudcache.web.problem import problem
from cloudcache.web.shield import socket_origins

APP_BRIDGE = "https://cdn.shopify.com/shopifycloud/app-bridge.js"
MERCHANT_PAGES = ("/", "/history", "/connect")
OWN_PAGES = ("/staff", "/signin")
MOST_BOUNCES = 2
MOST_KEPT = 64
OPEN_IN_ADMIN = "Open this app from your Shopify admin."
ADMIN = "https://admin.shopify.com"
_SCRIPT = re.compile(rb"<script(?![^>]*\bsrc=)[^>]*>(.*?)</script>", re.S)
_HEAD = b"<head>"
UNFRAMED = b"object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"


@dataclass(frozen=True, slots=True)
class Documents:
    """What is the same for all pages. `verify` believes an ID token or raises `Forged`."""

    client_id: str
    app_bridge: str
    origins: Sequence[str]
    verify: Callable[[str, str | None], IdToken]
    is_local: bool
    """In the local world the pretend admin frames the page from our own origin."""


@dataclass(frozen=True, slots=True)
class Framing:
    """What the address of a document request comes to: who may frame the page, or where to go instead."""

    ancestors: str = "'none'"
    location: str | None = None
    status: int = 200


class DocumentMiddleware:
    """Rewrites the pages on their way out."""

    def __init__(self, app: ASGIApp, rules: Documents) -> None:
        self._app = app
        self._rules = rules
        self._kept: OrderedDict[bytes, tuple[bytes, bytes, str]] = OrderedDict()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            send = with_not_found_page(scope, send)
        page = _page_of(scope)
        if page is None:
            await self._app(scope, receive, _unframed(send))
            return
        is_merchants = page in MERCHANT_PAGES
        framing = (
            judge(scope["query_string"].decode("latin-1"), page, self._rules, _presented(scope))
            if is_merchants
            else Framing()
        )
        if framing.status != 200:
            await _answer(scope, receive, send, framing)
            return
        await self._app(
            _plain(scope, page), receive, _Rewriter(self, scope, send, framing, is_merchants=is_merchants)
        )

    def rewritten(self, body: bytes, *, is_merchants: bool) -> tuple[bytes, bytes, str]:
        """The page as it is sent, the same compressed, and its `script-src`; kept, since pages are few."""
        key = hashlib.sha256(body + bytes([is_merchants])).digest()
        if key not in self._kept:
            bridge = self._bridge() if is_merchants else b""
            page = body.replace(_HEAD, _HEAD + bridge, 1)
            self._kept[key] = (page, gzip.compress(page, 6, mtime=0), self._scripts(body, is_merchants))
            while len(self._kept) > MOST_KEPT:
                self._kept.popitem(last=False)
        return self._kept[key]

    def policy(self, scripts: str, ancestors: str) -> str:
        """The Content-Security-Policy of a page."""
        sockets = " ".join(socket_origins(list(self._rules.origins)))
        return "; ".join(
            (
                "default-src 'self'",
                f"script-src {scripts}",
                "style-src 'self' 'unsafe-inline'",
                "img-src 'self' data:",
                "font-src 'self'",
                f"connect-src 'self' {sockets} https://monorail-edge.shopifysvc.com",
                "object-src 'none'",
                "base-uri 'none'",
                "form-action 'self'",
                f"frame-ancestors {ancestors}",
            )
        )

    def _bridge(self) -> bytes:
        meta = f'<meta name="shopify-api-key" content="{escape(self._rules.client_id)}"/>'
        return f'{meta}<script src="{escape(self._rules.app_bridge)}" data-bridge></script>'.encode()

    def _scripts(self, body: bytes, is_merchants: bool) -> str:
        hashes = [
            f"'sha256-{b64encode(hashlib.sha256(one).digest()).decode()}'" for one in _SCRIPT.findall(body)
        ]
        bridge = ["https://cdn.shopify.com"] if is_merchants else []
        return " ".join(["'self'", *bridge, *dict.fromkeys(hashes)])


class _Rewriter:
    """Collects the answer to a document request, and sends the page in its place."""

    def __init__(
        self,
        documents: DocumentMiddleware,
        scope: Scope,
        send: Send,
        framing: Framing,
        *,
        is_merchants: bool,
    ) -> None:
        self._documents = documents
        self._scope = scope
        self._send = send
        self._framing = framing
        self._is_merchants = is_merchants
        self._start: Message | None = None
        self._body = b""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._start = message
            return
        if self._start is None or not _is_html(self._start):
            if self._start is not None:
                await self._send(self._start)
                self._start = None
            await self._send(message)
            return
        self._body += message.get("body", b"")
        if not message.get("more_body", False):
            await self._finish(self._start)

    async def _finish(self, start: Message) -> None:
        plain, packed, scripts = self._documents.rewritten(self._body, is_merchants=self._is_merchants)
        accepted = dict(self._scope["headers"]).get(b"accept-encoding", b"")
        body = packed if b"gzip" in accepted else plain
        headers = [
            (b"content-type", b"text/html; charset=utf-8"),
            (b"content-length", str(len(body)).encode()),
            (b"cache-control", b"no-store"),
            (b"vary", b"accept-encoding"),
            (
                b"content-security-policy",
                self._documents.policy(scripts, self._framing.ancestors).encode(),
            ),
        ]
        if body is packed:
            headers.append((b"content-encoding", b"gzip"))
        if self._is_merchants:
            bridge = self._documents._rules.app_bridge
            headers.append((b"link", f"<{bridge}>; rel=preload; as=script".encode()))
        else:
            headers.append((b"cross-origin-opener-policy", b"same-origin"))
        await self._send({**start, "headers": headers})
        is_head = self._scope["method"] == "HEAD"
        await self._send({"type": "http.response.body", "body": b"" if is_head else body})


def judge(query: str, page: str, rules: Documents, presented: Sequence[str] = ()) -> Framing:
    """What a merchant page's address comes to; nothing of it is believed beyond what was verified.

    `presented` are the request's Authorization headers: App Bridge comes back from the bounce page with one."""
    pairs = parse_qsl(query, keep_blank_values=True)
    given = dict(pairs)
    if len(given) != len(pairs):
        return Framing(status=400)
    if "shop" not in given and "host" not in given and "id_token" not in given:
        return Framing()
    shop, host = shop_of(given.get("shop")), host_of(given.get("host"))
    if shop is None or host is None:
        return Framing(status=400)
    tokens = {*presented, *([f"Bearer {given['id_token']}"] if "id_token" in given else [])}
    if len(tokens) > 1:  # two different tokens
        return Framing(status=400)
    if given.get("embedded") != "1":
        return Framing(location=f"https://{host}/apps/{quote(rules.client_id, safe='')}", status=302)
    for token in tokens:
        try:
            rules.verify(token.removeprefix("Bearer "), shop)
        except Forged as forged:
            if forged.reason == "shop_mismatch":
                return Framing(status=400)
            return _bounce(given, page, rules) if not presented else Framing(status=401)
    own = " 'self'" if rules.is_local else ""
    return Framing(ancestors=f"https://{shop} {ADMIN}{own}")


def bounce_page(query: str, rules: Documents) -> tuple[str, str] | None:
    """The page on which App Bridge fetches a fresh ID token, with its policy; None when its address is not ours."""
    pairs = parse_qsl(query, keep_blank_values=True)
    given = dict(pairs)
    shop, host = shop_of(given.get("shop")), host_of(given.get("host"))
    if len(given) != len(pairs) or shop is None or host is None:
        return None
    if not _is_own_path(given.get("shopify-reload", ""), rules.origins):
        return None
    html = (
        '<!doctype html><html lang="en"><head>'
        f'<meta name="shopify-api-key" content="{escape(rules.client_id)}"/>'
        f'<script src="{escape(rules.app_bridge)}"></script><meta charset="utf-8"/>'
        "<title>cloudcache</title></head><body></body></html>"
    )
    own = " 'self'" if rules.is_local else ""
    policy = (
        f"default-src 'none'; script-src 'self' https://cdn.shopify.com; connect-src 'self'; "
        f"base-uri 'none'; frame-ancestors https://{shop} {ADMIN}{own}"
    )
    return html, policy


def _bounce(given: dict[str, str], page: str, rules: Documents) -> Framing:
    """To the bounce page, at most twice: a token that stays bad is not made better by asking again.

    The way back is made from the settings, whatever host was asked for; locally there are several."""
    counted = given.get("bounces", "0")
    bounces = int(counted) if re.fullmatch(r"[0-9]", counted) else MOST_BOUNCES
    if bounces >= MOST_BOUNCES:
        return Framing(status=401)
    kept = {name: value for name, value in given.items() if name not in ("id_token", "bounces")}
    own = "" if rules.is_local else rules.origins[0]
    again = f"{own}{page}?{urlencode({**kept, 'bounces': str(bounces + 1)})}"
    return Framing(location=f"/auth/bounce?{urlencode({**kept, 'shopify-reload': again})}", status=302)


def _is_own_path(reload: str, origins: Sequence[str]) -> bool:
    """A page of ours and nothing that a browser could take for another address."""
    path = reload.partition("?")[0]
    for origin in origins:
        path = path.removeprefix(origin) if path.startswith(f"{origin}/") else path
    return path in MERCHANT_PAGES and not re.search(r"[\\\s\x00-\x1f]", reload) and len(reload) < 4096


def _presented(scope: Scope) -> list[str]:
    """The Bearer tokens in a request's headers; two different ones are not believed."""
    given = [value.decode("latin-1") for name, value in scope["headers"] if name == b"authorization"]
    return [f"Bearer {one[7:].strip()}" for one in given if one[:7].lower() == "bearer "]


def _unframed(send: Send) -> Send:
    """Whatever else is HTML and has no policy of its own (a page that is not found, a page's file) is framed by
    nobody."""

    async def with_policy(message: Message) -> None:
        if message["type"] == "http.response.start" and _is_html(message):
            names = {name.lower() for name, _ in message["headers"]}
            if b"content-security-policy" not in names:
                message = {
                    **message,
                    "headers": [*message["headers"], (b"content-security-policy", UNFRAMED)],
                }
        await send(message)

    return with_policy


def _page_of(scope: Scope) -> str | None:
    """The page that a request is for, or None for all that is no page."""
    if scope["type"] != "http" or scope["method"] not in ("GET", "HEAD"):
        return None
    path = scope["path"].rstrip("/") or "/"
    if path in MERCHANT_PAGES:
        return str(path)
    is_own = any(path == one or path.startswith(f"{one}/") for one in OWN_PAGES)
    return str(path) if is_own else None


def _plain(scope: Scope, page: str) -> Scope:
    """The same request for a body that can be rewritten: whole, not compressed, and at the folder of its file, for
    which a redirect would be made from the Host header otherwise."""
    dropped = (b"accept-encoding", b"if-none-match", b"if-modified-since", b"range")
    headers = [one for one in scope["headers"] if one[0] not in dropped]
    extensions = dict(scope.get("extensions") or {})
    extensions.pop("http.response.pathsend", None)  # a file handed to the server would pass us by
    path = page if page == "/" else f"{page}/"
    plain = {**scope, "method": "GET", "path": path, "raw_path": path.encode(), "headers": headers}
    return {**plain, "extensions": extensions}


def _is_html(start: Message) -> bool:
    kind = dict(start["headers"]).get(b"content-type", b"")
    return bool(kind.startswith(b"text/html"))


async def _answer(scope: Scope, receive: Receive, send: Send, framing: Framing) -> None:
    headers = {
        "Cache-Control": "no-store",
        "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    }
    answer: Response = Response(status_code=framing.status, headers=headers)
    if framing.location is not None:
        answer.headers["Location"] = framing.location
    elif framing.status == 400:
        answer = problem(400, "malformed", "Invalid link", OPEN_IN_ADMIN, headers)
    elif framing.status == 401:
        answer = problem(401, "unauthorized", "Your session has ended", OPEN_IN_ADMIN, headers)
    await answer(scope, receive, send)
