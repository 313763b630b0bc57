"""Every sentence a person reads that is not part of the catalogue.

Sentence case, no exclamation marks. Say the state, then what to do. "Turn on", never "enable". Reasons that stand
in a row's slot have at most 38 characters.
"""

from __future__ import annotations

from cloudcache.domain.catalog.model import Section, ZonePlan
from cloudcache.domain.errors import Reason, Refused
from cloudcache.domain.events import NOT_SENT, Change
from cloudcache.domain.token_text import TokenProblem

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
NO_ZONE = "Not in this zone"
NO_ZONE_MEANS = (
    "Your shop’s domain is not in the connected zone, so its settings touch none of your shoppers. "
    "Connect the zone of your shop’s domain to change that."
)
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
CONNECTING = "Connecting"
UNAVAILABLE = "Unavailable"
SILENT_MARK = "Waiting for Cloudflare"
NOT_CONNECTED = "Not connected"
PAUSED = "Paused"
CONNECTED_TO = "Connected to Cloudflare"
NOT_CONNECTED_TO = "Not connected to Cloudflare"
FULL_CHECK = "full check"
NEVER_CHECKED = "never checked in full"
NOT_READ_IN_FULL = "your store’s zone couldn’t be read in full"
NOT_READ_IN_FULL_MEANS = (
    "Cloudflare refused or left out some settings. They keep their last known values and ages, and are read again "
    "automatically."
)
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
    "You see the last known values, and switches are paused; nothing was lost. cloudcache tries the token again by "
    "itself. Check it, or replace it, under Connect."
)
ZONE_GONE = "Cloudflare can’t find this store’s zone"
ZONE_GONE_MORE = (
    "You see the last known values, and switches are paused; nothing was lost. cloudcache asks again by itself. "
    "Check again, or connect another zone, under Connect."
)
SILENT = "Cloudflare has not answered since"
SILENT_MORE = "You see the last known values. Changes you make now are kept and sent when it answers."
TRY_NOW = "Try now"
SENDING = "Sending"
UNSENT = "Not sent yet. Reconnecting."
OFFLINE = "Offline"
LOST = "Connection lost"
LOST_MORE = "These are the last values received. Changes are paused; this page reconnects automatically."
NO_DATABASE = "Your settings cannot be shown or changed right now"
NO_DATABASE_MORE = "Nothing was lost. This page tries again by itself."

SIGNED_OUT = "Please open this page from your shop’s admin"
SIGNED_OUT_MORE = "This session has ended or was never started, so no shop’s settings are shown."
WAITING = "Your Cloudflare settings stay as they are"
WAITING_MORE = (
    "This page is opened to shops step by step, and it is not yet open for yours. Nothing changes at Cloudflare "
    "because of that, and a change that was under way is still carried out. The page opens by itself when it is "
    "your turn; you need not reload it."
)
WAITING_HELP = "Questions? Our support is there for you, now as before."
CONTACT_SUPPORT = "Contact support"
WAITING_SLOT = "This page is not open for your shop yet"
YOUR_TURN = "This page is open for your shop now"
YOUR_TURN_MORE = "Connect your Cloudflare zone to see its settings."
VIEW_WAITS = "The rollout does not serve this shop: its own people see a page that says so."
SIGN_IN = "Sign in"
SIGN_OUT = "Sign out"
DASHBOARD = "Cloudflare dashboard (emulated)"
PRETEND_ADMIN = "Shopify admin (emulated): install the app in a new shop"
SIGNIN_TITLE = "Choose a demo shop"
SIGNIN_TEXT = "Local sign-in against the emulator. This page does not exist in other environments."
ANOTHER_SHOP = "Another shop"
ANOTHER_SHOP_HINT = "shop name"
NO_SHOPS = "No shop yet. Add one with: python -m cloudcache customers add SHOP --zone ZONE_ID"
SHORTCUT = "Press / to search"

