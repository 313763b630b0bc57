"""Words that more than one page uses."""

from __future__ import annotations

from collections.abc import Sequence

APP = "cloudcache"
TITLE = "Cloudflare settings"
SKIP = "Skip to content"
SIGNED_OUT = "Open this app from your Shopify admin"
SIGNED_OUT_MORE = "Your session has ended."
CONTACT_SUPPORT = "Contact support"
SIGN_IN = "Sign in"
SIGN_OUT = "Sign out"
CONNECT = "Connect Cloudflare"
CONNECTION = "Cloudflare connection"
HISTORY = "History"
NOT_FOUND = "Page not found"
NOT_FOUND_MORE = "There’s nothing at this address. The link might be out of date or mistyped."
BACK = "Cloudflare settings"
CANCEL = "Cancel"
SETTINGS = "Settings"
CONNECTION_TAB = "Connection"
RELEASED = "cloudcache was updated. This page reloads in a moment and keeps what you typed."
RELEASED_WAITING = (
    "cloudcache was updated. Reload this page to continue. Tokens and open dialogs aren’t kept."
)
RELOAD_NOW = "Reload now"


def listed(names: Sequence[str]) -> str:
    """Names as a sentence lists them: "A", "A and B", "A, B, and C"."""
    if len(names) < 3:
        return " and ".join(names)
    return f"{', '.join(names[:-1])}, and {names[-1]}"
