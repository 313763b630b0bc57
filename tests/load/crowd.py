"""A crowd of open pages and what is done with them: it arrives, looks, searches, flips, and things change elsewhere.

The events of a phase leave by the clock, not when the last one was answered: a server that stalls makes many of them
late, as it would make many people wait.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, field

import httpx

from cloudcache.domain.catalog import TOGGLES, find
from tests.load.page import REFUSED, Page, mentions, row_is
from tests.load.processes import Cost, cost
from tests.load.shops import Shop
from tests.load.stage import Stage
from tests.support.waiting import SAFETY_NET_S

HISTORY = "reflex___state____state.cloudcache___ui___states___history____history"
SAFE = ("rocket_loader", "early_hints", "fonts", "http3", "0rtt", "always_online", "email_obfuscation")
"""Settings that every plan has, that nothing forbids, and that ask nobody whether they are sure."""

NUMBER = {toggle.id: number for number, toggle in enumerate(TOGGLES)}
OUTSIDE = find("ip_geolocation")
"""What the others change, so that no flip of ours is in the way."""

WORDS = ("rocket", "image", "http", "cache", "tls", "bot", "early", "script")
CHIPS = ("all", "SECURITY", "IMAGES", "CACHING", "NETWORK")


@dataclass
class Times:
    """Seconds that one kind of thing took, and how many never happened."""

    taken: list[float] = field(default_factory=list)
    lost: int = 0

    async def note(self, work: Awaitable[float]) -> None:
        try:
            self.taken.append(await work)
        except REFUSED:
            self.lost += 1


@dataclass
class Arrival:
    """How the pages came."""

    seconds: float
    failed: int
    loads: Times
    before: Cost
    after: Cost
    client_cpu_s: float
    bytes: int


@dataclass
class Crowd:
    """So many open pages, `tabs` of them for each shop."""

    stage: Stage
    pages: list[Page]
    shops: dict[str, Shop]
    chance: random.Random = field(default_factory=lambda: random.Random(1))
    _chips: dict[str, str] = field(default_factory=dict)
    _flipping: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, stage: Stage, sessions: int, *, tabs: int = 2, hot: int = 50) -> Crowd:
        """The first shop has `hot` pages open, every other one `tabs`; one page in twenty is the history."""
        hot = min(hot, max(1, sessions // 10))
        count = 1 + -(-(sessions - hot) // tabs)
        shops = stage.fleet.first(count)
        owners = [shops[0]] * hot + [shop for shop in shops[1:] for _ in range(tabs)]
        pages = [
            Page(shop.name, shop.cookie, path="/history" if number % 20 == 19 and number >= hot else "/")
            for number, shop in enumerate(owners[:sessions])
        ]
        return cls(stage, pages, {shop.name: shop for shop in shops})

    @property
    def grids(self) -> list[Page]:
        """The open pages with switches."""
        return [page for page in self.pages if page.path == "/" and page.is_ready]

    async def arrive(self, *, at_once: int = 24) -> Arrival:
        """All of them connect and load, so many at a time."""
        before, spent, began = cost(self.stage.web), time.process_time(), time.perf_counter()
        waiting, loads = iter(self.pages), Times()

        async def come() -> None:
            for page in waiting:
                await loads.note(page.connect(self.stage.url))

        await asyncio.gather(*(come() for _ in range(at_once)))
        took, after = time.perf_counter() - began, cost(self.stage.web)
        received = sum(page.bytes for page in self.pages)
        return Arrival(took, loads.lost, loads, before, after, time.process_time() - spent, received)

    async def live(self, seconds: float, events: float, flips: float) -> dict[str, Times]:
        """Searches, sections and older history, and so many flips a second among them."""
        times = {name: Times() for name in ("search", "section", "history", "pending", "confirmed")}
        jobs: list[asyncio.Task[None]] = []
        grids, histories = self.grids, [page for page in self.pages if page.path != "/" and page.is_ready]
        began, flipped = time.perf_counter(), 0.0
        for number in range(int(seconds * events)):
            await asyncio.sleep(max(0.0, began + number / events - time.perf_counter()))
            flipped += flips / events
            if flipped >= 1:
                flipped -= 1
                work = self._flip(self.chance.choice(grids), times)
            else:
                work = self._look(grids, histories, times)
            jobs.append(asyncio.create_task(work))
        await asyncio.gather(*jobs)
        return times

    async def _look(self, grids: Sequence[Page], histories: Sequence[Page], times: dict[str, Times]) -> None:
        lot = self.chance.random()
        if lot < 0.1 and histories:
            page = self.chance.choice(histories)
            await times["history"].note(page.send_until(f"{HISTORY}.load", {}, mentions('"loaded_rx_')))
            return
        page = self.chance.choice(grids)
        if lot < 0.6:
            word = f"{self.chance.choice(WORDS)} {self.chance.randrange(10_000)}"
            seen = mentions(f'"query_rx_state_":"{word}"')
            await times["search"].note(page.send_until("search", {"text": word}, seen))
        else:
            chip = self.chance.choice([one for one in CHIPS if one != self._chips.get(page.token, "all")])
            self._chips[page.token] = chip
            seen = mentions(f'"chip_rx_state_":"{chip}"')
            await times["section"].note(page.send_until("show", {"chip": chip}, seen))

    async def _flip(self, page: Page, times: dict[str, Times]) -> None:
        """One flip of a shop at a time, for what is waited for is a letter that another flip could bring as well."""
        if page.wanted_shop in self._flipping:
            return
        self._flipping.add(page.wanted_shop)
        toggle = self.chance.choice(SAFE)
        number, wanted = NUMBER[find(toggle).id], page.rows[NUMBER[find(toggle).id]].islower()
        pending, settled = ("P", "C") if wanted else ("p", "c")
        confirmed, began = page.expect(row_is(number, settled)), time.perf_counter()
        payload = {"toggle_id": toggle, "on": wanted}
        await times["pending"].note(page.send_until("flip", payload, row_is(number, pending)))

        async def whole() -> float:
            async with asyncio.timeout(SAFETY_NET_S):
                return await confirmed - began

        await times["confirmed"].note(whole())
        self._flipping.discard(page.wanted_shop)

    async def change_elsewhere(self, changes: int, pause: float = 0.5) -> Fanout:
        """Somebody changes a setting of so many shops in Cloudflare's dashboard, the most watched one first."""
        watching: dict[str, list[Page]] = {}
        for page in self.grids:
            watching.setdefault(page.wanted_shop, []).append(page)
        chosen = list(watching)[:1] + self.chance.sample(list(watching)[1:], min(changes, len(watching)) - 1)
        fanout = Fanout()
        async with httpx.AsyncClient(trust_env=False) as client:
            waiting = []
            for name in chosen:
                waiting.append(asyncio.create_task(self._change(client, watching[name], fanout)))
                await asyncio.sleep(pause)
            await asyncio.gather(*waiting)
        return fanout

    async def _change(self, client: httpx.AsyncClient, pages: Sequence[Page], fanout: Fanout) -> None:
        number = NUMBER[OUTSIDE.id]
        to_on = pages[0].rows[number].islower()
        shown = [page.expect(row_is(number, "OH" if to_on else "oh")) for page in pages]
        value = OUTSIDE.on if to_on else OUTSIDE.off
        shop = self.shops[pages[0].wanted_shop]
        made_at = time.time()
        await self.stage.dashboard(client, shop, OUTSIDE.setting, value)
        done, late = await asyncio.wait(shown, timeout=60)
        fanout.late += len(late)
        for one in late:
            one.cancel()
        known_at = await self.stage.observed_at(shop.customer, OUTSIDE.id, made_at)
        if known_at is None:
            return
        offset = time.time() - time.perf_counter()
        fanout.detection.append(known_at - made_at)
        fanout.spread += [one.result() + offset - known_at for one in done if one.exception() is None]
        fanout.widest = max(fanout.widest, len(pages))

    def close(self) -> None:
        for page in self.pages:
            page.close()


@dataclass
class Fanout:
    """How long until the program knew, and from then until each watching page showed it."""

    detection: list[float] = field(default_factory=list)
    spread: list[float] = field(default_factory=list)
    late: int = 0
    widest: int = 0


async def lag(stop: asyncio.Event, every: float = 0.05) -> list[float]:
    """How late this process itself is, measured until `stop`; what is measured here is no better than that."""
    late: list[float] = []
    while not stop.is_set():
        began = time.perf_counter()
        await asyncio.sleep(every)
        late.append(time.perf_counter() - began - every)
    return late
