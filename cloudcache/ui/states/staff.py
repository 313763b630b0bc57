"""The staff's console: finds customers as one types. Every handler asks anew who is there and what role they have."""

from __future__ import annotations

import logging
from dataclasses import asdict

import reflex as rx

from cloudcache.domain.errors import CloudcacheError
from cloudcache.services import current
from cloudcache.ui import wording
from cloudcache.ui.states.session import staff_of, staff_principal_of

log = logging.getLogger("cloudcache.ui")


class Staff(rx.State):
    """One tab of `/staff`."""

    phase: str = ""  # "" loading, "o" nobody, "n" known but without a role, "s" may search
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
        principal, actor = await staff_principal_of(self), await self._actor()
        self.reset()
        self.phase = "s" if actor else "n" if principal else "o"
        if principal is not None:
            self.who, self.subject = principal.actor.name, principal.actor.id
        if actor is not None and actor.role is not None:
            self.role = actor.role.name.lower()

    @rx.event
    async def search(self, text: str):
        """Customers that begin with the text."""
        actor = await self._actor()
        if actor is None:
            self.reset()
            self.phase = "o"
            return
        if not isinstance(text, str) or await current().limits.wait_s("search", actor.id) > 0:
            return
        self.query = text[:500]
        try:
            found = await current().support.find(actor, text)
        except CloudcacheError as error:
            log.error("a search failed: %s", error)
            self.problem = wording.problems.NO_DATABASE
            return
        self.problem, self.searched = "", len(text.strip()) >= 2
        self.found = [asdict(one) for one in found]

    async def _actor(self):
        try:
            return await staff_of(self)
        except CloudcacheError as error:
            log.error("the staff's roles cannot be read: %s", error)
            self.problem = wording.problems.NO_DATABASE
            return None