SIGNED_OUT_SLOT = "Your sign-in ended; please try again"
TOO_MANY = "Too many changes at once; wait a minute"
TOO_MANY_CHECKS = "Too many tries at once. Wait a minute, then try again."
NOT_SET_UP = "This shop is not connected to Cloudflare"
NOT_SET_UP_MORE = "You see the last known values. Connect a zone to change settings again."
CONNECT = "Connect Cloudflare"
CONNECTION = "Cloudflare connection"
CONNECT_TEXT = "The token is sealed on our server and never shown again. You can disconnect here at any time."
HISTORY = "History"
HISTORY_TEXT = "What was changed, by whom, and when our support looked at your settings."
NO_HISTORY = "No change yet."
NOT_FOUND = "Page not found"
NOT_FOUND_MORE = "There’s nothing at this address. The link may be out of date or mistyped."
MORE = "Show older"
BACK = "Cloudflare settings"
TOKEN_LABEL = "Cloudflare API token"
TOKEN_HOW = (
    "In Cloudflare: My Profile, API Tokens, Create Token, Custom token. Give it Zone: Read, Zone Settings: Edit, "
    "DNS: Read, Bot Management: Edit, Zone WAF: Edit, Page Shield: Edit and Account Settings: Read, for your zone."
)
CHECK = "Check"
CHECKING_TOKEN = "Asking Cloudflare"
NO_ZONES = "The token works, but it reaches no zone. Give it Zone: Read for your shop’s zone."
NOT_AGREED = "Nobody has agreed at Cloudflare yet. Open Cloudflare, agree there, then continue here."
CLOUDFLARE_AWAY = "Cloudflare does not answer now. Nothing was changed; please try again in a moment."
OAUTH_BEGIN = "Connect with Cloudflare"
OAUTH_OPEN = "Open Cloudflare to agree"
OAUTH_GO_ON = "I have agreed, continue"
OAUTH_OR = "or paste a token"
DNS_MEANS = "Finds out how shoppers reach your shop."
FEED_MEANS = "The change log: changes made elsewhere show in seconds."
WORKS = "Works"
MISSING = "Missing"
NOT_TRIED = "Not tried yet"
LOOK_AGAIN = "Check again"
CONNECTED = "Connected"
TOKEN_SUSPENDED = (
    "cloudcache tries the token again by itself. Check again to try it now, or use another token."
)
ZONE_SUSPENDED = (
    "cloudcache asks for the zone again by itself. Check again to ask now, or connect another zone."
)
REPLACE = "Use another token"
CONNECTED_NOW = "Connected now:"
CANCEL = "Cancel"
DISCONNECT = "Disconnect"
DISCONNECT_ASK = "Disconnect Cloudflare?"
DISCONNECT_MORE = (
    "The token is deleted here and nothing is read or changed any more. "
    "Your settings at Cloudflare stay as they are."
)
KEEP_CONNECTED = "Stay connected"
WAYS = {
    "o2o": "is a proxied CNAME to Shopify: behind Shopify (O2O). Your zone acts first, then Shopify’s own.",
    "dns_only": "is DNS only: shoppers do not pass through your zone, so no setting takes effect.",
    "proxied": "is proxied to something other than Shopify. All settings of the zone take effect.",
    "no_zone": "is not in this zone, so its settings touch none of your shoppers.",
    "unknown": "could not be looked up: the token may not read DNS. Settings are judged as if behind Shopify.",
}
SCRIPTS = "Tokens for scripts"
SCRIPTS_TEXT = "For programs that read or change your settings through the REST API."
SCRIPT_MADE = "Copy it now; it is not shown again."
NO_SCRIPTS = "No token yet."
MAKE = "Make a token"
REVOKE = "Revoke"

