"""Each process at a port of its own: alive, ready, metrics. Behind the shared port a question goes to any worker,
and a sync worker has no other.

The first process of a machine takes the port that is set, the next one the one above it, and so on; a scraper is told
the whole range and finds those that run. Only GET, no body, one answer a connection, and nobody is waited for long.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass

from cloudcache.web.problem import MEDIA, problem_of_status

log = logging.getLogger("cloudcache.listener")

PORTS = 32
"""So many processes of one machine find a port."""
PATIENCE_SECONDS = 5
LONGEST_HEAD = 8192
PHRASES = {
    200: "OK",
    400: "Bad Request",
    404: "Not Found",
    405: "Method Not Allowed",
    503: "Service Unavailable",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What is said to one question."""

    status: int
    media: str
    body: bytes


def _refusal(status: int, method: str) -> Answer:
    return Answer(status, MEDIA, bytes(problem_of_status(status, method).body))


NOT_FOUND = _refusal(404, "GET")
MALFORMED = _refusal(400, "")

Answering = Callable[[str], Awaitable[Answer]]


async def listen(host: str, port: int, answering: Answering) -> asyncio.Server | None:
    """Listen at the first free port from `port` on; None, and a line in the log, when there is none."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(PATIENCE_SECONDS):
                writer.write(_wire(await _answer(reader, answering)))
                await writer.drain()
        writer.close()

    for number in range(port, min(port + PORTS, 65_536)):
        try:
            server = await asyncio.start_server(serve, host, number, limit=LONGEST_HEAD)
        except OSError:
            continue
        log.info("metrics at %s, port %d", host, number)
        return server
    log.error("no metrics: no port of %s is free from %d on", host, port)
    return None


async def _answer(reader: asyncio.StreamReader, answering: Answering) -> Answer:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        return MALFORMED
    words = head.split(b"\r\n", 1)[0].decode("latin-1").split(" ")
    if len(words) != 3 or not words[2].startswith("HTTP/1."):
        return MALFORMED
    return await answering(words[1].partition("?")[0]) if words[0] == "GET" else _refusal(405, words[0])


def _wire(answer: Answer) -> bytes:
    head = (
        f"HTTP/1.1 {answer.status} {PHRASES[answer.status]}\r\nContent-Type: {answer.media}\r\n"
        f"Content-Length: {len(answer.body)}\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + answer.body
