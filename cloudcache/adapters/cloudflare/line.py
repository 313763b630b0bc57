"""The line to Cloudflare: a small pool of connections, and an honest word about calls that went wrong on it.

    answered, whole             -> Reply
    answered, the body was lost -> Reply without content: status and headers still count
    no answer                   -> Lost, which knows whether the request can have arrived

What goes wrong is returned, not raised: the errors of httpx hold the request, and with it the Authorization
header, for whoever walks along a chain of exceptions. The secret is used in `Bearer` and `redacted` only.

Why HTTP/1.1 and small pools (measured 2026-11-23: httpx 0.28.1, httpcore 1.0.9, Python 3.11, a granian
2.8 server over TLS on the same two shared cores, bursts of 100 GETs; medians of 5 runs):

- HTTP/2 is the faster one: 2.0 times when an answer takes 100 ms (317 ms a burst against 632), 3.1 times when
  it takes none (148 ms against 459). It took 1.4 ms of processor time a call against 2.9 to 4.4.
- HTTP/1.1 gets slower with more connections, since httpcore polls all of them at every call: with 50 it took
  16 ms of processor time a call and 1,810 ms a burst. So there are twelve pools of five: the first is filled
  before the second is touched. All of them carry 300 calls a second at 200 ms each.
- But calls on one HTTP/2 connection share its fate. With ten under way, each GOAWAY (a server sends it when
  it drains) ended about nine of them: 176 of 1,000 calls, one GOAWAY per 50. And 200 calls that were cancelled
  took 26 of 400 innocent ones with them. Each of those leaves a write unclear: a read and a wait more.

So no call depends on its neighbours, unless somebody asks for `http2=True`.

The budget says when a call may go, but between its word and the wire lie a queue for connections and a busy
processor, in which calls bunch up: an engine that kept to 190 calls in each second of its own was seen to break
Cloudflare's 200 a second within half a minute. The `Pace` counts at the wire: a call waits for
it when it has an open connection, where its first byte leaves.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Callable, Coroutine, Generator
from dataclasses import dataclass, field
from functools import cache
from http.cookiejar import CookieJar, DefaultCookiePolicy

import httpx

from cloudcache.adapters.cloudflare.pace import CALLS_PER_SECOND, OwnPace, Pace
from cloudcache.domain.secret import Token

CONNECTIONS = 5
"""In one pool."""
POOLS = 12
KEEP_IDLE_S = 30.0
"""A person who flips one switch flips another within half a minute; that one then needs no new handshake."""
MAX_BODY_BYTES = 8 * 1024 * 1024
"""The longest answer is a page of 1,000 lines of an audit log, at about 1 KB each."""

FIRST_BYTE = "http11.send_request_headers.started"
"""What httpcore calls the moment before a request leaves, on a connection that is there."""

NOTHING_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
    httpx.InvalidURL,
)
"""What only happens before the first byte of a request. `LocalProtocolError` may come later, over HTTP/2."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Patience in seconds."""

    turn_s: float = 10.0
    """Waiting for one of the connections."""
    connect_s: float = 5.0
    write_s: float = 10.0
    read_s: float = 20.0
    """Between two pieces of an answer."""
    call_s: float = 45.0
    """All of a call, so that an answer that trickles ends as well."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer. `content` is None when its body was cut, undecodable or too large; `flaw` says which."""

    status: int
    headers: httpx.Headers = field(repr=False)
    content: bytes | None = field(repr=False)
    flaw: str = ""


@dataclass(frozen=True, slots=True)
class Lost:
    """No answer. `was_sent` is False only when the request cannot have left this machine; `is_strange` is an
    error that no network explains."""

    why: str
    was_sent: bool
    is_strange: bool = False


class Bearer(httpx.Auth):
    """Puts the token into the Authorization header; nobody's local variable ever holds the text."""

    def __init__(self, token: Token) -> None:
        self._token = token

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """The request with its header."""
        request.headers["Authorization"] = f"Bearer {self._token.reveal()}"
        yield request


def redacted(text: str, token: Token) -> str:
    """The text without the token, should a server ever echo it."""
    return text.replace(token.reveal(), "****")


@dataclass(slots=True)
class _Pool:
    """A client, and the gate that keeps httpcore's own, slow queue empty."""

    client: httpx.AsyncClient
    gate: asyncio.Semaphore
    under_way: int = 0


@dataclass(frozen=True, slots=True)
class _Open:
    """What belongs to one running loop; a pool is made when those before it are full."""

    loop: asyncio.AbstractEventLoop
    pace: Pace
    make: Callable[[], _Pool]
    most: int
    pools: list[_Pool] = field(default_factory=list)

    def freest(self) -> _Pool:
        """The first pool with a free connection, else the one with the fewest calls."""
        free = next((one for one in self.pools if one.under_way < CONNECTIONS), None)
        if free is None and len(self.pools) < self.most:
            free = self.make()
            self.pools.append(free)
        return free or min(self.pools, key=lambda one: one.under_way)


def _at_the_wire(pace: Pace) -> Callable[[str, object], Coroutine[object, object, None]]:
    """Called by httpcore at each step of a call."""

    async def step(name: str, _: object) -> None:
        if name == FIRST_BYTE:
            await pace.wait()

    return step


