"""Cloudflare's envelope, and the one table that turns its refusals into ours.

    fix the request       1004, 1006, 1007                  -> Refused(WRONG_VALUE | UNKNOWN_SETTING)
    the zone is gone      7003                              -> Refused(ZONE_GONE)
    tell the merchant     1015, 1024, 1025, 1057, wording   -> Refused(PLAN | NOT_EDITABLE)
    authorise again       1000, 6003, 9109, 10000, 401      -> Unauthorized(TOKEN_REFUSED | PERMISSION)
    wait and come back    429 in any wording, 5xx, 1005     -> Throttled | TryLater | Unclear

Codes are not trusted to be complete or above 1000 (971 is real); what is unknown is decided by the status.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cloudcache.domain.errors import CloudcacheError, Reason, Refused, Throttled, Unauthorized, Unclear
from cloudcache.domain.ids import JSON

THROTTLED_CODES = frozenset({971, 10100, 10429})
BLOCK_S = 300
"""How long Cloudflare refuses everything after a breach, when it does not say."""

_RATELIMIT = re.compile(r"\br\s*=\s*(\d{1,9})\b.*?\bt\s*=\s*(\d{1,9})\b")
_PLAN_WORDS = ("plan", "read only", "access denied")


@dataclass(frozen=True, slots=True)
class Envelope:
    """A parsed answer: `result` on success, the errors' codes and words otherwise."""

    success: bool
    result: JSON
    codes: Sequence[int]
    message: str


def parse(body: bytes) -> Envelope | None:
    """The envelope, or None for HTML, cut JSON, or JSON of another shape."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(document, dict) or not isinstance(document.get("success"), bool):
        return None
    errors = document.get("errors")
    listed = [error for error in errors if isinstance(error, dict)] if isinstance(errors, list) else []
    codes = [code for error in _with_chains(listed) if isinstance(code := error.get("code"), int)]
    words = "; ".join(str(error.get("message", ""))[:120] for error in listed)
    return Envelope(document["success"], document.get("result"), codes, words)


def refusal(status: int, envelope: Envelope, retry_after: str | None, permission: str) -> CloudcacheError:
    """What an answer that is no success means; `permission` names what the call would have needed."""
    codes = set(envelope.codes)
    if status == 429 or codes & THROTTLED_CODES:
        return Throttled(retry_after_s(retry_after), "Cloudflare's call limit is reached")
    if status >= 500 or 1005 in codes:
        return Unclear(f"Cloudflare answered {status}")
    if codes & {10000}:
        return Unauthorized(Reason.PERMISSION, permission)
    if codes & {1000, 6003, 9109} or status == 401:
        return Unauthorized(Reason.TOKEN_REFUSED)
    return _final_no(status, codes, envelope.message)


def _final_no(status: int, codes: set[int], message: str) -> Refused:
    if codes & {1015, 1024, 1025, 1057} or any(word in message.lower() for word in _PLAN_WORDS):
        return Refused(Reason.NOT_EDITABLE)
    if 1007 in codes or 1004 in codes:
        return Refused(Reason.WRONG_VALUE)
    if 7003 in codes:
        return Refused(Reason.ZONE_GONE)
    if codes & {1006, 7000} or status in (404, 405, 410):
        return Refused(Reason.UNKNOWN_SETTING)
    if status == 403:
        return Refused(Reason.NOT_EDITABLE)
    return Refused(Reason.OTHER, message[:80])


def retry_after_s(header: str | None) -> int:
    """Whole seconds of `Retry-After`; five minutes when it is missing or no number."""
    text = (header or "").strip()
    return min(max(int(text), 1), 3600) if text.isdigit() and len(text) < 10 else BLOCK_S


def ratelimit(header: str | None) -> tuple[int, int] | None:
    """(calls left, seconds until it resets) of `"default";r=50;t=30`; None when it cannot be read."""
    found = _RATELIMIT.search(header or "")
    return (int(found.group(1)), int(found.group(2))) if found else None


def _with_chains(errors: Sequence[Mapping[str, JSON]]) -> list[Mapping[str, JSON]]:
    """The errors and those chained below them."""
    found: list[Mapping[str, JSON]] = []
    for error in errors:
        found.append(error)
        chain = error.get("error_chain")
        if isinstance(chain, list):
            found += [link for link in chain if isinstance(link, dict)]
    return found
