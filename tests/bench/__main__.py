"""`make bench`: measures what the project claims, prints it, and writes `docs/benchmarks.md`.

    python -m tests.bench                 everything, one after the other
    python -m tests.bench page sessions   these parts; the others keep their figures and their dates

Each section is one run on this machine; ratios are taken between figures of the same run, since absolute times
move with the machine. Nothing here is a test: nothing fails for being slow.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable

from tests.bench import (
    bulk,
    database,
    engine,
    fragments,
    hanging,
    hostile,
    loads,
    page,
    postgres,
    reads,
    reconnects,
    servers,
    sessions,
    simulation,
    startup,
)
from tests.bench.report import Section

CUSTOMERS = int(os.environ.get("CLOUDCACHE_BENCH_CUSTOMERS", "100000"))


async def _one(section: Awaitable[Section]) -> list[Section]:
    return [await section]


PARTS: dict[str, Callable[[], Awaitable[list[Section]]]] = {
    "database": lambda: _one(database.page_from_many_rows(CUSTOMERS)),
    "postgres": lambda: postgres.sections(CUSTOMERS),
    "bulk": lambda: bulk.sections(CUSTOMERS),
    "page": page.sections,
    "startup": lambda: _one(startup.warm_start()),
    "servers": servers.sections,
    "sessions": sessions.sections,
    "reconnects": reconnects.sections,
    "loads": loads.sections,
    "reads": reads.sections,
    "hanging": hanging.sections,
    "hostile": hostile.sections,
    "engine": engine.sections,
    "simulation": simulation.sections,
}
"""In the order of the report."""


def main() -> None:
    chosen = sys.argv[1:] or list(PARTS)
    unknown = [name for name in chosen if name not in PARTS]
    if unknown:
        raise SystemExit(f"no such part: {', '.join(unknown)}; there are {', '.join(PARTS)}")
    for name in chosen:
        load = os.getloadavg()[0]
        measured = asyncio.run(PARTS[name]())
        fragments.write(name, measured, load)
        fragments.assemble(list(PARTS))
        sys.stdout.write("\n".join(section.markdown() for section in measured))


main()
