"""`make bench`: measures what the project claims, prints it, and writes `docs/benchmarks.md`.

Each section is one run on this machine; ratios are taken between figures of the same run, since absolute times
move with the machine. Nothing here is a test: nothing fails for being slow.
"""

from __future__ import annotations

import asyncio
import os
import platform
import sys
from datetime import date
from pathlib import Path

from tests.bench import database, engine, page, simulation, startup
from tests.bench.report import Section

TARGET = Path(__file__).resolve().parents[2] / "docs" / "benchmarks.md"


async def measure() -> list[Section]:
    """All sections, one after the other, so that they do not disturb each other."""
    customers = int(os.environ.get("CLOUDCACHE_BENCH_CUSTOMERS", "100000"))
    return [
        await database.page_from_many_rows(customers),
        *await page.sections(),
        await startup.warm_start(),
        *await engine.sections(),
        *await simulation.sections(),
    ]


def main() -> None:
    sections = asyncio.run(measure())
    head = [
        "# Benchmarks",
        "",
        f"Written by `make bench` on {date.today().isoformat()}: {os.cpu_count()} cores ({platform.machine()}), "
        f"Python {platform.python_version()}, {platform.system()}; server, browser and pretend Cloudflare all on "
        "that machine. Compare ratios before absolute times.",
        "",
    ]
    text = "\n".join(head) + "\n".join(section.markdown() for section in sections)
    TARGET.write_text(text)
    sys.stdout.write(text)


main()
