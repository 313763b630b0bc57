"""What a page says when something does not work, and what happens next."""

from __future__ import annotations

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
LOST = "Connection lost"
LOST_MORE = "These are the last values received. Changes are paused; this page reconnects automatically."
NO_DATABASE = "Your settings cannot be shown or changed right now"
NO_DATABASE_MORE = "Nothing was lost. This page tries again by itself."
SIGNED_OUT_SLOT = "Your sign-in ended; please try again"
TOO_MANY_CHECKS = "Too many tries at once. Wait a minute, then try again."
NOT_SET_UP = "This shop is not connected to Cloudflare"
NOT_SET_UP_MORE = "You see the last known values. Connect a zone to change settings again."
CLOUDFLARE_AWAY = "Cloudflare does not answer now. Nothing was changed; please try again in a moment."


def limited(after_s: float) -> str:
    """Why nothing can be asked of Cloudflare for a while, and for how long."""
    minutes = max(1, round(after_s / 60))
    return f"Cloudflare is limiting requests with this token. Try again in about {minutes} min."
