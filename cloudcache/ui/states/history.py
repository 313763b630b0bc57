"""The shop's own lines of the audit log: who changed what, who connected what, and when staff looked."""

from __future__ import annotations

import logging

import reflex as rx

from cloudcache.domain.audit import Link
from cloudcache.domain.catalog import BY_ID
from cloudcache.domain.errors import CloudcacheError
from cloudcache.domain.ids import ToggleId
from cloudcache.services import current
from cloudcache.ui import wording
from cloudcache.ui.states import rows
from cloudcache.ui.states.session import actor_of, is_held_back, on_signin

log = logging.getLogger("cloudcache.ui")

A_PAGE = 50


class History(rx.State):
    """One tab of `/history`."""

    lines: list[dict[str, str]] = []
    loaded: bool = False
    has_more: bool = False
    problem: str = ""

    _oldest: int = 0

    @rx.event
    async def load(self):
        """The newest lines."""
        actor = actor_of(self)
        if actor is None:
            is_framed = "embedded" in self.router.url.query_parameters
            return rx.redirect("/signin") if current().local_sessions and not is_framed else None
        if actor.customer is None:
            return rx.redirect("/connect")
        if await is_held_back(actor):
            return rx.redirect("/")
        await self._show(older=False)
        return None

    @rx.event
    async def more(self):
        """Older lines."""
        await self._show(older=True)

    async def _show(self, *, older: bool) -> None:
        """Read a page; the newest take the place of what is shown, so that opening twice shows nothing twice."""
        actor = actor_of(self)
        if actor is None or actor.customer is None:
            self.reset()
            return
        try:
            before = (self._oldest or None) if older else None
            found = await current().auditing.trail(actor, actor.customer, A_PAGE, before)
        except CloudcacheError as error:
            log.error("the history cannot be shown: %s", error)
            self.problem = wording.problems.NO_DATABASE
            return
        self.lines = [*(self.lines if older else []), *(_shown(one) for one in found)]
        self._oldest = found[-1].seq if found else self._oldest
        self.has_more, self.loaded, self.problem = len(found) == A_PAGE, True, ""


def _shown(link: Link) -> dict[str, str]:
    told = link.told
    toggle = BY_ID.get(ToggleId(link.toggle)) if link.toggle else None
    title, more = wording.history.deed(link.action, link.outcome, toggle.title if toggle else "", told)
    return {
        "at": rows.seconds(link.at),
        "who": wording.history.whose(link.actor_kind.value, told),
        "what": title,
        "more": more,
    }


on_signin("/history", History.load)
