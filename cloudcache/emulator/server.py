"""A small HTTP server for the pretend Cloudflare, because it must be able to do what servers avoid: hang up.

HTTP/1.1 with keep-alive, one request at a time per connection, parsed by h11. It offers the app the
`emulator.close` extension, which closes the connection after what was sent so far. A client that goes away
does not stop the app from finishing what it does. Stopping lets running requests end for a moment, then
closes the rest.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypeAlias
from urllib.parse import unquote

import h11
from starlette.types import ASGIApp, Message, Scope

from cloudcache.emulator.app import CLOSE_EXTENSION, LONGEST_BODY

_CHUNK = 65_536

Sent: TypeAlias = h11.Response | h11.Data | h11.EndOfMessage


@asynccontextmanager
async def serving(
    app: ASGIApp, host: str = "127.0.0.1", port: int = 0, *, patience_at_stop: float = 2.0
) -> AsyncIterator[str]:
    """Serves the app until the block ends; gives the address, with the real port when 0 was asked for.

    Requests that still run when the block ends have `patience_at_stop` seconds to finish.
    """
    connections = Connections(app)
    server = await asyncio.start_server(connections.accept, host, port, backlog=512)
    real_port: int = server.sockets[0].getsockname()[1]
    shown_host = f"[{host}]" if ":" in host else host
    try:
        yield f"http://{shown_host}:{real_port}"
    finally:
        server.close()
        await connections.stop(patience_at_stop)


class Connections:
    """All open connections."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.idle: set[Connection] = set()
        self.is_stopping = False
        self._tasks: set[asyncio.Task[None]] = set()

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Takes a new connection and answers on it until it ends."""
        task = asyncio.get_running_loop().create_task(self._hold(Connection(self, reader, writer)))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def stop(self, patience: float) -> None:
        """Closes idle connections at once, the others when their request ended or took too long."""
        self.is_stopping = True
        for connection in list(self.idle):
            connection.close()
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=patience)
            for task in late:
                task.cancel()

    async def _hold(self, connection: Connection) -> None:
        try:
            await connection.run()
        except (ConnectionError, h11.ProtocolError, asyncio.CancelledError):
            pass  # The client went away, spoke something else, or we are stopping: nobody is left to tell.
        finally:
            self.idle.discard(connection)
            connection.close()


class Connection:
    """One connection and the requests that come over it, one after the other."""

    def __init__(
        self, owner: Connections, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._owner = owner
        self._reader = reader
        self._writer = writer
        self._protocol = h11.Connection(h11.SERVER)

    def close(self) -> None:
        """Hangs up after what was sent so far."""
        self._writer.close()

    async def run(self) -> None:
        """Answers requests until either side has had enough."""
        while not self._owner.is_stopping:
            self._owner.idle.add(self)
            event = await self._next_event()
            self._owner.idle.discard(self)
            if not isinstance(event, h11.Request):
                return
            await self._answer(event, await self._body())
            if self._protocol.our_state is not h11.DONE:
                return
            self._protocol.start_next_cycle()

    async def _answer(self, request: h11.Request, body: bytes) -> None:
        inbox: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive() -> Message:
            return inbox.pop() if inbox else {"type": "http.disconnect"}

        await self._owner.app(self._scope(request), receive, self._send)
        await self._writer.drain()

    async def _send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._write(h11.Response(status_code=message["status"], headers=message["headers"]))
        elif message["type"] == "http.response.body":
            self._write(h11.Data(data=message.get("body", b"")))
            if not message.get("more_body", False):
                self._write(h11.EndOfMessage())

    def _write(self, event: Sent) -> None:
        self._writer.write(self._protocol.send(event) or b"")

    async def _body(self) -> bytes:
        parts: list[bytes] = []
        size = 0
        while isinstance(event := await self._next_event(), h11.Data):
            size += len(event.data)
            if size <= LONGEST_BODY:
                parts.append(bytes(event.data))
        return b"".join(parts)

    async def _next_event(self) -> object:
        while True:
            event = self._protocol.next_event()
            if event is not h11.NEED_DATA:
                return event
            if self._protocol.they_are_waiting_for_100_continue:
                self._writer.write(
                    self._protocol.send(h11.InformationalResponse(status_code=100, headers=[])) or b""
                )
            self._protocol.receive_data(await self._reader.read(_CHUNK))

    def _scope(self, request: h11.Request) -> Scope:
        path, _, query = request.target.partition(b"?")
        peer = self._writer.get_extra_info("peername")
        return {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": request.http_version.decode(),
            "method": request.method.decode(),
            "headers": [(name.lower(), value) for name, value in request.headers],
            "scheme": "http",
            "path": unquote(path.decode("latin-1")),
            "raw_path": path,
            "query_string": query,
            "root_path": "",
            "server": self._writer.get_extra_info("sockname")[:2],
            "client": peer[:2] if peer else None,
            "extensions": {CLOSE_EXTENSION: self.close},
        }