@cache
def _certificates() -> ssl.SSLContext:
    """Made once, since that takes 26 ms."""
    return httpx.create_ssl_context()


class Line:
    """One per process. Its pool is made on first use, in the loop that uses it: a server forks first."""

    def __init__(
        self,
        base_url: str,
        transport: httpx.AsyncBaseTransport | None,
        http2: bool,
        timeouts: Timeouts,
        calls_per_second: int = CALLS_PER_SECOND,
        pace: Pace | None = None,
    ) -> None:
        self._pace = pace
        self._base_url = base_url.rstrip("/")
        self._transport = transport
        self._http2 = http2
        self._timeouts = timeouts
        self._calls_per_second = calls_per_second
        self._open: _Open | None = None

    async def call(self, method: str, path: str, token: Token, body: bytes | None = None) -> Reply | Lost:
        """One request, one answer, no second try. Only a cancellation is raised."""
        opened = self._opened()
        pool = opened.freest()
        pool.under_way += 1
        try:
            return await self._in_turn(opened, pool, method, path, token, body)
        finally:
            pool.under_way -= 1

    async def _in_turn(
        self, opened: _Open, pool: _Pool, method: str, path: str, token: Token, body: bytes | None
    ) -> Reply | Lost:
        try:
            async with asyncio.timeout(self._timeouts.turn_s):
                await pool.gate.acquire()
        except TimeoutError:
            return Lost("every connection is busy", was_sent=False)
        try:
            hooks = await self._paced(opened.pace)
            async with asyncio.timeout(self._timeouts.call_s):
                return await self._exchange(pool.client, method, path, token, body, hooks)
        except NOTHING_SENT as error:
            return Lost(type(error).__name__, was_sent=False)
        except (httpx.HTTPError, TimeoutError) as error:
            return Lost(type(error).__name__, was_sent=True)
        except Exception as error:
            # The HTTP/2 code below httpx lets KeyError and ValueError out (encode/httpx 3072).
            return Lost(type(error).__name__, was_sent=True, is_strange=True)
        finally:
            pool.gate.release()

    async def close(self) -> None:
        """Close the connections; a later call opens new ones."""
        opened, self._open = self._open, None
        if opened is not None and opened.loop is asyncio.get_running_loop():
            for pool in opened.pools:
                await pool.client.aclose()

    async def _paced(self, pace: Pace) -> dict[str, object]:
        """Have the call wait at the wire. Over HTTP/2 it waits before, since httpcore would give two calls that wait
        there one number; so it does where there is no wire."""
        if self._http2 or self._transport is not None:
            await pace.wait()
            return {}
        return {"trace": _at_the_wire(pace)}

    async def _exchange(
        self,
        client: httpx.AsyncClient,
        method: str,
        path: str,
        token: Token,
        body: bytes | None,
        hooks: dict[str, object],
    ) -> Reply:
        kind = {} if body is None else {"Content-Type": "application/json"}
        url = self._base_url + path
        auth = Bearer(token)
        async with client.stream(
            method, url, content=body, headers=kind, auth=auth, extensions=hooks
        ) as response:
            content, flaw = await _body(response)
            return Reply(response.status_code, response.headers, content, flaw)

    def _opened(self) -> _Open:
        """The pools of the running loop; those that a finished loop left behind are dropped."""
        loop = asyncio.get_running_loop()
        if self._open is None or self._open.loop is not loop:
            most = 1 if self._http2 else POOLS
            self._open = _Open(loop, self._pace or OwnPace(self._calls_per_second), self._pool, most)
        return self._open

    def _pool(self) -> _Pool:
        return _Pool(self._client(), asyncio.Semaphore(100 if self._http2 else CONNECTIONS))

    def _client(self) -> httpx.AsyncClient:
        """Redirects are not followed, because the header must never travel on.

        Proxies named by the environment are used for https, where they see a tunnel: many machines have no
        other way out. For http (an emulator near by) they would read the token, so there they are ignored.
        Cookies are refused: Cloudflare sets some for load balancing, and one merchant's would go out with
        everybody's calls.
        """
        if self._http2:
            # At DEBUG it writes encoded header blocks, from which a token can be decoded.
            logging.getLogger("hpack").setLevel(logging.INFO)
        waits = self._timeouts
        return httpx.AsyncClient(
            transport=self._transport,
            verify=_certificates() if self._base_url.startswith("https://") else False,
            http2=self._http2,
            trust_env=self._base_url.startswith("https://"),
            follow_redirects=False,
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
            headers={"User-Agent": "cloudcache", "Accept": "application/json"},
            timeout=httpx.Timeout(
                connect=waits.connect_s, write=waits.write_s, read=waits.read_s, pool=waits.turn_s
            ),
            limits=httpx.Limits(
                max_connections=CONNECTIONS,
                max_keepalive_connections=CONNECTIONS,
                keepalive_expiry=KEEP_IDLE_S,
            ),
        )


async def _body(response: httpx.Response) -> tuple[bytes | None, str]:
    """The body, or None and what is wrong with it; a too large one is not read to its end."""
    content = bytearray()
    try:
        async for chunk in response.aiter_bytes():
            content += chunk
            if len(content) > MAX_BODY_BYTES:
                return None, "an answer of more than 8 MiB"
    except httpx.HTTPError as error:
        return None, f"a broken answer ({type(error).__name__})"
    return bytes(content), ""
