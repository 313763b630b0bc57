"""Whether Cloudflare has withdrawn the call that reads 33 settings of a zone at once. No I/O.

A zone that is refused this call, and answers otherwise, is read setting by setting this time. That says little of
other zones: only refusals of zones of several tokens, or of many zones of one, with no answer in between, say that
the call is gone. They count for some hours; then a few zones ask again.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from cloudcache.domain.ids import CredentialId, CustomerId

COUNTS_FOR_MS = 6 * 3_600_000
TOKENS = 2
ZONES_OF_ONE_TOKEN = 5


@dataclass(frozen=True, slots=True)
class BatchRefusal:
    """A zone was refused the batch read, while it answered otherwise. `credential` names its token."""

    customer: CustomerId
    credential: CredentialId
    at: int


def is_withdrawn(refusals: Collection[BatchRefusal], now: int) -> bool:
    """Whether these refusals say that the batch read is gone for every zone."""
    counting = [one for one in refusals if 0 <= now - one.at < COUNTS_FOR_MS]
    tokens = {one.credential for one in counting}
    zones = {one.customer for one in counting}
    return len(tokens) >= TOKENS or len(zones) >= ZONES_OF_ONE_TOKEN
