"""Dates of HTTP headers, read with tolerance."""

from __future__ import annotations

from datetime import UTC
from email.utils import parsedate_to_datetime


def date_ms(text: str | None) -> int | None:
    """An HTTP date in Unix milliseconds; None when it is missing or cannot be read."""
    try:
        date = parsedate_to_datetime(text or "")
        return int((date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp() * 1000)
    except (ValueError, TypeError, IndexError, OverflowError, OSError):
        return None
