"""Who may do what, as the services see it kept: shops, tokens for scripts, staff, and the audit log."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from cloudcache.domain.access import Role
from cloudcache.domain.audit import Deed, HistoryEntry, Link
from cloudcache.domain.customers import Customer
from cloudcache.domain.ids import CustomerId
from cloudcache.domain.secret import Token
from cloudcache.domain.shopify import IdToken, Webhook
from cloudcache.domain.shops import Answer, ApiToken, Delivery, Installation, KnownToken, View


@dataclass(frozen=True, slots=True)
class ShopTokens:
    """What Shopify gives for an ID token: an access token, and what renews it. Times are Unix milliseconds."""

    access: Token
    refresh: Token | None
    access_until: int
    refresh_until: int | None
    scopes: str


class Shops(Protocol):
    """The installations. Every method is one transaction."""

    async def install(self, shop: str, *, now: int, seen_at: int | None = None) -> bool:
        """The app is in use in this shop; True when that is new, or again so after an uninstallation. `seen_at` is
        when Shopify proved it, by its own clock (`now` if not given); a proof from before an uninstallation
        changes nothing."""
        ...

    async def installation(self, shop: str) -> Installation:
        """The installation; `NotFound` if there never was one."""
        ...

    async def lock_shop(self, shop: str, *, owner: str, now: int, until: int) -> bool:
        """Whether the caller alone may renew this shop's tokens until then."""
        ...

    async def keep_shop_tokens(
        self,
        shop: str,
        access: bytes,
        refresh: bytes | None,
        tokens: ShopTokens,
        *,
        owner: str,
    ) -> bool:
        """Keep both sealed tokens at once and end the lock; False when the lock was lost or the app uninstalled."""
        ...

    async def across_tenants_shop_tokens(
        self, limit: int, after: str = ""
    ) -> list[tuple[str, bytes, bytes | None]]:
        """Sealed tokens for Shopify's API with their shops, in rising order: access, and what renews it."""
        ...

    async def replace_shop_tokens(
        self, shop: str, before: bytes, access: bytes, refresh: bytes | None
    ) -> bool:
        """Seal both anew; False when they were replaced meanwhile."""
        ...

    async def unlock_shop(self, shop: str, *, owner: str) -> None:
        """End the lock with nothing changed."""
        ...

    async def keep_domains(self, shop: str, domains: Sequence[str], *, now: int) -> None:
        """The shop's own domains, the primary one first."""
        ...

    async def uninstall(self, shop: str, *, before: int, now: int, erase_at: int) -> bool:
        """Delete the shop's tokens and its customer's credential, and disconnect the zone. False, with nothing
        changed, when the app is not installed there or the shop was seen after `before`."""
        ...

    async def erase(self, shop: str, *, ordered_by: str, before: int, now: int) -> int | None:
        """Erase all that is kept of this shop, save an anonymous receipt; returns how many rows went. None, with
        nothing changed, when the shop was seen after `before`."""
        ...

    async def across_tenants_to_erase(self, now: int, limit: int) -> list[str]:
        """The shops whose time to be erased has come."""
        ...

    async def receive(self, webhook: Webhook, *, now: int) -> bool:
        """Keep a delivery to be acted upon; False when it came before."""
        ...

    async def across_tenants_deliveries(self, limit: int) -> list[Delivery]:
        """The deliveries not yet acted upon, oldest first."""
        ...

    async def delivered(self, delivery: str, *, now: int) -> None:
        """It was acted upon. Of a shop that is not known any more the receipt keeps no name."""
        ...

    async def forget_deliveries(self, before: int, limit: int) -> int:
        """Drop receipts of deliveries acted upon and received before then."""
        ...


