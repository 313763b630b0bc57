"""What live sessions cost, from a hundred to as many as the machine holds; the runs are kept in `sessions.json`, so
that one size can be measured anew: `CLOUDCACHE_BENCH_SESSIONS="1000 3000" python -m tests.bench sessions`."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any, TypeAlias

import pygal
from pygal.style import CleanStyle

from tests.bench.fragments import PARTS
from tests.bench.report import Section

SIZES = (100, 300, 1_000, 3_000, 10_000)
SHARED = ("1000s",)
"""On two web workers; the letter marks them."""

TWO = ", two web workers"
KEPT = PARTS / "sessions.json"
EMBEDDED_HOW = (
    "`python -m tests.load N`: N tabs (two of each shop, 50 of one; one in twenty shows the history) on"
    " the embedded server with SQLite and the engine inside, against a pretend Cloudflare in a process "
    "of its own that takes 150 ms to answer. They connect 24 at a time, then do nothing for 35 s, then "
    "100 events a second arrive for 40 s (31 s each with 10,000): searches, sections, histories, and 10 flips a "
    "second. Server, tabs and Cloudflare share two cores. Memory is what the web processes grew by, per session. "
    "![memory and processor](benchmarks/sessions-cost.svg) ![waiting](benchmarks/sessions-waits.svg)"
)
SHARED_HOW = (
    "`python -m tests.load N --shared`: two web workers behind one port, a sync worker, Postgres, Valkey, the tabs "
    "and the pretend Cloudflare, all on two cores. Pages stay in the worker that "
    "holds their socket; Valkey carries what one process tells the others."
)
Run: TypeAlias = dict[str, Any]


async def sections() -> list[Section]:
    """Measure the sizes that are asked for (all by default), and tell of all."""
    chosen = os.environ.get("CLOUDCACHE_BENCH_SESSIONS", "").split() or [*map(str, SIZES), *SHARED]
    runs: dict[str, Run] = json.loads(KEPT.read_text()) if KEPT.exists() else {}
    for size in chosen:
        runs[size] = await _run(size)
        KEPT.write_text(json.dumps(runs, indent=1, sort_keys=True) + "\n")
    ordered = sorted(runs, key=lambda key: int(key.removesuffix("s")))
    return report(
        [runs[key] for key in ordered if not key.endswith("s")],
        [runs[key] for key in ordered if key.endswith("s")],
        PARTS,
    )


async def _run(size: str) -> Run:
    kind = ["--shared"] if size.endswith("s") else []
    count = size.removesuffix("s")
    shorter = (
        ["--idle", "31", "--live", "31"] if int(count) >= 10_000 else []
    )  # longer than a round all the same
    command = ["-m", "tests.load", count, "--json", *kind, *shorter]
    process = await asyncio.create_subprocess_exec(sys.executable, *command, stdout=asyncio.subprocess.PIPE)
    printed, _ = await process.communicate()
    found: Run = json.loads(printed)
    return found


def report(runs: list[Run], shared: list[Run], folder: Path) -> list[Section]:
    """The tables; the pictures go to `folder`."""
    _draw(runs, folder)
    found = [_costs(runs, "Live sessions on one web process", EMBEDDED_HOW), _waits(runs), _fanout(runs)]
    if shared:
        title = "The same on two web workers with Postgres and Valkey"
        found += [_costs(shared, title, SHARED_HOW), _waits(shared, TWO), _fanout(shared, TWO)]
    return found


def _costs(runs: list[Run], title: str, how: str) -> Section:
    section = Section(
        title,
        how,
        (
            "sessions",
            "still open at the end",
            "KB per session",
            "connects/s",
            "processor per connect",
            "cores, idle",
            "cores, 100 events/s",
            "bytes to load a page",
            "the tabs' own cores",
        ),
    )
    for run in runs:
        section.add(
            f"{run['sessions']:,}",
            f"{run['still_open']:,}",
            f"{run['kb_per_session']:.0f}",
            f"{run['connects_per_s']:.0f}",
            f"{run['connect_cpu_ms']:.1f} ms",
            f"{run['idle_cores']:.3f}",
            f"{run['live_cores']:.2f}",
            f"{run['hydrate_bytes']:,.0f}",
            f"{run['client_cores']:.2f}",
        )
    return section


def _waits(runs: list[Run], where: str = "") -> Section:
    section = Section(
        f"How long an event takes with so many sessions{where}",
        "From leaving the tab to the update that answers it, in the runs above; a flip is answered twice, "
        "pending and confirmed by Cloudflare. Aim with 1,000 sessions: p99 under 50 ms.",
        ("sessions", "events p50", "events p99", "flips confirmed p50", "p99", "lost", "loading p99"),
    )
    for run in runs:
        section.add(
            f"{run['sessions']:,}",
            f"{run['event_p50_ms']:.1f} ms",
            f"{run['event_p99_ms']:.0f} ms",
            f"{run['confirmed_p50_ms']:.0f} ms",
            f"{run['confirmed_p99_ms']:.0f} ms",
            str(run["lost"]),
            f"{run['load_p99_ms']:.0f} ms",
        )
    return section


def _fanout(runs: list[Run], where: str = "") -> Section:
    section = Section(
        f"A change made elsewhere, on all open pages{where}",
        "Ten changes in Cloudflare's dashboard, the first of them in the shop that 50 tabs show. Detection "
        "ends when the change is in the database: the account's log is looked at every 15 s while a page is"
        " open. Aim from then on, p95: 500 ms.",
        ("sessions", "known to every page p50", "p95", "most tabs of one shop", "too late", "detection p50"),
    )
    for run in runs:
        section.add(
            f"{run['sessions']:,}",
            f"{run['spread_p50_ms']:.0f} ms",
            f"{run['spread_p95_ms']:.0f} ms",
            str(run["widest"]),
            str(run["late"]),
            f"{run['detection_p50_s']:.1f} s",
        )
    return section


def _draw(runs: list[Run], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    costs = _chart("What so many sessions cost", "MB, and percent of a core", runs)
    costs.add("MB in all", [run["kb_per_session"] * run["sessions"] / 1024 for run in runs])
    costs.add("idle: % of a core", [run["idle_cores"] * 100 for run in runs])
    costs.add("100 events/s: % of a core", [run["live_cores"] * 100 for run in runs])
    (folder / "sessions-cost.svg").write_bytes(costs.render())
    waits = _chart("How long an event takes", "milliseconds", runs)
    for name, key in (
        ("p50", "event_p50_ms"),
        ("p99", "event_p99_ms"),
        ("change elsewhere to page, p95", "spread_p95_ms"),
    ):
        waits.add(name, [run[key] for run in runs])
    (folder / "sessions-waits.svg").write_bytes(waits.render())


def _chart(title: str, unit: str, runs: list[Run]) -> pygal.Line:
    chart = pygal.Line(
        title=title,
        x_title="sessions",
        y_title=unit,
        js=(),
        style=CleanStyle,
        width=900,
        height=360,
        legend_at_bottom=True,
        logarithmic=True,
    )
    chart.x_labels = [f"{run['sessions']:,}" for run in runs]
    return chart
