"""What a page says when something does not work, and what happens next."""

from __future__ import annotations

TOKEN_REFUSED = "Your Cloudflare token stopped working"
TOKEN_REFUSED_MORE = "These are the last known values. Replace the token to make changes again."
REPLACE_TOKEN = "Replace token"
CHECK_CONNECTION = "Check connection"
ZONE_GONE = "We can’t find your zone in Cloudflare"
ZONE_GONE_MORE = (
    "These are the last known values. Check again, or connect another zone, to make changes again."
)
SILENT = "Cloudflare hasn’t responded since"
SILENT_MORE = "These are the last known values. Changes you make now will be sent when Cloudflare responds."
TRY_NOW = "Try again"
LOST = "You’re offline"
LOST_MORE = "These are the last values received. Changes are paused. We’ll reconnect automatically."
NO_DATABASE = "We can’t load your settings right now"
NO_DATABASE_MORE = "Your settings are safe. We’ll keep trying."
SIGNED_OUT_SLOT = "Your session expired. Reload the page."
TOO_MANY_CHECKS = "Too many attempts. Wait a minute, then try again."
NOT_SET_UP = "Your store isn’t connected to Cloudflare"
NOT_SET_UP_MORE = "These are the last known values. Connect a zone to make changes again."
CLOUDFLARE_AWAY = "Cloudflare isn’t responding. Nothing was changed. Try again in a moment."


def limited(after_s: float) -> str:
    """Why nothing can be asked of Cloudflare for a while, and for how long."""
    minutes = max(1, round(after_s / 60))
    wait = f"{minutes} minute{'s' * (minutes > 1)}"
    return f"Cloudflare is limiting requests with this token. Try again in about {wait}."
