"""Connects a shop to its Cloudflare zone, and takes it off again.

A pasted token (or what OAuth gave) is tried before anything is kept: is it active, which zones does it reach, what
may it edit in the chosen one, can it read the change log, how do shoppers reach the shop. Between two clicks it
waits sealed; a page never holds it. Only the merchant of the shop gets here, and only with a credential of the own.
"""

from __future__ import annotations

import hashlib
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from secrets import token_hex, token_urlsafe

from cloudcache.domain.access import Actor, require_shop
from cloudcache.domain.audit import AuditAction, Deed
from cloudcache.domain.budget import CallClass, Lane
from cloudcache.domain.catalog import TOGGLES, Toggle, Topology, find
from cloudcache.domain.customers import Customer
from cloudcache.domain.errors import CloudcacheError, NotFound, Reason, Refused, Throttled, Unauthorized
from cloudcache.domain.events import ChangeStatus, Source
from cloudcache.domain.feed import FeedVersion, Window
from cloudcache.domain.ids import CredentialId, CustomerId, ToggleId, ZoneId
from cloudcache.domain.secret import Token
from cloudcache.domain.shops import waiting_credential
from cloudcache.domain.toggle import Cell
from cloudcache.domain.token_text import UnreadableToken, read_token
from cloudcache.domain.topology import hostnames, is_within, topology_of, verdicts
from cloudcache.ports import (
    Budget,
    Bus,
    Clock,
    CloudflareOAuth,
    FeedAccess,
    Gateway,
    Reservation,
    Shops,
    Store,
    Vault,
    Way,
    ZoneAccess,
    ZoneFacts,
)
from cloudcache.services.credentials import Credentials
from cloudcache.services.rollouts import Rollouts
from cloudcache.services.suspensions import Suspensions

MOST_ZONES = 200
LONGEST_WAIT_MS = 20_000
"""After a 429 a token is blocked for five minutes; a person who connects is told so instead of waiting."""
OAUTH_MS = 10 * 60_000
PERMISSIONS: dict[str, Toggle] = {}
for _toggle in TOGGLES:
    PERMISSIONS.setdefault(_toggle.permission, _toggle)
"""Each permission that a toggle needs, with one toggle to try it on."""


def proved_permissions(cells: Mapping[ToggleId, Cell]) -> frozenset[str]:
    """The permissions without which Cloudflare would not have applied the latest changes made here."""
    return frozenset(
        find(toggle).permission
        for toggle, cell in cells.items()
        if cell.change is not None
        and cell.change.status is ChangeStatus.APPLIED
        and cell.change.source in (Source.PAGE, Source.API)
    )


@dataclass(frozen=True, slots=True)
class FoundZone:
    """A zone the token reaches; `is_proposed` when one of the shop's own domains is in it."""

    id: ZoneId
    name: str
    plan: str
    is_proposed: bool


@dataclass(frozen=True, slots=True)
class Checked:
    """A token that works. `sealed` is handed back with the next question; it opens for this shop only."""

    sealed: bytes
    last_four: str
    is_oauth: bool
    zones: tuple[FoundZone, ...]
    is_cut: bool
    domains: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Looked:
    """What the token may do in the chosen zone, and the way shoppers take. Nothing is kept yet."""

    zone: ZoneId
    facts: ZoneFacts
    missing: frozenset[str]
    reads_feed: bool
    reads_dns: bool
    way: Way


@dataclass(frozen=True, slots=True)
class Agreement:
    """The beginning of an OAuth agreement: where to send the person, and what its browser must bring back."""

    address: str
    nonce: str


