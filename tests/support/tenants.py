"""One customer of a store, and short words for what happens to it. Tests have two, so that each can be spied on."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from sqlalchemy import select

from cloudcache.adapters.db.access_models import answers, api_tokens, audit_log, staff_views
from cloudcache.adapters.db.models import changes, toggles, zones
from cloudcache.adapters.db.rollout_models import kv_imports
from cloudcache.adapters.db.store import SqlStore
from cloudcache.domain.access import Actor, ActorKind
from cloudcache.domain.catalog import State, Toggle, Topology, ZonePlan, find
from cloudcache.domain.events import Change, Observation, Source
from cloudcache.domain.feed import Attribution
from cloudcache.domain.ids import JSON, CustomerId, ZoneId
from cloudcache.domain.toggle import Cell
from cloudcache.ports import Intent, Settled, Start, ZoneFacts

ROCKET, POLISH = find("rocket_loader"), find("polish")
FACTS = ZoneFacts("shop.example", ZonePlan.PRO, "acc", "Account")
LEASE = 10_000


@dataclass
class Tenant:
    """Wishes are made at 1000, sent at 1100, answered at 1200 and seen at 500, unless the test says otherwise."""

    store: SqlStore
    id: CustomerId
    asked: int = 0

    def intent(self, on: bool = True, request_id: str = "", toggle: Toggle = ROCKET) -> Intent:
        actor = Actor(ActorKind.MERCHANT, "owner", self.id)
        state = State.of(on)
        return Intent(toggle.id, state, toggle.wanted(state), actor, Source.PAGE, request_id)

    async def wish(
        self,
        on: bool = True,
        *,
        now: int = 1000,
        owner: str = "w",
        request_id: str | None = None,
        toggle: Toggle = ROCKET,
    ) -> Change:
        self.asked += 1
        intent = self.intent(on, request_id or f"{self.id}-{self.asked}", toggle)
        return await self.store.open_intent(self.id, intent, now=now, owner=owner, lease_until=now + LEASE)

    async def start(self, change: Change, *, now: int = 1100, owner: str = "w") -> Start:
        return await self.store.start(self.id, change.id, now=now, owner=owner, lease_until=now + LEASE)

    async def sent(self, on: bool = True, *, now: int = 1100) -> Change:
        change = await self.wish(on)
        assert await self.start(change, now=now) is Start.SEND
        return change

    async def applied(
        self, change: Change, value: JSON = "on", *, now: int = 1200, since: int | None = None
    ) -> Settled:
        seen = Observation(change.toggle, value, now - 50, editable=True, ray_id="ray")
        return await self.store.settle_applied(self.id, change.id, seen, now=now, since=since)

    async def saw(
        self,
        value: JSON,
        *,
        at: int = 500,
        now: int | None = None,
        since: int | None = None,
        toggle: Toggle = ROCKET,
        person: str = "",
        named_at: int | None = None,
        modified_on: str | None = None,
    ) -> list[Change]:
        known = await self.store.revision(self.id) if since is None else since
        seen = [Observation(toggle.id, value, at, editable=True, modified_on=modified_on)]
        persons = {toggle.id: Attribution(person, at if named_at is None else named_at)} if person else {}
        observed = await self.store.observe(self.id, seen, since=known, now=now or at, persons=persons)
        return list(observed.changes)

    async def cell(self, toggle: Toggle = ROCKET) -> Cell:
        return (await self.store.page(self.id)).cells[toggle.id]

    async def change(self, change: Change) -> Change:
        return next(one for one in await self.store.history(self.id, 100) if one.id == change.id)

    async def rows(self) -> list[tuple[object, ...]]:
        """Everything the database keeps of this customer, column by column."""
        kept: list[tuple[object, ...]] = []
        async with self.store.database.reading("*") as connection:
            for table in (zones, toggles, changes, api_tokens, answers, staff_views, audit_log, kv_imports):
                whose = table.c.chain if table is audit_log else table.c.customer_id
                mine = select(table).where(whose == self.id).order_by(*table.primary_key)
                kept += [tuple(row) for row in await connection.execute(mine)]
        return kept


@pytest.fixture
async def mine(store: SqlStore) -> Tenant:
    """The customer a test is about."""
    return await tenant(store, "mine", "a")


@pytest.fixture
async def other(store: SqlStore, mine: Tenant) -> Tenant:
    """A second one, with values and a journal of its own."""
    second = await tenant(store, "other", "b")
    await second.saw("off")
    await second.saw("lossy", toggle=POLISH)
    await second.saw("lossless", toggle=POLISH, at=600)
    return second


async def tenant(store: SqlStore, name: str, digit: str) -> Tenant:
    """A new customer whose zone's id is that hex digit, 32 times."""
    shop = f"{name}.myshopify.com"
    customer = await store.add_customer(shop, ZoneId(digit * 32), FACTS, Topology.O2O, None, now=1)
    return Tenant(store, customer.id)
