"""Twenty shops with one token and a hundred readers in any order: Cloudflare never has to refuse a call.

Each record has an id of its own; the real services read through the real client from the emulator, in virtual time.
"""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import hypothesis.strategies as st
from hypothesis import HealthCheck, given, settings

from cloudcache.adapters.vault import EnvelopeVault
from cloudcache.domain.budget import CallClass, Lane, Limits
from cloudcache.domain.catalog import TOGGLES, Topology, read_for
from cloudcache.domain.customers import Customer
from cloudcache.domain.ids import CredentialId, CustomerId
from cloudcache.emulator.world import Options
from cloudcache.services.credentials import Credentials
from tests.properties.test_budget import most_within
from tests.support.databases import temporary_store
from tests.support.rig import TOKEN, Rig, build_rig
from tests.support.shared_redis import Processes

RECORDS, READERS, READS = 20, 100, 4
A_FIFTH = Limits(calls_per_window=200, burst=20, cloudflare_calls_per_window=240)
"""Of what Cloudflare allows, so that 400 reads are more than go at once."""


async def agency(rig: Rig) -> list[Customer]:
    """Shops that were each given the rig's token, in records of their own."""
    vault, customers = EnvelopeVault(["k" * 40]), []
    for number in range(RECORDS):
        zone, facts = await rig.facts(f"{number + 100:032x}", f"shop{number}.example")
        record = CredentialId(f"c-{number}")
        await rig.store.add_credential(record, vault.seal(TOKEN, record), "token", now=rig.clock.ms)
        shop = f"shop{number}.myshopify.com"
        customers.append(
            await rig.store.add_customer(shop, zone, facts, Topology.PROXIED, record, now=rig.clock.ms)
        )
    return customers


async def read_on(rig: Rig, customers: list[Customer], rng: random.Random) -> None:
    """One reader: some shop's setting, again and again, yielding as often as it happens."""
    for _ in range(READS):
        customer, toggle = rng.choice(customers), rng.choice(TOGGLES)
        for _ in range(rng.randrange(4)):
            await asyncio.sleep(0)
        access = await rig.credentials.access(customer)
        call_class = rng.choice([CallClass.WATCHED, CallClass.SWEEP, CallClass.WRITE])
        with await rig.budget.acquire(Lane(access.credential, call_class, customer.id)):
            for _ in range(rng.randrange(4)):
                await asyncio.sleep(0)
            await rig.gateway.read(access, read_for(toggle))


@settings(max_examples=4, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(seed=st.integers(0, 2**32))
def test_readers_of_twenty_records_are_never_refused(tmp_path_factory: object, seed: int) -> None:
    async def play() -> list[int]:
        folder: Path = tmp_path_factory.mktemp("readers")  # type: ignore[attr-defined]
        store = await temporary_store(folder / "rig.db")
        options = Options(token_budget=A_FIFTH.cloudflare_calls_per_window, address_per_second=0)
        rig = await build_rig(store, options=options, limits=A_FIFTH)
        try:
            customers, rng = await agency(rig), random.Random(seed)
            readers = (read_on(rig, customers, random.Random(rng.random())) for _ in range(READERS))
            await asyncio.gather(*readers, return_exceptions=True)
            return [record.status for record in rig.world.requests()]
        finally:
            await rig.close()

    statuses = asyncio.run(play())

    assert len(statuses) >= READERS * READS
    assert statuses.count(429) == 0


LIMITS = Limits(
    calls_per_window=300,
    window_ms=30_000,
    burst=60,
    cloudflare_calls_per_window=360,
    address_calls_per_second=40,
)


@settings(max_examples=45, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    asked=st.lists(st.tuples(st.integers(0, 1), st.integers(0, RECORDS - 1), st.integers(1, 40)), max_size=40)
)
def test_processes_with_twenty_records_share_one_bucket_and_one_address(
    redis_url: str, tmp_path_factory: object, asked: list[tuple[int, int, int]]
) -> None:
    async def play() -> Processes:
        folder: Path = tmp_path_factory.mktemp("processes")  # type: ignore[attr-defined]
        store = await temporary_store(folder / "rig.db")
        rig = await build_rig(store)
        customers = await agency(rig)
        credentials = [Credentials(store, EnvelopeVault(["k" * 40]), None) for _ in range(2)]
        async with Processes(redis_url, LIMITS, (3_600_000, -3_600_000)) as two:
            for process, number, many in asked:
                token_id = await credentials[process].token_id_of(customers[number].credential)
                await two.ask(process, Lane(token_id, CallClass.WRITE, CustomerId(number)), many)
            await two.time.advance(40_000)
        await rig.close()
        return two

    two = asyncio.run(play())

    calls = [at for at, _, _ in two.through]
    assert len({lane.credential for _, _, lane in two.through}) <= 1
    assert most_within(calls, LIMITS.window_ms + 1) <= LIMITS.calls_per_window
    assert most_within(calls, 1_000) <= LIMITS.address_calls_per_second
