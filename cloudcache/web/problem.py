"""Errors of the REST API as `application/problem+json` (RFC 9457): a type, a title, a status, and what to do."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.responses import JSONResponse

from cloudcache.domain.errors import (
    CloudcacheError,
    NeedsConfirmation,
    NotAllowed,
    NotFound,
    NotRolledOut,
    Reason,
    Refused,
    StoreUnavailable,
    TryLater,
    Unauthorized,
)

_OF_REASON = {
    Reason.WRONG_VALUE: 422,
    Reason.CONFLICT: 409,
    Reason.NOT_CONNECTED: 409,
    Reason.ZONE_REPLACED: 409,
    Reason.ZONE_GONE: 409,
    Reason.CIRCUIT_OPEN: 409,
}


def problem(
    status: int, kind: str, title: str, detail: str = "", headers: Mapping[str, str] | None = None
) -> JSONResponse:
    """One problem; `kind` is a stable code that a program may branch on."""
    body = {"type": f"about:blank#{kind}", "title": title, "status": status, "code": kind}
    if detail:
        body["detail"] = detail
    return JSONResponse(body, status, headers=dict(headers or {}), media_type="application/problem+json")


def of_error(error: CloudcacheError) -> JSONResponse:
    """The problem that an error of ours is to whoever called."""
    if isinstance(error, NotFound):
        return problem(404, "not-found", "There is no such setting or customer")
    if isinstance(error, NotRolledOut):
        detail = "Its Cloudflare settings stay as they are; the API answers as soon as the shop is served"
        return problem(403, "not-rolled-out", "This shop is not served yet", detail)
    if isinstance(error, NotAllowed):
        return problem(403, "forbidden", "This token may not do that")
    if isinstance(error, TryLater):
        after = {"Retry-After": str(max(1, int(error.after_s)))}
        return problem(503, "try-later", "Nothing was done; try again later", headers=after)
    if isinstance(error, StoreUnavailable):
        return problem(
            503, "unavailable", "The service cannot read or store now", headers={"Retry-After": "10"}
        )
    if isinstance(error, NeedsConfirmation):
        detail = 'It is risky for this shop; send {"enabled": true, "confirmed": true} if that is meant'
        return problem(409, "needs-confirmation", "This change must be confirmed", detail)
    if isinstance(error, Unauthorized):
        return problem(
            409, error.reason.value.replace("_", "-"), "The shop's Cloudflare token does not allow it"
        )
    if isinstance(error, Refused):
        status = _OF_REASON.get(error.reason, 422)
        kind = error.reason.value.replace("_", "-")
        return problem(status, kind, "The change was refused", error.detail or str(error))
    return problem(502, "unclear", "Cloudflare's answer is not known yet")
