"""Cloudflare's envelope, and the one table that turns everything that is no success into our errors.

    fix the request       1004, 1007, 10400                     Refused(WRONG_VALUE)
                          1006, 7000; 404 and 410               Refused(UNKNOWN_SETTING)
    tell the merchant     1015, 1024, 1025, 1057, 10405, 403    Refused(NOT_EDITABLE), or PLAN by its words
    the zone is lost      1001, 7003                            Refused(ZONE_GONE)
    authorise again       1000, 6003, 6111, 9103, 9106, 9107,   Unauthorized(TOKEN_REFUSED)
                          9109; 401
    grant a permission    10000; 403 with a documentation_url   Unauthorized(PERMISSION)
    wait until it opens   971, 10100, 10429; 429 in any shape   Throttled
    in doubt              5xx, 1005, 408, 409, 425, a redirect, Unclear for a write, TryLater for a read,
                          no JSON of Cloudflare's, no answer    which may be repeated without harm

Codes are not trusted to be complete or to start at 1000 (971 is real); where none is known, the words decide,
then the status. For a write only what surely was not sent, or was throttled, is `TryLater`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NoReturn

import httpx

from cloudcache.adapters.cloudflare.line import Lost, Reply, redacted
from cloudcache.adapters.cloudflare.meter import retry_after_s
from cloudcache.domain.errors import (
    ApiError,
    CloudcacheError,
    Reason,
    Refused,
    Throttled,
    TryLater,
    Unauthorized,
    Unclear,
)
from cloudcache.domain.ids import JSON
from cloudcache.domain.secret import Token

TRY_AGAIN_S = 5
LONGEST_DETAIL = 120

THROTTLED = frozenset({971, 10100, 10429})
TRANSIENT = frozenset({1005})
BAD_TOKEN = frozenset({1000, 6003, 6111, 9103, 9106, 9107, 9109})
NO_PERMISSION = frozenset({10000})
NOT_EDITABLE = frozenset({1015, 1024, 1025, 1057, 10405})
WRONG_VALUE = frozenset({1004, 1007})
MALFORMED = frozenset({10400})
NO_ROUTE = frozenset({1001, 7003})
UNKNOWN_SETTING = frozenset({1006, 7000})
KNOWN_CODES = frozenset().union(
    THROTTLED,
    TRANSIENT,
    BAD_TOKEN,
    NO_PERMISSION,
    NOT_EDITABLE,
    WRONG_VALUE,
    MALFORMED,
    NO_ROUTE,
    UNKNOWN_SETTING,
)
COME_AGAIN = frozenset({408, 409, 425})
"""The official client repeats the first two; a write looks first whether it was done."""

DOCUMENTATION = "https://developers.cloudflare.com/"
LONGEST_LINK = 200
DOCUMENTED = {
    Reason.TOKEN_REFUSED: f"{DOCUMENTATION}fundamentals/api/troubleshooting/",
    Reason.PERMISSION: f"{DOCUMENTATION}fundamentals/api/reference/permissions/",
    Reason.ZONE_GONE: f"{DOCUMENTATION}fundamentals/account/find-account-and-zone-ids/",
}
"""Where an operator reads on when the answer itself names no page."""

_LINK = re.compile(r"https://developers\.cloudflare\.com/[!-~]*")
_TAGS = re.compile(r"<[^<>]*>")
_TOKENS = re.compile(r"\bcf(?:ut|at|k|oat)_[\w-]{8,}|(?<![\w-])[A-Za-z0-9_-]{40}(?![\w-])")
"""What looks like a token: Cloudflare's own prefixes, and the 40 characters of the older ones."""