STAFF = "Support"
STAFF_SEARCH = "Find a customer by shop, domain or zone id"
STAFF_SIGNED_OUT = "Please sign in as support staff"
STAFF_NO_ROLE = "You have no role here"
STAFF_NO_ROLE_MORE = "Ask an administrator to give you one. Your id is "
STAFF_NOBODY = "No customers found."
NO_CUSTOMER = "There is no such customer."
STAFF_BEGIN = "Search by store name, domain, or zone ID (at least 2 characters)."
VIEW_REASON = "Why do you look at this shop?"
VIEW_TEXT = "The merchant sees your name and this reason in the history. You can look for 30 minutes."
VIEW_REASON_WRONG = "Please give a reason of 8 to 200 characters."
VIEW_ENDED = "Your view has ended. Enter a reason to open it again."
VIEW_START = "Look at the settings"
VIEW_BANNER = "You look as support; nothing can be changed"
VIEW_STOP = "Stop looking"

KEEP_OFF = "Keep it off"
TURN_ON = "Turn on"
NOT_THE_NAME = "That is not the shop’s name."

_REASONS: dict[Reason, str] = {
    Reason.PLAN: "Your plan does not include it",
    Reason.NOT_EDITABLE: "Cloudflare does not allow it here",
    Reason.TOKEN_REFUSED: "Cloudflare refused the token",
    Reason.PERMISSION: "Token may not edit it",
    Reason.WRONG_VALUE: "Cloudflare refused the value",
    Reason.UNKNOWN_SETTING: NOT_AVAILABLE,
    Reason.CONFLICT: "It conflicts with another setting",
    Reason.NO_ANSWER: "Cloudflare did not answer in time",
    Reason.NOT_KEPT: "Cloudflare kept the old value",
    Reason.SETTING_FAILING: "Cloudflare keeps failing to change it",
    Reason.CIRCUIT_OPEN: "Cloudflare fails here; try again later",
    Reason.CHANGED_ELSEWHERE: "It was changed at Cloudflare meanwhile",
    Reason.NOT_CONFIRMED: "It was not confirmed",
    Reason.CANCELLED: "Taken back",
    Reason.ZONE_GONE: "Cloudflare does not know this zone",
    Reason.NOT_CONNECTED: "No token is connected",
    Reason.ZONE_REPLACED: "Another zone was connected meanwhile",
    Reason.OTHER: "Cloudflare refused it",
}
_PERMISSIONS = {
    "Zone WAF": "Token may not edit WAF settings",
    "Bot Management": "Token may not edit bot settings",
    "Page Shield": "Token may not edit Page Shield",
    "Zone Settings": "Token may not edit zone settings",
}
NOT_SENT_IN_TIME = "It was not sent within an hour"
NOT_CHECKED = "Couldn’t check it. Try again."
NOT_KEPT_HERE = "Not stored; please try again"
LONGEST_REASON = 38


