"""Stands before everything that is served: refuses what is too big, too slow or from elsewhere, and sets the headers.

HTTP     a body of at most 64 KiB (webhooks 1 MiB) that arrives within ten seconds, and is not compressed
socket   the Origin must be ours; a first word within ten seconds; at most 30 messages a second for long; so many of
         one address, and fewer before sign-in (`socket_limits.py`)
client   behind proxies of ours it is who spoke to the outermost of them, not the proxy that speaks to us
answer   the security headers; pages get more, see `documents.py`
refusal  a problem, or a page for people, see `refusals.py`
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cloudcache.web.refusals import Refusals, refuse
from cloudcache.web.socket_limits import SOCKET, OpenSockets, SocketLimits

SignedIn = Callable[[Mapping[str, str]], Awaitable[str | None]]
"""The session that the headers of a handshake carry; None without one."""

BODY = 64 * 1024
WEBHOOK_BODY = 1024 * 1024
BODY_S = 10
HELLO_S = 10
DRAINED = 2 * 1024 * 1024
DRAIN_S = 1
LONGEST_QUERY = 8192
MESSAGES_A_SECOND = 30
MESSAGES_AT_ONCE = 150

HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
HSTS = (b"strict-transport-security", b"max-age=31536000; includeSubDomains")


class Shield:
    """An ASGI middleware around the whole app. `origins` are looked at anew each time.

    `hops` is how many proxies of ours stand before it; each has added whom it saw to X-Forwarded-For.
    """

    def __init__(
        self,
        app: ASGIApp,
        origins: Sequence[str],
        *,
        tls: bool,
        hops: int = 0,
        sockets: OpenSockets | None = None,
        signed_in: SignedIn | None = None,
        on_socket_end: Callable[[], None] = lambda: None,
    ) -> None:
        self._app = app
        self._on_socket_end = on_socket_end
        self._sockets = sockets or OpenSockets(SocketLimits())
        self._signed_in = signed_in
        self._origins = origins
        self._hops = hops
        self._headers = (*HEADERS, HSTS) if tls else HEADERS

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await self._socket(scope, receive, send)
        elif scope["type"] == "http":
            await self._http(self._from_whom(scope), receive, send)
        else:
            await self._app(scope, receive, send)

    def _from_whom(self, scope: Scope) -> Scope:
        """With the client's address in place of the nearest proxy's; what a client itself wrote further left in the
        header counts for nothing."""
        if not self._hops:
            return scope
        given = b",".join(value for name, value in scope["headers"] if name == b"x-forwarded-for")
        seen = [one.strip() for one in given.decode("latin-1").split(",") if one.strip()]
        return {**scope, "client": (seen[-self._hops], 0)} if len(seen) >= self._hops else scope

    # -- HTTP ----------------------------------------------------------------------------------
    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = {name.lower() for name, _ in message["headers"]}
                more = [one for one in self._headers if one[0] not in given]
                message = {**message, "headers": [*message["headers"], *more]}
            await send(message)

        limit = WEBHOOK_BODY if scope["path"].startswith("/webhooks/") else BODY
        answer = Refusals(scope, with_headers)
        status = _at_a_glance(scope, limit)
        if status is None:
            body = await _body(receive, limit)
            if isinstance(body, bytes):
                await self._serve(scope, _replay(body, receive), answer)
                return
            status = body
        await _drain(receive)
        await refuse(scope, receive, answer, status)

    async def _serve(self, scope: Scope, receive: Receive, answer: Refusals) -> None:
        try:
            await self._app(scope, receive, answer)
        except Exception:
            if not answer.has_begun:
                await answer.fail()
            raise

    # -- socket --------------------------------------------------------------------------------
    async def _socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not self._is_ours(scope) or len(scope["query_string"]) > LONGEST_QUERY:
            await receive()
            await send({"type": "websocket.close", "code": 1008})
            return
        scope = self._from_whom(scope)
        address = scope["client"][0] if scope.get("client") else ""
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        is_signed_in = self._signed_in is not None and await self._signed_in(headers) is not None
        opened = self._sockets.open(address, is_signed_in=is_signed_in)
        if opened is None:
            await receive()
            await _too_many(scope, send)
            return
        listener, speaker = _Listener(receive), _Speaker(send)
        try:
            await self._app({**scope, SOCKET: opened}, listener, speaker)
        finally:
            self._sockets.close(opened)
            listener.let_go()
            speaker.let_go()
            self._on_socket_end()

    def _is_ours(self, scope: Scope) -> bool:
        given = [value for name, value in scope["headers"] if name == b"origin"]
        return len(given) == 1 and given[0].decode("latin-1") in list(self._origins)


async def _too_many(scope: Scope, send: Send) -> None:
    """Refuse the handshake; a page's own client tries again after a pause that grows."""
    if "websocket.http.response" not in scope.get("extensions", {}):
        await send({"type": "websocket.close", "code": 1013})
        return
    headers = [(b"retry-after", b"5"), (b"content-length", b"0")]
    await send({"type": "websocket.http.response.start", "status": 429, "headers": headers})
    await send({"type": "websocket.http.response.body", "body": b""})


