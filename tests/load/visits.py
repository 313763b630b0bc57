"""`python -m tests.load.visits`: a hundred people open the page at the same moment, over HTTP, from nothing.

A visit is what a browser with an empty cache does: the document, every script and style it names, the socket, and the
page's values on it. The files come as they are served, packed.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import time
from collections.abc import Sequence

import httpx

from tests.bench.report import percentile
from tests.load.crowd import Times
from tests.load.figures import allow_many_files
from tests.load.page import Page
from tests.load.processes import cost
from tests.load.stage import Stage, embedded

PEOPLE = 100
PARALLEL = 6
"""Connections that a browser opens to one host."""

_FILE = re.compile(r'(?:src|href)="(/[^"]+\.(?:js|css))"')


async def visit(stage: Stage, page: Page, documents: Times, sizes: list[int]) -> float:
    """One whole visit; seconds."""
    began = time.perf_counter()
    limits = httpx.Limits(max_connections=PARALLEL)
    headers = {"Cookie": page.cookie, "Accept": "text/html"}
    async with httpx.AsyncClient(
        base_url=stage.url, limits=limits, headers=headers, timeout=60, trust_env=False, verify=False
    ) as client:
        document = (await client.get("/")).raise_for_status()
        documents.taken.append(time.perf_counter() - began)
        files = sorted(set(_FILE.findall(document.text)))
        answers = await asyncio.gather(*(client.get(file) for file in files))
        sizes.append(
            document.num_bytes_downloaded
            + sum(one.raise_for_status().num_bytes_downloaded for one in answers)
        )
    await page.connect(stage.url, 60)
    return time.perf_counter() - began


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
