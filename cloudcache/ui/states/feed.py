"""The open pages of this process, and the one task that keeps them true.

The bus says which customers to look at again. Each of these is read once, however many tabs it has, and the
changed rows are handed to each tab independently (`handover`): a tab that hangs holds up no other. A slow round looks
at everybody, in case an invalidation was lost, and lets what has grown old be shown as old: a slice each second, one
statement for all of it, and nothing more for pages that show what is. Every two seconds it is asked whether the
rollout was changed, one row for all pages. No browser ever makes the database be polled.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Collection, Container, Iterable, Sequence
from contextlib import suppress

import reflex as rx
from reflex.event import Event
from reflex.state import StateUpdate

from cloudcache import logs
from cloudcache.domain.access import SYSTEM
from cloudcache.domain.customers import Customer, Page
from cloudcache.domain.errors import CloudcacheError, NotFound
from cloudcache.domain.ids import CustomerId
from cloudcache.services import current
from cloudcache.ui.states import bindings, open_pages, reloads
from cloudcache.ui.states.grid import Grid
from cloudcache.ui.states.handover import Handover
from cloudcache.ui.states.rounds import Round

log = logging.getLogger("cloudcache.live")

ROUND_S = 30
RETRY_S = 5
SLICE_S = 1
RULE_S = 2
NOT_REFRESHED = {"event": "pages_not_refreshed"}
LOST = {"event": "history_lost"}


async def feed(app: rx.App) -> None:
    """Run until the process ends; no failure of a page or of the database ends it."""
    updates = LiveUpdates(app)
    hints = current().bus.hints()
    waiting: asyncio.Task[frozenset[CustomerId] | None] | None = None
    clock = asyncio.get_running_loop().time
    tick = clock() + SLICE_S
    everybody: Round[CustomerId] = Round(ROUND_S // SLICE_S)
    followers: Round[str] = Round(ROUND_S // SLICE_S)
    trying: Round[str] = Round(RETRY_S // SLICE_S)
    rule_at, rule = clock(), _Rule()
    try:
        while True:
            waiting = waiting or asyncio.ensure_future(anext(hints))
            done, _ = await asyncio.wait({waiting}, timeout=max(0.0, min(tick, rule_at) - clock()))
            if done:
                hinted, waiting = waiting.result(), None
                watched = open_pages.watched()
                current().telemetry.count("hints", by=len(watched if hinted is None else hinted))
                await updates.refresh(watched if hinted is None else hinted & watched, whole=False)
                await ask_to_load(app, reloads.following(hinted))
            if clock() >= rule_at:
                if await rule.has_changed():
                    await updates.refresh(open_pages.watched(), whole=True)
                    updates.refresh_waiting()
                    await ask_to_load(app, reloads.everyone())
                rule_at = clock() + RULE_S
            if clock() >= tick:  # also while hints come without a pause
                if everybody.is_over:
                    bindings.keep(app.event_namespace.sid_to_token)
                await updates.compare(to_compare(everybody))
                await ask_to_load(app, followers.turn(reloads.following()))
                await ask_to_load(app, [*reloads.due(), *trying.turn(reloads.trying())])
                tick = clock() + SLICE_S
    finally:
        if waiting is not None:
            waiting.cancel()
        with suppress(RuntimeError, asyncio.CancelledError):
            await hints.aclose()
        await updates.close()


async def ask_to_load(app: rx.App, tokens: Iterable[str]) -> None:
    """Have the browsers of these tabs load their pages anew."""
    connected = _sockets(app)
    for token in tokens:
        if token not in connected:
            reloads.forget(token)
            continue
        event = reloads.ask(token)
        if event is not None:
            await app.event_namespace.emit_update(StateUpdate(events=[event]), token)


def to_compare(everybody: Round[CustomerId]) -> list[CustomerId]:
    """Whose pages are compared in this second: a slice of all, and at once those that time alone has made untrue,
    such as by the end of development mode or of a block."""
    aged = open_pages.aged(current().clock.now_ms())
    return [*(aged | set(everybody.turn(open_pages.watched())))]


class _Rule:
    """The rollout's rule as the pages were last shown by it."""

    def __init__(self) -> None:
        self._revision: int | None = None

    async def has_changed(self) -> bool:
        """Whether it is another than at the last call; a database that is away is no change, and the tick says it."""
        with suppress(CloudcacheError):
            before, self._revision = self._revision, (await current().rollouts.rule()).revision
            return before is not None and before != self._revision
        return False


