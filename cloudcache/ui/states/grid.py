"""The live grid of one tab: what it shows, and what a click does.

A flip is a normal handler, so that one tab's clicks keep their order: it asks who acts, shows the switch as
pending, lets that leave for the browser, stores the intent, and returns. The outcome comes through the feed.
Any browser may call any public method with any argument: each begins with the guard, and helpers begin with `_`.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable
from dataclasses import replace
from secrets import token_hex
from typing import TypeVar

import reflex as rx

from cloudcache.domain.access import Action, Actor, allowed
from cloudcache.domain.catalog import TOGGLES
from cloudcache.domain.customers import Page
from cloudcache.domain.errors import (
    CloudcacheError,
    NotFound,
    NotRolledOut,
    StoreUnavailable,
)
from cloudcache.domain.ids import CustomerId
from cloudcache.domain.shops import View
from cloudcache.domain.typed_names import exact_meanings
from cloudcache.services import current
from cloudcache.ui import wording
from cloudcache.ui.states import open_pages, reloads, rows, session, viewing
from cloudcache.ui.states.arguments import known_toggle, own_customer
from cloudcache.ui.states.filtering import ALL, CHIPS, LONGEST_QUERY, LOOK
from cloudcache.ui.states.questions import question
from cloudcache.ui.states.row_actions import RowActions
from cloudcache.ui.states.session import actor_of, is_held_back, may_write, on_signin, principal_of, staff_of

log = logging.getLogger("cloudcache.ui")

T = TypeVar("T")

_FREE = "-" * len(TOGGLES)


class Grid(RowActions, rx.State):
    """One tab. `r0` to `r49` are the rows in the order of the page; see `rows` for their seven characters.

    A variable each, because Reflex sends whole variables: in eight strings, one per section, a flip in the fullest
    one cost a watching tab 443 bytes, so it costs 346.
    """

    for _number in range(len(TOGGLES)):
        __annotations__[f"r{_number}"] = str
        locals()[f"r{_number}"] = ""

    words: dict[str, str] = {}
    locks: str = _FREE

    reads_only: bool = False  # somebody of the staff looks
    may_check: bool = True  # a viewer of the staff may not have things read again
    until: str = ""  # when their view ends
    support: str = ""  # where a shop that waits reaches support
    waits: bool = False  # the rollout does not serve the shop they look at
    shop: str = ""
    domain: str = ""
    plan: str = ""
    topology: str = ""
    # "" loading, l live, w silent, r token refused, g zone gone, n not connected, d no database, o signed out,
    # a asks staff for a reason, e asks again since their view ended, h not in the rollout, c in it without a zone
    status: str = ""
    limited: str = ""  # until when Cloudflare answers no calls with the token, because there were too many
    silent: str = ""
    unread: str = ""
    checked: str = ""
    check_again: str = ""  # when all may be checked again, if that was refused
    sighted: str = ""  # when the store's own pages were last looked at
    sightings: str = ""
    sight_problem: str = ""
    followed: str = ""  # when the change log was last read; "" not yet, "-" the token may not
    tally: list[int] = [0, 0, 0, 0, 0]
    reviewable: bool = False  # some row shows a change that can be marked as reviewed
    progress: list[int] = []
    clock: str = ""
    said: str = ""
    acknowledged: str = ""  # the request ID of the newest press that arrived
    loaded: str = ""  # differs each time the page is loaded over a socket

    chip: str = "all"
    query: str = ""
    shown: str = ""
    elsewhere: str = ""  # the sections in which the search finds something, if not in those shown
    asking: str = ""
    wrong: bool = False

    _customer: int = 0
    _zone: str = ""
    _view: str = ""
    _limited_until: int = rows.FOREVER
    _revision: int = 0
    _epoch: str = ""
    _clicked: list[str] = []
    _attempts: dict[str, str] = {}
    _confirms_revert: bool = False
    _asked: bool = False

    # -- handlers ------------------------------------------------------------------------------
    @rx.event
    async def load(self):
        """The page opens, or the socket is back: subscribe first, then read."""
        if not reloads.loads(self):
            return None
        principal = principal_of(self)
        if principal is None:
            return self._wait_or_leave()
        actor = principal.actor
        if actor.customer is None:
            return await self._connect_or_wait(actor, principal.expires_at)
        await self._open(actor, actor.customer, principal.expires_at)
        return None

    @rx.event
    def wake(self):
        """Do nothing: a tab without a state is loaded anew by any event that comes from it."""

    @rx.event
    async def load_view(self):
        """The staff's page of a customer: shows it while a view for which a reason was given is open."""
        if not reloads.loads(self):
            return
        if self.shop not in exact_meanings(self.customer):
            self._view = ""  # of another customer, in this tab before
        try:
            await self._load_view()
        except StoreUnavailable as error:
            self._keep_trying(error)

    async def _load_view(self) -> None:
        if self._view:
            actor = await viewing.viewer(self, CustomerId(self._customer), self._view)
            if actor is not None:
                await self._read(actor)
                return
        has_ended = bool(self._view) or self.status == "e"
        self._forget()
        staff = await staff_of(self)
        if staff is None:
            return
        view, self.status = await viewing.open_view(staff, self.customer), "e" if has_ended else "a"
        if view is not None:
            await self._look(staff, view)

    @rx.event
    async def start_view(self, form: dict):
        """Somebody of the staff gives a reason and looks at this customer; a second click is no second look."""
        if self._view and await self._who() is not None:
            return
        try:
            staff = await staff_of(self)
        except StoreUnavailable as error:
            log.error("the staff's roles cannot be read: %s", error)
            self.said = wording.staff.STAFF_UNAVAILABLE
            return
        self._forget()
        if staff is None:
            await self._noting(current().support.deny(None, "view a customer"))
            return
        self.status = "a"
        # the address says which customer is asked for, never who asks
        started = await viewing.start(staff, self.customer, form)
        if isinstance(started, str):
            self.said = started
            return
        await self._look(staff, started)

    @rx.event
    async def end_view(self):
        """Stop looking."""
        staff = await self._noting(staff_of(self))
        if staff is not None and self._view:
            await self._noting(current().support.end_view(staff, CustomerId(self._customer), self._view))
        self._forget()
        return rx.redirect("/staff")

    @rx.event
    async def flip(self, toggle_id: str, on: bool, token: str = "", request: str = ""):
        """Turn a switch: pending at once, stored before this returns."""
        actor = await self._who()
        toggle = known_toggle(toggle_id)
        if actor is None or toggle is None or not isinstance(on, bool):
            return
        if (
            not self._customer
        ):  # the state had expired: the page loads first, and the browser sends the press again
            return
        request = self._acknowledge(request)
        if self._paused(toggle):
            return
        self._note_attempt(toggle, "flip")
        if not await self._may_write(toggle, token):
            return
        before = self._row(toggle)
        if rows.is_queued(before):
            await self._store(actor, toggle, before, self._taking_back(actor, toggle, on, request))
            return
        if self._question(toggle, on):
            self._ask(toggle, on=on)
            return
        self._show(toggle, rows.pending(on, current().clock.now_ms()))
        yield
        await self._store(actor, toggle, before, self._flipping(actor, toggle, on, request))

    @rx.event
    async def confirm(self, form: dict, token: str = ""):
        """The person said yes to the risky one that is being asked about."""
        toggle_id, on = question(self.asking)
        actor, toggle = await self._who(), known_toggle(toggle_id)
        if (
            actor is None
            or toggle is None
            or self._paused(toggle)
            or not await self._may_write(toggle, token)
        ):
            return
        asks = self._question(toggle, on)
        typed = form.get("shop", "") if isinstance(form, dict) else ""
        if asks and asks.type_shop and not self._is_shop(typed):
            self.wrong = False
            yield  # so that a second wrong name is said like the first
            self.wrong = True
            return
        self.asking = ""
        before = self._row(toggle)
        self._show(toggle, rows.pending(on, current().clock.now_ms()))
        yield
        request = token_hex(16)
        if self._confirms_revert:
            work = self._reverting(actor, toggle, on, request, confirmed=True)
        else:
            hour = isinstance(form, dict) and bool(form.get("hour"))
            work = self._flipping(actor, toggle, on, request, confirmed=True, for_an_hour=hour)
        await self._store(actor, toggle, before, work)

    @rx.event
    async def dismiss(self):
        """The safe answer: nothing is changed."""
        if await self._who() is not None:
            self.asking = ""

    @rx.event
    async def act(self, what: str, toggle_id: str, token: str = "", request: str = ""):
        """The one action a row's slot offers: retry, revert, cancel, check."""
        actor, toggle = await self._who(), known_toggle(toggle_id)
        if actor is None or toggle is None or actor.customer is None or not self._customer:
            return
        request = self._acknowledge(request)
        if self.reads_only:
            return
        what = self._repeated(toggle) if what == "retry" else what
        self._note_attempt(toggle, what)
        if not await self._may_write(toggle, token):
            return
        await self._act(actor, actor.customer, what, toggle, request)
        await self._read(actor)

    @rx.event
    async def check_all(self):
        """Read the whole zone now, in the background, or say when that is possible again."""
        actor = await self._who()
        if actor is not None and actor.customer is not None:
            wait_ms = await self._noting(current().toggles.check(actor, actor.customer)) or 0
            self._asked, self.check_again = not wait_ms, wording.status.check_again(wait_ms)

    @rx.event
    async def seen_all(self, token: str = ""):
        """The person has looked at what failed or was changed elsewhere."""
        actor = await self._who()
        if actor is None or actor.customer is None or self.reads_only or not may_write(self, token):
            return
        for toggle in TOGGLES:
            if rows.is_reviewable(self._row(toggle)):
                await self._noting(current().toggles.mark_seen(actor, actor.customer, toggle.id))
        await self._read(actor)
        self._filter(ALL, "")

    @rx.event
    async def search(self, text: str):
        """Show the settings in which every word occurs."""
        if await self._who() is None or not isinstance(text, str):
            return
        query = text[:LONGEST_QUERY].strip()
        if query != self.query:
            self._filter(self.chip if self.chip != LOOK else ALL, query)

    @rx.event
    async def show(self, chip: str):
        """Show one section, all, or what needs a look."""
        if await self._who() is not None and chip in CHIPS:
            self._filter(chip, self.query)

    @rx.event
    async def clear(self):
        """Show everything again."""
        if await self._who() is not None:
            self._filter(ALL, "")
            return rx.set_value("find", "")
        return None

    # -- inside --------------------------------------------------------------------------------
    async def _who(self) -> Actor | None:
        """Who acts in this tab: the merchant of its socket, or the staff of its open view."""
        if not self._view:
            return actor_of(self)
        try:
            actor = await viewing.viewer(self, CustomerId(self._customer), self._view)
        except StoreUnavailable as error:
            self._keep_trying(error)
            return None
        if actor is None:
            self._forget()
        return actor

    def _wait_or_leave(self):
        """Nobody is known yet. In the admin's frame the page brings an ID token in a moment."""
        self._forget()
        if current().local_sessions and "embedded" not in self.router.url.query_parameters:
            return rx.redirect("/signin")
        self.status = ""
        return None

    async def _connect_or_wait(self, actor: Actor, until: int):
        """A shop without a zone connects one, as soon as it is served."""
        if not await is_held_back(actor):
            return rx.redirect("/connect")
        open_pages.wait(self.router.session.client_token, actor.shop, until)
        self._hold_back()
        return None

    async def _look(self, staff: Actor, view: View) -> None:
        """Show the customer of an open view."""
        self._view, self.reads_only, self.until = view.id, True, rows.seconds(view.ends_at)
        self.may_check = Action.REFRESH in allowed(staff)
        await self._open(replace(staff, customer=view.customer), view.customer, view.ends_at)

    async def _open(self, actor: Actor, customer: CustomerId, until: int) -> None:
        """Subscribe first, then read."""
        sign_in = await session.sign_in_of(self, is_staff=bool(self._view))
        open_pages.watch(self.router.session.client_token, customer, until, sign_in)
        self._customer, self._revision = customer, 0
        self._set("asking", "")  # a question that nobody may have read is not asked again
        page = await self._read(actor)
        self.loaded = token_hex(4)
        await self._noting(self._attend(actor, customer, page))

    async def _read(self, actor: Actor) -> Page | None:
        """Fetch what changed since this tab's revision and show it; what it was, unless it could not be read."""
        try:
            page = await current().toggles.page(actor, own_customer(actor), self._revision)
            if self._has_other_history(page.customer):
                page = await current().toggles.page(actor, own_customer(actor))
                self._revision = 0
            waits = self.reads_only and not await current().rollouts.serves(page.customer.shop)
        except NotRolledOut:
            self._hold_back()
            return None
        except StoreUnavailable as error:
            self._keep_trying(error)
            return None
        except NotFound:
            self._forget()
            return None
        self._set("waits", waits)
        self._apply(page, current().clock.now_ms(), current().attention.progress(page.customer.id))
        token = self.router.session.client_token
        open_pages.note_shown(token, self._revision, self._right_until(), self._epoch)
        return page

    def _keep_trying(self, error: StoreUnavailable) -> None:
        """Say that the database does not answer, and load the page again until it does."""
        log.error("a page cannot be read: %s", error)
        self._set("status", "d")
        is_view = self.router.url.path.startswith("/staff/")
        reloads.try_again(self, Grid.load_view if is_view else Grid.load)

    def _forget(self) -> None:
        """Nobody is signed in, or the view has ended: show nothing of anybody."""
        is_view = bool(self._view)
        self.reset()
        self.status = "e" if is_view else "o"

    async def _noting(self, work: Awaitable[T]) -> T | None:
        """Await something that may fail without the page having to know; one log line."""
        try:
            return await work
        except CloudcacheError as error:
            log.error("%s: %s", type(error).__name__, error)
            return None


on_signin("/", Grid.load)
