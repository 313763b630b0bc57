"""The page that connects a store to Cloudflare."""

from __future__ import annotations

from cloudcache.domain.errors import Reason, Refused
from cloudcache.domain.token_text import TokenProblem

CONNECT_TEXT = "The token is sealed on our server and never shown again. You can disconnect here at any time."
TOKEN_LABEL = "Cloudflare API token"
TOKEN_HOW = (
    "In Cloudflare: My Profile, API Tokens, Create Token, Custom token. Give it Zone: Read, Zone Settings: Edit, "
    "DNS: Read, Bot Management: Edit, Zone WAF: Edit, Page Shield: Edit and Account Settings: Read, for your zone."
)
CHECK = "Check"
CHECKING_TOKEN = "Asking Cloudflare"
NO_ZONES = "The token works, but it reaches no zone. Give it Zone: Read for your shop’s zone."
NOT_AGREED = "Nobody has agreed at Cloudflare yet. Open Cloudflare, agree there, then continue here."
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
