"""Customers: add one with its zone, list them, show one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from secrets import token_hex

from cloudcache.domain.access import Action, Actor, ActorKind
from cloudcache.domain.catalog.model import State, Topology
from cloudcache.domain.customers import Customer, Page, shop_name, zone_id
from cloudcache.domain.errors import NotAllowed
from cloudcache.domain.ids import CredentialId, CustomerId
from cloudcache.domain.secret import Token
from cloudcache.ports import Clock, Gateway, Store, Vault, ZoneAccess
from cloudcache.services.credentials import PLATFORM, Credentials


@dataclass(frozen=True, slots=True)
class SigninChoice:
    """A shop on the local sign-in page: what it shows, and how many of its toggles are on."""

    shop: str
    handle: str
    note: str
    on_count: int | None


class Customers:
    """The register of shops and their zones."""

    def __init__(
        self,
        store: Store,
        gateway: Gateway,
        credentials: Credentials,
        vault: Vault,
        clock: Clock,
        *,
        signin_notes: dict[str, str] | None,
    ) -> None:
        self._store = store
        self._gateway = gateway
        self._credentials = credentials
        self._vault = vault
        self._clock = clock
        self._signin_notes = signin_notes

    async def add(
        self,
        actor: Actor,
        shop: str,
        zone: str,
        *,
        token: Token | None = None,
        topology: Topology = Topology.O2O,
    ) -> Customer:
        """Register a shop with its zone. Cloudflare is asked for the zone first, so a wrong id or a token that
        cannot see it fails before anything is stored. Without a token the platform's is used."""
        _administrators_only(actor)
        name, target = shop_name(shop), zone_id(zone)
        credential = CredentialId(f"c-{token_hex(8)}") if token else None
        access = ZoneAccess(target, credential or PLATFORM, token or self._credentials.platform())
        facts = await self._gateway.zone(access)
        now = self._clock.now_ms()
        if credential and token:
            await self._store.add_credential(credential, self._vault.seal(token), "token", now=now)
        return await self._store.add_customer(name, target, facts, topology, credential, now=now)

    async def list(
        self, actor: Actor, limit: int = 100, after: CustomerId | None = None
    ) -> Sequence[Customer]:
        """Customers in the order they were added."""
        _administrators_only(actor)
        return await self._store.across_tenants_customers(limit, after)

    async def show(self, actor: Actor, shop: str) -> Page:
        """One customer with everything cached of it."""
        _administrators_only(actor)
        customer = await self._store.customer_of_shop(shop_name(shop))
        return await self._store.page(customer.id)

    async def of_shop(self, shop: str) -> Customer:
        """The customer of a verified shop name, for the sign-in that verified it."""
        return await self._store.customer_of_shop(shop_name(shop))

    async def signin_choices(self) -> Sequence[SigninChoice]:
        """The shops one may sign in as in the local environment; nobody elsewhere."""
        if self._signin_notes is None:
            return []
        return [await self._choice(one) for one in await self._store.across_tenants_customers(limit=20)]

    async def _choice(self, customer: Customer) -> SigninChoice:
        cells = (await self._store.page(customer.id)).cells.values()
        on = sum(1 for cell in cells if cell.state is State.ON) if cells else None
        note = (self._signin_notes or {}).get(customer.shop, f"{customer.plan.title}, {customer.zone_name}")
        return SigninChoice(customer.shop, customer.handle, note, on)


def _administrators_only(actor: Actor) -> None:
    if actor.kind is not ActorKind.SYSTEM:
        raise NotAllowed(f"{actor.kind.value} may not {Action.ADMINISTER.value}")
