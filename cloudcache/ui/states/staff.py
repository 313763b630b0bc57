"""The staff's console: finds customers as one types. Every handler asks anew who is there and what role they have."""

from __future__ import annotations

import logging
from dataclasses import asdict

import reflex as rx

from cloudcache.domain.access import Actor
from cloudcache.domain.errors import CloudcacheError
from cloudcache.services import current
from cloudcache.ui import wording
from cloudcache.ui.states import reloads
from cloudcache.ui.states.session import sign_in_of, staff_principal_of

log = logging.getLogger("cloudcache.ui")


class Staff(rx.State):
    """One tab of `/staff`."""

    phase: str = ""  # "" loading, "o" nobody, "n" known but without a role, "s" may search, "d" no database
    who: str = ""
    subject: str = ""
    role: str = ""
    query: str = ""
    found: list[dict[str, str]] = []
    searched: bool = False
    problem: str = ""

    @rx.event
    async def load(self):
        """Say who is signed in, and with which role."""
        self.reset()
        await self._identify()

    @rx.event
    async def again(self):
        """The same for a page that is open, with what was searched for; `reloads` asks for it."""
        if not reloads.loads(self):
            return
        actor = await self._identify()
        if actor is not None and self.query:
            await self._find(actor)

    @rx.event
    async def search(self, text: str):
        """Customers that begin with the text."""
        actor = await self._identify()
        if actor is None or not isinstance(text, str):
            return
        self.query = text[:500]
        if not (await current().limits.hit("search", actor.id)).is_exceeded:
            await self._find(actor)

    # -- inside --------------------------------------------------------------------------------
    async def _identify(self) -> Actor | None:
        """Find whoever may search here, with the role of this minute; the page says who, or that it cannot tell."""
        principal = await staff_principal_of(self)
        sign_in = principal.sign_in if principal else ""
        try:
            actor = await current().support.actor(principal)
        except CloudcacheError as error:
            log.error("the staff's roles cannot be read: %s", error)
            self._give_up(sign_in)
            return None
        if actor is None:
            self.reset()
        reloads.opened(self, Staff.again, sign_in)
        self.phase = "s" if actor else "n" if principal else "o"
        if principal is not None:
            self.who, self.subject = principal.actor.name, principal.actor.id
        if actor is not None and actor.role is not None:
            self.role = actor.role.name.lower()
        return actor

    async def _find(self, actor: Actor) -> None:
        try:
            found = await current().support.find(actor, self.query)
        except CloudcacheError as error:
            log.error("a search failed: %s", error)
            self._give_up(await sign_in_of(self, is_staff=True))
            return
        self.problem, self.searched = "", len(self.query.strip()) >= 2
        self.found = [asdict(one) for one in found]

    def _give_up(self, sign_in: str) -> None:
        """Show no customers, and keep trying."""
        self.phase = self.phase if self.phase == "s" else "d"
        self.problem, self.found, self.searched = wording.staff.STAFF_UNAVAILABLE, [], False
        reloads.try_again(self, Staff.again, sign_in)