_PLAN_WORDS = re.compile(r"\bplans?\b", re.IGNORECASE)
_GATED_WORDS = re.compile(r"read.only|access denied|not allowed|cannot be modified", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Envelope:
    """A parsed answer: the `result` of a success and where its next page is, or a failure's codes, words and link.

    `date` is Cloudflare's time when it answered, `read_at` when by that clock the call began; Unix milliseconds."""

    success: bool
    result: JSON = None
    info: JSON = None
    codes: frozenset[int] = frozenset()
    message: str = ""
    documentation_url: str = ""
    date: int | None = None
    read_at: int | None = None

    def api_error(self, reason: Reason) -> ApiError:
        """What it tells an operator about a refusal."""
        link = self.documentation_url or DOCUMENTED.get(reason, "")
        return ApiError(tuple(sorted(self.codes)), self.message, link)


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a call did not succeed. `from_api` is False when there was no answer, or a gateway's page for one;
    `surprising` is what no documentation explains, so that somebody should look at it."""

    error: CloudcacheError
    codes: frozenset[int] = frozenset()
    from_api: bool = False
    surprising: bool = False


@dataclass(frozen=True, slots=True)
class Asked:
    """The part of a call that decides what an answer to it means."""

    token: Token
    is_read: bool
    permission: str = ""
    now_ms: int = 0
    """When the answer came, for one that names a date and not its own."""

    def patience(self, headers: httpx.Headers) -> float:
        """Seconds to wait after trouble. Cloudflare's 52x pages name them: 120 s in the outage of 2026-07-31."""
        return retry_after_s(headers, self.now_ms, TRY_AGAIN_S)

    def doubt(self, why: str, after_s: float = TRY_AGAIN_S) -> CloudcacheError:
        """The outcome is unknown: a read may be repeated, a write may have been done."""
        return TryLater(after_s, why) if self.is_read else Unclear(why)


def judge(answer: Reply | Lost, asked: Asked) -> Envelope | Failure:
    """The envelope of a success, or the error that the answer stands for."""
    if isinstance(answer, Lost):
        if answer.was_sent:
            error = asked.doubt(f"the answer was lost ({answer.why})")
            return Failure(error, surprising=answer.is_strange)
        return Failure(TryLater(TRY_AGAIN_S, f"Cloudflare can't be reached ({answer.why})"))
    envelope = None if answer.content is None else parse(answer.content, asked.token)
    if answer.status == 429 or (envelope and envelope.codes & THROTTLED):
        after_s = retry_after_s(answer.headers, asked.now_ms)
        codes = envelope.codes if envelope else frozenset()
        return Failure(Throttled(after_s, "Cloudflare's call limit is reached"), codes, from_api=True)
    if envelope is None:
        why = f"Cloudflare answered {answer.status} with {answer.flaw or 'no answer of its API'}"
        return Failure(asked.doubt(why, asked.patience(answer.headers)), surprising=True)
    if envelope.success and 200 <= answer.status < 300:
        return envelope
    error = _error(answer, envelope, asked)
    is_unknown = not envelope.codes & KNOWN_CODES
    return Failure(error, envelope.codes, from_api=True, surprising=is_unknown)


def parse(body: bytes, token: Token) -> Envelope | None:
    """The envelope; None for HTML, cut JSON, or JSON of another shape."""
    try:
        document = json.loads(body, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        return None
    if not isinstance(document, dict) or not isinstance(document.get("success"), bool):
        return None
    if document["success"]:
        return Envelope(True, document.get("result"), document.get("result_info"))
    failures = list(_failures(document.get("errors")))
    codes = frozenset(code for failure in failures if (code := _code(failure.get("code"))) is not None)
    words = [text for failure in failures if isinstance(text := failure.get("message"), str)]
    links = [link for failure in failures if (link := _link(failure.get("documentation_url")))]
    message = _speakable(redacted("; ".join(words), token))
    return Envelope(
        False, codes=codes, message=message, documentation_url=redacted(links[0], token) if links else ""
    )


def _error(reply: Reply, envelope: Envelope, asked: Asked) -> CloudcacheError:
    """What an envelope means that is no success; one that contradicts its status decides nothing."""
    status = reply.status
    is_mute = not envelope.codes and not envelope.message
    if envelope.success or not (200 <= status < 300 or status >= 400) or (status < 400 and is_mute):
        return asked.doubt(f"Cloudflare answered {status} and contradicts itself")
    if status >= 500 or status in COME_AGAIN or envelope.codes & TRANSIENT:
        return asked.doubt(f"Cloudflare answered {status}", asked.patience(reply.headers))
    return _refusal(status, envelope, asked.permission)


def _refusal(status: int, envelope: Envelope, permission: str) -> Refused:
    """A final no, with Cloudflare's own words. Without a permission named (verifying a token) every doubt is about
    the token itself."""
    reason, detail = _meaning(status, envelope)
    if reason is Reason.PERMISSION:
        reason, detail = (reason, permission) if permission else (Reason.TOKEN_REFUSED, "")
    kind = Unauthorized if reason in (Reason.TOKEN_REFUSED, Reason.PERMISSION) else Refused
    return kind(reason, detail, api=envelope.api_error(reason))


def _meaning(status: int, envelope: Envelope) -> tuple[Reason, str]:
    """The reason by the first code that is known, and what is worth keeping of the words."""
    for codes, reason in _BY_CODE:
        if envelope.codes & codes:
            return reason, envelope.message if reason is Reason.WRONG_VALUE else ""
    return _by_words_and_status(status, envelope)


_BY_CODE = (
    (BAD_TOKEN, Reason.TOKEN_REFUSED),
    (NO_PERMISSION, Reason.PERMISSION),
    (NOT_EDITABLE, Reason.NOT_EDITABLE),
    (WRONG_VALUE, Reason.WRONG_VALUE),
    (NO_ROUTE, Reason.ZONE_GONE),
    (UNKNOWN_SETTING, Reason.UNKNOWN_SETTING),
)


def _by_words_and_status(status: int, envelope: Envelope) -> tuple[Reason, str]:
    if status == 401:
        return Reason.TOKEN_REFUSED, ""
    if _PLAN_WORDS.search(envelope.message):
        return Reason.PLAN, ""
    if status == 403 and envelope.documentation_url:
        return Reason.PERMISSION, ""
    if _GATED_WORDS.search(envelope.message) or status in (403, 405):
        return Reason.NOT_EDITABLE, ""
    if status in (404, 410):
        return Reason.UNKNOWN_SETTING, ""
    if envelope.codes & MALFORMED:
        return Reason.WRONG_VALUE, envelope.message
    return Reason.OTHER, envelope.message


def _failures(errors: JSON) -> Iterator[dict[str, JSON]]:
    """The listed errors, each with the finer causes chained to it."""
    for error in errors if isinstance(errors, list) else ():
        if isinstance(error, dict):
            yield error
            chain = error.get("error_chain")
            yield from (
                cause for cause in (chain if isinstance(chain, list) else ()) if isinstance(cause, dict)
            )


def _code(value: JSON) -> int | None:
    if isinstance(value, str) and re.fullmatch("[0-9]{1,6}", value):
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _link(value: JSON) -> str:
    """A page of Cloudflare's own documentation; empty for anything else."""
    is_link = isinstance(value, str) and len(value) <= LONGEST_LINK and _LINK.fullmatch(value)
    return _TOKENS.sub("****", value) if is_link and isinstance(value, str) else ""


def _speakable(text: str) -> str:
    """Words of a stranger, fit for a log line, a database and a terminal: no markup, no control signs, no tokens."""
    plain = _TAGS.sub(" ", _TOKENS.sub("****", text[: 50 * LONGEST_DETAIL]))
    printable = "".join(sign if sign.isprintable() else " " for sign in plain)
    return " ".join(printable.split())[:LONGEST_DETAIL]


def _refuse_constant(name: str) -> NoReturn:
    """NaN and Infinity are no JSON; a database would refuse them later."""
    raise ValueError(name)
