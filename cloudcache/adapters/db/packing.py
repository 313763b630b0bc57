"""A check of a storefront as the text of one column."""

from __future__ import annotations

import json
from functools import lru_cache

from cloudcache.domain.ids import ToggleId
from cloudcache.domain.storefront import Outcome, Seen, StorefrontCheck


def packed(check: StorefrontCheck) -> str:
    """A check as it is stored."""
    seen = {toggle: one.value for toggle, one in check.seen.items()}
    value = {"at": check.at, "outcome": check.outcome.value, "hostname": check.hostname, "seen": seen}
    return json.dumps(value, separators=(",", ":"))


@lru_cache(2048)
def unpacked(stored: object) -> StorefrontCheck | None:
    """A stored check; None where none was made, or a later version of the app wrote it otherwise."""
    if not isinstance(stored, str) or not stored:
        return None
    try:
        value = json.loads(stored)
        seen = {ToggleId(toggle): Seen(one) for toggle, one in value["seen"].items()}
        return StorefrontCheck(int(value["at"]), Outcome(value["outcome"]), seen, str(value["hostname"]))
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