def check_again(wait_ms: int) -> str:
    """When all settings can be checked again; empty when right away."""
    if wait_ms <= 0:
        return ""
    seconds = -(-wait_ms // 1000)
    wait = f"{seconds} seconds" if seconds < 90 else f"{-(-seconds // 60)} minutes"
    return f"You’ve checked recently. You can check all settings again in {wait}."


def reason(code: str, detail: str = "") -> str:
    """Why a change did not happen, short enough for the slot; an unknown code is not shown raw."""
    known = Reason(code) if code in Reason.__members__.values() else Reason.OTHER
    if known is Reason.PERMISSION:
        return _PERMISSIONS.get(detail, _REASONS[known])
    if known is Reason.NO_ANSWER and detail == NOT_SENT:
        return NOT_SENT_IN_TIME
    if known is Reason.CONFLICT and 0 < len(detail) <= LONGEST_REASON:
        return detail
    return _REASONS[known]


_NO_TOKEN = "That isn’t a Cloudflare API token. Copy it again from Cloudflare and paste it on its own."
_TOKEN_PROBLEMS: dict[str, str] = {
    TokenProblem.EMPTY: "Paste your Cloudflare API token first.",
    TokenProblem.TOO_LONG: "That’s too long for a Cloudflare API token. Paste only the token.",
    TokenProblem.NOT_ASCII: "The token contains characters that no Cloudflare API token has. "
    "Copy it again from Cloudflare.",
    TokenProblem.SEVERAL: "That contains more than one token. Paste only one.",
    TokenProblem.BLANKS: "A Cloudflare API token is one word. Paste only the token.",
    TokenProblem.VARIABLE: "That contains the name of a variable instead of the token. Paste the token itself.",
    TokenProblem.GLOBAL_KEY: "That’s your Global API Key. Create an API token in Cloudflare and paste that instead.",
    TokenProblem.COMMAND: "That’s a command without a token in it. Paste only the token.",
    TokenProblem.JSON: "That’s JSON without a token in it. Paste only the token.",
}
"""Why no token could be read from what was pasted, where there is more to say than `_NO_TOKEN`."""


def limited(after_s: float) -> str:
    """Why nothing can be asked of Cloudflare for a while, and for how long."""
    minutes = max(1, round(after_s / 60))
    return f"Cloudflare is limiting requests with this token. Try again in about {minutes} min."


def connecting(error: Refused) -> str:
    """Why a token or a zone cannot be connected."""
    if error.reason is Reason.WRONG_VALUE:
        return _TOKEN_PROBLEMS.get(error.detail, _NO_TOKEN)
    if error.reason is Reason.TOKEN_REFUSED:
        return "Cloudflare does not accept this token. It may be revoked, expired or mistyped."
    if error.reason is Reason.PERMISSION:
        return f"The token lacks a permission it cannot do without: {error.detail or 'Zone Settings'}."
    if error.reason is Reason.CONFLICT:
        return "This zone is connected to another shop."
    if error.reason is Reason.ZONE_GONE:
        return "Cloudflare does not know this zone, or the token does not reach it."
    return "Cloudflare refused it. Nothing was changed."


_DEEDS = {
    "installed": "The app was installed",
    "uninstalled": "The app was uninstalled",
    "webhook ignored": "An outdated message from Shopify was ignored",
    "connected": "Connected to Cloudflare",
    "disconnected": "Disconnected from Cloudflare",
    "token made": "A token for scripts was made",
    "token revoked": "A token for scripts was revoked",
    "view started": "Support looked at your settings",
    "view ended": "Support stopped looking",
    "denied": "An attempt was refused",
    "customer data": "Shopify asked about customer data; none is held",
    "erased": "Older data was erased",
    "rollout changed": "The rollout of this page was changed for your shop",
    "imported": "Rocket Loader’s value in the earlier app was compared with Cloudflare",
}


def deed(action: str, outcome: str, title: str, told: dict[str, str]) -> tuple[str, str]:
    """A line of the history: what was done, and what else is known of it."""
    to = told.get("to", "")
    if action == "flip asked":
        return f"{title}: turn {to}", "through a script" if told.get("through") == "api" else ""
    if action == "flip ended":
        status, _, why = outcome.partition(": ")
        if status == "applied":
            return f"{title}: done", ""
        if status == "failed":
            return f"{title}: not changed", reason(why, told.get("detail", ""))
        return f"{title}: taken back" if status == "cancelled" else f"{title}: replaced by a later wish", ""
    if action == "imported":
        return _DEEDS[action], f"{told.get('told', '?')} there, {told.get('found', '?')} at Cloudflare"
    if action == "ended automatically":
        return f"{title}: ended automatically", ""
    if action == "changed elsewhere":
        return f"{title}: turned {to} at Cloudflare", ""
    if action == "changed as a side effect":
        return f"{title}: turned {to}", "Cloudflare changed it along with another setting"
    more = told.get("reason") or told.get("zone") or told.get("name", "") if action != "view ended" else ""
    return _DEEDS.get(action, action), more


def whose(kind: str, told: dict[str, str]) -> str:
    """Who did it, as a person would say."""
    if kind == "staff":
        return f"Support ({told.get('name') or told.get('actor', '')})"
    if kind == "cloudflare":
        return told.get("actor") or "Cloudflare dashboard"
    return "cloudcache" if kind == "system" else told.get("actor", "")


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


TALLY = (
    "not changed",
    "changed elsewhere",
    "may be out of date",
    "on without effect for this shop",
    "on and risky",
)
"""What the counts of the status card's second line are of, in the order they travel in."""
