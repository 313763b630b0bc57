"""What signed-in pages notice of a thousand sockets before sign-in.

python -m tests.bench.hostile URL     opens the sockets, and ends
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from dataclasses import dataclass

from tests.bench.report import Section, ms, percentile
from tests.load.page import Page, mentions
from tests.load.processes import cost
from tests.load.stage import Stage, embedded
from tests.support.raw_socket import TEXT, frame, raw_socket

PAGES = 50
EVENTS = 500
SOCKETS = 1_000
AT_ONCE = 50
KINDS = (b"", b"\x81", frame(b"4" * 60_000, TEXT, is_last=False), frame(b"4" * (64 * 1024 + 1), TEXT))
"""Silent, unfinished, a message that does not end, and one that is too long."""


@dataclass(frozen=True)
class Measured:
    """Of events that pages send one after the other, and of the process."""

    p50_s: float
    p99_s: float
    grown_mb: float


async def sections() -> list[Section]:
    """Before and during the attack, in one run."""
    before, during = await asyncio.to_thread(_run)
    section = Section(
        "A thousand hostile sockets",
        f"One web process on SQLite with {PAGES} open pages, which send {EVENTS} events one after the other: first "
        f"alone, then while another process opens {SOCKETS:,} sockets, {AT_ONCE} at a time, which say nothing, half "
        "a frame, a message that does not end, or one that is too long. All of it on the same two cores.",
        ["", "event p50", "event p99", "the process grew by"],
    )
    for name, found in (("alone", before), ("during the attack", during)):
        section.add(name, ms(found.p50_s), ms(found.p99_s), f"{found.grown_mb:+.1f} MB")
    return [section]


def _run() -> tuple[Measured, Measured]:
    with embedded(PAGES) as stage:
        return asyncio.run(_measured(stage))


async def _measured(stage: Stage) -> tuple[Measured, Measured]:
    pages = [Page(shop.name, shop.cookie) for shop in stage.fleet.first(PAGES)]
    for page in pages:
        await page.connect(stage.url)
    await _events(pages)  # what is made once
    held = cost(stage.web).pss
    before = _measure(await _events(pages), held, stage)
    attack = await asyncio.create_subprocess_exec(sys.executable, "-m", "tests.bench.hostile", stage.url)
    times = []
    grown = cost(stage.web).pss
    while attack.returncode is None:
        times += await _events(pages)
        await asyncio.sleep(0)  # the end of the process is noticed here
    during = _measure(times, grown, stage)
    for page in pages:
        page.close()
    return before, during


def _measure(times: list[float], held_before: int, stage: Stage) -> Measured:
    grown = (cost(stage.web).pss - held_before) / 2**20
    return Measured(percentile(times, 0.5), percentile(times, 0.99), grown)


async def _events(pages: list[Page]) -> list[float]:
    times = []
    for number in range(EVENTS):
        page, chip = pages[number % PAGES], ("IMAGES", "all")[number // PAGES % 2]
        times.append(await page.send_until("show", {"chip": chip}, mentions(f'"chip_rx_state_":"{chip}"')))
    return times


async def attack(url: str) -> None:
    """Open the sockets, each kept for a second."""
    numbers = iter(range(SOCKETS))

    async def go_on() -> None:
        for number in numbers:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                async with raw_socket(url) as (_, writer):
                    writer.write(KINDS[number % len(KINDS)])
                    await writer.drain()
                    await asyncio.sleep(1)

    await asyncio.gather(*(go_on() for _ in range(AT_ONCE)))


if __name__ == "__main__":
    asyncio.run(attack(sys.argv[1]))
