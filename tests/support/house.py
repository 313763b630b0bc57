"""Everything around identity in one process: the rig, a pretend Shopify, and the services that deal with people."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from sqlalchemy import select

from cloudcache.adapters.cloudflare.oauth import OAuthClient
from cloudcache.adapters.db.models import metadata
from cloudcache.adapters.db.store import SqlStore
from cloudcache.adapters.shopify.client import ShopifyClient
from cloudcache.adapters.storefront.client import StorefrontClient
from cloudcache.adapters.vault import EnvelopeVault
from cloudcache.domain.access import Actor, ActorKind, Role
from cloudcache.domain.secret import Token
from cloudcache.emulator.app import create_app
from cloudcache.emulator.storefront import StorefrontTransport, own_address
from cloudcache.local import PERMISSIONS
from cloudcache.services.auditing import Auditing
from cloudcache.services.connecting import Connecting
from cloudcache.services.credentials import Credentials
from cloudcache.services.importing import Importing
from cloudcache.services.merchants import Merchants
from cloudcache.services.scripts import Scripts
from cloudcache.services.storefront import StorefrontChecks
from cloudcache.services.support import Support
from cloudcache.services.tasks import Tasks
from cloudcache.services.webhooks import Webhooks
from cloudcache.shopify_emulator.app import create_app as create_shopify
from cloudcache.shopify_emulator.world import ShopifyWorld
from tests.support.harness import Harness, Process, build_harness

CLIENT, SECRET = "house-client", "house-secret-0123456789abcdef"
KITE = "paper-kite.myshopify.com"
KITE_ZONE = "0" * 31 + "b"
KITE_TOKEN = "cfat_kite_0123456789abcdef"
VIEWER = Actor(ActorKind.STAFF, "sub-viewer", role=Role.VIEWER, name="Kim")


@dataclass
class House:
    """The rig's shop is `shop.myshopify.com`, already connected; `KITE` has only a zone waiting at Cloudflare."""

    rig: Harness
    process: Process
    world: ShopifyWorld
    tasks: Tasks
    vault: EnvelopeVault
    credentials: Credentials
    merchants: Merchants
    webhooks: Webhooks
    connecting: Connecting
    scripts: Scripts
    support: Support
    auditing: Auditing
    storefront: StorefrontChecks
    importing: Importing
    shopify: ShopifyClient

    @property
    def store(self) -> SqlStore:
        return self.rig.store

    async def merchant(self, shop: str = KITE) -> Actor:
        """The shop's owner, signed in just now, and what that set off is done."""
        actor = (await self.merchants.present(self.world.id_token(shop))).actor
        await self.tasks.idle()
        return actor

    async def connected(self) -> Actor:
        """The owner of `KITE`, whose zone is connected."""
        actor = await self.merchant()
        checked = await self.connecting.check(actor, KITE_TOKEN)
        await self.connecting.connect(actor, checked.sealed, KITE_ZONE)
        return await self.merchant()

    async def close(self) -> None:
        await self.process.tasks.idle()
        await self.tasks.idle()
        await self.shopify.close()
        await self.rig.close()


async def build_house(store: SqlStore, keys: list[str] | None = None) -> House:
    """A house on this store."""
    rig = await build_harness(store)
    cloudflare, clock = rig.world, rig.clock
    cloudflare.add_account("kite", "kite")
    cloudflare.add_zone(KITE_ZONE, "paperkite.example", "kite", "pro")
    cloudflare.add_token(KITE_TOKEN, kind="account", accounts=("kite",), zones=None, permissions=PERMISSIONS)
    cloudflare.add_oauth_client("app", "app-secret", ["https://app.example/connect/cloudflare/back"])
    world = ShopifyWorld(CLIENT, SECRET, clock.now_s)
    world.add_shop(KITE, ["www.paperkite.example"])
    world.add_shop("shop.myshopify.com", ["shop.example"])
    shopify = ShopifyClient(
        CLIENT,
        [SECRET],
        clock,
        base=lambda shop: f"http://shopify/shops/{shop}",
        transport=httpx.ASGITransport(create_shopify(world)),
    )
    vault, tasks = EnvelopeVault(keys or ["k" * 40]), Tasks()
    oauth = OAuthClient(
        "http://dash/oauth2",
        "app",
        "app-secret",
        "https://app.example/connect/cloudflare/back",
        clock,
        httpx.ASGITransport(create_app(cloudflare)),
    )
    owner: Callable[[], str] = lambda: "house"  # noqa: E731
    credentials = Credentials(store, vault, Token("cfut_platform_0123456789"), clock, oauth, owner)
    process = rig.process()
    return House(
        rig,
        process,
        world,
        tasks,
        vault,
        credentials,
        Merchants(shopify, store, store, store, vault, clock, tasks, owner),
        Webhooks(shopify, store, store, store, rig.bus, clock),
        Connecting(
            store,
            store,
            rig.gateway,
            credentials,
            vault,
            rig.budget,
            rig.bus,
            clock,
            lambda: None,
            rig.rollouts,
            process.suspensions,
            oauth,
        ),
        Scripts(store, clock, rig.rollouts, rig.bus),
        Support(store, store, store, clock, {"sub-viewer": Role.VIEWER}),
        Auditing(store),
        StorefrontChecks(
            StorefrontClient(own_address, StorefrontTransport(rig.world)),
            store,
            store,
            rig.bus,
            clock,
            tasks,
            rig.rollouts,
        ),
        Importing(
            store,
            store,
            rig.gateway,
            rig.gateway,
            rig.budget,
            credentials,
            process.toggles,
            rig.bus,
            clock,
        ),
        shopify,
    )


@pytest.fixture
async def house(store: SqlStore) -> AsyncIterator[House]:
    """A house on a fresh database."""
    made = await build_house(store)
    yield made
    await made.close()


async def everything(store: SqlStore) -> str:
    """All that the database keeps, as one text; sealed bytes as they are."""
    kept: list[str] = []
    async with store.database.reading("*") as connection:
        for table in metadata.sorted_tables:
            for row in await connection.execute(select(table)):
                kept.append(repr(tuple(row)))
    return "\n".join(kept)


async def agree(house: House, actor: Actor) -> tuple[str, str, str]:
    """State, nonce and code of an agreement that a person allowed at Cloudflare."""
    agreement = house.connecting.agreement(house.connecting.begin(actor))
    asked = {name: values[0] for name, values in parse_qs(urlsplit(agreement.address).query).items()}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(create_app(house.rig.world))) as client:
        form = {**asked, "account": "kite", "decision": "allow"}
        answer = await client.post("http://dash/oauth2/auth", data=form)
    assert answer.status_code == 303, answer.text
    back = parse_qs(urlsplit(answer.headers["location"]).query)
    return back["state"][0], agreement.nonce, back["code"][0]
