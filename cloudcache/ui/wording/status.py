"""The head of the settings page: how the store is connected, and how current its values are."""

from __future__ import annotations

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
CHECK_ALL = "Check all now"
CHECKING = "Reading your settings from Cloudflare"
OFFLINE = "Offline"


def check_again(wait_ms: int) -> str:
    """When all settings can be checked again; empty when right away."""
    if wait_ms <= 0:
        return ""
    seconds = -(-wait_ms // 1000)
    wait = f"{seconds} seconds" if seconds < 90 else f"{-(-seconds // 60)} minutes"
    return f"You’ve checked recently. You can check all settings again in {wait}."


TALLY = (
    "not changed",
    "changed elsewhere",
    "may be out of date",
    "on without effect for this shop",
    "on and risky",
)
"""What the counts of the status card's second line are of, in the order they travel in."""
