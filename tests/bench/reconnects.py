"""How many tabs that come back before their old socket was noticed to be dead keep what they showed."""

from __future__ import annotations

import asyncio
import os

from tests.bench.report import Section, percentile
from tests.load.page import Page, mentions
from tests.load.stage import Stage, embedded

TABS = int(os.environ.get("CLOUDCACHE_BENCH_RECONNECTS", "1000"))
AT_ONCE = 24
SEARCH = "polish"
SEARCHED = f'"query_rx_state_":"{SEARCH}"'


class ReturningTab(Page):
    """A tab that notes whether its state came back with it."""

    kept = False

    def take(self, text: str) -> None:
        self.kept = self.kept or SEARCHED in text
        super().take(text)


async def sections() -> list[Section]:
    """All tabs search, fall silent without closing their sockets, and come back with their tokens."""
    section = Section(
        f"{TABS:,} tabs that come back over a second socket",
        f"The whole program, embedded, with SQLite. Each tab has a search typed in. Then it reads nothing more from "
        f"its socket, which stays open, and connects again with the same token, {AT_ONCE} at a time. Kept: its "
        "search is in what it loads. Loading takes 2 s longer than otherwise: the time that the old socket has to "
        "answer a ping.",
        ["tabs", "kept", "loaded again p50", "p99"],
    )
    kept, times = await asyncio.to_thread(_run)
    section.add(
        f"{TABS:,}", f"{kept:,}", f"{percentile(times, 0.5):.1f} s", f"{percentile(times, 0.99):.1f} s"
    )
    return [section]


def _run() -> tuple[int, list[float]]:
    with embedded(TABS) as stage:
        return asyncio.run(_measured(stage))


async def _measured(stage: Stage) -> tuple[int, list[float]]:
    left = iter(stage.fleet.first(TABS))
    kept: list[bool] = []
    times: list[float] = []
    pages: list[Page] = []

    async def fall_silent_and_return() -> None:
        for shop in left:
            old = Page(shop.name, shop.cookie)
            await old.connect(stage.url)
            await old.send_until("search", {"text": SEARCH}, mentions(SEARCHED))
            old.stop_reading()
            new = ReturningTab(shop.name, shop.cookie)
            new.token = old.token
            times.append(await new.connect(stage.url))
            kept.append(new.kept)
            pages.extend([old, new])

    await asyncio.gather(*(fall_silent_and_return() for _ in range(AT_ONCE)))
    for page in pages:
        page.close()
    return sum(kept), times
