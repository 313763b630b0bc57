"""Customers: add one with its zone, list them, show one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from secrets import token_hex

from cloudcache.domain.access import Actor, require_administrator
from cloudcache.domain.catalog.model import State, Topology
from cloudcache.domain.customers import Customer, Page, shop_name, zone_id
from cloudcache.domain.errors import Refused, explain
from cloudcache.domain.ids import CredentialId, CustomerId
from cloudcache.domain.secret import Token
from cloudcache.ports import Clock, Gateway, People, Store, ZoneAccess
from cloudcache.services.credentials import Credentials
from cloudcache.services.naming import customer_named
from cloudcache.services.suspensions import Suspensions

ACTIVE = "Cloudflare says it's active"
MOST_EXAMINED = 100
"""Suspended zones that one `credentials verify` asks for; the others are examined by themselves."""

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
    """Whose token was asked about, what Cloudflare says, and how many suspended zones are resumed because of it."""

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
        suspensions: Suspensions,
        clock: Clock,
        *,
        people: People,
        signin_notes: dict[str, str] | None,
    ) -> None:
        self._store = store
        self._gateway = gateway
        self._credentials = credentials
        self._suspensions = suspensions
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
        tried = token or self._credentials.platform()
        token_id = await self._credentials.id_of(tried)
        access = ZoneAccess(target, token_id, tried)
        facts = await self._gateway.zone(access)
        now = self._clock.now_ms()
        if credential and token:
            await self._store.add_credential(
                credential, self._credentials.seal(token, credential), "token", now=now, token_id=token_id
            )
        return await self._store.add_customer(name, target, facts, topology, credential, now=now)

    async def reconnect(self, actor: Actor, shop: str, token: Token) -> Customer:
        """Give a customer a token of its own, in place of any before. It is tried on the zone first; then the zone
        is worked on again, whatever it was suspended for."""
        require_administrator(actor)
        customer = await self._named(shop)
        credential = CredentialId(f"c-{token_hex(8)}")
        token_id = await self._credentials.id_of(token)
        await self._gateway.zone(ZoneAccess(customer.zone_id, token_id, token))
        now = self._clock.now_ms()
        sealed = self._credentials.seal(token, credential)
        await self._store.use_credential(customer.id, credential, now=now, sealed=sealed, token_id=token_id)
        return customer

    async def verify(self, actor: Actor, shop: str | None = None) -> TokenCheck:
        """Ask Cloudflare whether a customer's token is good and its zone answers (without a shop: the platform's
        token). If so, the zones that were suspended are due again."""
        require_administrator(actor)
        if shop is None:
            return await self._verify_platform()
        customer = await self._named(shop)
        try:
            token = (await self._credentials.access(customer)).token
            if refused := await self._refused(token):
                return TokenCheck(customer.shop, False, refused)
            resumed = await self._suspensions.resume(customer)
            resumed += await self._suspensions.token_works(customer.credential)
        except Refused as refusal:
            return TokenCheck(customer.shop, False, f"the token works, the zone doesn't: {explain(refusal)}")
        return TokenCheck(customer.shop, True, ACTIVE, resumed)

    async def _verify_platform(self) -> TokenCheck:
        """The same for the platform's token and the zones that it does not know any more."""
        if refused := await self._refused(self._credentials.platform()):
            return TokenCheck("platform", False, refused)
        resumed = await self._suspensions.token_works(None)
        for customer in await self._store.across_tenants_gone(None, MOST_EXAMINED):
            try:
                head = (await self._store.heads([customer])).get(customer)
                resumed += head is not None and await self._suspensions.resume(head)
            except Refused:
                continue
        return TokenCheck("platform", True, ACTIVE, resumed)

    async def _refused(self, token: Token) -> str:
        """What Cloudflare has against a token, in a sentence; empty when it is active."""
        try:
            facts = await self._gateway.verify(token)
        except Refused as refusal:
            return f"Cloudflare rejects it: {explain(refusal)}"
        return "" if facts.status == "active" else f"Cloudflare says it's {facts.status}"

    async def examine(self, actor: Actor, shop: str) -> Customer:
        """Examine a suspended zone now, and return the customer as it is then; raise why it stays suspended."""
        require_administrator(actor)
        customer = await self._named(shop)
        await self._suspensions.resume(customer)
        return await self._store.customer_of_shop(customer.shop)

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
