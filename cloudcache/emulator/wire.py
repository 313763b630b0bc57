"""What travels between a client and the pretend Cloudflare: a call, an answer, and the reasons for a refusal.

Everything below the ASGI layer is plain data and plain functions, so the whole API can be exercised without a
network. A handler returns an `Outcome` or raises a `Refusal`; `answered` and `refused` put them into the
envelope.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeAlias
from urllib.parse import parse_qs

JSON: TypeAlias = "bool | int | float | str | Sequence[JSON] | Mapping[str, JSON] | None"

Headers: TypeAlias = tuple[tuple[bytes, bytes], ...]


def moment(at: float) -> str:
    """A Unix time as the RFC 3339 text that Cloudflare writes."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def compact(value: JSON) -> bytes:
    """JSON without spaces, as bytes for the wire."""
    return json.dumps(value, separators=(",", ":")).encode()


@dataclass(frozen=True, slots=True)
class Call:
    """One request to `/client/v4`; `path` starts after that prefix."""

    method: str
    path: str
    query: str = ""
    authorization: str = ""
    address: str = "127.0.0.1"
    user_agent: str = ""
    body: bytes = b""

    @property
    def token(self) -> str | None:
        """The bearer token, or None when the header does not carry one in the expected shape."""
        scheme, _, token = self.authorization.partition(" ")
        if scheme.lower() != "bearer" or not token or not token.isascii():
            return None
        return None if any(sign.isspace() or sign in "\"',;" for sign in token) else token

    @property
    def zone_id(self) -> str:
        """The zone that the path names, or an empty text."""
        parts = self.path.split("/", 3)
        return parts[2] if len(parts) > 2 and parts[1] == "zones" else ""

    @property
    def is_below_zone(self) -> bool:
        """Whether the call is about something of a zone, rather than the zone itself or the list."""
        return self.path.startswith("/zones/") and self.path.count("/") > 2

    def parameters(self) -> dict[str, list[str]]:
        """The query, every name with all the values it was given."""
        return parse_qs(self.query, keep_blank_values=True)

    def payload(self) -> JSON:
        """The body read as JSON; an empty or broken one reads as None, which no handler accepts."""
        try:
            value: JSON = json.loads(self.body)
        except (ValueError, RecursionError):  # bad JSON, bad UTF-8, or brackets without end
            return None
        return value


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back: status, headers and body, with the token it was for (known by its id only)."""

    status: int
    headers: Headers
    body: bytes
    token_id: str | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """A successful call: its result, and the paging block where there is one. `raw` goes out in no envelope."""

    result: JSON
    result_info: Mapping[str, JSON] | None = None
    raw: bytes | None = None


def page_numbers(page: int, per_page: int, count: int, total: int) -> dict[str, JSON]:
    """The paging block of a list that is cut into pages."""
    return {
        "page": page,
        "per_page": per_page,
        "count": count,
        "total_count": total,
        "total_pages": -(-total // per_page),
    }


@dataclass(frozen=True, slots=True)
class Failure:
    """One entry of `errors`, with the finer causes that Cloudflare sometimes chains to it."""

    code: int
    message: str
    chain: tuple[Failure, ...] = ()

    def entry(self) -> dict[str, JSON]:
        """The entry as JSON."""
        plain: dict[str, JSON] = {"code": self.code, "message": self.message}
        if self.chain:
            plain["error_chain"] = [cause.entry() for cause in self.chain]
        return plain


class Refusal(Exception):
    """A call that Cloudflare turns down, with the status and the errors it names."""

    def __init__(self, status: int, *failures: Failure, retry_after: int | None = None) -> None:
        super().__init__("; ".join(f"{failure.code}: {failure.message}" for failure in failures))
        self.status = status
        self.failures = failures
        self.retry_after = retry_after


def answered(outcome: Outcome) -> bytes:
    """The envelope around a success, or what has none."""
    if outcome.raw is not None:
        return outcome.raw
    envelope: dict[str, JSON] = {"success": True, "errors": [], "messages": [], "result": outcome.result}
    if outcome.result_info is not None:
        envelope["result_info"] = outcome.result_info
    return compact(envelope)


def refused(refusal: Refusal) -> bytes:
    """The envelope around a refusal; `result` is there and null."""
    errors = [failure.entry() for failure in refusal.failures]
    return compact({"success": False, "errors": errors, "messages": [], "result": None})
