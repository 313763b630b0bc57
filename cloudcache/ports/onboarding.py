"""Taking in many customers at once, and telling who there is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from cloudcache.domain.audit import Deed
from cloudcache.domain.catalog import Topology
from cloudcache.domain.catalog.model import ZonePlan
from cloudcache.domain.customers import ZoneStatus
from cloudcache.domain.events import ReadResult
from cloudcache.domain.ids import CredentialId, CustomerId, ZoneId
from cloudcache.domain.onboarding import Row


@dataclass(frozen=True, slots=True)
class Newcomer:
    """A customer to be stored. `sealed` is a token of its own, to be kept under `credential`; a credential without
    one is there already."""

    row: Row
    credential: CredentialId | None = None
    sealed: bytes | None = None
    token_id: CredentialId | None = None


@dataclass(frozen=True, slots=True)
class Registered:
    """A customer of the register, as it is told to others: no secret is in it."""

    id: CustomerId
    shop: str
    zone: ZoneId
    zone_name: str
    plan: ZonePlan
    account: str
    topology: Topology
    status: ZoneStatus


class Bulk(Protocol):
    """The register by the thousand."""

    async def across_tenants_taken(
        self, shops: Sequence[str], zones: Sequence[ZoneId]
    ) -> list[tuple[str, ZoneId]]:
        """Shop and zone of each customer that has one of these shops or one of these zones."""
        ...

    async def across_tenants_take_in(
        self, newcomers: Sequence[Newcomer], deed: Deed, *, now: int
    ) -> frozenset[str]:
        """Store customers in one transaction, due for their first look, with one line in the audit log. Returns the
        shops that are new now; one that is there already, or whose zone is, is left as it is."""
        ...

    async def across_tenants_take_in_seen(
        self, newcomers: Sequence[Newcomer], seen: Mapping[ZonePlan, ReadResult], *, now: int
    ) -> int:
        """The same for a demo, with what was seen of a zone of their plan as their values; not due for an hour.
        Returns how many are new."""
        ...

    async def across_tenants_registered(
        self, limit: int, after: CustomerId | None = None
    ) -> list[Registered]:
        """Customers in the order they were added."""
        ...
