"""The page that connects a store to Cloudflare."""

from __future__ import annotations

from cloudcache.domain.errors import Reason, Refused
from cloudcache.domain.token_text import TokenProblem

CONNECT_TEXT = "Your token is encrypted and never shown again. You can disconnect at any time."
TOKEN_LABEL = "Cloudflare API token"
TOKEN_HOW = (
    "In Cloudflare, go to My Profile > API Tokens, select Create Token, and then create a custom token. Add "
    "these permissions for your zone: Zone: Read, Zone Settings: Edit, DNS: Read, Bot Management: Edit, Zone "
    "WAF: Edit, Page Shield: Edit, and Account Settings: Read."
)
CHECK = "Check"
CHECKING_TOKEN = "Checking"
NO_ZONES = "This token works, but it doesn’t have access to any zone. Add Zone: Read for your store’s zone."
NOT_AGREED = (
    "You haven’t authorized this app in Cloudflare yet. Select Authorize in Cloudflare, and then select "
    "Continue."
)
OAUTH_BEGIN = "Connect with Cloudflare"
OAUTH_OPEN = "Authorize in Cloudflare"
OAUTH_GO_ON = "Continue"
OAUTH_OR = "Or enter an API token."
DNS_MEANS = "Finds out how customers reach your store."
FEED_MEANS = "Shows changes made outside this app within seconds."
WORKS = "Granted"
MISSING = "Missing"
NOT_TRIED = "Not checked"
LOOK_AGAIN = "Check again"
CONNECTED = "Connected"
TOKEN_SUSPENDED = (
    "We’ll keep trying this token automatically. Check again to try it now, or use another token."
)
ZONE_SUSPENDED = (
    "We’ll keep looking for this zone automatically. Check again to look now, or connect another zone."
)
STEP_TOKEN = "1. Token"
STEP_ZONE = "2. Zone"
STEP_TRAFFIC = "3. How traffic reaches your store"
ZONE = "Zone"
ACCESS = ("This token has access to", "zone.", "zones.", "or more zones.")
"""What stands before the number of zones, and after it: one, several, and a list that was cut."""
OWN_DOMAIN = "Your store’s domain"
COUNTS = (
    ("setting can be used", "settings can be used"),
    ("setting has no effect on your store", "settings have no effect on your store"),
    ("setting asks you to confirm some changes", "settings ask you to confirm some changes"),
)
"""What the counts of settings are of, one and more."""
PERMISSIONS = "Token permissions"
CONNECTING_ZONE = "Connecting"
CONNECT_ZONE = "Connect"
REPLACE = "Use another token"
CONNECTED_NOW = "Currently connected:"
DISCONNECT = "Disconnect"
DISCONNECT_ASK = "Disconnect Cloudflare?"
DISCONNECT_MORE = (
    "We’ll delete the token and stop reading or changing your settings. "
    "Your settings in Cloudflare won’t change."
)
KEEP_CONNECTED = "Stay connected"
WAYS = {
    "o2o": "is proxied through Shopify (O2O). Traffic goes through your zone first, then through Shopify’s.",
    "dns_only": "isn’t proxied by Cloudflare (DNS only), so these settings don’t affect your store.",
    "proxied": "is proxied to a server other than Shopify. All of the zone’s settings take effect.",
    "no_zone": "isn’t in this zone, so these settings don’t affect your store.",
    "unknown": "couldn’t be looked up because the token can’t read DNS. We assume that it’s proxied through Shopify.",
}
_NO_TOKEN = "That doesn’t look like a Cloudflare API token. Copy the whole token and try again."
_TOKEN_PROBLEMS: dict[str, str] = {
    TokenProblem.EMPTY: "Enter an API token.",
    TokenProblem.TOO_LONG: "That’s too long for a Cloudflare API token. Paste only the token.",
    TokenProblem.NOT_ASCII: "That contains characters that aren’t allowed in a Cloudflare API token. "
    "Copy it again from Cloudflare.",
    TokenProblem.SEVERAL: "That contains more than one token. Paste only one.",
    TokenProblem.BLANKS: "A Cloudflare API token is one word. Paste only the token.",
    TokenProblem.VARIABLE: "That contains a variable name instead of the token. Paste the token itself.",
    TokenProblem.GLOBAL_KEY: "That’s your Global API Key. Create an API token in Cloudflare and paste that instead.",
    TokenProblem.COMMAND: "That’s a command without a token in it. Paste only the token.",
    TokenProblem.JSON: "That’s JSON without a token in it. Paste only the token.",
}
"""Why no token could be read from what was pasted, where there is more to say than `_NO_TOKEN`."""


def several_settings(count: int) -> str:
    """How many settings a permission is for, where they are too many to be named."""
    return f"{count} of the 50 settings"


def connecting(error: Refused) -> str:
    """Why a token or a zone cannot be connected."""
    if error.reason is Reason.WRONG_VALUE:
        return _TOKEN_PROBLEMS.get(error.detail, _NO_TOKEN)
    if error.reason is Reason.TOKEN_REFUSED:
        return "Cloudflare doesn’t accept this token. It might be revoked, expired, or mistyped."
    if error.reason is Reason.PERMISSION:
        return f"This token is missing a required permission: {error.detail or 'Zone Settings'}."
    if error.reason is Reason.CONFLICT:
        return "This zone is connected to another store."
    if error.reason is Reason.ZONE_GONE:
        return "We can’t find this zone in Cloudflare, or the token doesn’t have access to it."
    return "Cloudflare rejected the request. Nothing was changed."