class Connecting:
    """The use cases of `/connect`."""

    def __init__(
        self,
        store: Store,
        shops: Shops,
        gateway: Gateway,
        credentials: Credentials,
        vault: Vault,
        budget: Budget,
        bus: Bus,
        clock: Clock,
        wake: Callable[[], None],
        rollouts: Rollouts,
        suspensions: Suspensions,
        oauth: CloudflareOAuth | None = None,
    ) -> None:
        self._store = store
        self._shops = shops
        self._gateway = gateway
        self._credentials = credentials
        self._vault = vault
        self._budget = budget
        self._bus = bus
        self._clock = clock
        self._wake = wake
        self._rollouts = rollouts
        self._suspensions = suspensions
        self._oauth = oauth

    @property
    def offers_oauth(self) -> bool:
        """Whether Cloudflare's OAuth is configured."""
        return self._oauth is not None

    async def connected(self, actor: Actor) -> Customer | None:
        """The shop's zone, if it ever was connected."""
        shop = require_shop(actor)
        try:
            return await self._store.customer_of_shop(shop)
        except NotFound:
            return None

    async def check(self, actor: Actor, text: object) -> Checked:
        """Try a pasted token. `Refused` says what is wrong with it; it is kept nowhere."""
        shop = require_shop(actor)
        await self._rollouts.admit(actor)
        try:
            token = read_token(text if isinstance(text, str) else "")
        except UnreadableToken as error:
            raise Refused(Reason.WRONG_VALUE, error.problem.value) from None
        return await self._checked(
            shop, token, self._vault.seal(token, waiting_credential(shop)), is_oauth=False
        )

    async def look(self, actor: Actor, sealed: bytes, zone: str) -> Looked:
        """What the checked token may do in one of its zones."""
        shop = require_shop(actor)
        await self._rollouts.admit(actor)
        token = self._opened(shop, sealed)
        lane = await self._lane(token)
        access = ZoneAccess(ZoneId(zone), lane.credential, token)
        facts = await self._facts(access, lane)
        return await self._looked(access, facts, await self._domains(shop), lane)

    async def connect(self, actor: Actor, sealed: bytes, zone: str) -> Customer:
        """Connect the shop to the zone with the checked token; looked at once more, for a page proves nothing."""
        shop = require_shop(actor)
        found = await self.look(actor, sealed, zone)
        if len(found.missing) == len(PERMISSIONS):
            raise Unauthorized(Reason.PERMISSION, "Zone Settings")
        credential = CredentialId(f"c-{token_hex(8)}")
        held = self._vault.open(sealed, waiting_credential(shop))
        kind = "oauth" if held.reveal().startswith("{") else "token"
        token_id = credential if kind == "oauth" else await self._credentials.id_of(held)
        detail = {"zone": found.facts.name, "token": f"****{_shown(held)}", "kind": kind}
        customer = await self._store.connect_zone(
            shop,
            found.zone,
            found.facts,
            found.way,
            found.missing,
            credential,
            self._vault.seal(held, credential),
            kind,
            Deed(actor, AuditAction.CONNECTED, found.way.topology.value, detail=detail),
            now=self._clock.now_ms(),
            token_id=token_id,
        )
        self._bus.hint(customer.id)
        self._wake()
        return customer

    async def look_again(self, actor: Actor) -> Customer:
        """Find out anew what the connected token may do and which way shoppers take. A suspended zone that answers is
        resumed."""
        shop = require_shop(actor)
        await self._rollouts.admit(actor)
        customer = await self._store.customer_of_shop(shop)
        access = await self._credentials.access(customer)
        lane = Lane(access.credential, CallClass.WATCHED, customer.id)
        try:
            facts = await self._facts(access, lane)
        except Refused as refusal:  # all pages then say the same of this zone
            await self._suspensions.judge(customer, refusal)
            raise
        await self._suspensions.answered(customer)
        found = await self._looked(access, facts, await self._domains(shop), lane)
        await self._store.keep_way(customer.id, found.way, found.missing, now=self._clock.now_ms())
        self._bus.hint(customer.id)
        return await self._store.customer_of_shop(shop)

    async def disconnect(self, actor: Actor) -> None:
        """Delete the shop's credential and stop all calls; the settings at Cloudflare stay as they are."""
        shop = require_shop(actor)
        customer = await self._store.customer_of_shop(shop)
        deed = Deed(actor, AuditAction.DISCONNECTED, detail={"zone": customer.zone_name})
        await self._store.disconnect_zone(customer.id, shop, deed, now=self._clock.now_ms())
        self._bus.hint(customer.id)

    # -- OAuth ---------------------------------------------------------------------------------
    def begin(self, actor: Actor) -> str:
        """A ticket with which the shop's own browser starts the agreement; it is good for ten minutes."""
        shop = require_shop(actor)
        return self._ticket({"shop": shop, "user": actor.id, "purpose": "begin"})

    def agreement(self, ticket: str) -> Agreement:
        """Where the holder of the ticket is sent. The nonce goes into a cookie, so that only this browser ends it."""
        told = self._read_ticket(ticket, "begin")
        oauth = self._require_oauth()
        nonce, verifier = token_urlsafe(24), token_urlsafe(48)
        challenge = urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        state = self._ticket({**told, "purpose": "end", "nonce": nonce, "verifier": verifier})
        return Agreement(oauth.address(state, challenge), nonce)

    def shop_of(self, state: str, nonce: str) -> str:
        """The shop for which this browser began the agreement, to be shown before it is ended."""
        return self._ended(state, nonce)["shop"]

    async def finish(self, state: str, nonce: str, code: str) -> str:
        """The person agreed for this shop: what OAuth gave waits, sealed, until the shop's page goes on with it."""
        told = self._ended(state, nonce)
        tokens = await self._require_oauth().redeem(code, told["verifier"])
        shop = told["shop"]
        sealed = self._credentials.seal_oauth(tokens, waiting_credential(shop))
        await self._store.add_credential(
            waiting_credential(shop), sealed, "waiting", now=self._clock.now_ms()
        )
        return shop

    async def agreed(self, actor: Actor) -> Checked:
        """Go on with what OAuth gave; `NotFound` while nobody has agreed."""
        shop = require_shop(actor)
        await self._rollouts.admit(actor)
        sealed = await self._store.sealed_token(waiting_credential(shop))
        return await self._checked(shop, self._opened(shop, sealed), sealed, is_oauth=True)

    # -- inside --------------------------------------------------------------------------------
    async def _checked(self, shop: str, token: Token, sealed: bytes, *, is_oauth: bool) -> Checked:
        lane = await self._lane(token)
        with await self._reserve(lane):
            facts = await self._gateway.verify(token)
        if facts.status != "active":
            raise Refused(Reason.TOKEN_REFUSED, facts.status)
        with await self._reserve(lane):
            found = await self._gateway.zones(token, MOST_ZONES)
        domains = await self._domains(shop)
        zones = [
            FoundZone(zone, one.name, one.plan.title, any(is_within(name, one.name) for name in domains))
            for zone, one in found
        ]
        zones.sort(key=lambda one: not one.is_proposed)
        cut = len(found) == MOST_ZONES
        return Checked(sealed, token.last_four, is_oauth, tuple(zones), cut, tuple(domains))

    async def _reserve(self, lane: Lane) -> Reservation:
        """Reserve a call as `Budget.acquire` does; `Throttled` at once when that takes longer than a person waits."""
        wait_ms = self._budget.estimate_ms(lane)
        if wait_ms > LONGEST_WAIT_MS:
            raise Throttled(wait_ms / 1000, "Cloudflare's limit for this token is used up")
        return await self._budget.acquire(lane)

    async def _looked(
        self, access: ZoneAccess, facts: ZoneFacts, domains: Sequence[str], lane: Lane
    ) -> Looked:
        missing = frozenset(
            [
                permission
                for permission, toggle in PERMISSIONS.items()
                if not await self._may_edit(access, toggle, lane)
            ]
        )
        reads_feed = await self._reads_feed(access, facts, lane)
        way = await self._way(access, facts.name, domains, lane)
        reads_dns = way.topology is not Topology.UNKNOWN
        return Looked(access.zone, facts, missing, reads_feed, reads_dns, way)

    async def _facts(self, access: ZoneAccess, lane: Lane) -> ZoneFacts:
        with await self._reserve(lane):
            return await self._gateway.zone(access)

    async def _may_edit(self, access: ZoneAccess, toggle: Toggle, lane: Lane) -> bool:
        with await self._reserve(lane):
            return await self._gateway.may_edit(access, toggle)

    async def _reads_feed(self, access: ZoneAccess, facts: ZoneFacts, lane: Lane) -> bool:
        now = self._clock.now_ms()
        feed = FeedAccess(facts.account_id, access.credential, access.token)
        try:
            with await self._reserve(lane):
                await self._gateway.changes(feed, FeedVersion.V2, Window(now - 60_000, now))
        except (Refused, NotFound):
            return False
        return True

    async def _way(self, access: ZoneAccess, zone: str, domains: Sequence[str], lane: Lane) -> Way:
        names = hostnames(zone, domains)
        topology, hostname = Topology.NO_ZONE, names[0] if names else next(iter(domains), zone)
        for name in names:
            try:
                with await self._reserve(lane):
                    records = await self._gateway.dns(access, name)
            except Refused:
                topology = Topology.UNKNOWN
                break
            found = topology_of([(one.type, one.content, one.is_proxied) for one in records])
            if found is not Topology.NO_ZONE:
                topology, hostname = found, name
                break
        return Way(hostname, topology, verdicts(topology))

    async def _domains(self, shop: str) -> list[str]:
        try:
            found = (await self._shops.installation(shop)).domains
        except CloudcacheError:
            return []
        return [one for one in found if not one.endswith(".myshopify.com")]

    def _opened(self, shop: str, sealed: bytes) -> Token:
        held = self._vault.open(sealed, waiting_credential(shop))
        text = held.reveal()
        return Token(json.loads(text)["access"]) if text.startswith("{") else held

    async def _lane(self, token: Token) -> Lane:
        """Calls with a token that is not kept yet are counted with those of the records that hold it."""
        return Lane(await self._credentials.id_of(token), CallClass.WATCHED, CustomerId(0))

    def _ticket(self, told: dict[str, str]) -> str:
        until = str(self._clock.now_ms() + OAUTH_MS)
        text = urlsafe_b64encode(json.dumps({**told, "until": until}).encode()).decode()
        return urlsafe_b64encode(self._vault.seal(Token(text), "oauth ticket")).decode()

    def _read_ticket(self, ticket: str, purpose: str) -> dict[str, str]:
        try:
            held = self._vault.open(urlsafe_b64decode(ticket.encode("ascii")), "oauth ticket")
        except (ValueError, Refused):
            raise Refused(Reason.NOT_CONNECTED, "this link isn't one of ours") from None
        told: dict[str, str] = json.loads(urlsafe_b64decode(held.reveal()))
        if told["purpose"] != purpose or int(told["until"]) < self._clock.now_ms():
            raise Refused(Reason.NOT_CONNECTED, "this link has expired")
        return told

    def _ended(self, state: str, nonce: str) -> dict[str, str]:
        told = self._read_ticket(state, "end")
        if not nonce or told["nonce"] != nonce:
            raise Refused(Reason.NOT_CONNECTED, "this authorization was started in another browser")
        return told

    def _require_oauth(self) -> CloudflareOAuth:
        if self._oauth is None:
            raise Refused(Reason.NOT_CONNECTED, "OAuth isn't configured")
        return self._oauth


def _shown(held: Token) -> str:
    return "" if held.reveal().startswith("{") else held.last_four
