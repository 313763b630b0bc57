"""The history page: what was done, and by whom."""

from __future__ import annotations

from cloudcache.ui.wording.reasons import reason

HISTORY_TEXT = "See what changed, who changed it, and when support viewed your settings."
NO_HISTORY = "No changes yet."
MORE = "Show older"
_DEEDS = {
    "installed": "App installed",
    "uninstalled": "App uninstalled",
    "webhook ignored": "Outdated message from Shopify ignored",
    "connected": "Connected to Cloudflare",
    "disconnected": "Disconnected from Cloudflare",
    "token made": "API token created",
    "token revoked": "API token revoked",
    "view started": "Support viewed your settings",
    "view ended": "Support session ended",
    "denied": "Request denied",
    "customer data": "Shopify requested customer data. We don’t store any.",
    "erased": "Older data deleted",
    "rollout changed": "Rollout of this page changed for your store",
    "imported": "Rocket Loader’s value in the earlier app compared with Cloudflare",
}


def deed(action: str, outcome: str, title: str, told: dict[str, str]) -> tuple[str, str]:
    """A line of the history: what was done, and what else is known of it."""
    to = told.get("to", "")
    if action == "flip asked":
        return f"{title}: turn {to}", "Through the REST API" if told.get("through") == "api" else ""
    if action == "flip ended":
        status, _, why = outcome.partition(": ")
        if status == "applied":
            return f"{title}: done", ""
        if status == "failed":
            return f"{title} wasn’t changed", reason(why, told.get("detail", ""))
        return f"{title}: canceled" if status == "cancelled" else f"{title}: replaced by a newer change", ""
    if action == "imported":
        return _DEEDS[action], f"{told.get('told', '?')} there, {told.get('found', '?')} in Cloudflare"
    if action == "ended automatically":
        return f"{title}: ended automatically", ""
    if action == "changed elsewhere":
        return f"{title}: turned {to} outside this app", ""
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
