"""What replies say about the call budget, read with tolerance, and the budget told of it.

        Ratelimit: "default";r=50;t=30             50 calls left, all back in 30 s; on every reply
        Ratelimit-Policy: "default";q=1200;w=300   1,200 calls in 300 s
        Retry-After: 300                           on a 429; a date or a fraction is exact as well

    A header may name several limits: `"burst";r=9;t=1, "default";r=300;t=200`. Each is kept to.

A header that cannot be read says nothing: it is never a reason to fail a call that succeeded.
"""

from __future__ import annotations

import logging
import re
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Protocol

import httpx

from cloudcache.domain.errors import CloudcacheError, Throttled
from cloudcache.domain.ids import CredentialId

log = logging.getLogger("cloudcache.cloudflare")

BLOCK_S = 300
"""How long Cloudflare refuses everything after a breach, when it does not say."""
LONGEST_BLOCK_S = 3_600
"""One probe an hour is harmless, and no stray number may lock a merchant out for ever."""
USUAL_POLICY = (1_200, 300)
POLICIES_KEPT = 20

_SECONDS = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?")
_FIELD = {name: re.compile(rf";\s*{name}\s*=\s*([0-9]{{1,9}})\s*(?=;|$)") for name in "rtqw"}


class Quota(Protocol):
    """The part of the budget that learns from replies."""

    def report(self, credential: CredentialId, remaining: int, resets_in_s: int, policy: str = "") -> None:
        """Correct downwards by what the `Ratelimit` header said of the limit named `policy`, if it names several."""
        ...

    def succeeded(self, credential: CredentialId) -> None:
        """Cloudflare's API answered, and not with a 429."""
        ...

    def block(self, credential: CredentialId, retry_after_s: float) -> None:
        """A 429 came."""
        ...


class Meter:
    """Passes on what each reply says."""

    def __init__(self, quota: Quota) -> None:
        self._quota = quota
        self._policies: set[tuple[int, int]] = set()

    def tell(
        self,
        credential: CredentialId | None,
        headers: httpx.Headers,
        error: CloudcacheError | None,
        *,
        own: bool,
    ) -> None:
        """A reply came. `own`: the API itself spoke; a gateway's page does not mean that a block is over.

        Without a credential (a token that is verified without a reservation) there is no budget to tell.
        """
        if credential is None:
            return
        left = calls_left(headers.get("ratelimit"))
        for name, pair in left.items():
            self._quota.report(credential, *pair, *([name] if len(left) > 1 else []))
        if isinstance(error, Throttled):
            self._quota.block(credential, error.after_s)
        elif own:
            self._quota.succeeded(credential)
        for seen in policies(headers.get("ratelimit-policy")):
            self._compare(seen)

    def _compare(self, seen: tuple[int, int]) -> None:
        """Log once that Cloudflare allows less than our limits assume; the reports keep us within it."""
        if seen in self._policies or len(self._policies) >= POLICIES_KEPT:
            return
        self._policies.add(seen)
        if seen[0] * USUAL_POLICY[1] < USUAL_POLICY[0] * seen[1]:
            log.warning(
                "Cloudflare allows %d calls in %d s, fewer than the usual %d in %d s", *seen, *USUAL_POLICY
            )


def retry_after_s(headers: httpx.Headers, now_ms: int, otherwise: int = BLOCK_S) -> float:
    """Seconds that `Retry-After` names, as a number or a date, at least 1; `otherwise` when it names none.

    Of several headers the latest counts. A date is measured from the answer's own `Date`, so that our clock does not
    matter; without one, from `now_ms`, and a date that is past by our clock then says nothing.
    """
    sent_at = _date_s(headers.get("date", ""))
    texts = [part for text in headers.get_list("retry-after") for part in (text, *text.split(","))]
    waits = [_wait_s(text.strip(), sent_at, now_ms / 1000) for text in texts]
    named = [wait for wait in waits if wait is not None]
    return min(max(*named, 1.0), float(LONGEST_BLOCK_S)) if named else otherwise


def _wait_s(text: str, sent_at: float | None, now_s: float) -> float | None:
    if _SECONDS.fullmatch(text):
        return float(text)
    until = _date_s(text)
    if until is None:
        return None
    if sent_at is not None:
        return max(0.0, until - sent_at) if sent_at - until <= LONGEST_BLOCK_S else None
    return until - now_s if until > now_s else None


def _date_s(text: str) -> float | None:
    """An HTTP date as Unix seconds."""
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()


def calls_left(header: str | None) -> dict[str, tuple[int, int]]:
    """Calls left and seconds until they are back, by the name of each limit; without what cannot be read.

    The tightest limit comes last. Of two that have the same name the tighter one counts.
    """
    pairs = sorted(_pairs(header, "r", "t"), key=lambda one: one[1], reverse=True)
    return dict(pairs)


def policies(header: str | None) -> list[tuple[int, int]]:
    """Calls and seconds of each limit named, without one that cannot be read, or allows or lasts nothing."""
    return [pair for _, pair in _pairs(header, "q", "w") if all(pair)]


def _pairs(header: str | None, first: str, second: str) -> list[tuple[str, tuple[int, int]]]:
    found = [
        (item.split(";")[0].strip(), _FIELD[first].search(item), _FIELD[second].search(item))
        for item in (header or "").split(",")
    ]
    return [(name, (int(one.group(1)), int(other.group(1)))) for name, one, other in found if one and other]
