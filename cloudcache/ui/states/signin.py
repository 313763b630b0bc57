"""The local sign-in's list of shops. Signing in itself is a form post to a route, which sets the cookie."""

from __future__ import annotations

import logging
from dataclasses import asdict

import reflex as rx

from cloudcache.domain.errors import CloudcacheError
from cloudcache.services import current
from cloudcache.services.customers import MOST_CHOICES
from cloudcache.ui import wording
from cloudcache.ui.states import reloads

log = logging.getLogger("cloudcache.ui")


class Signin(rx.State):
    """The shops one may choose; empty outside the local environment."""

    choices: list[dict[str, str]] = []
    loaded: bool = False
    has_more: bool = False
    problem: str = ""

    @rx.event
    async def load(self):
        """Fetch the list; it holds nothing secret and exists locally only, so there is nobody to ask for."""
        if current().local_sessions is None or not reloads.loads(self):
            return
        try:
            found = await current().customers.signin_choices()
        except CloudcacheError as error:
            log.error("the sign-in page cannot list shops: %s", error)
            self.problem = wording.signin.SIGNIN_UNAVAILABLE
            reloads.try_again(self, Signin.load)
            return
        self.problem = ""
        self.choices = [{name: _text(value) for name, value in asdict(one).items()} for one in found]
        self.has_more = len(found) >= MOST_CHOICES
        self.loaded = True


def _text(value: object) -> str:
    return "" if value is None else str(value)
