"""The line itself: bodies that break, patience that ends, cookies, redirects, proxies, loops and forks."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator

import httpx
import pytest

from cloudcache.adapters.cloudflare.line import (
    CONNECTIONS,
    MAX_BODY_BYTES,
    POOLS,
    Line,
    Timeouts,
)
from cloudcache.adapters.cloudflare.pace import CALLS_PER_SECOND, OwnPace
from cloudcache.domain.secret import Token
from tests.support.waiting import SAFETY_NET_S
from tests.unit.adapters.cloudflare.stage import (
    Ledger,
    always,
    client_of,
    outcome_of_read,
    outcome_of_write,
    setting,
    success,
)

ON = success(setting("rocket_loader", "on"))


class Body(httpx.AsyncByteStream):
    """A body that arrives in pieces, and then breaks, goes on for ever, or never comes."""

    def __init__(self, *pieces: bytes | Exception, endless: bool = False) -> None:
        self.pieces = pieces
        self.endless = endless
        self.given = 0
        self.closed = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self.pieces:
            if isinstance(piece, Exception):
                raise piece
            self.given += len(piece)
            yield piece
        while self.endless:
            self.given += 65_536
            yield b" " * 65_536

    async def aclose(self) -> None:
        self.closed = True


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (Body(b'{"success": true, ', httpx.ReadError("cut")), {}),
        (Body(b'{"success": true, ', httpx.ReadTimeout("slow")), {}),
        (Body(b"xx"), {"Content-Encoding": "gzip"}),
    ],
    ids=["cut", "stalled", "not the gzip it claims to be"],
)
async def test_a_broken_body_leaves_the_outcome_open(body: Body, headers: dict[str, str]):
    client = client_of(lambda request: httpx.Response(200, headers=headers, stream=body))

    assert await outcome_of_write(client) == "Unclear"
    assert await outcome_of_read(client) == "TryLater 5"


async def test_the_status_counts_even_when_the_body_breaks():
    ledger = Ledger()
    headers = {"Retry-After": "60", "Ratelimit": '"default";r=0;t=60'}
    cut = Body(httpx.ReadError("cut"))
    client = client_of(lambda request: httpx.Response(429, headers=headers, stream=cut), ledger)

    assert await outcome_of_write(client) == "Throttled 60"
    assert ledger.told == [("left", "c1", 0, 60), ("blocked", "c1", 60)]


async def test_an_answer_without_end_is_not_read_to_its_end():
    body = Body(endless=True)

    assert await outcome_of_write(client_of(lambda request: httpx.Response(200, stream=body))) == "Unclear"

    assert body.given <= MAX_BODY_BYTES + 65_536
    assert body.closed


async def test_an_answer_that_never_comes_ends_with_the_patience_for_a_call():
    async def never(request: httpx.Request) -> httpx.Response:
        await asyncio.Event().wait()
        raise AssertionError

    client = client_of(never, timeouts=Timeouts(call_s=0.001))

    assert await outcome_of_write(client) == "Unclear"
    assert await outcome_of_read(client) == "TryLater 5"


async def test_more_calls_than_connections_wait_for_their_turn_and_the_patience_for_that_ends_unsent():
    arrived = asyncio.Semaphore(0)
    release = asyncio.Event()

    async def slow(request: httpx.Request) -> httpx.Response:
        arrived.release()
        await release.wait()
        return success(setting("rocket_loader", "on"))

    client = client_of(slow, timeouts=Timeouts(turn_s=0.001))
    running = [asyncio.create_task(outcome_of_write(client)) for _ in range(CONNECTIONS * POOLS)]
    for _ in running:
        await arrived.acquire()
    late = await outcome_of_write(client)
    release.set()

    assert late == "TryLater 5"
    assert await asyncio.gather(*running) == ["rocket_loader=on"] * (CONNECTIONS * POOLS)
    assert await outcome_of_write(client) == "rocket_loader=on"


async def test_a_cancelled_call_gives_its_connection_back():
    started = asyncio.Event()

    async def stuck(request: httpx.Request) -> httpx.Response:
        started.set()
        await asyncio.Event().wait()
        raise AssertionError

    client = client_of(stuck)
    for _ in range(CONNECTIONS + 1):
        started.clear()
        task = asyncio.create_task(outcome_of_write(client))
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_the_header_never_follows_a_redirect():
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.host)
        return httpx.Response(308, headers={"Location": "https://elsewhere.test/"})

    assert await outcome_of_write(client_of(answer)) == "Unclear"
    assert asked == ["api.test"]


async def test_a_cookie_of_one_call_is_not_sent_with_the_next():
    cookies: list[str | None] = []

    def answer(request: httpx.Request) -> httpx.Response:
        cookies.append(request.headers.get("cookie"))
        return success(
            setting("rocket_loader", "on"), {"Set-Cookie": "__cflb=pinned; Path=/; Domain=api.test"}
        )

    client = client_of(answer)
    await outcome_of_write(client)
    await outcome_of_write(client)

    assert cookies == [None, None]


async def test_who_asks_and_how():
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return success(setting("rocket_loader", "on"))

    await outcome_of_write(client_of(answer))

    headers = asked[0].headers
    assert headers["user-agent"] == "cloudcache"
    assert headers["content-type"] == headers["accept"] == "application/json"
    assert asked[0].extensions["timeout"] == {"connect": 5.0, "read": 20.0, "write": 10.0, "pool": 10.0}


@pytest.mark.parametrize(("scheme", "proxied"), [("https", True), ("http", False)])
async def test_a_proxy_of_the_environment_carries_tunnels_only(
    scheme: str, proxied: bool, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.test:3128")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.test:3128")
    monkeypatch.setenv("ALL_PROXY", "http://proxy.test:3128")

    client = Line(f"{scheme}://api.test", None, False, Timeouts())._client()

    assert any(client._mounts.values()) is proxied
    await client.aclose()


async def test_over_http2_no_library_may_log_header_blocks_from_which_a_token_can_be_decoded():
    client = Line("https://api.test", None, True, Timeouts())._client()

    assert not logging.getLogger("hpack.hpack").isEnabledFor(logging.DEBUG)
    await client.aclose()


def test_one_client_serves_loop_after_loop_and_opens_nothing_before():
    client = client_of(always(ON))
    assert client._line._open is None

    assert asyncio.run(outcome_of_read(client)) == "rocket_loader=on"
    assert asyncio.run(outcome_of_read(client)) == "rocket_loader=on"
    asyncio.run(client.close())


async def test_after_closing_it_opens_again():
    client = client_of(always(ON))
    await client.close()
    await outcome_of_read(client)
    await client.close()

    assert await outcome_of_read(client) == "rocket_loader=on"
    await client.close()
    assert client._line._open is None


@pytest.mark.parametrize("held_up_s", [0.0, 0.1])
async def test_calls_never_bunch_up_at_the_wire(monkeypatch: pytest.MonkeyPatch, held_up_s: float):
    """Also when the processor was busy while many waited for their turn."""
    now = [1_000.0]
    left: list[float] = []

    async def sleep(seconds: float) -> None:
        now[0] += seconds + (held_up_s if len(left) == 100 else 0)

    monkeypatch.setattr(asyncio.get_running_loop(), "time", lambda: now[0])
    monkeypatch.setattr("cloudcache.adapters.cloudflare.pace.asyncio.sleep", sleep)
    pace = OwnPace(CALLS_PER_SECOND)

    for _ in range(1_000):
        await pace.wait()
        left.append(now[0])

    fullest = max(sum(at <= other < at + 1 for other in left) for at in left)
    assert 180 <= fullest <= 200
    assert left[-1] - left[0] < 1_000 / CALLS_PER_SECOND + held_up_s + 0.1


class Asked:
    """A pace that notes what the server had seen when it was asked."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.is_connected = asyncio.Event()
        self.at: list[list[str]] = []

    async def wait(self) -> None:
        async with asyncio.timeout(SAFETY_NET_S):
            await self.is_connected.wait()
        self.at.append(list(self.seen))

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.seen.append("connection")
        self.is_connected.set()
        for _ in range(2):
            await reader.readuntil(b"\r\n\r\n")
            self.seen.append("request")
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
        writer.close()


async def test_the_pace_is_asked_when_the_connection_is_there_and_nothing_has_left():
    asked = Asked()
    server = await asyncio.start_server(asked.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    line = Line(f"http://127.0.0.1:{port}", None, False, Timeouts(), pace=asked)

    for _ in range(2):
        await line.call("GET", "/zones", Token("secret"))
    await line.close()
    server.close()
    await server.wait_closed()

    assert asked.at == [["connection"], ["connection", "request"]]
