"""One row of the settings page, and the dialog that asks before a risky change.

What stands in a row's slot has at most `LONGEST_REASON` characters.
"""

from __future__ import annotations

from cloudcache.domain.catalog.model import ZonePlan
from cloudcache.domain.catalog.rules import Kind

NO_EFFECT = "No effect"
RISKY = "Risky"
LOCKED = "Locked"
ASKS = "You’ll be asked to confirm."

NOT_AVAILABLE = "Not available on this zone"
NOT_AVAILABLE_NOTE = "Cloudflare doesn’t have this setting for your domain."
DASHBOARD_NOTE = (
    "Cloudflare’s API can’t change this on your zone. You can change it in the Cloudflare dashboard."
)
DASHBOARD_LINK = "Open the Cloudflare dashboard"
PLANS_LINK = "Compare plans"
CONNECTION_LINK = "Fix token"
NEW_TAB = "(opens in a new tab)"
NOT_REPORTED = "Cloudflare didn’t report it"
ENDED = "Ended, checking"
UNREAD = "Loading"
UNREAD_MORE = "Waiting for Cloudflare"
STILL_ON = "Couldn’t turn off"
STILL_OFF = "Couldn’t turn on"
NOT_EDITABLE_NOTE = "Cloudflare doesn’t let you change this setting on your zone."
REPORTED_ON = "Turned on, per Cloudflare’s audit log"
REPORTED_OFF = "Turned off, per Cloudflare’s audit log"
ON = "On"
OFF = "Off"
TURNING_ON = "Turning on"
TURNING_OFF = "Turning off"
WAITING_ON = "Waiting to turn on"
WAITING_OFF = "Waiting to turn off"
OUTSIDE_ON = "Turned on outside this app"
OUTSIDE_OFF = "Turned off outside this app"
OUTSIDE_BY = "Outside this app"
OUTSIDE_CHANGED = "Changed outside this app"
NOTICED = ("Noticed", "noticed")
"""What stands before how long ago an outside change was noticed: alone, and after a name."""
LONGEST_NAME = 24
STALE_ON = "On, might be outdated"
STALE_OFF = "Off, might be outdated"
ON_UNTIL = "On until"
CONFIRMED = "Confirmed"
SENT = "Sent"
CHECKED = "Checked"
LAST_CHECKED = "Last checked"
ENDED_AGO = "Ended"
CANCEL_CHANGE = "Cancel"
TRY_AGAIN = "Try again"
REVERT = "Revert"
REFRESH = "Refresh"
SENDING = "Sending"
DEPENDS_ON = (" (on)", " (off)")
"""What follows the name of the setting that a row depends on."""
DEPENDENTS = {
    Kind.NEEDS: "Required by {names}.",
    Kind.PAUSED_BY: "Pauses {names} while it’s on.",
    Kind.CHANGED_BY: "Can change {names}.",
}
"""What stands beside a setting that others depend on."""
UNSENT = "Not sent yet. Reconnecting."
TOO_MANY = "Too many changes. Wait a minute."
TYPE_NAME = ("Type", "to confirm")
"""What stands before and after the store's name."""
ASKED = {True: ("Turn on", "Keep off"), False: ("Turn off", "Keep on")}
"""The change that is asked about and the safe answer, by whether it turns the setting on."""
FOR_AN_HOUR = "Turn on for 1 hour"
NOT_THE_NAME = "That doesn’t match your store’s name."
NOT_CHANGED_BACK = "Couldn’t change it back"
NOT_CANCELED = "Couldn’t cancel"
NOT_CHECKED = "Couldn’t refresh. Try again."
NOT_KEPT_HERE = "Couldn’t save. Try again."


def outside_person(name: str) -> str:
    """Who changed it outside this app, short enough for the slot; nothing when nobody knows."""
    plain = "".join(one for one in name if one.isprintable()).strip()
    short = plain if len(plain) <= LONGEST_NAME else f"{plain[: LONGEST_NAME - 1]}…"
    return short if short.isascii() or not plain else f"\u2068{short}\u2069"


def needs_plan(plan: ZonePlan) -> str:
    """Return the first half of a locked row's note."""
    return f"Requires the {plan.title} plan."


def needs_plan_to_turn_off(plan: ZonePlan) -> str:
    """The same where Cloudflare keeps it on for lower plans."""
    return f"Always on below the {plan.title} plan, which is required to turn it off."


def needs_permission(permission: str) -> str:
    """The note of a row that the shop's token may not edit."""
    missing = f"Your token is missing {permission}: Edit."
    return f"{missing} Add it in Cloudflare, then check again."


def settled(title: str, on: bool, finer: str = "") -> str:
    """What the live region says when a change has settled; `finer` is the value where it says more than on or off."""
    return f"{title} is {'on' if on else 'off'}{f' ({finer})' if finer else ''}"


def not_changed(title: str, why: str) -> str:
    """What the live region says when a change failed."""
    return f"{title} wasn’t changed: {why}"
