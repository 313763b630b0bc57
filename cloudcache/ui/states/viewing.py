"""Support's view of a customer: taken up again while it is open, or started for a reason."""

from __future__ import annotations

import logging

import reflex as rx

from cloudcache.domain.access import Actor
from cloudcache.domain.errors import CloudcacheError, NotFound
from cloudcache.domain.shops import View
from cloudcache.services import current
from cloudcache.ui import wording
from cloudcache.ui.states.session import staff_of

log = logging.getLogger("cloudcache.ui")


async def staff_here(state: rx.State) -> Actor | None:
    """The staff member in this tab with the present role; None for nobody, or while the roles cannot be read."""
    try:
        return await staff_of(state)
    except CloudcacheError as error:
        log.error("the staff's roles cannot be read: %s", error)
        return None


async def open_view(staff: Actor, shop: str) -> View | None:
    """Find the view of this customer that the staff member has open, in whichever tab it began."""
    try:
        return await current().support.open_view(staff, shop)
    except CloudcacheError as error:
        log.info("no view to take up again: %s", error)
        return None


async def start(staff: Actor, shop: str, form: object) -> View | str:
    """Start a view for the reason in the form; a sentence says why it did not start."""
    reason = form.get("reason") if isinstance(form, dict) else ""
    try:
        return await current().support.start_view(staff, shop, reason)
    except ValueError:
        return wording.staff.VIEW_REASON_WRONG
    except NotFound:
        return wording.staff.NO_CUSTOMER
    except CloudcacheError as error:
        log.error("a view cannot be started: %s", error)
        return wording.problems.NO_DATABASE
