"""The engine's promises at full size, in virtual time: each scenario is a process of its own."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from tests.bench.report import Section

PICTURES = Path(__file__).resolve().parents[2] / "docs" / "benchmarks"
SCENARIOS = ("one-account", "account-per-customer", "burst", "feed-dead")


async def sections() -> list[Section]:
    """A table with a row for each scenario, and pictures beside the report."""
    section = Section(
        "100,000 zones in virtual time",
        "`python -m cloudcache simulate --scenario NAME`: the real planner, queue rules, budget and feed reader "
        "against a model of Cloudflare whose log is 5 seconds late; one change made elsewhere per zone and day. "
        "one-account is a week on one token, account-per-customer six hours with 2,000 open pages at one address. "
        "Waits and ages in seconds; the pictures are in [benchmarks](benchmarks).",
        (
            "scenario",
            "breaches",
            "most calls/s",
            "most in 300 s per token",
            "detection p50 / p95",
            "write wait p99",
            "open page's age p95",
            "feeds within",
            "drained: planned / took",
            "ages that lied",
            "ran in s",
            "MB",
        ),
    )
    for name in SCENARIOS:
        section.add(*_row(await _simulate(name)))
    return [section]


async def _simulate(name: str) -> dict:
    command = ["-m", "cloudcache", "simulate", "--scenario", name, "--json", "--plot", str(PICTURES)]
    process = await asyncio.create_subprocess_exec(sys.executable, *command, stdout=asyncio.subprocess.PIPE)
    printed, _ = await process.communicate()
    found: dict = json.loads(printed)
    return found


def _row(found: dict) -> tuple[str, ...]:
    delay, planned = found["detection_delay_s"], found["predicted_drain_s"]
    drained = f"{planned:,.0f} / {found['drained_s'] or 0:,.0f}" if planned else "–"
    return (
        found["scenario"],
        str(found["breaches"]),
        str(found["most_calls_in_a_second"]),
        str(found["most_calls_in_300_s"]),
        f"{delay['p50']:.0f} / {delay['p95']:.0f}",
        f"{found['write_wait_s']['p99']:.2f}",
        f"{found['age_s']['watched']['p95']:.0f}",
        f"{found['feeds_looked_at_within_s']:,.0f}",
        drained,
        str(found["untruthful"]),
        f"{found['wall_s']:.0f}",
        f"{found['peak_mb']:.0f}",
    )
