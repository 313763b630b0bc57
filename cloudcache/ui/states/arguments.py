"""Checks what an event of the browser names before anything is done with it."""

from __future__ import annotations

import logging

from cloudcache.domain.access import Actor
from cloudcache.domain.catalog import Toggle, find
from cloudcache.domain.errors import NotFound
from cloudcache.domain.ids import CustomerId

log = logging.getLogger("cloudcache.ui")


def known_toggle(toggle_id: object) -> Toggle | None:
    """Return the toggle of an id the browser sent; what no honest page sends is one log line."""
    try:
        return find(toggle_id)
    except NotFound:
        log.warning("an event named a setting that does not exist")
        return None


def own_customer(actor: Actor) -> CustomerId:
    """Return the customer an actor acts for; `NotFound` when there is none."""
    if actor.customer is None:
        raise NotFound("no customer")
    return actor.customer
