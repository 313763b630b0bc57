"""The live grid of one tab: what it shows, and what a click does.

A flip is a normal handler, so that one tab's clicks keep their order: it asks who acts, shows the switch as
pending, lets that leave for the browser, stores the intent, and returns. The outcome comes through the feed.
Any browser may call any public method with any argument: each begins with the guard, and helpers begin with `_`.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from secrets import token_hex

import reflex as rx

from cloudcache.domain.access import Actor
from cloudcache.domain.catalog import SECTIONS, TOGGLES, Toggle, Topology, find
from cloudcache.domain.customers import Customer, Page, ZoneStatus
from cloudcache.domain.errors import (
    CloudcacheError,
    NeedsConfirmation,
    NotFound,
    Refused,
    StoreUnavailable,
)
from cloudcache.domain.ids import CustomerId
from cloudcache.services import current
from cloudcache.ui import wording
from cloudcache.ui.states import open_pages, rows
from cloudcache.ui.states.session import actor_of

log = logging.getLogger("cloudcache.ui")

CHIPS = ("all", "look", *(section.name for section in SECTIONS))
LONGEST_QUERY = 60
_FREE = "-" * len(TOGGLES)
_STATUS = {ZoneStatus.ACTIVE: "l", ZoneStatus.TOKEN_REFUSED: "r", ZoneStatus.GONE: "g"}


class Grid(rx.State):
    """One tab. `r0` to `r49` are the rows in the order of the page; see `rows` for their seven characters.

    A variable each, because Reflex sends whole variables: in eight strings, one per section, a flip in the fullest
    one cost a watching tab 443 bytes, so it costs 346.
    """

    for _number in range(len(TOGGLES)):
        __annotations__[f"r{_number}"] = str
        locals()[f"r{_number}"] = ""

    words: dict[str, str] = {}
    locks: str = _FREE

    shop: str = ""
    domain: str = ""
    plan: str = ""
    topology: str = ""
    status: str = (
        ""  # "" loading, l live, w silent, r token refused, g zone gone, d no database, o signed out
    )
    silent: str = ""
    checked: str = ""
    followed: str = ""  # when the change log was last read; "" not yet, "-" the token may not
    tally: list[int] = [0, 0, 0, 0, 0]
    progress: list[int] = []
    clock: str = ""
    said: str = ""

    chip: str = "all"
    query: str = ""
    shown: str = ""
    asking: str = ""
    wrong: bool = False

    _customer: int = 0
    _revision: int = 0
    _clicked: list[str] = []
    _asked: bool = False

    # -- handlers ------------------------------------------------------------------------------
    @rx.event
    async def load(self):
        """The page opens, or the socket is back: subscribe first, then read."""
        actor = actor_of(self)
        if actor is None or actor.customer is None:
            self._forget()
            return rx.redirect("/signin") if current().local_sessions else None
        open_pages.watch(self.router.session.client_token, actor.customer)
        self._customer, self._revision = actor.customer, 0
        await self._read(actor)
        await self._noting(current().attention.opened(actor, actor.customer))
        return None

    @rx.event
    async def flip(self, toggle_id: str, on: bool):
        """Turn a switch: pending at once, stored before this returns."""
        actor = actor_of(self)
        toggle = _known(toggle_id)
        if actor is None or toggle is None or not isinstance(on, bool) or self._paused(toggle):
            return
        if on and toggle.asks(Topology(self.topology)):
            self.asking, self.wrong = toggle.id, False
            return
        before = self._row(toggle)
        self._show(toggle, rows.pending(on, current().clock.now_ms()))
        yield
        await self._store(actor, toggle, on, before, confirmed=False)

    @rx.event
    async def confirm(self, form: dict):
        """The person said yes to the risky one that is being asked about."""
        actor, toggle = actor_of(self), _known(self.asking)
        if actor is None or toggle is None or self._paused(toggle):
            return
        asks = toggle.asks(Topology(self.topology))
        typed = form.get("shop", "") if isinstance(form, dict) else ""
        if asks and asks.type_shop and not self._is_shop(typed):
            self.wrong = True
            return
        self.asking = ""
        before = self._row(toggle)
        self._show(toggle, rows.pending(True, current().clock.now_ms()))
        yield
        await self._store(actor, toggle, True, before, confirmed=True)

    @rx.event
    def dismiss(self):
        """The safe answer: nothing is turned on."""
        if actor_of(self) is not None:
            self.asking = ""

    @rx.event
    async def act(self, what: str, toggle_id: str):
        """The one action a row's slot offers: retry, revert, cancel, check."""
        actor, toggle = actor_of(self), _known(toggle_id)
        if actor is None or toggle is None or actor.customer is None or not self._customer:
            return
        await self._act(actor, actor.customer, what, toggle)
        await self._read(actor)

    @rx.event
    async def check_all(self):
        """Read the whole zone now, in the background."""
        actor = actor_of(self)
        if actor is not None and actor.customer is not None:
            self._asked = True
            await self._noting(current().toggles.check(actor, actor.customer))

    @rx.event
    async def seen_all(self):
        """The person has looked at what failed or was changed elsewhere."""
        actor = actor_of(self)
        if actor is None or actor.customer is None:
            return
        for toggle in TOGGLES:
            if self._row(toggle)[:1] in tuple("fFoOxX"):
                await self._noting(current().toggles.mark_seen(actor, actor.customer, toggle.id))
        await self._read(actor)
        self._filter("all", "")

    @rx.event
    def search(self, text: str):
        """Show the settings in which every word occurs."""
        if actor_of(self) is not None and isinstance(text, str):
            self._filter(self.chip if self.chip != "look" else "all", text[:LONGEST_QUERY].strip())

    @rx.event
    def show(self, chip: str):
        """Show one section, all, or what needs a look."""
        if actor_of(self) is not None and chip in CHIPS:
            self._filter(chip, self.query)

    @rx.event
    def clear(self):
        """Show everything again."""
        if actor_of(self) is not None:
            self._filter("all", "")
            return rx.set_value("find", "")
        return None

    # -- inside --------------------------------------------------------------------------------
    async def _store(self, actor: Actor, toggle: Toggle, on: bool, before: str, *, confirmed: bool) -> None:
        """Store the intent; what goes wrong is said in the row, with the switch back where it was before."""
        self._clicked = [*self._clicked[-20:], toggle.id]
        try:
            await current().toggles.flip(
                actor, _own(actor), toggle.id, on, request_id=token_hex(16), confirmed=confirmed
            )
        except NeedsConfirmation:
            self.asking = toggle.id
            self._show(toggle, before)
        except Refused as refusal:
            self._fail(toggle, before, wording.reason(refusal.reason.value, refusal.detail))
            return
        except (StoreUnavailable, NotFound) as error:
            log.error("a flip of %s was not stored: %s", toggle.id, error)
            self._fail(toggle, before, wording.NOT_KEPT_HERE)
            return
        await self._read(actor)

    async def _act(self, actor: Actor, customer: CustomerId, what: str, toggle: Toggle) -> None:
        toggles = current().toggles
        request = token_hex(16)
        acts: dict[str, Callable[[], Awaitable[object]]] = {
            "retry": lambda: toggles.retry(actor, customer, toggle.id, request_id=request),
            "revert": lambda: toggles.revert(actor, customer, toggle.id, request_id=request),
            "cancel": lambda: toggles.cancel(actor, customer, toggle.id),
            "check": lambda: toggles.check(actor, customer, toggle.id),
        }
        if what not in acts:
            return
        self._clicked = [*self._clicked[-20:], toggle.id]
        try:
            await acts[what]()
        except NeedsConfirmation:
            self.asking, self.wrong = toggle.id, False
        except CloudcacheError as error:
            log.info("%s of %s: %s", what, toggle.id, error)

    async def _read(self, actor: Actor) -> None:
        """Fetch what changed since this tab's revision and show it."""
        try:
            page = await current().toggles.page(actor, _own(actor), self._revision)
        except StoreUnavailable as error:
            log.error("a page cannot be read: %s", error)
            self._set("status", "d")
            return
        except NotFound:
            self._forget()
            return
        self._apply(page, current().clock.now_ms(), current().attention.progress(page.customer.id))

    def _apply(self, page: Page, now: int, progress: tuple[int, int] | None) -> None:
        """Show a snapshot; one older than what is shown is dropped. Also called by the feed."""
        if page.customer.revision < self._revision or page.customer.id != self._customer:
            return
        first = not self._revision
        if first:
            self._set_rows([rows.UNREAD] * len(TOGGLES))
        words = {} if first else dict(self.words)
        for toggle, cell in page.cells.items():
            row, text = rows.encode(cell, now), rows.word(cell, now)
            self._announce(toggle, row, text)
            self._set(f"r{rows.NUMBER[toggle]}", row)
            words.pop(toggle, None)
            if text:
                words[toggle] = text
        self._revision = page.customer.revision
        self._set("words", words)
        if first:
            self._set("clock", rows.seconds(now))
        if first or any(cell.editable is not None for cell in page.cells.values()):
            self._set("locks", self._locks(page, first))
        self._set_customer(page.customer, progress)

    def _set_customer(self, customer: Customer, progress: tuple[int, int] | None) -> None:
        """The head of the page, the status and the counts; only what differs is sent."""
        status = _STATUS[customer.status]
        if status == "l" and customer.silent_since is not None:
            status = "w"
        self._set("shop", customer.shop)
        self._set("domain", customer.zone_name)
        self._set("plan", customer.plan.title)
        self._set("topology", customer.topology.value)
        self._set("status", status)
        self._set("silent", rows.seconds(customer.silent_since) if customer.silent_since else "")
        self._set("checked", rows.seconds(customer.full_read_at) if customer.full_read_at else "")
        self._set("followed", rows.followed(customer))
        self._set_progress(customer, progress)
        self._count()

    def _set_progress(self, customer: Customer, progress: tuple[int, int] | None) -> None:
        """Shown for a first read and for one that was asked for; the read every minute stays quiet."""
        wanted = self._asked or customer.full_read_at is None
        self._set("progress", list(progress) if progress and wanted else [])
        self._asked = self._asked and (progress is not None or not self.progress)

    def _count(self) -> None:
        self._set("tally", rows.tally(self._rows(), Topology(self.topology)))

    def _locks(self, page: Page, first: bool) -> str:
        """Cloudflare's word on what may be edited changes rarely; unseen toggles keep what they had."""
        new = rows.locks(page.customer, page.cells)
        if first:
            return new
        pairs = zip(TOGGLES, self.locks, new, strict=True)
        return "".join(now if toggle.id in page.cells else before for toggle, before, now in pairs)

    def _announce(self, toggle_id: str, row: str, word: str) -> None:
        """Say the outcome of a change made in this tab, once, to screen readers."""
        if toggle_id not in self._clicked or row[0] in "pPqQ":
            return
        self._clicked = [one for one in self._clicked if one != toggle_id]
        title = find(toggle_id).title
        failed = row[0] in "fF"
        self.said = wording.not_changed(title, word) if failed else wording.settled(title, rows.is_on(row))

    def _fail(self, toggle: Toggle, before: str, why: str) -> None:
        self._show(toggle, rows.failed(rows.is_on(before), current().clock.now_ms()))
        self.words = {**self.words, toggle.id: why}
        self.said = wording.not_changed(toggle.title, why)
        self._count()

    def _show(self, toggle: Toggle, row: str) -> None:
        self._set(f"r{rows.NUMBER[toggle.id]}", row)

    def _filter(self, chip: str, query: str) -> None:
        among = [toggle for toggle in TOGGLES if chip in ("all", "look", toggle.section.name)]
        shown = rows.matching(query, among)
        if chip == "look":
            wanted = set(rows.to_look_at(self._rows(), Topology(self.topology)))
            shown = [one for one in shown if one in wanted]
        self._set("chip", chip)
        self._set("query", query)
        self._set("shown", rows.mask(shown))

    def _paused(self, toggle: Toggle) -> bool:
        """Whether the switch was shown as one that cannot be turned."""
        locked = self.locks[rows.NUMBER[toggle.id]] != "-"
        return not self._customer or self.status not in ("l", "w") or locked

    def _is_shop(self, typed: object) -> bool:
        name = typed.strip().lower() if isinstance(typed, str) else ""
        return name in (self.shop, self.shop.removesuffix(".myshopify.com"))

    def _rows(self) -> list[str]:
        return [getattr(self, f"r{number}") for number in range(len(TOGGLES))]

    def _row(self, toggle: Toggle) -> str:
        row: str = getattr(self, f"r{rows.NUMBER[toggle.id]}")
        return row

    def _set_rows(self, shown: list[str]) -> None:
        for number, row in enumerate(shown):
            self._set(f"r{number}", row)

    def _set(self, name: str, value: object) -> None:
        """Assign only what differs: Reflex sends a variable that was assigned, equal or not."""
        if getattr(self, name) != value:
            setattr(self, name, value)

    def _forget(self) -> None:
        """Nobody is signed in: show nothing of anybody."""
        self.reset()
        self.status = "o"

    async def _noting(self, work: Awaitable[object]) -> None:
        """Await something that may fail without the page having to know; one log line."""
        try:
            await work
        except CloudcacheError as error:
            log.error("%s: %s", type(error).__name__, error)


def _known(toggle_id: object) -> Toggle | None:
    """The toggle of an id the browser sent; what no honest page sends is one log line."""
    try:
        return find(toggle_id)
    except NotFound:
        log.warning("an event named a setting that does not exist")
        return None


def _own(actor: Actor) -> CustomerId:
    if actor.customer is None:
        raise NotFound("no customer")
    return actor.customer
