"""People at work: sessions that flip switches over the cluster's port, and come back when their socket is cut.

What a session saw, and what it clicked, is kept for the judge of histories (`tests/faults/history.py`).
"""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import dataclass, field

from cloudcache.domain.catalog import TOGGLES, find
from tests.load.page import REFUSED, Lost, Page
from tests.load.shops import Shop

SAFE = ("rocket_loader", "early_hints", "http3", "0rtt", "always_online", "email_obfuscation")
"""Settings that every plan has, that nothing forbids, and that ask nobody whether they are sure."""

NUMBERS = {
    number: toggle.id for number, toggle in enumerate(TOGGLES) if toggle.id in {find(one).id for one in SAFE}
}
SETTLED = "crsoxh"
"""What a row says when no wish of its toggle is open (`cloudcache/ui/states/rows.py`)."""

COME_BACK_S = (0.1, 1.0)
"""A browser tries again after so long, with chance in it."""

ANSWER_S = 10


@dataclass
class Seen:
    """What one page showed of one toggle, and when (Unix milliseconds)."""

    reader: str
    customer: int
    toggle: str
    is_on: bool
    at: int


@dataclass(frozen=True)
class Happened:
    """How a click ended, or that a page came back; when, and after how long."""

    at: float
    what: str
    seconds: float


@dataclass
class Record:
    """What all sessions did and saw."""

    seen: list[Seen] = field(default_factory=list)
    happened: list[Happened] = field(default_factory=list)

    def note(self, what: str, seconds: float) -> None:
        self.happened.append(Happened(time.monotonic(), what, seconds))

    def all_of(self, what: str) -> list[float]:
        """How long each of these took, rising."""
        return sorted(one.seconds for one in self.happened if one.what == what)


DONE, REFUSED_CLICK, REPLACED, CUT_OFF, LATE = "done", "refused", "replaced", "cut off", "late"
BACK = "back"
"""A page that had lost its socket shows its values again."""


class Session:
    """One tab of one person."""

    def __init__(self, shop: Shop, url: str, record: Record, chance: random.Random) -> None:
        self.shop = shop
        self.page = Page(shop.name, shop.cookie)
        self.page.on_update = self._note
        self._url = url
        self._record = record
        self._chance = chance
        self._shown: dict[int, str] = {}

    async def work(self, stop: asyncio.Event, pause_s: float) -> None:
        """Flip, look, pause, until told to stop; then stay, so that the page can be looked at."""
        while not stop.is_set():
            await self.be_there()
            was_cut = await self._pause(self._chance.uniform(0.5, 1.5) * pause_s)
            if not was_cut and not stop.is_set():
                await self._flip()

    async def _pause(self, seconds: float) -> bool:
        """Look at the page for so long, or until its socket is cut."""
        cut = self.page.expect(lambda page, text: False)
        done, _ = await asyncio.wait({cut}, timeout=seconds)
        cut.cancel()
        return any(one.exception() is not None for one in done)

    async def be_there(self) -> None:
        """Connected, with values; a page that was cut off tries again and again, as a browser does."""
        if self.page.is_ready:
            return
        gone = time.monotonic()
        while not self.page.is_ready:
            try:
                await self.page.connect(self._url)
            except REFUSED:
                self.page.close()
                await asyncio.sleep(self._chance.uniform(*COME_BACK_S))
        if self.page.connections > 1:
            self._record.note(BACK, time.monotonic() - gone)

    async def _flip(self) -> None:
        """Flip one switch and wait until nothing of its toggle is open, also when another session flips it back."""
        number = self._chance.choice(list(NUMBERS))
        before = self.page.rows[number]
        wanted = before.islower()
        has_changed = False

        def is_over(page: Page, text: str) -> bool:
            nonlocal has_changed
            letter = page.rows[number]
            has_changed = has_changed or letter != before
            return has_changed and letter.lower() in SETTLED + "fk"

        began = time.monotonic()
        try:
            self.page.send("flip", {"toggle_id": NUMBERS[number], "on": wanted})
            await self.page.until(is_over, ANSWER_S)
        except Lost:
            how = CUT_OFF
        except TimeoutError:
            how = LATE
        else:
            letter = self.page.rows[number]
            is_refused = letter.lower() in ("f", "k")
            how = REFUSED_CLICK if is_refused else DONE if letter.isupper() is wanted else REPLACED
        self._record.note(how, time.monotonic() - began)

    def _note(self, page: Page, text: str) -> None:
        now = time.time_ns() // 1_000_000
        for number, toggle in NUMBERS.items():
            letter = page.rows[number]
            if letter != self._shown.get(number) and letter.lower() in SETTLED and letter:
                self._record.seen.append(Seen(page.token, self.shop.customer, toggle, letter.isupper(), now))
            self._shown[number] = letter
