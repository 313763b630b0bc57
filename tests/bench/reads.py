"""Reads of the REST API by many callers, beside a bare route that asks SQLite for fifty rows at each call."""

from __future__ import annotations

import asyncio
import json
import sys

from tests.bench.report import Section


async def sections() -> list[Section]:
    """One process on SQLite and one on Postgres, each with 1, 20 and 100 callers."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.load.reads", stdout=asyncio.subprocess.PIPE
    )
    printed, _ = await process.communicate()
    rows = json.loads(printed)
    section = Section(
        "Reads of the REST API",
        "`GET /api/v1/optimizations` with an API token, 50 settings in each answer, and the bare route: Starlette, "
        "one `sqlite3` query of 50 rows, as much JSON. One web process each; the callers are another process on the "
        "same two cores.",
        [
            "server",
            "callers",
            "answers",
            "a second",
            "of the bare route",
            "p50",
            "p99",
            "processor time for each",
        ],
    )
    bare = {row["callers"]: row for row in rows if row["server"] == "bare route"}
    for row in rows:
        ratio = row["per_second"] / bare[row["callers"]]["per_second"]
        section.add(
            row["server"],
            f"{row['callers']}",
            row["answers"],
            f"{row['per_second']:.0f}",
            f"{ratio:.2f}",
            f"{row['p50_ms']:.1f} ms",
            f"{row['p99_ms']:.1f} ms",
            f"{row['cpu_ms']:.2f} ms",
        )
    return [section]
