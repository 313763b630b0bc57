"""When a change seen at Cloudflare was made, which is not when it was seen."""

from __future__ import annotations

from cloudcache.domain.events import Observation
from cloudcache.domain.instants import instant_ms

SAME_WITHIN_MS = 5_000
"""Cloudflare dates a change in the setting and in the audit log; the two are closer than this."""


def is_later(seen: Observation, at: int) -> bool:
    """Whether this value was set clearly after `at`, by Cloudflare's clock, so not by whoever did something then."""
    modified = instant_ms(seen.modified_on)
    return modified is not None and modified > at + SAME_WITHIN_MS


def made_at(seen: Observation, modified_before: str | None, read_before: int | None, now: int) -> int | None:
    """Return when Cloudflare says that this value was set, in Unix milliseconds of our clock; None if nobody knows.

    Cloudflare's date tells nothing when it is no newer than the one of the value before (`modified_before`) or, where
    that had none, than the last read of it (`read_before`), nor when it is still to come.
    """
    modified, before = instant_ms(seen.modified_on), instant_ms(modified_before)
    if modified is None or (before is not None and modified <= before):
        return None
    ahead = 0 if seen.cloudflare_at is None else seen.at - seen.cloudflare_at
    at = modified + ahead
    is_older = before is None and read_before is not None and at < read_before
    return None if is_older or not 0 < at <= now else at
