"""Times as other services write them: RFC 3339 text to Unix milliseconds."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

_RFC3339 = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(?:([Zz])|([+-])(\d\d):?(\d\d))", re.ASCII
)
_EPOCH = datetime(1970, 1, 1)


def instant_ms(text: object) -> int | None:
    """Read an instant with its offset from UTC, to the millisecond; None when the text is no such instant.

    Fractions of a second may have one to nine digits; what is finer than a millisecond is cut off.
    """
    match = _RFC3339.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        return None
    day, time, fraction, utc, sign, hours, minutes = match.groups()
    try:
        local = datetime.fromisoformat(f"{day}T{time}")
    except ValueError:
        return None
    if utc is None and (int(hours) > 23 or int(minutes) > 59):
        return None
    ahead = timedelta() if utc else timedelta(hours=int(hours), minutes=int(minutes))
    since = local - _EPOCH - (-ahead if sign == "-" else ahead)
    return since // timedelta(milliseconds=1) + int((fraction or "").ljust(3, "0")[:3])
