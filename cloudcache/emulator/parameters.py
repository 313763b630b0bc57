"""Query parameters read strictly: what makes no sense is refused with 400, never guessed at."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime

from cloudcache.emulator import refusals

Query = Mapping[str, list[str]]


def single(query: Query, name: str) -> str | None:
    """A parameter's last value, or None when it was not given."""
    values = query.get(name)
    return values[-1] if values else None


def whole(query: Query, name: str, default: int, low: int, high: int) -> int:
    """A whole number within bounds."""
    text = single(query, name)
    if text is None:
        return default
    # isdecimal also takes digits of other scripts, and int reads them; the length keeps int quick.
    if not text.isdecimal() or len(text) > 12 or not low <= int(text) <= high:
        raise refusals.bad_request(f"{name} must be a whole number from {low} to {high}")
    return int(text)


def one_of(query: Query, name: str, default: str, allowed: Collection[str]) -> str:
    """One word of a closed set."""
    text = single(query, name)
    if text is None:
        return default
    if text not in allowed:
        raise refusals.bad_request(f"{name} must be one of {', '.join(allowed)}")
    return text


def instant(query: Query, name: str) -> float | None:
    """A date (its first moment, in UTC) or an RFC 3339 time, as Unix seconds."""
    text = single(query, name)
    if text is None:
        return None
    try:
        # A plus sign that nobody escaped arrives as a blank.
        read = datetime.fromisoformat(text.replace(" ", "+") if "T" in text else text)
    except ValueError:
        raise refusals.bad_request(f"{name} must be a date or an RFC 3339 time") from None
    return (read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp()
