"""The head of the settings page: how the store is connected, and how current its values are."""

from __future__ import annotations

O2O = "Proxied through Shopify (O2O)"
O2O_MEANS = (
    "Orange-to-orange (O2O): traffic goes through your zone first, then through Shopify’s Cloudflare zone."
)
DNS_ONLY = "DNS only"
DNS_ONLY_MEANS = (
    "Your domain isn’t proxied by Cloudflare, so these settings don’t affect your store. Turn on the proxy "
    "(orange cloud) for your domain in Cloudflare DNS."
)
NO_ZONE = "Domain not in this zone"
NO_ZONE_MEANS = (
    "Your store’s domain isn’t in the connected zone, so these settings don’t affect your store. Connect the "
    "zone that contains your store’s domain."
)
STATUS = "Status"
PLAN = "plan"
LIVE = "Live"
CONNECTING = "Connecting"
UNAVAILABLE = "Unavailable"
SILENT_MARK = "Waiting for Cloudflare"
LIMITED = "Limited by Cloudflare"
LIMITED_MEANS = (
    "Your token made too many requests, so Cloudflare won’t accept more until",
    ". Changes you make now will be sent then.",
)
"""What stands before and after the time."""
NOT_CONNECTED = "Not connected"
PAUSED = "Paused"
CONNECTED_TO = "Connected to Cloudflare"
NOT_CONNECTED_TO = "Not connected to Cloudflare"
FULL_CHECK = "All settings checked"
NEVER_CHECKED = "Not fully checked yet"
NOT_READ_IN_FULL = "Some settings couldn’t be read"
NOT_READ_IN_FULL_MEANS = (
    "Cloudflare refused or left out some settings. They keep their last known values, and we’ll try again "
    "automatically."
)
FOLLOWED = "Cloudflare activity checked"
FOLLOWED_MEANS = (
    "Cloudflare’s audit log shows what was changed outside this app. We check those settings right away."
)
NOT_FOLLOWED = "Outside changes can take a minute to appear"
NOT_FOLLOWED_MEANS = (
    "Your token can’t read Cloudflare’s audit log, so we check your settings every minute while this page is "
    "open. With the Account Settings: Read permission, changes appear within seconds."
)
CHECK_ALL = "Refresh all"
CHECKING = "Loading settings from Cloudflare"
OFFLINE = "Offline"


def check_again(wait_ms: int) -> str:
    """Say when all settings can be refreshed again; nothing when they can be now."""
    if wait_ms <= 0:
        return ""
    seconds = -(-wait_ms // 1000)
    wait = f"{seconds} second{'s' * (seconds > 1)}" if seconds < 90 else f"{-(-seconds // 60)} minutes"
    return f"You refreshed recently. You can refresh all settings again in {wait}."


NOTHING_ODD = "Everything looks good"
REVIEW = ("Review", "setting", "settings")
"""What stands before and after the number of settings that need attention."""
REFRESHING = "Checking now"
TALLY = (
    ("change failed.", "changes failed."),
    ("changed outside this app.", "changed outside this app."),
    ("value might be outdated.", "values might be outdated."),
    ("setting is on but has no effect.", "settings are on but have no effect."),
    ("risky setting is on.", "risky settings are on."),
)
"""What the counts of the status card's second line are of, one and more, in the order they travel in."""
