"""`make bench`: measures what the project claims, prints it, and writes `docs/benchmarks.md`.

Each section is one run on this machine; ratios are taken between figures of the same run, since absolute times
move with the machine. `python -m tests.bench NAME ...` measures only those parts and leaves the other sections as
they were written. Nothing here is a test: nothing fails for being slow.
"""

from __future__ import annotations

import asyncio
import os
import platform
import re
import sys
from collections.abc import Awaitable, Callable
from datetime import date
from pathlib import Path

from tests.bench import bulk, database, engine, page, postgres, simulation, startup
from tests.bench.report import Section

TARGET = Path(__file__).resolve().parents[2] / "docs" / "benchmarks.md"
CUSTOMERS = int(os.environ.get("CLOUDCACHE_BENCH_CUSTOMERS", "100000"))

PARTS: dict[str, Callable[[], Awaitable[list[Section]]]] = {
    "database": lambda: _one(database.page_from_many_rows(CUSTOMERS)),
    "postgres": lambda: postgres.sections(CUSTOMERS),
    "bulk": lambda: bulk.sections(CUSTOMERS),
    "page": page.sections,
    "startup": lambda: _one(startup.warm_start()),
    "engine": engine.sections,
    "simulation": simulation.sections,
}


async def _one(section: Awaitable[Section]) -> list[Section]:
    return [await section]


async def measure(names: list[str]) -> list[Section]:
    """The sections of these parts, one after the other, so that they do not disturb each other."""
    return [section for name in names for section in await PARTS[name]()]


def merged(before: str, sections: list[Section]) -> str:
    """What was written before, with these sections in the place of those of the same title, or at the end."""
    kept = {_title(one): one for one in re.split(r"(?m)^(?=## )", before) if one.startswith("## ")}
    kept |= {section.title: section.markdown() for section in sections}
    return "\n".join(one.strip("\n") + "\n" for one in kept.values())


def _title(section: str) -> str:
    return section.splitlines()[0].removeprefix("## ")


def main() -> None:
    names = sys.argv[1:] or list(PARTS)
    if unknown := [name for name in names if name not in PARTS]:
        raise SystemExit(f"no such part: {', '.join(unknown)}; there are {', '.join(PARTS)}")
    sections = asyncio.run(measure(names))
    head = [
        "# Benchmarks",
        "",
        f"Written by `make bench`, last on {date.today().isoformat()}: {os.cpu_count()} cores "
        f"({platform.machine()}), Python {platform.python_version()}, {platform.system()}; server, browser and "
        "pretend Cloudflare all on that machine. Compare ratios before absolute times.",
        "",
    ]
    before = TARGET.read_text() if sys.argv[1:] and TARGET.exists() else ""
    TARGET.write_text("\n".join(head) + "\n" + merged(before, sections))
    sys.stdout.write("\n".join(section.markdown() for section in sections))


main()
