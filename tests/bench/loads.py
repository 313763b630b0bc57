"""A hundred page loads at once, over HTTP and the socket."""

from __future__ import annotations

import asyncio
import json
import sys

from tests.bench.report import Section


async def sections() -> list[Section]:
    """One alone, then a hundred together, on one embedded server."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.load.visits", stdout=asyncio.subprocess.PIPE
    )
    printed, _ = await process.communicate()
    one, many = json.loads(printed)
    section = Section(
        f"{many['people']:.0f} page loads at once",
        "With an empty cache: the document, its scripts and styles (six connections each), the socket, the shop's "
        "values. One web process on SQLite; the visitors are another process on the same two cores.",
        ["", "alone", f"{many['people']:.0f} at once"],
    )
    section.add("lost", f"{one['lost']:.0f}", f"{many['lost']:.0f}")
    section.add("the server's processor time for each", f"{one['cpu_ms']:.0f} ms", f"{many['cpu_ms']:.0f} ms")
    for name, key in (
        ("document, p50", "document_p50_ms"),
        ("document, p95", "document_p95_ms"),
        ("page with its values, p50", "whole_p50_ms"),
        ("page with its values, p95", "whole_p95_ms"),
    ):
        section.add(name, f"{one[key]:.0f} ms", f"{many[key]:.0f} ms")
    section.add("all of them", f"{one['wall_s']:.2f} s", f"{many['wall_s']:.2f} s")
    section.add("downloaded by each", f"{one['kb']:.0f} KB", f"{many['kb']:.0f} KB")
    return [section]