class People(Protocol):
    """Tokens for scripts, answers given to them, and staff."""

    async def add_api_token(self, token: ApiToken, digest: str, deed: Deed) -> None:
        """Keep a new token's digest."""
        ...

    async def api_tokens(self, customer: CustomerId) -> list[ApiToken]:
        """The tokens of a customer, newest first, revoked ones included."""
        ...

    async def revoke_api_token(self, customer: CustomerId, token: str, deed: Deed, *, now: int) -> bool:
        """End a token; False when there is none, or it ended before."""
        ...

    async def across_tenants_api_token(self, digest: str, *, now: int) -> KnownToken | None:
        """The token with this digest and its customer's shop, in one statement; None when the token was revoked, or
        the customer erased. Notes that it was used."""
        ...

    async def claim_answer(self, customer: CustomerId, key: str, digest: str, *, now: int) -> Answer | None:
        """Claim an `Idempotency-Key`; the answer it has already, if another request was first. A claim that got no
        answer within a minute was a dead process's, and may be claimed again by the same request."""
        ...

    async def keep_answer(self, customer: CustomerId, key: str, status: int, body: str) -> None:
        """What the claimed key was answered with."""
        ...

    async def release_answer(self, customer: CustomerId, key: str) -> None:
        """Nothing came of it: the key may be used again."""
        ...

    async def forget_answers(self, before: int, limit: int) -> int:
        """Drop answers given before then."""
        ...

    async def staff_role(self, staff: str) -> Role | None:
        """The role the database gives to a person."""
        ...

    async def set_staff_role(self, staff: str, role: Role | None, *, now: int) -> None:
        """Give a role, or take it away."""
        ...

    async def start_view(self, view: View, deed: Deed) -> None:
        """Keep a view, and say so in the customer's log."""
        ...

    async def end_view(self, view: View, deed: Deed, *, now: int) -> None:
        """It is over."""
        ...

    async def open_view(self, customer: CustomerId, person: str, *, now: int) -> View | None:
        """The open view of this customer that this staff member has; the one that lasts longest."""
        ...

    async def view(self, customer: CustomerId, view: str) -> View | None:
        """The view of that id."""
        ...

    async def across_tenants_find(self, text: str, limit: int) -> list[Customer]:
        """Customers whose shop, domain or zone id begins with the text."""
        ...

    async def across_tenants_containing(self, text: str, limit: int) -> list[Customer]:
        """Customers whose shop or domain contains the text, in the order of their shops."""
        ...


class AuditTrail(Protocol):
    """The audit log."""

    async def record(self, customer: CustomerId | None, deed: Deed, *, now: int) -> None:
        """Append a line to a customer's chain, or to nobody's."""
        ...

    async def trail(self, customer: CustomerId, limit: int, before: int | None = None) -> list[Link]:
        """A customer's lines, newest first."""
        ...

    async def history_entries(
        self, customer: CustomerId, limit: int, before: int | None = None
    ) -> list[HistoryEntry]:
        """A customer's lines, newest first, each change once and in its present state."""
        ...

    async def across_tenants_chains(self, limit: int, after: int = -1) -> list[tuple[int, int, str, int]]:
        """Chains in rising order: number, last line, its hash, and until when it was ordered to
        be erased (-1: never)."""
        ...

    async def across_tenants_links(self, chain: int, limit: int, after: int) -> list[Link]:
        """The lines of a chain after one, in order."""
        ...


class Shopify(Protocol):
    """Shopify's side: what it signed, and what it answers. Raises the tree of `domain/errors.py`."""

    def id_token(self, token: object, *, query_shop: str | None, bound_shop: str | None) -> IdToken:
        """The verified ID token; `Forged` with the reason otherwise."""
        ...

    def webhook(self, headers: Sequence[tuple[str, str]], body: bytes) -> Webhook:
        """The verified delivery; `Forged` otherwise."""
        ...

    async def exchange(self, shop: str, id_token: str) -> ShopTokens:
        """An expiring offline token for an ID token; `Refused` when Shopify does not take it."""
        ...

    async def renew(self, shop: str, refresh: Token) -> ShopTokens:
        """New tokens for a refresh token; `Refused` when that is final."""
        ...

    async def domains(self, shop: str, access: Token) -> list[str]:
        """The shop's own domains, the primary one first."""
        ...
