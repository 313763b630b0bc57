"""A line between two programs that can be troubled: a TCP relay on the loopback, in a thread of its own.

    with relay(port_of_postgres) as line:
        url = f"postgresql://...@127.0.0.1:{line.port}/..."
        line.cut()              # every connection is reset; new ones pass
        line.refuse()           # ... and nobody listens any more
        line.black_hole()       # connections stay, and nothing comes through in either direction
        line.turn_to(other)     # new connections lead to another program
    line.delay(0.2)         # every piece comes later
        line.limit(10_000)      # so many bytes a second and direction
        line.heal()             # as if nothing had been

It works on bytes and knows no protocol. Every call returns when what it says is so.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from concurrent.futures import Future
from typing import Any, TypeVar

from tests.support.ports import free_port
from tests.support.waiting import SAFETY_NET_S

PIECE = 65_536
RESET_AT_CLOSE = struct.pack("ii", 1, 0)
"""SO_LINGER with no time: closing throws away what is unsent and sends RST."""

Result = TypeVar("Result")
Sleep = Callable[[float], Awaitable[None]]


class Relay:
    """One listening port, and the program behind it."""

    def __init__(self, target: int, loop: asyncio.AbstractEventLoop, sleep: Sleep) -> None:
        self.port = free_port()
        self._target = target
        self._loop = loop
        self._sleep = sleep
        self._server: asyncio.Server | None = None
        self._open: dict[asyncio.Task[None], tuple[asyncio.StreamWriter, asyncio.StreamWriter | None]] = {}
        self._passing: asyncio.Event | None = None
        self._delay_s = 0.0
        self._bytes_per_second: float | None = None
        self.accepted = 0
        """Connections taken so far."""
        self.pauses_s: list[float] = []
        """How long pieces were kept back because the line was slow, in order."""
        self.is_holding = threading.Event()
        """A piece has arrived and is not let through."""

    # -- from any thread ---------------------------------------------------------------------------
    def cut(self) -> None:
        """Reset every connection there is."""
        self._do(self._cut())

    def refuse(self) -> None:
        """Reset every connection and listen no more: the next is refused."""
        self._do(self._refuse())

    def turn_to(self, target: int) -> None:
        """New connections lead to another port; those there are stay."""
        self._target = target

    def black_hole(self) -> None:
        """Let nothing through; connections stay and new ones are taken, so nobody is told."""
        self._do(self._pass(False))

    def delay(self, seconds: float) -> None:
        """Each piece comes so much later."""
        self._delay_s = seconds

    def limit(self, bytes_per_second: float | None) -> None:
        """So many bytes a second in each direction of each connection; None for no limit."""
        self._bytes_per_second = bytes_per_second

    def heal(self) -> None:
        """No trouble any more; connections that were reset stay so."""
        self.delay(0.0)
        self.limit(None)
        self._do(self._heal())

    # -- in its own thread -------------------------------------------------------------------------
    async def start(self) -> None:
        self._passing = asyncio.Event()
        self._passing.set()
        await self._listen()

    async def stop(self) -> None:
        await self._refuse()

    def _do(self, work: Coroutine[Any, Any, Result]) -> Result:
        done: Future[Result] = asyncio.run_coroutine_threadsafe(work, self._loop)
        return done.result(SAFETY_NET_S)

    async def _listen(self) -> None:
        if self._server is None:
            self._server = await asyncio.start_server(
                self._accept, "127.0.0.1", self.port, limit=PIECE, reuse_address=True
            )

    async def _heal(self) -> None:
        await self._listen()
        await self._pass(True)

    async def _pass(self, does: bool) -> None:
        assert self._passing is not None
        if does:
            self._passing.set()
        else:
            self._passing.clear()

    async def _refuse(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            server.close()
        await self._cut()

    async def _cut(self) -> None:
        cut = list(self._open)
        for writers in self._open.values():
            for writer in writers:
                if writer is not None:
                    _reset(writer)
        for task in cut:
            task.cancel()
        await asyncio.gather(*cut, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.accepted += 1
        self._open[task] = (writer, None)
        try:
            there_reader, there = await asyncio.open_connection("127.0.0.1", self._target, limit=PIECE)
            self._open[task] = (writer, there)
            await asyncio.gather(self._carry(reader, there), self._carry(there_reader, writer))
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            for one in self._open.pop(task):
                if one is not None:
                    one.close()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One direction, until its sender has ended it or has gone."""
        assert self._passing is not None
        while piece := await reader.read(PIECE):
            await self._pause(self._delay_s)
            if not self._passing.is_set():
                self.is_holding.set()
            await self._passing.wait()
            if self._bytes_per_second:
                await self._pause(len(piece) / self._bytes_per_second)
            writer.write(piece)
            await writer.drain()
        with contextlib.suppress(OSError):
            writer.write_eof()

    async def _pause(self, seconds: float) -> None:
        if seconds > 0:
            self.pauses_s.append(seconds)
            await self._sleep(seconds)


def _reset(writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_AT_CLOSE)
    writer.transport.abort()


@contextlib.contextmanager
def relay(target: int, sleep: Sleep = asyncio.sleep) -> Iterator[Relay]:
    """A relay to a port of the loopback, until the block ends; `sleep` is how a slow line waits."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="relay", daemon=True)
    thread.start()
    made = Relay(target, loop, sleep)
    try:
        asyncio.run_coroutine_threadsafe(made.start(), loop).result(SAFETY_NET_S)
        yield made
    finally:
        asyncio.run_coroutine_threadsafe(made.stop(), loop).result(SAFETY_NET_S)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(SAFETY_NET_S)
        loop.close()