class _Listener:
    """Hands a socket's messages on, and hangs up on one that says nothing at first, or too much."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._left = float(MESSAGES_AT_ONCE)
        self._at = time.monotonic()
        self._heard = 0

    def let_go(self) -> None:
        """The socket has ended: what the app keeps of it must not keep the server's buffers."""
        self._receive = _nothing

    async def __call__(self) -> Message:
        if self._heard < 2:  # the connection itself, then the first word
            try:
                async with asyncio.timeout(HELLO_S):
                    message = await self._receive()
            except TimeoutError:
                return {"type": "websocket.disconnect", "code": 1008}
        else:
            message = await self._receive()
        self._heard += 1
        now = time.monotonic()
        self._left = min(MESSAGES_AT_ONCE, self._left + (now - self._at) * MESSAGES_A_SECOND) - 1
        self._at = now
        if self._left < 0:
            return {"type": "websocket.disconnect", "code": 1008}
        return message


class _Speaker:
    """Hands an app's messages on to a socket, until that has ended."""

    def __init__(self, send: Send) -> None:
        self._send: Send = send

    def let_go(self) -> None:
        """The socket has ended."""
        self._send = _unheard

    async def __call__(self, message: Message) -> None:
        await self._send(message)


async def _nothing() -> Message:
    return {"type": "websocket.disconnect", "code": 1006}


async def _unheard(message: Message) -> None:
    raise OSError("the socket has ended")


def _at_a_glance(scope: Scope, limit: int) -> int | None:
    """The status of a refusal that needs no look at the body."""
    headers: dict[bytes, bytes] = dict(scope["headers"])
    length = headers.get(b"content-length", b"0")
    if len(scope["query_string"]) > LONGEST_QUERY:
        return 414
    if headers.get(b"content-encoding", b"identity") != b"identity":
        return 415
    if not length.isdigit():
        return 400
    return 413 if int(length) > limit else None


async def _body(receive: Receive, limit: int) -> bytes | int:
    """The whole body, or the status of a refusal."""
    body: bytes = b""
    try:
        async with asyncio.timeout(BODY_S):
            while True:
                message = await receive()
                if message["type"] != "http.request":
                    return 400
                body += bytes(message.get("body", b""))
                if len(body) > limit:
                    return 413
                if not message.get("more_body", False):
                    return body
    except TimeoutError:
        return 408


async def _drain(receive: Receive) -> None:
    """Hear a refused client out for a moment: one that is cut off while it speaks does not hear the refusal."""
    left = DRAINED
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(DRAIN_S):
            while left > 0:
                message = await receive()
                left -= len(message.get("body", b""))
                if message["type"] != "http.request" or not message.get("more_body", False):
                    return


def _replay(body: bytes, receive: Receive) -> Receive:
    """The body again, in one piece; afterwards what the server says (that the client is gone)."""
    pending = [{"type": "http.request", "body": body, "more_body": False}]

    async def replayed() -> Message:
        return pending.pop() if pending else await receive()

    return replayed


def socket_origins(origins: Sequence[str]) -> list[str]:
    """The addresses of sockets that belong to these origins."""
    parts = [urlsplit(one) for one in origins]
    return [f"{'wss' if one.scheme == 'https' else 'ws'}://{one.netloc}" for one in parts]
