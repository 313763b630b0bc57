"""The way from the predecessor to here, as the services see it kept: who is served, and what was brought over."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from cloudcache.domain.audit import Deed
from cloudcache.domain.catalog.model import State
from cloudcache.domain.customers import Customer
from cloudcache.domain.events import ChangeStatus
from cloudcache.domain.ids import ChangeId, CredentialId, CustomerId, ZoneId
from cloudcache.domain.rollout import Rollout
from cloudcache.domain.secret import Token


@dataclass(frozen=True, slots=True)
class Wishes:
    """How many of a customer's wishes stand at one status."""

    customer: CustomerId
    status: ChangeStatus
    count: int


@dataclass(frozen=True, slots=True)
class Imported:
    """What the predecessor `told` of a customer, what was `found` at Cloudflare then, and the change made of it."""

    origin: str
    told: State
    found: State
    change: ChangeId | None
    at: int


class RolloutBook(Protocol):
    """The rules. Every method is one transaction."""

    async def rollout_revision(self, environment: str) -> int:
        """A number that rises with each change of the rule; 0 when there never was one."""
        ...

    async def across_tenants_rollout(self, environment: str) -> Rollout:
        """The rule with its named shops; all are served when there never was one."""
        ...

    async def set_rollout_percent(self, environment: str, percent: int, deed: Deed, *, now: int) -> None:
        """Serve this percentage from now on."""
        ...

    async def name_in_rollout(
        self, environment: str, shop: str, is_served: bool | None, deed: Deed, *, now: int
    ) -> None:
        """Serve this shop, or let it wait, whatever the percentage says; None leaves it to that again."""
        ...

    async def across_tenants_shop_names(
        self, limit: int, after: CustomerId | None = None
    ) -> list[tuple[CustomerId, str]]:
        """Customers and their shops, in rising order."""
        ...

    async def across_tenants_wishes(self, since: int, newest: int) -> list[Wishes]:
        """What became of wishes made since then, among the newest so many lines of the journal."""
        ...


class Imports(Protocol):
    """What was brought over from the predecessor."""

    async def across_tenants_customer_of_zone(self, zone: ZoneId) -> Customer:
        """The customer whose zone this is; `NotFound` if there is none."""
        ...

    async def imported(self, customer: CustomerId) -> Imported | None:
        """What was brought over for this customer, if anything was."""
        ...

    async def keep_import(self, customer: CustomerId, imported: Imported, deed: Deed) -> None:
        """Keep it, in place of any before, and say so in the customer's log."""
        ...


class KeyValues(Protocol):
    """Cloudflare's Workers KV. Raises the tree of `domain/errors.py`; never retries."""

    async def kv_value(self, access: KvAccess, key: str) -> str | None:
        """The value of a key, None when the namespace has no such key; `NotFound` when there is no such namespace."""
        ...


@dataclass(frozen=True, slots=True)
class KvAccess:
    """What reading a namespace needs; the credential names its calls in the budget."""

    account: str
    namespace: str
    credential: CredentialId
    token: Token
