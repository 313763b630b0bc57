"""The history page: what was done, and by whom."""

from __future__ import annotations

from cloudcache.ui.wording.reasons import reason

HISTORY_TEXT = "What was changed, by whom, and when our support looked at your settings."
NO_HISTORY = "No change yet."
MORE = "Show older"
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
