"""A shop's tokens for scripts: made, listed and revoked. A new one is shown once and kept nowhere."""

from __future__ import annotations

import logging

import reflex as rx

from cloudcache.domain.errors import CloudcacheError, NotRolledOut, Refused
from cloudcache.services import current
from cloudcache.ui import wording
from cloudcache.ui.states import reloads, rows
from cloudcache.ui.states.session import actor_of, may_write

log = logging.getLogger("cloudcache.ui")


class Scripts(rx.State):
    """The card of `/connect` that lists them."""

    tokens: list[dict[str, str]] = []
    made: str = ""  # the new token, until the next thing is done
    problem: str = ""

    @rx.event
    async def load(self):
        """List them; nothing for a shop that is not connected."""
        self.made = ""
        await self._list()

    @rx.event
    async def make(self, form: dict, token: str = ""):
        """Make one and show it."""
        actor = actor_of(self)
        if actor is None or actor.customer is None or not isinstance(form, dict):
            return
        self.made, self.problem = "", ""
        if not may_write(self, token):
            self.problem = wording.problems.SIGNED_OUT_SLOT
            return
        if (await current().limits.hit("check", actor.shop)).is_exceeded:
            self.problem = wording.problems.TOO_MANY_CHECKS
            return
        try:
            _, secret = await current().scripts.make(actor, form.get("name"), form.get("scope"))
        except (ValueError, Refused) as error:
            self.problem = error.detail if isinstance(error, Refused) else str(error)
            return
        except NotRolledOut:
            self.problem = wording.rollout.WAITING_SLOT
            return
        except CloudcacheError as error:
            log.error("a token for scripts could not be made: %s", error)
            self.problem = wording.problems.NO_DATABASE
            return
        self.made = secret.reveal()
        await self._list()

    @rx.event
    async def revoke(self, which: str, token: str = ""):
        """End one."""
        actor = actor_of(self)
        if actor is None or actor.customer is None:
            return
        self.made, self.problem = "", ""
        if not may_write(self, token):
            self.problem = wording.problems.SIGNED_OUT_SLOT
            return
        try:
            await current().scripts.revoke(actor, which)
        except CloudcacheError as error:
            log.error("a token for scripts could not be revoked: %s", error)
            self.problem = wording.problems.NO_DATABASE
        await self._list()

    async def _list(self) -> None:
        actor = actor_of(self)
        if actor is None or actor.customer is None:
            self.tokens = []
            return
        try:
            found = await current().scripts.all(actor)
        except CloudcacheError as error:
            log.error("API tokens cannot be listed: %s", error)
            self.tokens, self.problem = [], wording.api_tokens.API_TOKENS_UNAVAILABLE
            reloads.try_again(self, Scripts.load)
            return
        if self.problem == wording.api_tokens.API_TOKENS_UNAVAILABLE:
            self.problem = ""
        self.tokens = [
            {
                "id": one.id,
                "name": one.name,
                "scope": one.scope.value,
                "last_four": one.last_four,
                "made": rows.seconds(one.created_at),
                "used": rows.seconds(one.last_used_at) if one.last_used_at else "",
            }
            for one in found
        ]