class LiveUpdates:
    """Reads what changed, once per customer, and hands it to that customer's tabs."""

    def __init__(self, app: rx.App) -> None:
        self._app = app
        self._handover = Handover(self._catch_up)

    async def refresh(self, customers: Iterable[CustomerId], *, whole: bool) -> None:
        """Read these customers' changed rows, or all of them, and hand them over."""
        for customer in customers:
            await _safely(customer, self._refresh_one(customer, whole=whole))

    def refresh_waiting(self) -> None:
        """Pages of shops without a zone: one that is served now may connect one."""
        for token, _ in open_pages.waiting():
            self._handover.give(token, lambda token=token: self._catch_up(token))

    async def compare(self, customers: Sequence[CustomerId]) -> None:
        """Refresh the customers whose pages do not show what is."""
        if not customers:
            return
        try:
            heads = await current().toggles.heads(SYSTEM, customers)
        except CloudcacheError as error:
            log.error("open pages are not looked at: %s", error)
            self._show_unavailable(customers)
            return
        for customer in customers:
            await _safely(customer, self._compare_one(customer, heads.get(customer)))

    def _show_unavailable(self, customers: Iterable[CustomerId]) -> None:
        """Say on these customers' pages that the database does not answer, until they are read again."""
        connected = _sockets(self._app)
        for customer in customers:
            open_pages.forget_head(customer)
            for token in open_pages.tabs(customer):
                if token in connected and not self._handover.is_busy(token):
                    self._handover.give(token, lambda token=token: _safely(None, self._pause(token)))

    async def _pause(self, token: str) -> None:
        async with self._app.modify_state(rx.BaseStateToken(ident=token, cls=Grid)) as root:
            (await root.get_state(Grid))._show_unavailable()

    async def idle(self) -> None:
        """Return when every tab has what was handed over; a tab that hangs is waited for."""
        await self._handover.idle()

    async def close(self) -> None:
        """Stop handing over."""
        await self._handover.close()

    async def _refresh_one(self, customer: CustomerId, *, whole: bool) -> None:
        tokens = self._present(customer)
        if not tokens:
            return
        page, anew = await self._read(customer, tokens, whole=whole)
        await self._hand_over(tokens, page, anew)

    async def _read(
        self, customer: CustomerId, tokens: Sequence[str], *, whole: bool
    ) -> tuple[Page, Collection[str]]:
        """What these tabs do not show yet, and those that must begin anew, since the database lost what they show.

        Lost is what the second read, which begins after the tab showed it, does not know: the first may just have
        been overtaken."""
        page = await current().toggles.page(SYSTEM, customer, 0 if whole else open_pages.oldest_shown(tokens))
        ahead = [token for token in tokens if open_pages.has_other_history(token, page.customer)]
        if not ahead:
            return page, ()
        shown = {token: open_pages.shown(token) for token in ahead}
        page = await current().toggles.page(SYSTEM, customer)
        epochs = {token for token in ahead if open_pages.epoch(token) != page.customer.epoch}
        anew = epochs | {token for token in ahead if shown[token] > page.customer.revision}
        if anew:
            log.warning(
                "customer %s: open pages show what the database lost; shown anew", customer, extra=LOST
            )
        return page, anew

    async def _compare_one(self, customer: CustomerId, head: Customer | None) -> None:
        tokens = self._present(customer)
        if not tokens:
            return
        if head is None:
            raise NotFound("no such customer")
        has_aged = open_pages.ages_at(tokens) <= current().clock.now_ms()
        is_ahead = any(open_pages.has_other_history(token, head) for token in tokens)
        if has_aged or is_ahead or head.revision > open_pages.oldest_shown(tokens):
            await self._refresh_one(customer, whole=has_aged)
        elif not open_pages.shows_head(head, current().attention.progress(customer)):
            await self._hand_over(tokens, Page(head, {}, head.revision))

    def _present(self, customer: CustomerId) -> list[str]:
        """The tabs that can take an update now. One that is gone is let go, one whose person is no longer verified
        is emptied, and one that is busy catches up by itself."""
        connected, now = _sockets(self._app), current().clock.now_ms()
        present: list[str] = []
        for token in open_pages.tabs(customer):
            if token not in connected:
                open_pages.unwatch(token)
            elif open_pages.has_ended(token, now) or self._handover.is_busy(token):
                self._handover.give(token, lambda token=token: self._catch_up(token))
            else:
                present.append(token)
        return present

    async def _hand_over(self, tokens: Iterable[str], page: Page, anew: Collection[str] = ()) -> None:
        now, progress = current().clock.now_ms(), current().attention.progress(page.customer.id)
        waits = not await current().rollouts.serves(page.customer.shop)
        for token in tokens:
            self._handover.give(
                token,
                lambda token=token: _safely(
                    page.customer.id,
                    self._show(token, page, now, progress, waits=waits, anew=token in anew),
                ),
            )
        open_pages.note_head(page.customer, progress)

    async def _show(
        self,
        token: str,
        page: Page,
        now: int,
        progress: tuple[int, int] | None,
        *,
        waits: bool,
        anew: bool = False,
    ) -> None:
        async with self._app.modify_state(rx.BaseStateToken(ident=token, cls=Grid)) as root:
            grid = await root.get_state(Grid)
            if grid._customer != page.customer.id:
                await self._wake(token)
                return
            if anew:
                grid._revision = 0
            grid._take(page, now, progress, waits=waits)
            is_shown = grid._revision == page.customer.revision
            epoch = page.customer.epoch if is_shown else open_pages.epoch(token)
            open_pages.note_shown(token, grid._revision, grid._right_until(), epoch)
        _record_push(token, page)

    async def _wake(self, token: str) -> None:
        """Have a tab without its state load its page anew: Reflex forgets a state after an hour without any event or
        update, such as during an outage of the database, and makes another with the browser's next event."""
        event = Event.from_event_type(Grid.wake)[0]
        await self._app.event_namespace.emit_update(StateUpdate(events=[event]), token)

    async def _catch_up(self, token: str) -> None:
        """Bring one tab up to date, whatever it missed while it was busy."""
        customer, shop = open_pages.customer_of(token), open_pages.shop_of(token)
        if token not in _sockets(self._app):
            open_pages.unwatch(token)
        elif open_pages.has_ended(token, current().clock.now_ms()):
            open_pages.unwatch(token)
            await _safely(customer, self._end(token))
        elif customer is not None:
            await _safely(customer, self._catch_up_with(token, customer))
        elif shop is not None:
            await _safely(None, self._catch_up_waiting(token, shop))

    async def _catch_up_with(self, token: str, customer: CustomerId) -> None:
        page, anew = await self._read(customer, [token], whole=False)
        waits = not await current().rollouts.serves(page.customer.shop)
        now, progress = current().clock.now_ms(), current().attention.progress(customer)
        await self._show(token, page, now, progress, waits=waits, anew=bool(anew))

    async def _catch_up_waiting(self, token: str, shop: str) -> None:
        is_served = await current().rollouts.serves(shop)
        async with self._app.modify_state(rx.BaseStateToken(ident=token, cls=Grid)) as root:
            grid = await root.get_state(Grid)
            if grid.status in ("h", "c"):  # not one whose person has left meanwhile
                grid._set("status", "c" if is_served else "h")

    async def _end(self, token: str) -> None:
        """Nobody verified is there any more: the page says so, and shows nothing."""
        async with self._app.modify_state(rx.BaseStateToken(ident=token, cls=Grid)) as root:
            (await root.get_state(Grid))._forget()


