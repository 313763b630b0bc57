"""Every expected failure, named after what the caller can do about it.

    CloudcacheError
    ├── Refused(reason)          said no, and saying it again changes nothing; the merchant is told why
    │   ├── Unauthorized         the credential is the reason: reconnect, or grant the permission
    │   ├── BatchWithdrawn       the call that reads 33 settings at once is gone: read them one by one
    │   └── NeedsConfirmation    risky: ask the person first, then call again with their yes
    ├── TryLater(after_s)        nothing was done; come back
    │   └── Throttled            Cloudflare's limit was hit: nobody knocks until it opens
    ├── Unclear                  it may have been done or not: read before doing anything else
    ├── NotAllowed               this actor may not do this to this tenant
    │   └── NotRolledOut         the new path does not serve this shop yet; nothing of it was changed
    ├── NotFound                 no such toggle, customer or change
    ├── LeaseLost                another zone was connected, or another process took the work over: drop the result
    └── StoreUnavailable         the database is locked, read-only, absent or at another migration

Adapters translate the outside into these once, at the edge; nothing above them knows a status code.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Reason(StrEnum):
    """Why a change did not happen, as a code kept in the journal; `ui/wording` and `sentence` say it in words."""

    PLAN = "plan"
    NOT_EDITABLE = "not_editable"
    DASHBOARD_ONLY = "dashboard_only"
    TOKEN_REFUSED = "token_refused"  # noqa: S105  a code, not a secret
    PERMISSION = "permission"
    WRONG_VALUE = "wrong_value"
    UNKNOWN_SETTING = "unknown_setting"
    CONFLICT = "conflict"
    NO_ANSWER = "no_answer"
    NOT_KEPT = "not_kept"
    SETTING_FAILING = "setting_failing"
    CIRCUIT_OPEN = "circuit_open"
    CHANGED_ELSEWHERE = "changed_elsewhere"
    NOT_CONFIRMED = "not_confirmed"
    CANCELLED = "cancelled"
    ZONE_GONE = "zone_gone"
    NOT_CONNECTED = "not_connected"
    ZONE_REPLACED = "zone_replaced"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class ApiError:
    """What Cloudflare itself said when it refused a call, for operators: sanitized, and never shown to merchants."""

    codes: tuple[int, ...] = ()
    message: str = ""
    documentation_url: str = ""

    def __str__(self) -> str:
        codes = ", ".join(map(str, self.codes))
        parts = (
            f"code {codes}" if codes else "",
            f'"{self.message}"' if self.message else "",
            f"see {self.documentation_url}" if self.documentation_url else "",
        )
        return ", ".join(part for part in parts if part)


_SENTENCES: dict[Reason, str] = {
    Reason.PLAN: "The zone's plan doesn't include this setting",
    Reason.NOT_EDITABLE: "Cloudflare doesn't let this zone change the setting",
    Reason.DASHBOARD_ONLY: "Cloudflare's API can't change this setting on this zone. Use the Cloudflare dashboard",
    Reason.TOKEN_REFUSED: "Cloudflare doesn't accept the token. It might be revoked, expired, or mistyped",
    Reason.PERMISSION: "The token is missing a permission",
    Reason.WRONG_VALUE: "Cloudflare rejected the value",
    Reason.UNKNOWN_SETTING: "Cloudflare doesn't offer this setting on this zone",
    Reason.CONFLICT: "It conflicts with another setting or store",
    Reason.NO_ANSWER: "Cloudflare didn't respond in time",
    Reason.NOT_KEPT: "Cloudflare kept the old value",
    Reason.SETTING_FAILING: "Cloudflare responds, but can't change this setting right now",
    Reason.CIRCUIT_OPEN: "Cloudflare keeps failing to change this setting. It's tried once every ten minutes",
    Reason.CHANGED_ELSEWHERE: "The setting was changed in Cloudflare in the meantime",
    Reason.NOT_CONFIRMED: "The change is risky and wasn't confirmed",
    Reason.CANCELLED: "The change was canceled before it was sent",
    Reason.ZONE_GONE: "The token can't find a zone with this ID in Cloudflare. An account ID looks the same",
    Reason.NOT_CONNECTED: "No Cloudflare API token is connected",
    Reason.ZONE_REPLACED: "The store was connected to another zone",
    Reason.OTHER: "Cloudflare rejected the request",
}
_SAID_ALONE = (Reason.CONFLICT, Reason.NOT_CONNECTED)
"""Reasons whose detail, where there is one, is a whole sentence of ours."""


def sentence(code: str, detail: str = "") -> str:
    """Describe a reason in a sentence for operators; an unknown code is described as `Reason.OTHER`."""
    reason = Reason(code) if code in Reason.__members__.values() else Reason.OTHER
    if detail and reason in _SAID_ALONE:
        return detail
    return f"{_SENTENCES[reason].rstrip('.')}: {detail}" if detail else _SENTENCES[reason]


class CloudcacheError(Exception):
    """The root of everything that is expected to go wrong."""


class Refused(CloudcacheError):
    """A final no, with the reason a merchant can understand and, in `api`, what Cloudflare said."""

    def __init__(self, reason: Reason, detail: str = "", *, api: ApiError | None = None) -> None:
        super().__init__(sentence(reason, detail))
        self.reason = reason
        self.detail = detail
        self.api = api


class Unauthorized(Refused):
    """The credential is unknown, revoked, or lacks a permission (`Reason.PERMISSION`)."""


class BatchWithdrawn(Refused):
    """Cloudflare no longer answers the batch read."""

    def __init__(self, *, api: ApiError | None = None) -> None:
        super().__init__(Reason.UNKNOWN_SETTING, "the batch read is withdrawn", api=api)


class NeedsConfirmation(Refused):
    """The change is risky and has to be confirmed first; nothing was stored. `on` is what the change would do."""

    def __init__(self, *, on: bool = True) -> None:
        super().__init__(Reason.NOT_CONFIRMED)
        self.on = on


class TryLater(CloudcacheError):
    """Nothing was done; the same call may work in `after_s` seconds."""

    def __init__(self, after_s: float, detail: str = "") -> None:
        super().__init__(detail or f"try again in {after_s:g} s")
        self.after_s = after_s


class Throttled(TryLater):
    """Cloudflare's budget for this credential is used up; it opens in `after_s` seconds."""


class Unclear(CloudcacheError):
    """The call was sent and its effect is unknown: a timeout, a cut answer, a 5xx or an unreadable body."""


class NotAllowed(CloudcacheError):
    """The access table says no."""


class NotRolledOut(NotAllowed):
    """The new path does not serve this shop yet, or not for now."""


class NotFound(CloudcacheError):
    """The thing named does not exist, or not for this tenant; the two are not told apart."""


class LeaseLost(CloudcacheError):
    """The customer was connected to another zone, or its lease was taken over; nothing was written."""


class StoreUnavailable(CloudcacheError):
    """The database cannot serve now; nothing was changed."""


def explain(error: CloudcacheError) -> str:
    """Describe a failure for an operator: the failure, and what Cloudflare said about it."""
    said = str(error.api) if isinstance(error, Refused) and error.api else ""
    return f"{error} (Cloudflare: {said})" if said else str(error)
