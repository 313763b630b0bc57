"""Why a change did not happen, short enough for a row's slot."""

from __future__ import annotations

from cloudcache.domain.errors import Reason
from cloudcache.domain.events import NOT_SENT
from cloudcache.ui.wording.rows import NOT_AVAILABLE

_REASONS: dict[Reason, str] = {
    Reason.PLAN: "Your plan does not include it",
    Reason.NOT_EDITABLE: "Cloudflare does not allow it here",
    Reason.TOKEN_REFUSED: "Cloudflare refused the token",
    Reason.PERMISSION: "Token may not edit it",
    Reason.WRONG_VALUE: "Cloudflare refused the value",
    Reason.UNKNOWN_SETTING: NOT_AVAILABLE,
    Reason.CONFLICT: "It conflicts with another setting",
    Reason.NO_ANSWER: "Cloudflare did not answer in time",
    Reason.NOT_KEPT: "Cloudflare kept the old value",
    Reason.SETTING_FAILING: "Cloudflare keeps failing to change it",
    Reason.CIRCUIT_OPEN: "Cloudflare fails here; try again later",
    Reason.CHANGED_ELSEWHERE: "It was changed at Cloudflare meanwhile",
    Reason.NOT_CONFIRMED: "It was not confirmed",
    Reason.CANCELLED: "Taken back",
    Reason.ZONE_GONE: "Cloudflare does not know this zone",
    Reason.NOT_CONNECTED: "No token is connected",
    Reason.ZONE_REPLACED: "Another zone was connected meanwhile",
    Reason.OTHER: "Cloudflare refused it",
}
_PERMISSIONS = {
    "Zone WAF": "Token may not edit WAF settings",
    "Bot Management": "Token may not edit bot settings",
    "Page Shield": "Token may not edit Page Shield",
    "Zone Settings": "Token may not edit zone settings",
}
NOT_SENT_IN_TIME = "It was not sent within an hour"
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
