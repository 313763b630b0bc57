"""Our client before a whole pretend Cloudflare, in virtual time: it moves when an answer is held back."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from cloudcache.adapters.cloudflare.client import CloudflareClient
from cloudcache.domain.catalog import Toggle, read_for
from cloudcache.domain.errors import CloudcacheError, Refused
from cloudcache.domain.events import Observation
from cloudcache.domain.ids import JSON, CredentialId, ZoneId
from cloudcache.domain.secret import Token
from cloudcache.emulator.app import create_app
from cloudcache.emulator.options import Options
from cloudcache.emulator.transport import FaultyTransport
from cloudcache.emulator.world import World
from cloudcache.ports import ZoneAccess
from tests.support.fake_clock import FakeClock
from tests.unit.adapters.cloudflare.stage import START_MS, Ledger

FREE, PRO, ENTERPRISE, FOREIGN, UNKNOWN = (ZoneId(digit * 32) for digit in "12459")
TOKEN, OTHER = Token("cfat_gateway_of_the_tests"), Token("cfat_of_somebody_else_here")


@dataclass
class Stage:
    """A pretend Cloudflare with one zone a plan, and our client before it."""

    world: World
    clock: FakeClock
    ledger: Ledger
    client: CloudflareClient

    async def seen(self, toggle: Toggle, zone: ZoneId = ENTERPRISE) -> Observation:
        """What a single read shows of a toggle."""
        return next(
            one for one in await self.client.read(at(zone), read_for(toggle)) if one.toggle == toggle.id
        )

    async def value(self, toggle: Toggle, zone: ZoneId = ENTERPRISE) -> JSON:
        """The value that a single read shows."""
        return (await self.seen(toggle, zone)).value


@asynccontextmanager
async def staged() -> AsyncIterator[Stage]:
    """A fresh stage."""
    clock, ledger = FakeClock(START_MS), Ledger()
    world = World(Options(address_per_second=0), clock=clock.now_s)
    world.add_account("a" * 32, "Shop")
    world.add_account("b" * 32, "Others")
    for zone, plan in ((FREE, "free"), (PRO, "pro"), (ENTERPRISE, "enterprise")):
        world.add_zone(zone, f"{plan}.example", "a" * 32, plan)
    world.add_zone(FOREIGN, "foreign.example", "b" * 32)
    world.add_token(TOKEN.reveal(), kind="account", accounts=("a" * 32,))
    transport = FaultyTransport(create_app(world, sleep=clock.sleep))
    client = CloudflareClient(
        "http://emulator/client/v4", clock, on_quota=ledger, transport=transport, calls_per_second=0
    )
    yield Stage(world, clock, ledger, client)
    await client.close()
    world.close()


def at(zone: ZoneId, token: Token = TOKEN) -> ZoneAccess:
    """How a zone is reached."""
    return ZoneAccess(zone, CredentialId("c1"), token)


async def outcome(call) -> str:
    """What came of a call, in a word or two."""
    try:
        await call
    except Refused as refusal:
        return f"{type(refusal).__name__} {refusal.reason.value}"
    except CloudcacheError as error:
        return type(error).__name__
    return "done"
