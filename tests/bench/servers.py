"""What a socket costs on each server that can run the pages, and what a flood of too long messages does to it."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.bench.report import Section, ms, percentile
from tests.load.page import Page, mentions
from tests.load.processes import cost
from tests.load.stage import Stage, embedded
from tests.support.raw_socket import raw_socket, send_unfinished

TABS = int(os.environ.get("CLOUDCACHE_BENCH_TABS", "400"))
EVENTS = 1_000
FLOOD = 20
FLOOD_BYTES = 56 * 1024 * 1024
FLOOD_S = 5

GRANIAN = """
import cloudcache.web.serve as module
from reflex.utils.exec import run_granian_backend_prod
def serve(host, port):
    import os
    os.environ.update(module.MODE)
    run_granian_backend_prod(host, port, __import__("reflex").constants.LogLevel.ERROR)
module.serve = serve
"""
UVICORN = """
import uvicorn
make = uvicorn.Config
uvicorn.Config = lambda target, **given: make(target, **(given | {changes}))
"""
SERVERS = {
    "Granian": GRANIAN,
    "uvicorn, wsproto": UVICORN.format(changes={"ws": "wsproto", "ws_per_message_deflate": False}),
    "uvicorn, wsproto, deflate": UVICORN.format(changes={"ws": "wsproto", "ws_per_message_deflate": True}),
    "uvicorn, websockets": UVICORN.format(changes={"ws": "websockets", "ws_per_message_deflate": False}),
    "uvicorn, websockets-sansio": UVICORN.format(
        changes={"ws": "websockets-sansio", "ws_per_message_deflate": False}
    ),
}


@dataclass(frozen=True)
class Measured:
    """Of one server: per tab, per event, and under the flood."""

    kb_per_tab: float
    connect_cpu_ms: float
    p50_s: float
    p99_s: float
    event_cpu_ms: float
    flood_mb: float


async def sections() -> list[Section]:
    """One server after the other, each with the whole program."""
    section = Section(
        "Servers for the sockets",
        f"The whole program, embedded, with SQLite. {TABS} tabs connect 24 at a time (bytes by which the process "
        f"grew, its processor time), then {EVENTS:,} events one after the other from tabs in turn, then {FLOOD} "
        f"connections that nobody signed in on send {FLOOD_BYTES >> 20} MiB each of a message that does not end (the "
        "most that the process grew).",
        ["server", "KB per tab", "CPU per connect", "event p50", "event p99", "CPU per event", "flood"],
    )
    for name, first in SERVERS.items():
        found = await asyncio.to_thread(_run, first)
        section.add(
            name,
            f"{found.kb_per_tab:.0f}",
            f"{found.connect_cpu_ms:.1f} ms",
            ms(found.p50_s),
            ms(found.p99_s),
            f"{found.event_cpu_ms:.2f} ms",
            f"{found.flood_mb:+.0f} MB",
        )
    return [section]


def _run(first: str) -> Measured:
    with embedded(TABS // 2 + 1, first=first) as stage:
        return asyncio.run(_measured(stage))


async def _measured(stage: Stage) -> Measured:
    shops = stage.fleet.first(TABS // 2 + 1)
    await _opened([Page(shops[-1].name, shops[-1].cookie) for _ in range(24)], stage.url)  # what is made once
    before = cost(stage.web)
    pages = [Page(shops[n // 2].name, shops[n // 2].cookie) for n in range(TABS)]
    await _opened(pages, stage.url)
    after = cost(stage.web)
    times = []
    for n in range(EVENTS):
        page, chip = pages[n % TABS], ("IMAGES", "all")[n // TABS % 2]
        times.append(await page.send_until("show", {"chip": chip}, mentions(f'"chip_rx_state_":"{chip}"')))
    worked = cost(stage.web)
    _forget_peak(stage.web)
    await asyncio.gather(*(_flood(stage.url) for _ in range(FLOOD)))
    highest = _peak(stage.web)
    for page in pages:
        page.close()
    return Measured(
        (after.pss - before.pss) / TABS / 1024,
        (after.cpu_s - before.cpu_s) / TABS * 1000,
        percentile(times, 0.5),
        percentile(times, 0.99),
        (worked.cpu_s - after.cpu_s) / EVENTS * 1000,
        (highest - worked.rss) / 2**20,
    )


async def _opened(pages: Sequence[Page], url: str) -> None:
    left = iter(pages)

    async def take() -> None:
        for page in left:
            await page.connect(url)

    await asyncio.gather(*(take() for _ in range(24)))


async def _flood(url: str) -> None:
    """One connection without a sign-in that sends all of one message but its end, as far as the server takes it."""
    async with raw_socket(url) as (reader, writer):
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(FLOOD_S):
                await send_unfinished(writer, FLOOD_BYTES)
                await reader.read()


def _forget_peak(pids: Sequence[int]) -> None:
    for pid in pids:
        Path(f"/proc/{pid}/clear_refs").write_text("5")


def _peak(pids: Sequence[int]) -> int:
    """The most memory that the processes have held since `_forget_peak`, in bytes."""
    lines = [line for pid in pids for line in Path(f"/proc/{pid}/status").read_text().splitlines()]
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))
