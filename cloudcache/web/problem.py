"""Refusals as `application/problem+json` (RFC 9457): a type, a title, a status, and what to do."""

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
from cloudcache.domain.rate_limit import RateLimitStatus

MEDIA = "application/problem+json"
_OF_REASON = {
    Reason.WRONG_VALUE: 422,
    Reason.CONFLICT: 409,
    Reason.NOT_CONNECTED: 409,
    Reason.ZONE_REPLACED: 409,
    Reason.ZONE_GONE: 409,
    Reason.CIRCUIT_OPEN: 409,
}
_OF_STATUS = {
    400: ("malformed", "Bad request", "The request isn’t valid."),
    401: ("unauthorized", "Unauthorized", "Sign in, or send a valid bearer token."),
    403: ("forbidden", "Forbidden", "You don’t have access to this address."),
    404: ("not-found", "Not found", "There’s nothing at this address."),
    405: ("method-not-allowed", "Method not allowed", "This address doesn’t support {method}."),
    408: ("timeout", "Request timeout", "The request took too long to arrive."),
    413: ("too-large", "Request too large", "Send a smaller request body."),
    414: ("uri-too-long", "URL too long", "Send a shorter query string."),
    415: ("unsupported-media-type", "Unsupported media type", "Send the request body without compression."),
    429: ("too-many-requests", "Too many requests", "Wait, then try again."),
    500: ("internal-error", "Internal server error", "Something went wrong on our side. Try again."),
    503: ("unavailable", "Service unavailable", "Try again in a moment."),
}


def problem(
    status: int, kind: str, title: str, detail: str, headers: Mapping[str, str] | None = None
) -> JSONResponse:
    """One problem; `kind` is a stable code that a program may branch on."""
    body = {
        "type": f"about:blank#{kind}",
        "title": title,
        "status": status,
        "code": kind,
        "detail": detail,
    }
    return JSONResponse(body, status, headers=dict(headers or {}), media_type=MEDIA)


def problem_of_status(status: int, method: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """The problem of a refusal of which only the status is known."""
    kind, title, detail = _OF_STATUS.get(status, _OF_STATUS[500 if status >= 500 else 400])
    return problem(status, kind, title, detail.format(method=method), headers)


def too_many_requests(limit: RateLimitStatus, headers: Mapping[str, str]) -> JSONResponse:
    """The problem of a caller that is over its limit."""
    seconds = int(limit.wait_s) + 1
    detail = f"Try again in {seconds} second{'s' * (seconds > 1)}."
    retry = {"Retry-After": str(seconds), **headers}
    return problem(429, "too-many-requests", "Too many requests", detail, retry)


def of_error(error: CloudcacheError) -> JSONResponse:
    """The problem that an error of ours is to whoever called."""
    if isinstance(error, NotFound):
        return problem(404, "not-found", "Not found", "There’s no such setting or customer.")
    if isinstance(error, NotRolledOut):
        detail = "We’re rolling this out gradually. Your Cloudflare settings won’t change in the meantime."
        return problem(403, "not-rolled-out", "Not available for this store yet", detail)
    if isinstance(error, NotAllowed):
        return problem(403, "forbidden", "Forbidden", "This token doesn’t have access to this operation.")
    if isinstance(error, TryLater):
        after = {"Retry-After": str(max(1, int(error.after_s)))}
        return problem(503, "try-later", "Try again later", "Nothing was changed.", after)
    if isinstance(error, StoreUnavailable):
        detail = "We can’t read or save settings right now. Nothing was changed."
        return problem(503, "unavailable", "Service unavailable", detail, {"Retry-After": "10"})
    if isinstance(error, NeedsConfirmation):
        wanted = "true" if error.on else "false"
        detail = f'This change is risky for this store. To make it, send {{"enabled": {wanted}, "confirmed": true}}.'
        return problem(409, "needs-confirmation", "Confirmation required", detail)
    if isinstance(error, Unauthorized):
        kind = error.reason.value.replace("_", "-")
        return problem(409, kind, "The store’s Cloudflare token doesn’t allow this change", _detail(error))
    if isinstance(error, Refused):
        status = _OF_REASON.get(error.reason, 422)
        return problem(
            status, error.reason.value.replace("_", "-"), "The change was rejected", _detail(error)
        )
    return problem(
        502, "unclear", "Cloudflare didn’t confirm the change", "Read the setting to see its current value."
    )


def _detail(error: Refused) -> str:
    text = (error.detail or str(error)).replace("'", "’")
    return text if text.endswith(".") else f"{text}."
