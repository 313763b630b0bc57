"""`python -m tests.load.hanging`: open tabs of which some hang, and what the others notice of it, in one run.

    some        hold the lock of their own state: a handler of theirs never returns
    some        take nothing from their socket any more
    some        wait, in Connect, for a token that Cloudflare has blocked for five minutes

The others do the same before and after these begin to hang; the ratio of both times says what it costs them. A tab
that waits for the blocked token is then loaded anew under its own token, as a browser does that is told to reload.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from dataclasses import asdict, dataclass

import httpx

from tests.bench.report import percentile
from tests.load.crowd import Crowd
from tests.load.figures import EVENTS, allow_many_files
from tests.load.page import Page, mentions
from tests.load.stage import Stage, embedded
from tests.support.page_socket import ROOT

CONNECT = f"{ROOT}.cloudcache___ui___states___connect____connect"
BUSY = mentions('"busy_rx_state_":"again"')
NEVER = "never"
NEVER_RETURNS = f"""
import asyncio
from cloudcache.ui.states.grid import Grid
_who = Grid._who
async def who(self):
    if self.query == "{NEVER}":
        await asyncio.Event().wait()
    return await _who(self)
Grid._who = who
"""
"""Makes each handler of a tab that has searched for this word hang, with the tab's state locked."""


@dataclass
class Hanging:
    """What one run measured, in milliseconds."""

    tabs: int
    hanging: int
    lost: int
    p50_before_ms: float
    p99_before_ms: float
    p50_ms: float
    p99_ms: float
    p99_ratio: float
    reload_ms: float


async def run(
    stage: Stage, tabs: int, *, silent: int, seconds: float, events: float, flips: float
) -> Hanging:
    """Measure the others, make so many tabs hang, measure again, and load one of those that wait anew."""
    crowd = Crowd.of(stage, tabs, hot=2)
    arrival = await crowd.arrive()
    waiting, rest = _of_one_token(stage, crowd)
    locked, deaf = rest[:silent], rest[silent : 2 * silent]
    chosen = [*waiting, *locked, *deaf]
    others = Crowd(stage, [page for page in crowd.pages if page not in chosen], crowd.shops)
    before = await _measured(others, seconds, events, flips)
    await _hang(stage, waiting, locked, deaf)
    during = await _measured(others, seconds, events, flips)
    reload_s = await _loaded_anew(stage, waiting[0])
    crowd.close()
    p99_before, p99 = percentile(before[0], 0.99), percentile(during[0], 0.99)
    return Hanging(
        tabs=tabs,
        hanging=len(chosen),
        lost=arrival.failed + before[1] + during[1],
        p50_before_ms=_ms(percentile(before[0], 0.5)),
        p99_before_ms=_ms(p99_before),
        p50_ms=_ms(percentile(during[0], 0.5)),
        p99_ms=_ms(p99),
        p99_ratio=round(p99 / p99_before, 2),
        reload_ms=_ms(reload_s),
    )


def _of_one_token(stage: Stage, crowd: Crowd) -> tuple[list[Page], list[Page]]:
    """The pages whose shops share a token, and one page of each other shop, whose second page does not hang."""
    shops = enumerate(crowd.shops.values())
    shares = {shop.name for index, shop in shops if index % stage.fleet.accounts == 1}
    firsts = {page.wanted_shop: page for page in crowd.grids if page.wanted_shop not in shares}
    return [page for page in crowd.grids if page.wanted_shop in shares], list(firsts.values())


async def _hang(stage: Stage, waiting: list[Page], locked: list[Page], deaf: list[Page]) -> None:
    token = stage.fleet.generated.token("account", 1)
    async with httpx.AsyncClient(trust_env=False) as client:
        await stage.emulate(client, "faults", {"kind": "block", "token": token})
    for page in waiting:
        await page.send_until(f"{CONNECT}.look_again", {}, BUSY)
    for page in locked:
        await page.send_until("search", {"text": NEVER}, mentions(f'"query_rx_state_":"{NEVER}"'))
        page.send("show", {"chip": "IMAGES"})
    for page in deaf:
        page.stop_reading()


async def _loaded_anew(stage: Stage, page: Page) -> float:
    """Close the tab and open it again under its token; seconds until it shows its store."""
    page.close()
    again = Page(page.wanted_shop, page.cookie)
    again.token = page.token
    took = await again.connect(stage.url)
    again.close()
    assert again.shop == again.wanted_shop
    return took


async def _measured(crowd: Crowd, seconds: float, events: float, flips: float) -> tuple[list[float], int]:
    """What the events took, and how many were never answered."""
    times = await crowd.live(seconds, events, flips)
    return [one for name in EVENTS for one in times[name].taken], sum(one.lost for one in times.values())


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 1)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.load.hanging")
    parser.add_argument("--tabs", type=int, default=200)
    parser.add_argument("--silent", type=int, default=5, help="of each of the first two kinds")
    parser.add_argument("--seconds", type=float, default=40, help="before, and again while they hang")
    parser.add_argument("--events", type=float, default=50, help="a second, flips among them")
    parser.add_argument("--flips", type=float, default=5, help="a second")
    given = parser.parse_args()
    allow_many_files()
    with embedded(given.tabs // 2 + 1, first=NEVER_RETURNS) as stage:
        found = asyncio.run(
            run(
                stage,
                given.tabs,
                silent=given.silent,
                seconds=given.seconds,
                events=given.events,
                flips=given.flips,
            )
        )
    sys.stdout.write(json.dumps(asdict(found)) + "\n")


if __name__ == "__main__":
    main()
