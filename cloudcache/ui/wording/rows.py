"""One row of the settings page, and the dialog that asks before a risky change.

What stands in a row's slot has at most `LONGEST_REASON` characters.
"""

from __future__ import annotations

from cloudcache.domain.catalog.model import ZonePlan
from cloudcache.domain.events import Change

NO_EFFECT = "No effect"
RISKY = "Risky"
LOCKED = "Locked"
ASKS = "Asks before it turns on."
NOT_AVAILABLE = "Not available on this zone"
NOT_AVAILABLE_NOTE = "Cloudflare doesn’t have this setting for your domain."
NOT_REPORTED = "Cloudflare didn’t report it"
ENDED = "Ended, checking"
UNREAD = "Not read yet"
UNREAD_MORE = "Waiting for Cloudflare"
STILL_ON = "Still on · not changed"
STILL_OFF = "Still off · not changed"
NOT_EDITABLE_NOTE = "Cloudflare does not let this zone change it."
REPORTED_ON = "Turned on, says the change log"
REPORTED_OFF = "Turned off, says the change log"
SENDING = "Sending"
UNSENT = "Not sent yet. Reconnecting."
TOO_MANY = "Too many changes at once; wait a minute"
KEEP_OFF = "Keep it off"
TURN_ON = "Turn on"
NOT_THE_NAME = "That is not the shop’s name."
NOT_CHECKED = "Couldn’t check it. Try again."
NOT_KEPT_HERE = "Not stored; please try again"


def outside(change: Change) -> str:
    """Who changed it at Cloudflare: a name when the feed knew one."""
    return change.actor.id[:24] if change.actor.id else "Cloudflare dashboard"


def needs_plan(plan: ZonePlan) -> str:
    """The first half of a locked row's note."""
    return f"Needs the {plan.title} plan."


def needs_permission(permission: str) -> str:
    """The note of a row that the shop's token may not edit."""
    return f"Your Cloudflare token lacks {permission}: Edit. Add it at Cloudflare, then check again under Connect."


def settled(title: str, on: bool) -> str:
    """What the live region says when a change has settled."""
    return f"{title} is {'on' if on else 'off'}"


def not_changed(title: str, why: str) -> str:
    """What the live region says when a change failed."""
    return f"{title} was not changed: {why}"
