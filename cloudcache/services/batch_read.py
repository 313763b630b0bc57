"""Knows whether the batch read is used: what the settings allow, and what all processes saw of it."""

from __future__ import annotations

import logging

from cloudcache.domain.batch_read import BatchRefusal, is_withdrawn
from cloudcache.domain.customers import Customer
from cloudcache.domain.ids import CredentialId
from cloudcache.ports import Clock, Store

log = logging.getLogger("cloudcache.reconcile")

REFRESH_MS = 15_000


class BatchRead:
    """The judgement of all processes, as the database keeps it and this one last read it."""

    def __init__(self, store: Store, clock: Clock, *, is_allowed: bool) -> None:
        self._store = store
        self._clock = clock
        self._is_allowed = is_allowed
        self._refusals: dict[int, BatchRefusal] = {}
        self._read_at: int | None = None
        self._was_withdrawn = False

    @property
    def is_used(self) -> bool:
        """Whether zones are read with it: allowed by the settings, and not withdrawn as far as known."""
        return self._is_allowed and not is_withdrawn(self._refusals.values(), self._clock.now_ms())

    async def refresh(self) -> None:
        """Read what other processes saw, if that is long ago."""
        now = self._clock.now_ms()
        if self._is_allowed and (self._read_at is None or not 0 <= now - self._read_at < REFRESH_MS):
            self._read_at = now
            found = await self._store.across_tenants_batch_refusals()
            self._refusals = {one.customer: one for one in found}
            self._say()

    async def refused(self, customer: Customer, credential: CredentialId) -> None:
        """A zone that answers otherwise was refused the batch read."""
        refusal = BatchRefusal(customer.id, credential, self._clock.now_ms())
        self._refusals[customer.id] = refusal
        await self._store.keep_batch_refusal(refusal)
        log.info("customer %s: the batch read is refused; its settings are read one by one", customer.id)
        self._say()

    async def answered(self) -> None:
        """A zone was read with it: earlier refusals say nothing any more."""
        if self._refusals:
            self._refusals = {}
            await self._store.forget_batch_refusals()
            self._say()

    def _say(self) -> None:
        """Log a change of the judgement, once."""
        withdrawn = self._is_allowed and not self.is_used
        if withdrawn and not self._was_withdrawn:
            what = "the batch read is withdrawn; settings are read one by one, and it is tried again later"
            log.warning(what, extra={"event": "batch_withdrawn"})
        elif self._was_withdrawn and not withdrawn:
            log.warning("the batch read is used again", extra={"event": "batch_restored"})
        self._was_withdrawn = withdrawn
