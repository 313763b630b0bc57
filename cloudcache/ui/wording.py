"""Every sentence a person reads that is not part of the catalogue.

Sentence case, no exclamation marks. Say the state, then what to do. "Turn on", never "enable". Reasons that stand
in a row's slot have at most 38 characters.
"""

from __future__ import annotations

from cloudcache.domain.catalog.model import Section, ZonePlan
from cloudcache.domain.errors import Reason
from cloudcache.domain.events import Change

APP = "cloudcache"
TITLE = "Cloudflare settings"
SKIP = "Skip to content"

SECTION_TEXT: dict[Section, str] = {
    Section.PAGE_LOADING: "What the browser fetches, and when.",
    Section.IMAGES: "Smaller pictures, fonts, and who may use them.",
    Section.CONNECTIONS: "How browsers talk to your domain.",
    Section.CACHING: "What Cloudflare keeps, and for whom.",
    Section.SECURITY: "Who is turned away.",
    Section.HTTPS: "Encryption between shoppers, Cloudflare and Shopify.",
    Section.BOTS: "What crawlers and assistants may take.",
    Section.NETWORK: "Details for apps and diagnostics.",
}

NO_EFFECT = "No effect"
RISKY = "Risky"
LOCKED = "Locked"
O2O = "behind Shopify (O2O)"
O2O_MEANS = "Orange-to-orange: your zone answers first, then Shopify’s own Cloudflare zone."
DNS_ONLY = "DNS only"
DNS_ONLY_MEANS = (
    "Your domain is DNS only at Cloudflare: shoppers do not pass through it, so no setting takes effect. "
    "Turn the proxy on for your shop’s name in Cloudflare’s DNS page to change that."
)
ASKS = "Asks before it turns on."
NOT_EDITABLE_NOTE = "Cloudflare does not let this zone change it."

SEARCH = "Search settings"
SEARCH_HINT = "Search 50 settings"
ALL = "All"
NEEDS_A_LOOK = "Needs a look"
SECTIONS = "Sections"
NOTHING_FOUND = "No setting matches"
NOTHING_FOUND_WHY = (
    "Only the 50 settings of this page are searched; Shopify looks after compression and HTTP itself."
)
NOTHING_TO_LOOK_AT = (
    "Nothing needs a look. Failed, outside, outdated and risky settings would be listed here."
)
CLEAR_SEARCH = "Clear search"
SHOW_ALL = "Show all settings"
SEEN_ALL = "Mark changes as seen"

LIVE = "Live"
WAITING = "Waiting for Cloudflare"
NOT_CONNECTED = "Not connected"
CONNECTED_TO = "Connected to Cloudflare"
NOT_CONNECTED_TO = "Not connected to Cloudflare"
FULL_CHECK = "full check"
NEVER_CHECKED = "never checked in full"
FOLLOWED = "change log read"
FOLLOWED_MEANS = "Cloudflare’s log of changes names what was changed elsewhere; those settings are then read."
NOT_FOLLOWED = "changes elsewhere show within a minute"
NOT_FOLLOWED_MEANS = (
    "This shop’s token may not read Cloudflare’s log of changes, so your settings are read again every minute while "
    "this page is open. A token that may read Account Settings shows changes within seconds."
)
REPORTED_ON = "Turned on, says the change log"
REPORTED_OFF = "Turned off, says the change log"
CHECK_ALL = "Check all now"
CHECKING = "Reading your settings from Cloudflare"

TOKEN_REFUSED = "Cloudflare no longer accepts this shop’s token"
TOKEN_REFUSED_MORE = (
    "You see the last known values. Switches are paused until the token is replaced; nothing was lost."
)
ZONE_GONE = "Cloudflare no longer knows this zone"
ZONE_GONE_MORE = (
    "You see the last known values. Switches are paused until the shop is connected to a zone again."
)
SILENT = "Cloudflare has not answered since"
SILENT_MORE = "You see the last known values. Changes you make now are kept and sent when it answers."
TRY_NOW = "Try now"
LOST = "Connection lost"
LOST_MORE = "You see the last values received. Switches are paused; this page reconnects by itself."
NO_DATABASE = "Your settings cannot be shown or changed right now"
NO_DATABASE_MORE = "Nothing was lost. This page tries again by itself."

SIGNED_OUT = "Please open this page from your shop’s admin"
SIGNED_OUT_MORE = "This session has ended or was never started, so no shop’s settings are shown."
SIGN_IN = "Sign in"
SIGN_OUT = "Sign out"
DASHBOARD = "Cloudflare dashboard (emulated)"
SIGNIN_TITLE = "Choose a demo shop"
SIGNIN_TEXT = "Local sign-in against the emulator. This page does not exist in other environments."
NO_SHOPS = "No shop yet. Add one with: python -m cloudcache customers add SHOP --zone ZONE_ID"
SHORTCUT = "Press / to search"
SHORTCUT_SWITCH = "Keyboard shortcut"

KEEP_OFF = "Keep it off"
TURN_ON = "Turn on"
NOT_THE_NAME = "That is not the shop’s name."

_REASONS: dict[Reason, str] = {
    Reason.PLAN: "Your plan does not include it",
    Reason.NOT_EDITABLE: "Cloudflare does not allow it here",
    Reason.TOKEN_REFUSED: "Cloudflare refused the token",
    Reason.PERMISSION: "Token may not edit it",
    Reason.WRONG_VALUE: "Cloudflare refused the value",
    Reason.UNKNOWN_SETTING: "Not available for this zone",
    Reason.CONFLICT: "It conflicts with another setting",
    Reason.NO_ANSWER: "Cloudflare did not answer for an hour",
    Reason.NOT_KEPT: "Cloudflare kept the old value",
    Reason.NOT_CONFIRMED: "It was not confirmed",
    Reason.CANCELLED: "Taken back",
    Reason.ZONE_GONE: "Cloudflare does not know this zone",
    Reason.NOT_CONNECTED: "No token is connected",
    Reason.OTHER: "Cloudflare refused it",
}
_PERMISSIONS = {
    "Zone WAF": "Token may not edit WAF settings",
    "Bot Management": "Token may not edit bot settings",
    "Page Shield": "Token may not edit Page Shield",
    "Zone Settings": "Token may not edit zone settings",
}
NOT_KEPT_HERE = "Not stored; please try again"
LONGEST_REASON = 38


def reason(code: str, detail: str = "") -> str:
    """Why a change did not happen, short enough for the slot; an unknown code is not shown raw."""
    known = Reason(code) if code in Reason.__members__.values() else Reason.OTHER
    if known is Reason.PERMISSION:
        return _PERMISSIONS.get(detail, _REASONS[known])
    if known is Reason.CONFLICT and 0 < len(detail) <= LONGEST_REASON:
        return detail
    return _REASONS[known]


def outside(change: Change) -> str:
    """Who changed it at Cloudflare: a name when the feed knew one."""
    return change.actor.id[:24] if change.actor.id else "Cloudflare dashboard"


def needs_plan(plan: ZonePlan) -> str:
    """The first half of a locked row's note."""
    return f"Needs the {plan.title} plan."


def settled(title: str, on: bool) -> str:
    """What the live region says when a change has settled."""
    return f"{title} is {'on' if on else 'off'}"


def not_changed(title: str, why: str) -> str:
    """What the live region says when a change failed."""
    return f"{title} was not changed: {why}"


TALLY = (
    "not changed",
    "changed elsewhere",
    "may be out of date",
    "on without effect for this shop",
    "on and risky",
)
"""What the counts of the status card's second line are of, in the order they travel in."""
