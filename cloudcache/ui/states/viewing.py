"""Support's view of a customer: taken up again while it is open, or started for a reason."""

from __future__ import annotations

import logging

import reflex as rx

from cloudcache.domain.access import Actor
from cloudcache.domain.errors import CloudcacheError, NotAllowed, NotFound
from cloudcache.domain.ids import CustomerId
from cloudcache.domain.shops import View
from cloudcache.services import current
from cloudcache.ui import wording
from cloudcache.ui.states.session import staff_of

log = logging.getLogger("cloudcache.ui")


async def viewer(state: rx.State, customer: CustomerId, view: str) -> Actor | None:
    """The staff member in this tab, bound to the customer of the view; None once it has ended."""
    staff = await staff_of(state)
    if staff is None:
        return None
    try:
        return await current().support.viewing(staff, customer, view)
    except NotAllowed as error:
        log.info("a view has ended: %s", error)
        return None


async def open_view(staff: Actor, shop: str) -> View | None:
    """Find the view of this customer that the staff member has open, in whichever tab it began."""
    try:
        return await current().support.open_view(staff, shop)
    except (NotAllowed, NotFound) as error:
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
        return wording.staff.STAFF_UNAVAILABLE
