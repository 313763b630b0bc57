"""The open pages of this process, and the one feed that keeps them true.

The bus says which customers to look at again. Each of these is read once, however many tabs it has, and the
changed rows are handed to all of them. A slow round looks at everybody, in case a hint was lost, and lets what has
grown old be shown as old: a slice each second, one statement for all of it, and nothing more for pages that show
what is. Every two seconds it is asked whether the rollout was changed, one row for all pages. No browser ever makes
the database be polled.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Container, Coroutine, Iterable, Sequence
from contextlib import suppress

import reflex as rx

from cloudcache import logs
from cloudcache.domain.access import SYSTEM
from cloudcache.domain.customers import Customer, Page
from cloudcache.domain.errors import CloudcacheError, NotFound
from cloudcache.domain.ids import CustomerId
from cloudcache.services import current
from cloudcache.ui.states import bindings, open_pages
from cloudcache.ui.states.grid import Grid
from cloudcache.ui.states.rounds import Round

log = logging.getLogger("cloudcache.live")

ROUND_S = 30
SLICE_S = 1
RULE_S = 2
NOT_REFRESHED = {"event": "pages_not_refreshed"}


async def feed(app: rx.App) -> None:
    """Run until the process ends; no failure of a page or of the database ends it."""
    hints = current().bus.hints()
    waiting: asyncio.Task[frozenset[CustomerId] | None] | None = None
    clock = asyncio.get_running_loop().time
    tick = clock() + SLICE_S
    everybody: Round[CustomerId] = Round(ROUND_S // SLICE_S)
    rule_at, rule = clock(), _Rule()
    try:
        while True:
            waiting = waiting or asyncio.ensure_future(anext(hints))
            done, _ = await asyncio.wait({waiting}, timeout=max(0.0, min(tick, rule_at) - clock()))
            if done:
                hinted, waiting = waiting.result(), None
                watched = open_pages.watched()
                current().telemetry.count("hints", by=len(watched if hinted is None else hinted))
                await _refresh(app, watched if hinted is None else hinted & watched, whole=False)
            if clock() >= rule_at:
                if await rule.has_changed():
                    await _refresh(app, open_pages.watched(), whole=True)
                    await _refresh_waiting(app)
                rule_at = clock() + RULE_S
            if clock() >= tick:  # also while hints come without a pause
                if everybody.is_over:
                    bindings.keep(app.event_namespace.sid_to_token)
                await _look_at(app, everybody.turn(open_pages.watched()))
                tick = clock() + SLICE_S
    finally:
        if waiting is not None:
            waiting.cancel()
        with suppress(RuntimeError, asyncio.CancelledError):
            await hints.aclose()


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


async def _refresh_waiting(app: rx.App) -> None:
    """Pages of shops without a zone: one that is served now may connect one."""
    connected, now = _sockets(app), current().clock.now_ms()
    for token, shop in open_pages.waiting():
        if token not in connected:
            open_pages.unwatch(token)
        elif open_pages.has_ended(token, now):
            open_pages.unwatch(token)
            await _end(app, token)
        else:
            is_served = await current().rollouts.serves(shop)
            async with app.modify_state(rx.BaseStateToken(ident=token, cls=Grid)) as root:
                grid = await root.get_state(Grid)
                if grid.status in ("h", "c"):  # not one whose person has left meanwhile
                    grid._set("status", "c" if is_served else "h")


async def _look_at(app: rx.App, customers: Sequence[CustomerId]) -> None:
    """Refresh those whose pages do not show what is."""
    if not customers:
        return
    try:
        heads = await current().toggles.heads(SYSTEM, customers)
    except CloudcacheError as error:
        log.error("open pages are not looked at: %s", error)
        return
    for customer in customers:
        await _safely(customer, _look_at_one(app, customer, heads.get(customer)))


async def _look_at_one(app: rx.App, customer: CustomerId, head: Customer | None) -> None:
    tokens = await _present(app, customer)
    if not tokens:
        return
    if head is None:
        raise NotFound("no such customer")
    has_aged = open_pages.ages_at(tokens) <= current().clock.now_ms()
    if has_aged or head.revision > open_pages.oldest_shown(tokens):
        await _refresh_one(app, customer, whole=has_aged)
    elif not open_pages.shows_head(head, current().attention.progress(customer)):
        await _hand_over(app, tokens, Page(head, {}))


async def _refresh(app: rx.App, customers: Iterable[CustomerId], *, whole: bool) -> None:
    for customer in customers:
        await _safely(customer, _refresh_one(app, customer, whole=whole))


async def _safely(customer: CustomerId, work: Coroutine[None, None, None]) -> None:
    """Whatever happens to the pages of one customer, those of the others come next."""
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


async def _refresh_one(app: rx.App, customer: CustomerId, *, whole: bool) -> None:
    tokens = await _present(app, customer)
    if not tokens:
        return
    since = 0 if whole else open_pages.oldest_shown(tokens)
    page = await current().toggles.page(SYSTEM, customer, since)
    await _hand_over(app, tokens, page)
    _tell_how_late(customer, page)


def _tell_how_late(customer: CustomerId, page: Page) -> None:
    """From the newest change on the page, if it came since the last hand-over, to now, when all tabs have it."""
    changes = [cell.change for cell in page.cells.values() if cell.change is not None]
    times = (
        at for one in changes for at in (one.requested_at, one.sent_at, one.settled_at, one.seen_at) if at
    )
    newest, now = max(times, default=0), current().clock.now_ms()
    if newest > open_pages.handed_over(customer, now):
        current().telemetry.observe("page_push_seconds", (now - newest) / 1000)


async def _present(app: rx.App, customer: CustomerId) -> list[str]:
    """The tabs that are still connected and whose person is still verified; the others are let go."""
    connected, now = _sockets(app), current().clock.now_ms()
    present: list[str] = []
    for token in open_pages.tabs(customer):
        if token not in connected:
            open_pages.unwatch(token)
        elif open_pages.has_ended(token, now):
            open_pages.unwatch(token)
            await _end(app, token)
        else:
            present.append(token)
    return present


def _sockets(app: rx.App) -> Container[str]:
    """The tokens of the tabs that are connected. Reflex's public name for them, `token_to_sid`, copies all of them
    each time; here it is asked for each customer."""
    return app.event_namespace._token_manager.token_to_socket


async def _end(app: rx.App, token: str) -> None:
    """Nobody verified is there any more: the page says so, and shows nothing."""
    async with app.modify_state(rx.BaseStateToken(ident=token, cls=Grid)) as root:
        (await root.get_state(Grid))._forget()


async def _hand_over(app: rx.App, tokens: Iterable[str], page: Page) -> None:
    now, progress = current().clock.now_ms(), current().attention.progress(page.customer.id)
    waits = not await current().rollouts.serves(page.customer.shop)
    for token in tokens:
        async with app.modify_state(rx.BaseStateToken(ident=token, cls=Grid)) as root:
            grid = await root.get_state(Grid)
            grid._take(page, now, progress, waits=waits)
            open_pages.note_shown(token, grid._revision, grid._right_until() if page.cells else None)
    open_pages.note_head(page.customer, progress)
