"""The shop's own lines of the audit log: who changed what, who connected what, and when staff looked."""

from __future__ import annotations

import logging

import reflex as rx

from cloudcache.domain.access import Actor
from cloudcache.domain.audit import HistoryEntry
from cloudcache.domain.catalog import BY_ID
from cloudcache.domain.errors import CloudcacheError
from cloudcache.domain.ids import CustomerId, ToggleId
from cloudcache.services import current
from cloudcache.services.auditing import LONGEST_HISTORY
from cloudcache.ui import wording
from cloudcache.ui.states import reloads, rows
from cloudcache.ui.states.session import actor_of, is_held_back, on_signin, sign_in_of

log = logging.getLogger("cloudcache.ui")

A_PAGE = 50


class History(rx.State):
    """One tab of `/history`."""

    lines: list[dict[str, str]] = []
    loaded: bool = False
    has_more: bool = False
    problem: str = ""

    @rx.event
    async def load(self):
        """The newest lines, and those that are shown as they are now; runs again whenever something changes."""
        if not reloads.loads(self):
            return None
        actor = actor_of(self)
        if actor is None:
            self.reset()
            is_framed = "embedded" in self.router.url.query_parameters
            return rx.redirect("/signin") if current().local_sessions and not is_framed else None
        if actor.customer is None:
            return rx.redirect("/connect")
        if await is_held_back(actor):
            return rx.redirect("/")
        if reloads.opened(self, History.load, await sign_in_of(self, is_staff=False), actor.customer):
            await self._ask_for_attention(actor, actor.customer)
        await self._show(older=False)
        return None

    @rx.event
    async def more(self):
        """Older lines."""
        await self._show(older=True)

    async def _ask_for_attention(self, actor: Actor, customer: CustomerId) -> None:
        """Have what is changed outside noticed as soon as on the settings page."""
        try:
            await current().attention.opened(actor, customer)
        except CloudcacheError as error:
            log.error("nobody is told that a history is open: %s", error)

    async def _show(self, *, older: bool) -> None:
        """Read a page; the newest take the place of what is shown, so that opening twice shows nothing twice."""
        actor = actor_of(self)
        if actor is None or actor.customer is None:
            self.reset()
            return
        before = int(self.lines[-1]["id"]) if older and self.lines else None
        wanted = A_PAGE if older else min(max(A_PAGE, len(self.lines)), LONGEST_HISTORY)
        try:
            found = await current().auditing.history(actor, actor.customer, wanted, before)
        except CloudcacheError as error:
            log.error("the history cannot be shown: %s", error)
            self.problem = wording.history.HISTORY_UNAVAILABLE
            reloads.try_again(self, History.load)
            return
        self._put([_shown(one) for one in found], older=older, is_full=len(found) == wanted)
        self.loaded, self.problem = True, ""

    def _put(self, found: list[dict[str, str]], *, older: bool, is_full: bool) -> None:
        """Show what was read, with what stands before or after it."""
        rest = [] if older or not found else _before(self.lines, found[-1])
        lines = [*self.lines, *found] if older else [*found, *rest]
        if not rest:
            self.has_more = is_full
        if lines != self.lines:
            self.lines = lines


def _before(lines: list[dict[str, str]], oldest: dict[str, str]) -> list[dict[str, str]]:
    return [one for one in lines if int(one["id"]) < int(oldest["id"])]


def _shown(found: HistoryEntry) -> dict[str, str]:
    link = found.link
    toggle = BY_ID.get(ToggleId(link.toggle)) if link.toggle else None
    what, more = wording.history.entry(found, toggle.title if toggle else link.toggle)
    made_at = wording.history.made_at(found)
    return {
        "id": str(link.seq),
        "at": rows.seconds(link.at if made_at is None else made_at),
        "before": f"{wording.rows.NOTICED[0]} " if wording.history.is_noticed(found) else "",
        "what": what,
        "more": more,
    }


on_signin("/history", History.load)
