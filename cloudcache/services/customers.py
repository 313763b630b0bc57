"""Customers: add one with its zone, list them, show one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from secrets import token_hex

from cloudcache.domain.access import Actor, require_administrator
from cloudcache.domain.catalog.model import State, Topology
from cloudcache.domain.customers import Customer, Page, shop_name, zone_id
from cloudcache.domain.errors import Refused
from cloudcache.domain.ids import CredentialId, CustomerId
from cloudcache.domain.secret import Token
from cloudcache.ports import Clock, Gateway, People, Store, ZoneAccess
from cloudcache.services.credentials import PLATFORM, Credentials
from cloudcache.services.naming import customer_named

MOST_CHOICES = 20
"""Shops on the local sign-in page; where there are more, the others are named."""


@dataclass(frozen=True, slots=True)
class SigninChoice:
    """A shop on the local sign-in page: what it shows, and how many of its toggles are on."""

    shop: str
    handle: str
    note: str
    on_count: int | None


@dataclass(frozen=True, slots=True)
class TokenCheck:
    """Whose token was asked about, what Cloudflare says, and how many parked zones go on because of it."""

    whose: str
    ok: bool
    finding: str
    resumed: int = 0


class Customers:
    """The register of shops and their zones."""

    def __init__(
        self,
        store: Store,
        gateway: Gateway,
        credentials: Credentials,
        clock: Clock,
        *,
        people: People,
        signin_notes: dict[str, str] | None,
    ) -> None:
        self._store = store
        self._gateway = gateway
        self._credentials = credentials
        self._clock = clock
        self._people = people
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
        require_administrator(actor)
        name, target = shop_name(shop), zone_id(zone)
        credential = CredentialId(f"c-{token_hex(8)}") if token else None
        access = ZoneAccess(target, credential or PLATFORM, token or self._credentials.platform())
        facts = await self._gateway.zone(access)
        now = self._clock.now_ms()
        if credential and token:
            await self._store.add_credential(
                credential, self._credentials.seal(token, credential), "token", now=now
            )
        return await self._store.add_customer(name, target, facts, topology, credential, now=now)

    async def reconnect(self, actor: Actor, shop: str, token: Token) -> Customer:
        """Give a customer a token of its own, in place of any before. It is tried on the zone first; then the zone
        is worked on again, whatever had parked it."""
        require_administrator(actor)
        customer = await self._named(shop)
        credential = CredentialId(f"c-{token_hex(8)}")
        await self._gateway.zone(ZoneAccess(customer.zone_id, credential, token))
        now = self._clock.now_ms()
        await self._store.add_credential(
            credential, self._credentials.seal(token, credential), "token", now=now
        )
        await self._store.use_credential(customer.id, credential, now=now)
        return customer

    async def verify(self, actor: Actor, shop: str | None = None) -> TokenCheck:
        """Ask Cloudflare whether a customer's token (without a shop: the platform's) is good. If it is, the zones it
        had been parked with are due again."""
        require_administrator(actor)
        whose, credential = "platform", None
        if shop is None:
            token = self._credentials.platform()
        else:
            customer = await self._named(shop)
            whose, credential = customer.shop, customer.credential
            token = (await self._credentials.access(customer)).token
        try:
            facts = await self._gateway.verify(token)
        except Refused as refusal:
            return TokenCheck(whose, False, f"Cloudflare refuses it ({refusal})")
        if facts.status != "active":
            return TokenCheck(whose, False, f"Cloudflare says it is {facts.status}")
        resumed = await self._store.unpark_credential(credential, now=self._clock.now_ms())
        return TokenCheck(whose, True, "Cloudflare says it is active", resumed)

    async def list(
        self, actor: Actor, limit: int = 100, after: CustomerId | None = None
    ) -> Sequence[Customer]:
        """Customers in the order they were added."""
        require_administrator(actor)
        return await self._store.across_tenants_customers(limit, after)

    async def show(self, actor: Actor, shop: str) -> Page:
        """One customer with everything cached of it."""
        require_administrator(actor)
        customer = await self._named(shop)
        return await self._store.page(customer.id)

    async def of_shop(self, shop: str) -> Customer:
        """The customer of a verified shop name, for the sign-in that verified it."""
        return await self._store.customer_of_shop(shop_name(shop))

    async def _named(self, text: str) -> Customer:
        return await customer_named(self._store, self._people, text)

    async def signin_choices(self) -> Sequence[SigninChoice]:
        """The shops one may sign in as in the local environment; nobody elsewhere."""
        if self._signin_notes is None:
            return []
        first = await self._store.across_tenants_customers(limit=MOST_CHOICES)
        return [await self._choice(one) for one in first]

    async def _choice(self, customer: Customer) -> SigninChoice:
        cells = (await self._store.page(customer.id)).cells.values()
        on = sum(1 for cell in cells if cell.state is State.ON) if cells else None
        note = (self._signin_notes or {}).get(customer.shop, f"{customer.plan.title}, {customer.zone_name}")
        return SigninChoice(customer.shop, customer.handle, note, on)
