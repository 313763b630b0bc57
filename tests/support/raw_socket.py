"""A websocket by hand, for tests that send what no client would: messages that are too long, or never end."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

TEXT, CONTINUED, CLOSE = 1, 0, 8
NO_MASK = b"\0\0\0\0"
"""A client has to mask what it sends; with zeros it stays as it is."""

FRAGMENT = 1024 * 1024


@asynccontextmanager
async def raw_socket(
    url: str, cookie: str = ""
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A socket of the page at `url` whose handshake is done."""
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    lines = [
        f"GET /_event/?token={uuid.uuid4()}&EIO=4&transport=websocket HTTP/1.1",
        f"Host: {parts.netloc}",
        f"Origin: {url}",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        *([f"Cookie: {cookie}"] if cookie else []),
    ]
    try:
        writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
        head = await reader.readuntil(b"\r\n\r\n")
        if b" 101 " not in head.splitlines()[0]:
            raise ConnectionRefusedError(head.splitlines()[0].decode())
        yield reader, writer
    finally:
        writer.transport.abort()


def frame(payload: bytes, kind: int = TEXT, *, is_last: bool = True) -> bytes:
    """One frame, masked as a client's must be."""
    return _head(len(payload), kind, is_last=is_last) + payload


async def send_unfinished(writer: asyncio.StreamWriter, size: int) -> None:
    """Send `size` bytes of a message in fragments, of which none is the last."""
    for sent in range(0, size, FRAGMENT):
        piece = b"4" * min(FRAGMENT, size - sent)
        writer.write(frame(piece, CONTINUED if sent else TEXT, is_last=False))
        await writer.drain()


async def closing_code(reader: asyncio.StreamReader) -> int | None:
    """Read until the server closes; the code of its close frame, None if it only hung up."""
    try:
        while True:
            first, second = await reader.readexactly(2)
            size = second & 127
            if size > 125:
                size = int.from_bytes(await reader.readexactly(2 if size == 126 else 8))
            payload = await reader.readexactly(size)
            if first & 15 == CLOSE:
                return int.from_bytes(payload[:2]) if len(payload) > 1 else None
    except (asyncio.IncompleteReadError, ConnectionError):
        return None


def _head(size: int, kind: int, *, is_last: bool) -> bytes:
    first = bytes([(128 if is_last else 0) | kind])
    if size < 126:
        return first + bytes([128 | size]) + NO_MASK
    if size < 65_536:
        return first + bytes([128 | 126]) + size.to_bytes(2) + NO_MASK
    return first + bytes([128 | 127]) + size.to_bytes(8) + NO_MASK
