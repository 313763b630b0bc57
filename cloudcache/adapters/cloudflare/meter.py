"""What replies say about the call budget, read with tolerance, and the budget told of it.

        Ratelimit: "default";r=50;t=30             50 calls left, all back in 30 s; on every reply
        Ratelimit-Policy: "default";q=1200;w=300   1,200 calls in 300 s
        Retry-After: 300                           on a 429

A header that cannot be read says nothing: it is never a reason to fail a call that succeeded.
"""

from __future__ import annotations

import logging
import re
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

_SECONDS = re.compile(r"[0-9]{1,9}")
_FIELD = {name: re.compile(rf";\s*{name}\s*=\s*([0-9]{{1,9}})\s*(?=;|$)") for name in "rtqw"}


class Quota(Protocol):
    """The part of the budget that learns from replies."""

    def report(self, credential: CredentialId, remaining: int, resets_in_s: int) -> None:
        """Correct downwards by what the `Ratelimit` header said."""
        ...

    def succeeded(self, credential: CredentialId) -> None:
        """Cloudflare's API answered, and not with a 429."""
        ...

    def block(self, credential: CredentialId, retry_after_s: int) -> None:
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

        Without a credential (a token that is only being verified) there is no budget to tell.
        """
        if credential is None:
            return
        left = calls_left(headers.get("ratelimit"))
        if left is not None:
            self._quota.report(credential, *left)
        if isinstance(error, Throttled):
            self._quota.block(credential, int(error.after_s))
        elif own:
            self._quota.succeeded(credential)
        self._compare(policy(headers.get("ratelimit-policy")))

    def _compare(self, seen: tuple[int, int] | None) -> None:
        """Say once that Cloudflare allows less than our limits assume; the reports keep us within it."""
        if seen is None or seen in self._policies or len(self._policies) >= POLICIES_KEPT:
            return
        self._policies.add(seen)
        if seen[0] * USUAL_POLICY[1] < USUAL_POLICY[0] * seen[1]:
            log.warning(
                "Cloudflare allows %d calls in %d s, fewer than the usual %d in %d s", *seen, *USUAL_POLICY
            )


def retry_after_s(header: str | None, otherwise: int = BLOCK_S) -> int:
    """Whole seconds of `Retry-After`, at least 1; `otherwise` when it is missing or no number."""
    text = (header or "").strip()
    return min(max(int(text), 1), LONGEST_BLOCK_S) if _SECONDS.fullmatch(text) else otherwise


def calls_left(header: str | None) -> tuple[int, int] | None:
    """Calls left and seconds until they are back, of the tightest limit; None when it cannot be read."""
    pairs = _pairs(header, "r", "t")
    return min(pairs) if pairs else None


def policy(header: str | None) -> tuple[int, int] | None:
    """Calls and seconds of the first limit named; None when it cannot be read, or allows or lasts nothing."""
    pairs = [pair for pair in _pairs(header, "q", "w") if all(pair)]
    return pairs[0] if pairs else None


def _pairs(header: str | None, first: str, second: str) -> list[tuple[int, int]]:
    found = [(_FIELD[first].search(item), _FIELD[second].search(item)) for item in (header or "").split(",")]
    return [(int(one.group(1)), int(other.group(1))) for one, other in found if one and other]
