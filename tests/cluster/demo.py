"""A thousand shops, each with a zone, an account and a token of its own at the pretend Cloudflare.

The first shop of each plan is registered and read as any shop is; the rows of the others are copies of its rows under
their own names, in four statements, for zones of one plan that nobody has touched are alike.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import insert, select, update

from cloudcache.adapters.budget import InMemoryBudget
from cloudcache.adapters.clock import SystemClock
from cloudcache.adapters.cloudflare.client import CloudflareClient
from cloudcache.adapters.db.engine import make_engine
from cloudcache.adapters.db.models import accounts, credentials, toggles, zones
from cloudcache.adapters.db.store import SqlStore
from cloudcache.adapters.vault import EnvelopeVault
from cloudcache.domain.budget import Limits
from cloudcache.domain.catalog import Topology, ZonePlan, reads
from cloudcache.domain.ids import CredentialId, CustomerId, ZoneId
from cloudcache.domain.secret import Token
from cloudcache.emulator.app import create_app
from cloudcache.emulator.transport import FaultyTransport
from cloudcache.emulator.world import Options, World
from cloudcache.ports import ZoneAccess, ZoneFacts

READ_AGO_MS = 600_000
"""Fresh enough that opening a page asks for nothing."""

SPREAD_MS = 3_600_000
"""The sweep finds them due one after the other within an hour, as it would have left them."""


def shop_name(index: int) -> str:
    """The name under which one signs in."""
    return f"shop-{index:04d}.myshopify.com"


@dataclass
class Fleet:
    """The shops of a cluster, by number."""

    store: SqlStore
    vault: EnvelopeVault
    world: World
    now: int

    def facts(self, index: int) -> tuple[ZoneId, ZoneFacts]:
        zone = self.world.directory.generated.zone(index)
        plan = ZonePlan.named(zone.plan.name.lower())
        account = self.world.directory.generated.account(index)
        return ZoneId(zone.id), ZoneFacts(zone.name, plan, account.id, account.name)

    def token(self, index: int) -> Token:
        return Token(self.world.directory.generated.token("account", index))

    def sealed(self, index: int) -> bytes:
        return self.vault.seal(self.token(index), credential(index))

    async def register(self, index: int, gateway: CloudflareClient) -> CustomerId:
        """One shop, by the way every shop takes."""
        zone, facts = self.facts(index)
        await self.store.add_credential(credential(index), self.sealed(index), "token", now=self.now)
        customer = await self.store.add_customer(
            shop_name(index), zone, facts, Topology.O2O, credential(index), now=self.now - READ_AGO_MS
        )
        access = ZoneAccess(zone, credential(index), self.token(index))
        seen = [one for read in reads(batch=True) for one in await gateway.read(access, read)]
        await self.store.observe(customer.id, seen, since=customer.revision, now=self.now - READ_AGO_MS)
        return customer.id

    async def copy(self, patterns: dict[ZonePlan, CustomerId], indices: list[int], shops: int) -> None:
        """The others, each after the pattern of its plan."""
        of = {index: self.facts(index) for index in indices}
        async with self.store.database.writing("*") as connection:
            rows = {
                plan: dict(
                    (await connection.execute(select(zones).where(zones.c.customer_id == one))).one()._mapping
                )
                for plan, one in patterns.items()
            }
            cells = {
                plan: [
                    dict(row._mapping)
                    for row in await connection.execute(select(toggles).where(toggles.c.customer_id == one))
                ]
                for plan, one in patterns.items()
            }
            sealed = [
                {
                    "credential_id": credential(index),
                    "sealed": self.sealed(index),
                    "kind": "token",
                    "status": "active",
                    "created_at": self.now,
                }
                for index in indices
            ]
            await connection.execute(insert(credentials), sealed)
            theirs = [
                {
                    "account_id": facts.account_id,
                    "name": facts.account_name,
                    "credential_id": credential(index),
                }
                for index, (_, facts) in of.items()
            ]
            await connection.execute(insert(accounts), theirs)
            first = max(patterns.values()) + 1
            fleet = [
                rows[facts.plan]
                | {
                    "customer_id": first + place,
                    "shop": shop_name(index),
                    "zone_id": zone,
                    "zone_name": facts.name,
                    "account_id": facts.account_id,
                    "credential_id": credential(index),
                }
                for place, (index, (zone, facts)) in enumerate(of.items())
            ]
            await connection.execute(insert(zones), fleet)
            values = [
                cell | {"customer_id": first + place}
                for place, (_, facts) in enumerate(of.values())
                for cell in cells[facts.plan]
            ]
            await connection.execute(insert(toggles), values)
            step = SPREAD_MS // max(1, shops)
            due = self.now + zones.c.customer_id * step
            read = {"sync_due_at": due, "full_read_at": self.now - READ_AGO_MS}
            await connection.execute(update(zones).values(read))
            await connection.execute(update(accounts).values(feed_due_at=self.now + SPREAD_MS // 4))
            if connection.dialect.name == "postgresql":
                await connection.exec_driver_sql(
                    "SELECT setval(pg_get_serial_sequence('customer_zones', 'customer_id'),"
                    " (SELECT max(customer_id) FROM customer_zones))"
                )


def credential(index: int) -> CredentialId:
    return CredentialId(f"shop-{index:04d}")


async def fill(url: str, shops: int, keys: list[str]) -> None:
    """Register `shops` shops with everything known of them, as if they had last been read ten minutes ago."""
    clock = SystemClock()
    world = World(Options(zones=shops, accounts=shops, address_per_second=0))
    gateway = CloudflareClient(
        "http://emulator/client/v4",
        clock,
        on_quota=InMemoryBudget(Limits(), clock),
        transport=FaultyTransport(create_app(world)),
        calls_per_second=0,
    )
    store = SqlStore(make_engine(url))
    fleet = Fleet(store, EnvelopeVault(keys), world, clock.now_ms())
    try:
        patterns: dict[ZonePlan, CustomerId] = {}
        others: list[int] = []
        for index in range(shops):
            plan = fleet.facts(index)[1].plan
            if plan in patterns:
                others.append(index)
            else:
                patterns[plan] = await fleet.register(index, gateway)
        if others:
            await fleet.copy(patterns, others, shops)
    finally:
        await gateway.close()
        await store.close()
