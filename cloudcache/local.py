"""The local world: five demo shops on a pretend Cloudflare, so that everything can be tried with no account.

    maple-lane          Pro, behind Shopify; its token may not edit WAF settings
    birch-and-salt      Free, behind Shopify; 40 % of it was changed in Cloudflare behind our back
    harbour-candles     Free, DNS only; its token is nearly out of budget
    olive-press         Business, behind Shopify; its token was revoked
    red-lantern-books   Enterprise, proxied through Shopify. Nothing is cached yet.

The emulator remembers in a file of its own, as Cloudflare would, so a restarted demo finds it as it was left.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from pathlib import Path

from cloudcache.adapters.budget import InMemoryBudget
from cloudcache.adapters.cloudflare.client import CloudflareClient
from cloudcache.domain.access import Role
from cloudcache.domain.budget import Limits
from cloudcache.domain.catalog import BY_ID, State, Topology, ZonePlan, reads
from cloudcache.domain.events import Observation, ReadResult
from cloudcache.domain.freshness import Urgency
from cloudcache.domain.ids import JSON, CredentialId, CustomerId, ToggleId, ZoneId
from cloudcache.domain.onboarding import Row
from cloudcache.domain.secret import Token
from cloudcache.emulator.app import create_app
from cloudcache.emulator.dns import DnsRecord
from cloudcache.emulator.generated import MOST_ZONES, Generated
from cloudcache.emulator.transport import FaultyTransport
from cloudcache.emulator.world import Options, World
from cloudcache.ports import Clock, Finished, Gaps, Gateway, Store, Vault, ZoneAccess, ZoneFacts, ZoneQueue

LATENCY_S = 0.15
"""What the pretend Cloudflare takes to answer, so that a pending switch can be seen."""

HOUR_MS = 3_600_000
DRIFTED = 20

PERMISSIONS = frozenset(
    {
        "Zone Settings Read",
        "Zone Settings Write",
        "Zone Read",
        "DNS Read",
        "Bot Management Read",
        "Bot Management Write",
        "Zone WAF Read",
        "Zone WAF Write",
        "Page Shield",
        "Account Settings Read",
    }
)


@dataclass(frozen=True, slots=True)
class DemoShop:
    """One shop of the demo: its zone at the pretend Cloudflare, and what is odd about it."""

    handle: str
    domain: str
    plan: str
    topology: Topology
    note: str
    settings: dict[str, JSON] = field(default_factory=dict)
    permissions: frozenset[str] = PERMISSIONS
    calls_left: int | None = None
    drifted: int = 0
    revoked: bool = False
    never_read: bool = False

    @property
    def shop(self) -> str:
        return f"{self.handle}.myshopify.com"

    @property
    def zone_id(self) -> ZoneId:
        return ZoneId(self._hex("zone"))

    @property
    def account_id(self) -> str:
        return self._hex("account")

    @property
    def token(self) -> Token:
        return Token(f"cfat_demo_{self._hex('token')}")

    def _hex(self, what: str) -> str:
        return blake2b(f"{self.handle} {what}".encode(), digest_size=16).hexdigest()


DEMO_SHOPS: tuple[DemoShop, ...] = (
    DemoShop(
        "maple-lane",
        "maplelane.example",
        "pro",
        Topology.O2O,
        "Pro, proxied through Shopify. The token can’t edit WAF settings.",
        {"rocket_loader": "on", "polish": "lossy", "always_use_https": "on", "hotlink_protection": "on"},
        permissions=PERMISSIONS - {"Zone WAF Write"},
    ),
    DemoShop(
        "birch-and-salt",
        "birchandsalt.example",
        "free",
        Topology.O2O,
        "Free, proxied through Shopify. 40% of settings were changed in Cloudflare since the last check.",
        drifted=DRIFTED,
    ),
    DemoShop(
        "harbour-candles",
        "harbourcandles.example",
        "free",
        Topology.DNS_ONLY,
        "Free, DNS only. Settings have no effect, and the token has few calls left, so changes soon wait.",
        calls_left=30,
    ),
    DemoShop(
        "olive-press",
        "olivepress.example",
        "business",
        Topology.O2O,
        "Business, proxied through Shopify. Cloudflare rejects the token.",
        revoked=True,
    ),
    DemoShop(
        "red-lantern-books",
        "redlanternbooks.example",
        "enterprise",
        Topology.O2O,
        "Enterprise, proxied through Shopify. Nothing is cached yet.",
        never_read=True,
    ),
)

NEW_SHOP = "paper-kite.myshopify.com"
"""A shop that has not installed the app yet; its zone waits at the pretend Cloudflare for a token."""

NEW_TOKEN = Token("cfat_demo_paper_kite_try_this_token_0001")
SHOPIFY_SHOPS = {
    **{demo.shop: [f"www.{demo.domain}", demo.domain] for demo in DEMO_SHOPS},
    NEW_SHOP: ["www.paperkite.example", "paperkite.example"],
}
STAFF = {"local-viewer": Role.VIEWER, "local-operator": Role.OPERATOR, "local-admin": Role.ADMIN}

SIGNIN_NOTES = {demo.shop: demo.note for demo in DEMO_SHOPS}


MOST_SEEDED = MOST_ZONES


def pretend_cloudflare(state: Path | None) -> World:
    """The emulator with the demo's zones and tokens, and those that were seeded; what `state` remembers stays as it
    was left."""
    seeded = Crowd.remembered(state.parent) if state else 0
    world = World(Options(zones=seeded, accounts=max(1, seeded)), path=state)
    for demo in DEMO_SHOPS:
        world.add_account(demo.account_id, demo.handle)
        world.add_zone(demo.zone_id, demo.domain, demo.account_id, demo.plan, demo.settings)
        world.add_token(
            demo.token.reveal(),
            kind="account",
            accounts=(demo.account_id,),
            zones=None,
            permissions=demo.permissions,
            remaining=demo.calls_left,
        )
        if demo.calls_left is not None:  # also when it has refilled: changes queue at any time
            world.set_budget(demo.token.reveal(), capacity=demo.calls_left)
        is_proxied = demo.topology is not Topology.DNS_ONLY
        names = (f"www.{demo.domain}", demo.domain)
        records = [DnsRecord(name, "CNAME", "shops.myshopify.com", is_proxied) for name in names]
        world.set_dns(demo.zone_id, records)
    _add_new_shop(world)
    return world


def _add_new_shop(world: World) -> None:
    account, zone = blake2b(b"paper-kite", digest_size=16).hexdigest(), blake2b(b"kite", digest_size=16)
    world.add_account(account, "paper-kite")
    world.add_zone(zone.hexdigest(), "paperkite.example", account, "pro", {})
    world.add_token(
        NEW_TOKEN.reveal(), kind="account", accounts=(account,), zones=None, permissions=PERMISSIONS
    )


def answer_like_the_real_one(world: World) -> None:
    """From now on an answer takes as long as one from afar; seeding does not have to wait for that."""
    world.adopt(replace(world.options, latency=LATENCY_S))


async def seed(
    world: World, store: Store, queue: ZoneQueue, gateway: Gateway, vault: Vault, clock: Clock
) -> None:
    """Register the demo shops and fill the cache as if they had last been read three hours ago; once only."""
    if await store.across_tenants_customers(limit=1):
        return
    for demo in DEMO_SHOPS:
        credential = CredentialId(f"demo-{demo.handle}")
        access = ZoneAccess(demo.zone_id, credential, demo.token)
        now = clock.now_ms()
        await store.add_credential(credential, vault.seal(demo.token, credential), "token", now=now)
        facts = ZoneFacts(demo.domain, ZonePlan.named(demo.plan), demo.account_id, demo.handle)
        customer = await store.add_customer(
            demo.shop, demo.zone_id, facts, demo.topology, credential, now=now
        )
        if not demo.never_read:
            at, since = now - 3 * HOUR_MS, customer.revision
            result = await _look(gateway, access, at)
            gaps = Gaps(result.absent, at=at)
            await store.observe(customer.id, _drift(demo, result.seen), since=since, now=now, gaps=gaps)
        await _leave_alone(queue, customer.id, now, was_read=not demo.never_read)
        if demo.revoked:
            world.revoke_token(demo.token.reveal())


async def _leave_alone(queue: ZoneQueue, customer: CustomerId, now: int, *, was_read: bool) -> None:
    """Last read three hours ago, and not to be swept before somebody had the time to open its page."""
    zone = await queue.lease_one(customer, now=now, owner="seed", until=now)
    if zone is not None:
        rested = Finished(now + HOUR_MS, Urgency.SWEEP, now - 3 * HOUR_MS if was_read else None)
        await queue.finish(zone, rested, owner="seed", now=now)


async def _look(gateway: Gateway, access: ZoneAccess, at: int) -> ReadResult:
    results = [await gateway.read(access, read) for read in reads(batch=True)]
    absent = frozenset[ToggleId]().union(*(result.absent for result in results))
    return ReadResult(tuple(replace(one, at=at) for result in results for one in result), absent)


def _drift(demo: DemoShop, seen: Sequence[Observation]) -> list[Observation]:
    """The same, with some positions the other way round: what we remember is no longer so at Cloudflare."""
    editable = sorted(one.toggle for one in seen if one.editable is not False)
    chosen = set(random.Random(demo.handle).sample(editable, demo.drifted))  # noqa: S311  a demo, not a secret
    return [_turned(one) if one.toggle in chosen else one for one in seen]


def _turned(seen: Observation) -> Observation:
    toggle = BY_ID[seen.toggle]
    is_on = toggle.read(seen.value).state is State.ON
    return replace(seen, value=toggle.wanted(State.of(not is_on), held=seen.value))


@dataclass(frozen=True, slots=True)
class Crowd:
    """So many made-up shops, each with the generated zone of its number, in an account with a token of its own."""

    count: int

    @property
    def _generated(self) -> Generated:
        return Generated(Options().seed, self.count, self.count)

    def rows(self) -> Iterator[Row]:
        """The shops `demo-000000` and following."""
        world = self._generated
        for number in range(self.count):
            zone = world.zone(number)
            plan, token = ZonePlan.named(zone.plan.name), Token(world.token("account", number))
            shop = f"demo-{number:06d}.myshopify.com"
            yield Row(
                number + 1, shop, ZoneId(zone.id), zone.name, plan, zone.account_id, Topology.O2O, token
            )

    async def seen(self, clock: Clock) -> Mapping[ZonePlan, ReadResult]:
        """What the pretend Cloudflare tells of a zone of each plan that occurs: all of a plan are alike."""
        world = World(Options(zones=self.count, accounts=self.count))
        transport = FaultyTransport(create_app(world))
        quota = InMemoryBudget(Limits(), clock)
        client = CloudflareClient("http://emulator/client/v4", clock, on_quota=quota, transport=transport)
        found: dict[ZonePlan, ReadResult] = {}
        for row in self.rows():
            if row.plan is not None and row.plan not in found and row.token is not None:
                access = ZoneAccess(row.zone, CredentialId("crowd"), row.token)
                found[row.plan] = await _look(client, access, clock.now_ms())
            if len(found) == len(ZonePlan):
                break
        await client.close()
        world.close()
        return found

    def remember(self, folder: Path) -> None:
        """So that the built-in pretend Cloudflare has their zones from its next start on."""
        (folder / SEEDED_FILE).write_text(str(max(self.count, self.remembered(folder))))

    @staticmethod
    def remembered(folder: Path) -> int:
        """How many were seeded."""
        file = folder / SEEDED_FILE
        return int(file.read_text()) if file.exists() else 0


SEEDED_FILE = "seeded"
