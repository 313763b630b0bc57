"""Asks the circuit breakers before a change is accepted and before it is sent, and tells them how it ended."""

from __future__ import annotations

import logging

from cloudcache.domain.breaker import TRY_EVERY_MS, CircuitBreaker
from cloudcache.domain.catalog import Toggle
from cloudcache.domain.customers import Customer
from cloudcache.domain.errors import CloudcacheError, StoreUnavailable
from cloudcache.ports import CircuitBreakers, Clock, ZoneAccess
from cloudcache.services.credentials import Credentials

log = logging.getLogger("cloudcache.breakers")


class Breakers:
    """The circuit breakers of all settings, as one process uses them."""

    def __init__(self, table: CircuitBreakers, credentials: Credentials, clock: Clock) -> None:
        self._table = table
        self._credentials = credentials
        self._clock = clock

    async def refuses(self, customer: Customer, toggle: Toggle) -> bool:
        """Return whether a change of this toggle would be refused now."""
        now = self._clock.now_ms()
        found = [
            one
            for one in await self._table.breakers_of(toggle.setting_id)
            if one.refuses(customer.zone_id, now)
        ]
        if not found:
            return False
        try:
            kind = (await self._credentials.access(customer)).token.kind
        except StoreUnavailable:
            raise
        except CloudcacheError:
            return False  # trouble with the token is told where the change is delivered
        return any(one.token_kind is kind for one in found)

    async def admits(self, access: ZoneAccess, toggle: Toggle) -> bool:
        """Return whether a change may be sent now; claims the one try that an open breaker allows."""
        kind, now = access.token.kind, self._clock.now_ms()
        held = await self._breaker(access, toggle)
        if held is None or held.next_try_at is None or not held.concerns(access.zone):
            return True
        if now < held.next_try_at:
            return False
        return await self._table.claim_try(kind, toggle.setting_id, now=now, until=now + TRY_EVERY_MS)

    async def failed(self, access: ZoneAccess, toggle: Toggle) -> None:
        """Record that a change failed though Cloudflare answers reads of the setting."""
        after = await self._table.record_failure(
            access.token.kind, toggle.setting_id, access.zone, now=self._clock.now_ms()
        )
        if after.is_open:
            log.warning(
                "%s cannot be changed with tokens of kind %s: the circuit breaker is open after %d failures",
                after.setting_id,
                after.token_kind.value,
                after.failures,
                extra={"event": "circuit_open"},
            )

    async def succeeded(self, access: ZoneAccess, toggle: Toggle) -> None:
        """Record that a change succeeded, where failures were counted."""
        held = await self._breaker(access, toggle)
        if held is not None and held.concerns(access.zone):
            await self._table.record_success(held.token_kind, held.setting_id)

    async def _breaker(self, access: ZoneAccess, toggle: Toggle) -> CircuitBreaker | None:
        kind = access.token.kind
        found = await self._table.breakers_of(toggle.setting_id)
        return next((one for one in found if one.token_kind is kind), None)
