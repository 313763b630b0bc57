"""From `make run`, with everything installed, to a page that can be used."""

from __future__ import annotations

import asyncio
import time

from tests.bench.report import Section
from tests.support.server import reflex_run


async def warm_start() -> Section:
    """The command that `make run` ends in, compiling included; the second start counts."""
    taken = [await asyncio.to_thread(_start) for _ in range(2)]
    section = Section(
        "From `make run` to a usable page",
        "`reflex run --env prod` with packages installed, compile and build included, until the page answers.",
        ["first", "second"],
    )
    section.add(*(f"{seconds:.1f} s" for seconds in taken))
    return section


def _start() -> float:
    began = time.monotonic()
    with reflex_run():
        return time.monotonic() - began
