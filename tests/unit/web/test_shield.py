"""Limits on what arrives: too big, too slow, too much, from elsewhere."""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Sequence

import pytest
from starlette.types import Message, Receive, Scope, Send

from cloudcache.web import shield
from cloudcache.web.shield import BODY, MESSAGES_AT_ONCE, Shield

ORIGIN = "https://app.example"


class App:
    """Reads all that it is given and says yes."""

    def __init__(self) -> None:
        self.heard: list[Message] = []

    async def __call__(self, scope, receive, send) -> None:
        while True:
            message = await receive()
            self.heard.append(message)
            if message["type"] == "websocket.disconnect" or scope["type"] == "http":
                break
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"ok"})


async def ask(messages: Sequence[Message], headers: Sequence[tuple[bytes, bytes]] = (), **scope: object):
    """Status and headers of the answer, and what the app heard."""
    app, sent, waiting = App(), list[Message](), list(messages)

    async def receive() -> Message:
        if waiting:
            return waiting.pop(0)
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: Message) -> None:
        sent.append(message)

    whole = {"type": "http", "method": "POST", "path": "/x", "query_string": b"", "headers": list(headers)}
    await Shield(app, [ORIGIN], tls=True)({**whole, **scope}, receive, send)
    return sent, app.heard


def body(*parts: bytes) -> list[Message]:
    more = [{"type": "http.request", "body": one, "more_body": True} for one in parts[:-1]]
    return [*more, {"type": "http.request", "body": parts[-1], "more_body": False}]


async def test_a_body_arrives_whole_and_the_answer_has_the_headers():
    sent, heard = await ask(body(b"a", b"b", b"c"))

    assert heard[0]["body"] == b"abc" and sent[0]["status"] == 200
    names = {name for name, _ in sent[0]["headers"]}
    assert {b"strict-transport-security", b"x-content-type-options", b"referrer-policy"} <= names


@pytest.mark.parametrize(
    ("messages", "headers", "status"),
    [
        (body(b""), [(b"content-length", b"70000")], 413),
        (body(b"x" * BODY, b"x"), [], 413),
        (body(b""), [(b"content-length", b"-1")], 400),
        (body(b""), [(b"content-encoding", b"br")], 415),
        ([{"type": "http.disconnect"}], [], 400),
    ],
)
async def test_what_is_too_big_or_odd_never_reaches_the_app(
    messages, headers, status, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(shield, "DRAIN_S", 0.01)
    sent, heard = await ask(messages, headers)

    assert sent[0]["status"] == status and not heard


async def test_a_body_that_never_ends_is_cut_off(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(shield, "BODY_S", 0.01)
    monkeypatch.setattr(shield, "DRAIN_S", 0.01)

    sent, heard = await ask([{"type": "http.request", "body": b"a", "more_body": True}])

    assert sent[0]["status"] == 408 and not heard


def socket(*texts: str) -> list[Message]:
    return [{"type": "websocket.connect"}, *({"type": "websocket.receive", "text": one} for one in texts)]


async def test_a_socket_of_our_own_page_is_heard_until_it_says_too_much():
    flood = socket(*("x" for _ in range(MESSAGES_AT_ONCE + 50)))

    sent, heard = await ask(flood, [(b"origin", ORIGIN.encode())], type="websocket")

    assert not sent and heard[-1] == {"type": "websocket.disconnect", "code": 1008}
    assert MESSAGES_AT_ONCE <= len(heard) <= MESSAGES_AT_ONCE + 10


@pytest.mark.parametrize(
    "headers", [[], [(b"origin", b"https://evil.example")], [(b"origin", b"https://app.example")] * 2]
)
async def test_a_socket_from_elsewhere_is_closed_unheard(headers):
    sent, heard = await ask(socket("x"), headers, type="websocket")

    assert sent == [{"type": "websocket.close", "code": 1008}] and not heard


async def test_a_socket_that_says_nothing_is_hung_up_on(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(shield, "HELLO_S", 0.01)

    _, heard = await ask(socket(), [(b"origin", ORIGIN.encode())], type="websocket")

    assert heard[-1]["type"] == "websocket.disconnect"


@pytest.mark.parametrize(
    ("hops", "header", "client"),
    [
        (0, b"6.6.6.6", "10.0.0.1"),
        (1, b"6.6.6.6, 203.0.113.9", "203.0.113.9"),
        (2, b"6.6.6.6, 203.0.113.9,10.0.0.2", "203.0.113.9"),
        (2, b"203.0.113.9", "10.0.0.1"),
        (1, b"", "10.0.0.1"),
    ],
)
async def test_the_client_is_whom_our_outermost_proxy_saw(hops: int, header: bytes, client: str):
    seen: list[str] = []

    async def app(scope, receive, send) -> None:
        seen.append(scope["client"][0])
        await App()(scope, receive, send)

    async def send(message: Message) -> None:
        pass

    waiting = body(b"")

    async def receive() -> Message:
        return waiting.pop(0)

    scope = {"type": "http", "method": "GET", "path": "/", "query_string": b"", "client": ("10.0.0.1", 5)}
    headers = [(b"x-forwarded-for", header)] if header else []
    await Shield(app, [ORIGIN], tls=True, hops=hops)({**scope, "headers": headers}, receive, send)

    assert seen == [client]


async def test_app_that_keeps_its_socket_keeps_nothing_of_the_servers():
    """Engine.IO's objects of a socket are a cycle of garbage; the server's have the buffers."""

    class Server:
        async def receive(self) -> Message:
            return {"type": "websocket.connect"}

        async def send(self, message: Message) -> None:
            sent.append(message)

    kept: list[tuple[Receive, Send]] = []
    sent: list[Message] = []
    ended: list[int] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        kept.append((receive, send))
        await receive()
        await send({"type": "websocket.accept"})

    server = Server()
    watched = weakref.ref(server)
    scope = {"type": "websocket", "headers": [(b"origin", ORIGIN.encode())], "query_string": b"", "path": "/"}
    shield = Shield(app, [ORIGIN], tls=True, on_socket_end=lambda: ended.append(1))
    await shield(scope, server.receive, server.send)
    del server

    ((receive, send),) = kept
    assert sent == [{"type": "websocket.accept"}] and ended == [1]
    assert watched() is None
    assert (await receive())["type"] == "websocket.disconnect"
    with pytest.raises(OSError, match="ended"):
        await send({"type": "websocket.send"})