async def _safely(customer: CustomerId | None, work: Awaitable[None]) -> None:
    """A failure on the pages of one customer never reaches those of the others."""
    logs.begin(request=logs.request_id(), job="refresh pages", actor="system", customer=customer)
    try:
        with current().telemetry.span("refresh pages"):
            await work
    except NotFound:
        log.warning("customer %s is gone while its page is open", customer)
    except CloudcacheError as error:
        log.error("open pages of customer %s are not refreshed: %s", customer, error, extra=NOT_REFRESHED)
    except Exception:
        log.exception("open pages of customer %s are not refreshed", customer, extra=NOT_REFRESHED)


def _record_push(token: str, page: Page) -> None:
    """From the newest change on the page, if it came since the tab's last update, to now, when the tab has it."""
    changes = [cell.change for cell in page.cells.values() if cell.change is not None]
    times = (
        at for one in changes for at in (one.requested_at, one.sent_at, one.settled_at, one.seen_at) if at
    )
    newest, now = max(times, default=0), current().clock.now_ms()
    if newest > open_pages.handed_over(token, now):
        current().telemetry.observe("page_push_seconds", (now - newest) / 1000)


def _sockets(app: rx.App) -> Container[str]:
    """The tokens of the tabs that are connected. Reflex's public name for them, `token_to_sid`, copies all of them
    each time; here it is asked for each customer."""
    return app.event_namespace._token_manager.token_to_socket
