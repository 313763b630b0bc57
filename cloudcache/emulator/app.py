"""The pretend Cloudflare as an ASGI app: `/client/v4/...` and `/oauth2/...` as the real one, `/_emulator/...`
to play with it.

Trouble on the line is made here. How a client sees a broken connection depends on what carries the app:

- a server that offers the `emulator.close` extension (ours in `server.py` does) closes the real connection;
- anything else gets an `httpx` transport error raised through it, so that a client on `httpx.ASGITransport`,
  or on `FaultyTransport`, sees the very error that a socket would have given it.

Waiting is a function that is passed in, so no test has to sleep.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import httpx
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.types import Receive, Scope, Send

from cloudcache.emulator.api import answer
from cloudcache.emulator.authorize import oauth_routes
from cloudcache.emulator.control import control_routes
from cloudcache.emulator.faults import Fault
from cloudcache.emulator.journal import RequestRecord
from cloudcache.emulator.wire import Answer, Call
from cloudcache.emulator.world import World

CLOSE_EXTENSION = "emulator.close"
PATIENCE_EXTENSION = "emulator.patience"
LONGEST_BODY = 1_048_576

GATEWAY_PAGE = (
    b"<!DOCTYPE html><html><head><title>Bad gateway</title></head>"
    b"<body><center><h1>502 Bad Gateway</h1></center><hr><center>cloudflare</center></body></html>"
)

Sleep = Callable[[float], Awaitable[None]]


def create_app(world: World, *, sleep: Sleep = asyncio.sleep) -> Starlette:
    """The whole app around a world. It can be mounted below any prefix."""
    cloudflare = CloudflareApp(world, sleep)
    return Starlette(
        routes=[
            Mount("/client/v4", app=cloudflare),
            Mount("/oauth2", routes=oauth_routes(world)),
            Mount("/_emulator", routes=control_routes(world)),
        ]
    )


@dataclass(frozen=True, slots=True)
class Line:
    """The connection of one call: where to answer, how long its client waits (None: for ever), how to close
    it.
    """

    send: Send
    patience: float | None = None
    close: Callable[[], None] | None = None

    async def reply(self, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
        """Sends a whole answer."""
        sized = [*headers, (b"content-length", str(len(body)).encode())]
        await self.send({"type": "http.response.start", "status": status, "headers": sized})
        await self.send({"type": "http.response.body", "body": body})

    async def reply_half(self, given: Answer) -> None:
        """Announces a whole body, sends half of it and breaks off."""
        sized = [*given.headers, (b"content-length", str(len(given.body)).encode())]
        await self.send({"type": "http.response.start", "status": given.status, "headers": sized})
        half = given.body[: len(given.body) // 2]
        await self.send({"type": "http.response.body", "body": half, "more_body": True})
        self.sever(httpx.RemoteProtocolError("the connection was closed before the body was complete"))

    def sever(self, error: httpx.TransportError) -> None:
        """Ends the connection here and now."""
        if self.close is None:
            raise error
        self.close()


class CloudflareApp:
    """The REST API with its scripted trouble."""

    def __init__(self, world: World, sleep: Sleep) -> None:
        self._world = world
        self._sleep = sleep
        self._stragglers: set[asyncio.Task[None]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        extensions = scope.get("extensions") or {}
        line = Line(send, extensions.get(PATIENCE_EXTENSION), extensions.get(CLOSE_EXTENSION))
        call = _call(scope, await _body(receive))
        fault = self._world.strike(call)
        if fault is None:
            await self._answer_plainly(call, line)
        else:
            await self._answer_with(fault, call, line)

    async def _answer_plainly(self, call: Call, line: Line) -> None:
        given = self._process(call, None)
        if self._world.options.latency > 0:
            await self._wait(self._world.options.latency, line)
        await line.reply(given.status, [*given.headers], given.body)

    async def _answer_with(self, fault: Fault, call: Call, line: Line) -> None:
        delay = self._world.options.latency + fault.delay
        if fault.kind == "refuse":
            self._note(call, None, fault)
            await self._wait(delay, line, fault)
            line.sever(httpx.ConnectError("connection refused"))
            return
        if fault.kind == "html":
            status = fault.status or 502
            self._note(call, Answer(status, (), GATEWAY_PAGE), fault)
            await self._wait(delay, line, fault)
            await line.reply(
                status, [(b"content-type", b"text/html"), (b"server", b"cloudflare")], GATEWAY_PAGE
            )
            return
        if fault.kind == "slow" and fault.applied == "after":
            given = await self._process_late(delay, call, fault, line)
        else:
            given = self._process(call, fault)
            await self._wait(delay, line, fault)
        if fault.kind == "lost":
            line.sever(httpx.ReadError("the connection was lost before an answer came"))
        elif fault.kind == "cut":
            await line.reply_half(given)
        else:
            await line.reply(given.status, [*given.headers], given.body)

    def _process(self, call: Call, fault: Fault | None) -> Answer:
        given = answer(self._world, call, fault)
        self._note(call, given, fault)
        return given

    async def _process_late(self, delay: float, call: Call, fault: Fault, line: Line) -> Answer:
        """Waits, then does the work; a client that gives up meanwhile does not stop it from being done."""
        if line.patience is not None and delay > line.patience:
            task = asyncio.create_task(self._process_after(delay, call, fault))
            self._stragglers.add(task)
            task.add_done_callback(self._stragglers.discard)
        await self._wait(delay, line, fault)
        return self._process(call, fault)

    async def _process_after(self, delay: float, call: Call, fault: Fault) -> None:
        await self._sleep(delay)
        self._process(call, fault)

    async def _wait(self, seconds: float, line: Line, fault: Fault | None = None) -> None:
        if seconds <= 0:
            return
        is_too_long = line.patience is not None and seconds > line.patience
        waited = line.patience if is_too_long and line.patience is not None else seconds
        if fault is None:
            await self._sleep(waited)
        elif not await self._held_back(waited):
            return
        if is_too_long:
            raise httpx.ReadTimeout("no answer within the time that the client waits")

    async def _held_back(self, seconds: float) -> bool:
        """Returns after so many seconds, or with False as soon as the faults are cleared."""
        sleeping = asyncio.ensure_future(self._sleep(seconds))
        clearing = asyncio.ensure_future(self._world.faults.cleared())
        try:
            await asyncio.wait((sleeping, clearing), return_when=asyncio.FIRST_COMPLETED)
            if sleeping.done():
                sleeping.result()
            return not clearing.done()
        finally:
            sleeping.cancel()
            clearing.cancel()
            await asyncio.gather(sleeping, clearing, return_exceptions=True)

    def _note(self, call: Call, given: Answer | None, fault: Fault | None) -> None:
        world = self._world
        token = world.token(call.token) if given is None and call.token else None
        world.note(
            RequestRecord(
                at=world.clock(),
                method=call.method,
                path=call.path,
                query=call.query,
                token_id=given.token_id if given is not None else token.id if token else None,
                status=0 if given is None else given.status,
                body_size=len(call.body),
                answer_size=0 if given is None else len(given.body),
                address=call.address,
                fault=None if fault is None else fault.kind,
            )
        )


def _call(scope: Scope, body: bytes) -> Call:
    authorization = address = user_agent = ""
    for name, value in scope["headers"]:
        if name == b"authorization":
            authorization = value.decode("latin-1")
        elif name == b"x-emulated-address":
            address = value.decode("latin-1")
        elif name == b"user-agent":
            user_agent = value.decode("latin-1")
    client = scope.get("client")
    return Call(
        method=scope["method"],
        path=scope["path"].removeprefix(scope.get("root_path", "")),
        query=scope["query_string"].decode("latin-1"),
        authorization=authorization,
        address=address or (client[0] if client else ""),
        user_agent=user_agent,
        body=body,
    )


async def _body(receive: Receive) -> bytes:
    """The request's body; what is longer than anything that Cloudflare would take is cut and then fails as
    JSON.
    """
    message = await receive()
    body: bytes = message.get("body", b"")
    while message.get("more_body", False) and len(body) <= LONGEST_BODY:
        message = await receive()
        body += message.get("body", b"")
    return body
