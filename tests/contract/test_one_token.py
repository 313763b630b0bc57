"""Twenty shops whose owners pasted one token: one budget, one block and one suspension, on both databases."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from cloudcache.adapters.db.store import SqlStore
from cloudcache.adapters.vault import EnvelopeVault
from cloudcache.domain.access import SYSTEM
from cloudcache.domain.catalog import Topology, ZonePlan
from cloudcache.domain.customers import Customer, ZoneStatus
from cloudcache.domain.freshness import Urgency
from cloudcache.domain.ids import CredentialId, ZoneId
from cloudcache.domain.secret import Token
from cloudcache.ports import ZoneFacts
from cloudcache.services.credentials import Credentials

NOW = 1_795_000_000_000
TOKEN, OTHER = Token("cfat_of_an_agency_0123456789"), Token("cfat_of_another_store_01234")
KEY, NEW_KEY = "k" * 40, "n" * 40


@dataclass
class Agency:
    """Customers with records of their own, all but the last of which hold one token."""

    store: SqlStore
    vault: EnvelopeVault
    customers: Sequence[Customer]

    def credentials(self, *keys: str) -> Credentials:
        """Those of another process."""
        return Credentials(self.store, EnvelopeVault(list(keys) or [KEY]), None)

    async def now(self) -> list[Customer]:
        return [await self.store.customer_of_shop(one.shop) for one in self.customers]


@pytest.fixture
async def agency(store: SqlStore) -> Agency:
    vault = EnvelopeVault([KEY])
    customers = []
    for number in range(4):
        credential = CredentialId(f"c-{number}")
        token = OTHER if number == 3 else TOKEN
        await store.add_credential(credential, vault.seal(token, credential), "token", now=NOW)
        facts = ZoneFacts(f"shop{number}.example", ZonePlan.PRO, "acc", "acc")
        shop, zone = f"shop{number}.myshopify.com", ZoneId(f"{number:032x}")
        customers.append(await store.add_customer(shop, zone, facts, Topology.PROXIED, credential, now=NOW))
    return Agency(store, vault, customers)


async def test_records_with_one_token_are_counted_together(agency: Agency):
    credentials = agency.credentials()

    lanes = [(await credentials.access(one)).credential for one in agency.customers]

    assert len(set(lanes[:3])) == 1 and lanes[3] not in lanes[:3]
    assert [await credentials.token_id_of(one.credential) for one in agency.customers] == lanes
    assert TOKEN.reveal() not in lanes[0]


async def test_id_of_a_token_is_the_same_in_every_process_and_after_a_rotation(agency: Agency):
    before = await agency.credentials().id_of(TOKEN)
    rotating = agency.credentials(NEW_KEY, KEY)

    rotation = await rotating.rotate(SYSTEM)

    assert (rotation.total, rotation.renewed, rotation.unreadable) == (4, 4, ())
    assert await agency.credentials(NEW_KEY).id_of(TOKEN) == before
    assert (await agency.credentials(NEW_KEY).access(agency.customers[0])).credential == before


async def test_two_processes_that_start_at_once_agree(agency: Agency):
    ids = await asyncio.gather(*(agency.credentials().id_of(TOKEN) for _ in range(5)))

    assert len(set(ids)) == 1


async def test_key_for_ids_that_does_not_open_is_made_anew(agency: Agency):
    await agency.credentials("lost" * 10).id_of(TOKEN)

    credentials = agency.credentials()

    assert await credentials.id_of(TOKEN) == await agency.credentials().id_of(TOKEN)
    assert (await credentials.access(agency.customers[0])).token == TOKEN


async def test_suspending_a_token_concerns_every_record_that_holds_it(agency: Agency):
    credentials = agency.credentials()
    for one in agency.customers:
        await credentials.access(one)

    suspended = await agency.store.park_credential(CredentialId("c-1"), now=NOW, why="refused")

    refused, active = ZoneStatus.TOKEN_REFUSED, ZoneStatus.ACTIVE
    assert suspended == 3
    assert [one.status for one in await agency.now()] == [refused, refused, refused, active]
    assert await agency.store.unpark_credential(CredentialId("c-2"), now=NOW) == 3
    assert [one.status for one in await agency.now()] == [active] * 4


async def test_queue_leaves_out_every_record_of_a_blocked_token(agency: Agency):
    credentials = agency.credentials()
    for one in agency.customers:
        await credentials.access(one)
        await agency.store.add(one.id, due=NOW, urgency=Urgency.SWEEP)

    leased = await agency.store.lease(
        Urgency.SWEEP,
        platform=False,
        now=NOW + 1,
        owner="w",
        until=NOW + 9,
        limit=9,
        without=[CredentialId("c-0")],
    )

    assert [one.customer.id for one in leased] == [agency.customers[3].id]


async def test_platform_token_given_to_a_shop_as_well_is_counted_once(agency: Agency):
    credentials = Credentials(agency.store, agency.vault, TOKEN)
    own = (await credentials.access(agency.customers[0])).credential

    assert await credentials.id_of(credentials.platform()) == own
