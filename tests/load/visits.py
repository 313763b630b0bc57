"""`python -m tests.load.visits`: a hundred people open the page at the same moment, over HTTP, from nothing.

A visit is what a browser with an empty cache does: the document, every script and style it names, the socket, and the
page's values on it. The files come as they are served, packed.
"""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import re
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from tests.bench.report import percentile
from tests.load.crowd import Times
from tests.load.figures import allow_many_files
from tests.load.page import Page
from tests.load.processes import cost
from tests.load.stage import Stage, embedded

PEOPLE = 100
PARALLEL = 6
"""Connections that a browser opens to one host."""

PACKED = ("Accept-Encoding: gzip",)
_LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")
_FILE = re.compile(r'(?:src|href)="(/[^"]+\.(?:js|css))"')


@dataclass(slots=True)
class Browser:
    """Fetches over a few connections that stay open, and parses hardly anything: it shares two cores with the server.
    An `httpx` client in its place took as long as the server."""

    url: str
    cookie: str
    downloaded: int = 0
    _free: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = field(default_factory=list)

    async def fetch(self, paths: Sequence[str]) -> list[bytes]:
        """The bodies, unpacked, in no order; each must be answered 200."""
        left, bodies = iter(paths), list[bytes]()

        async def take() -> None:
            reader, writer = self._free.pop() if self._free else await self._connected()
            for path in left:
                bodies.append(await self._get(path, reader, writer))
            self._free.append((reader, writer))

        await asyncio.gather(*(take() for _ in range(min(PARALLEL, len(paths)))))
        return bodies

    async def close(self) -> None:
        """End the connections."""
        for _, writer in self._free:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        where = urlsplit(self.url)
        return await asyncio.open_connection(where.hostname, where.port)

    async def _get(self, path: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        host = urlsplit(self.url).netloc
        lines = (
            f"GET {path} HTTP/1.1",
            f"Host: {host}",
            f"Cookie: {self.cookie}",
            "Accept: text/html",
            *PACKED,
        )
        writer.write("\r\n".join((*lines, "", "")).encode())
        head = await reader.readuntil(b"\r\n\r\n")
        length = _LENGTH.search(head)
        if not head.startswith(b"HTTP/1.1 200") or length is None:
            raise ConnectionError(f"{path}: {head[:80]!r}")
        body = await reader.readexactly(int(length[1]))
        self.downloaded += len(body)
        return gzip.decompress(body) if b"\r\ncontent-encoding: gzip" in head.lower() else body


async def visit(stage: Stage, page: Page, documents: Times, sizes: list[int]) -> float:
    """One whole visit; seconds."""
    began = time.perf_counter()
    browser = Browser(stage.url, page.cookie)
    (document,) = await browser.fetch(["/"])
    documents.taken.append(time.perf_counter() - began)
    await browser.fetch(sorted(set(_FILE.findall(document.decode()))))
    sizes.append(browser.downloaded)
    await page.connect(stage.url, 60)
    took = time.perf_counter() - began
    await browser.close()
    return took


async def visits(stage: Stage, people: int) -> dict[str, float]:
    """So many at once."""
    pages = [Page(shop.name, shop.cookie) for shop in stage.fleet.first(people)]
    documents, whole, sizes = Times(), Times(), []
    before = cost(stage.web)
    await asyncio.gather(*(whole.note(visit(stage, page, documents, sizes)) for page in pages))
    after = cost(stage.web)
    for page in pages:
        page.close()
    return {
        "people": people,
        "lost": whole.lost,
        "wall_s": after.at - before.at,
        "document_p50_ms": percentile(documents.taken, 0.5) * 1000,
        "document_p95_ms": percentile(documents.taken, 0.95) * 1000,
        "whole_p50_ms": percentile(whole.taken, 0.5) * 1000,
        "whole_p95_ms": percentile(whole.taken, 0.95) * 1000,
        "kb": percentile(sizes, 0.5) / 1024,
        "cpu_ms": (after.cpu_s - before.cpu_s) / people * 1000,
    }


def main(people: Sequence[int] = (1, PEOPLE)) -> None:
    allow_many_files()
    with embedded(max(people) + 1) as stage:
        asyncio.run(visits(stage, 1))  # what is done once in a process's life
        found = [asyncio.run(visits(stage, one)) for one in people]
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
