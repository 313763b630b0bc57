"""Why a change did not happen, short enough for a row's slot."""

from __future__ import annotations

from cloudcache.domain.errors import Reason
from cloudcache.domain.events import NOT_SENT
from cloudcache.ui.wording.rows import NOT_AVAILABLE

_REASONS: dict[Reason, str] = {
    Reason.PLAN: "Your plan doesn’t include this",
    Reason.NOT_EDITABLE: "Cloudflare doesn’t allow this",
    Reason.DASHBOARD_ONLY: "Can’t be changed through the API here",
    Reason.TOKEN_REFUSED: "Cloudflare rejected your token",
    Reason.PERMISSION: "Your token can’t edit this setting",
    Reason.WRONG_VALUE: "Cloudflare rejected the value",
    Reason.UNKNOWN_SETTING: NOT_AVAILABLE,
    Reason.CONFLICT: "Conflicts with another setting",
    Reason.NO_ANSWER: "Cloudflare didn’t respond in time",
    Reason.NOT_KEPT: "Cloudflare kept the old value",
    Reason.SETTING_FAILING: "Cloudflare can’t change this right now",
    Reason.CIRCUIT_OPEN: "Paused after errors. Try again later.",
    Reason.CHANGED_ELSEWHERE: "Changed in Cloudflare in the meantime",
    Reason.NOT_CONFIRMED: "You didn’t confirm this change",
    Reason.CANCELLED: "Canceled",
    Reason.ZONE_GONE: "We can’t find your zone in Cloudflare",
    Reason.NOT_CONNECTED: "No API token is connected",
    Reason.ZONE_REPLACED: "Another zone was connected",
    Reason.OTHER: "Cloudflare rejected this change",
}
_PERMISSIONS = {
    "Zone WAF": "Your token can’t edit WAF settings",
    "Bot Management": "Your token can’t edit bot settings",
    "Page Shield": "Your token can’t edit Page Shield",
    "Zone Settings": "Your token can’t edit zone settings",
}
NOT_SENT_IN_TIME = "Couldn’t send it within an hour"
LONGEST_REASON = 38


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
