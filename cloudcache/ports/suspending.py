"""Which zones and tokens are suspended and when each is examined again, and refusals of the batch read.

Times are Unix milliseconds.
"""

from __future__ import annotations

from typing import Protocol

from cloudcache.domain.batch_read import BatchRefusal
from cloudcache.domain.customers import ZoneStatus
from cloudcache.domain.ids import CredentialId, CustomerId, ZoneId
from cloudcache.domain.suspension import Suspension


class BatchReading(Protocol):
    """Refusals of the call that reads 33 settings at once."""

    async def keep_batch_refusal(self, refusal: BatchRefusal) -> None:
        """Remember that a zone was refused the batch read while it answered otherwise."""
        ...

    async def forget_batch_refusals(self) -> None:
        """A zone was read with it: forget them all."""
        ...

    async def across_tenants_batch_refusals(self) -> list[BatchRefusal]:
        """The newest refusals."""
        ...


class Suspending(Protocol):
    """The suspensions; every method is one transaction."""

    async def suspend_zone(
        self, customer: CustomerId, zone: ZoneId, status: ZoneStatus, *, now: int, why: str, due: int
    ) -> bool:
        """Take an active zone out of the queue, to be examined again at `due`. False, and nothing is changed, when it
        is not active or the customer has another zone by now."""
        ...

    async def suspend_token(self, credential: CredentialId | None, *, now: int, why: str, due: int) -> int:
        """Suspend all active zones of a token (None: the platform's), which is examined again at `due`; return how
        many."""
        ...

    async def resume_zone(self, customer: CustomerId, zone: ZoneId, *, now: int) -> bool:
        """Make a suspended zone due at once; False when it was not suspended, or is another zone by now."""
        ...

    async def resume_token(self, credential: CredentialId | None, *, now: int) -> int:
        """Make the zones that were suspended because of their token due at once; return how many."""
        ...

    async def across_tenants_due_suspensions(self, *, now: int, until: int, limit: int) -> list[Suspension]:
        """Take suspensions that are to be examined now; another process may take them from `until` on."""
        ...

    async def put_off(self, suspension: Suspension, *, due: int) -> None:
        """Still refused: examine it again at `due`, and count the attempt."""
        ...

    async def end_suspension(self, suspension: Suspension) -> None:
        """Examine it no more."""
        ...

    async def across_tenants_gone(self, credential: CredentialId | None, limit: int) -> list[CustomerId]:
        """Customers of a token (None: the platform's) whose zones are suspended because Cloudflare did not know
        them."""
        ...
