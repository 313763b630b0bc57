"""Any number of shops in a database, as if they had all been read just now; their zones are those that the pretend
Cloudflare generates, so that what is written and read later meets the same values there.

One zone of each plan is really read; its rows are then copied to all zones of that plan by the database itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from sqlalchemy import insert, literal, select, update

from cloudcache.adapters.budget import InMemoryBudget
from cloudcache.adapters.clock import SystemClock
from cloudcache.adapters.cloudflare.client import CloudflareClient
from cloudcache.adapters.db.engine import ACROSS_TENANTS, make_engine
from cloudcache.adapters.db.migrations import upgrade
from cloudcache.adapters.db.models import accounts, toggles, zones
from cloudcache.adapters.db.store import SqlStore
from cloudcache.adapters.identity.local import LocalIdentity
from cloudcache.adapters.vault import EnvelopeVault
from cloudcache.domain.budget import Limits
from cloudcache.domain.catalog import reads
from cloudcache.domain.ids import CredentialId, CustomerId, ZoneId
from cloudcache.domain.secret import Token
from cloudcache.emulator.generated import Generated
from cloudcache.emulator.options import Options
from cloudcache.ports import ZoneAccess

REST_MS = 86_400_000
AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Shop:
    """One customer: who, and which zone it is at the pretend Cloudflare."""

    customer: int
    name: str
    zone: str
    cookie: str
    """The Cookie header of its owner's session."""


@dataclass(frozen=True, slots=True)
class Fleet:
    """So many shops in so many accounts, each account with a token of its own."""

    shops: int
    accounts: int
    secret_key: str

    @property
    def generated(self) -> Generated:
        return Generated(Options().seed, self.shops, self.accounts)

    def shop(self, index: int) -> Shop:
        """Shop `index`; its customer's number is one more, for the database was empty."""
        name = f"shop-{index:06d}.myshopify.com"
        identity = LocalIdentity("local", [self.secret_key], SystemClock())
        owner: Any = SimpleNamespace(shop=name, id=index + 1)
        cookie = f"{identity.cookie}={identity.issue(owner)}"
        return Shop(index + 1, name, self.generated.zone_id(index), cookie)

    def first(self, count: int) -> list[Shop]:
        """The first shops."""
        return [self.shop(index) for index in range(count)]


async def fill(database_url: str, cloudflare_url: str, fleet: Fleet) -> None:
    """Make the database and put the fleet into it."""
    await upgrade(database_url)
    store = SqlStore(make_engine(database_url))
    clock = SystemClock()
    try:
        await _credentials(store, fleet, clock.now_ms())
        for rows in _in_pieces(list(_zones(fleet, clock.now_ms()))):
            async with store.database.writing(ACROSS_TENANTS) as connection:
                await connection.execute(insert(zones), rows)
        await _values(store, cloudflare_url, fleet, clock)
    finally:
        await store.close()


async def _credentials(store: SqlStore, fleet: Fleet, now: int) -> None:
    vault, generated = EnvelopeVault([fleet.secret_key]), fleet.generated
    rows = []
    for index in range(fleet.accounts):
        credential = CredentialId(f"c{index}")
        token = Token(generated.token("account", index))
        await store.add_credential(credential, vault.seal(token, credential), "token", now=now)
        account = generated.account(index)
        rows.append({"account_id": account.id, "name": account.name, "credential_id": credential})
    async with store.database.writing(ACROSS_TENANTS) as connection:
        await connection.execute(insert(accounts), rows)


def _zones(fleet: Fleet, now: int) -> Iterator[dict[str, object]]:
    generated = fleet.generated
    for index in range(fleet.shops):
        zone = generated.zone(index)
        yield {
            "customer_id": index + 1,
            "shop": f"shop-{index:06d}.myshopify.com",
            "zone_id": zone.id,
            "zone_name": zone.name,
            "account_id": zone.account_id,
            "plan": zone.plan.name.lower(),
            "topology": "o2o",
            "status": "active",
            "credential_id": f"c{index % fleet.accounts}",
            "revision": 1,
            "sync_due_at": now + REST_MS,
            "created_at": now,
            "updated_at": now,
        }


async def _values(store: SqlStore, cloudflare_url: str, fleet: Fleet, clock: SystemClock) -> None:
    """Read the first zone of each plan, then copy."""
    first: dict[str, int] = {}
    for index in range(fleet.shops):
        first.setdefault(fleet.generated.zone(index).plan.name.lower(), index)
    gateway = CloudflareClient(cloudflare_url, clock, on_quota=InMemoryBudget(Limits(), clock))
    try:
        for plan, index in first.items():
            token = Token(fleet.generated.token("account", index % fleet.accounts))
            zone = ZoneId(fleet.generated.zone_id(index))
            access = ZoneAccess(zone, CredentialId(f"c{index % fleet.accounts}"), token)
            seen = [one for read in reads(batch=True) for one in await gateway.read(access, read)]
            model = CustomerId(index + 1)
            await store.observe(model, seen, since=1, now=clock.now_ms())
            await _copy(store, model, plan)
        await _all_read(store, clock.now_ms())
    finally:
        await gateway.close()


async def _copy(store: SqlStore, model: CustomerId, plan: str) -> None:
    names = [column.name for column in toggles.columns if column.name != "customer_id"]
    rows = (
        select(zones.c.customer_id, *(toggles.c[name] for name in names))
        .join(toggles, literal(True))
        .where(zones.c.plan == plan, zones.c.customer_id != model, toggles.c.customer_id == model)
    )
    async with store.database.writing(ACROSS_TENANTS) as connection:
        await connection.execute(insert(toggles).from_select(["customer_id", *names], rows))


async def _all_read(store: SqlStore, now: int) -> None:
    async with store.database.writing(ACROSS_TENANTS) as connection:
        await connection.execute(
            update(zones).values(revision=2, full_read_at=now, sync_due_at=now + REST_MS, priority=0)
        )


def _in_pieces(rows: Sequence[dict[str, object]]) -> Iterator[list[dict[str, object]]]:
    for start in range(0, len(rows), AT_ONCE):
        yield list(rows[start : start + AT_ONCE])
