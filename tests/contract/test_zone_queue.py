"""The zone queue on both databases: what `Place` says, carried out by rows and leases."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from sqlalchemy import update

from cloudcache.adapters.db.engine import make_engine
from cloudcache.adapters.db.models import accounts, zones
from cloudcache.adapters.db.store import SqlStore
from cloudcache.domain.catalog import Topology
from cloudcache.domain.customers import ZoneStatus
from cloudcache.domain.freshness import DAY_MS, Urgency
from cloudcache.domain.ids import CredentialId, CustomerId, ZoneId
from cloudcache.ports import Finished, LeasedZone
from tests.support.tenants import FACTS, POLISH, Tenant

NOW = 1_000_000


async def add(store: SqlStore, number: int, credential: str | None = None) -> CustomerId:
    key = CredentialId(credential) if credential else None
    if key:
        await store.add_credential(key, b"sealed", "token", now=1)
    shop, zone = f"s{number}.myshopify.com", ZoneId(f"{number:032x}")
    return (await store.add_customer(shop, zone, FACTS, Topology.O2O, key, now=1)).id


async def lease(store: SqlStore, urgency: Urgency = Urgency.SWEEP, **changes: object) -> list[LeasedZone]:
    asked = {"platform": True, "now": NOW, "owner": "w", "until": NOW + 1_000, "limit": 10} | changes
    return await store.lease(urgency, **asked)


def names(leased: list[LeasedZone]) -> list[CustomerId]:
    return [zone.customer.id for zone in leased]


async def finish(store: SqlStore, zone: LeasedZone, due: int, owner: str = "w", whole: bool = True) -> bool:
    return await store.finish(
        zone, Finished(due, Urgency.SWEEP, NOW if whole else None), owner=owner, now=NOW
    )


async def test_the_zone_that_is_due_the_longest_comes_first_and_a_later_one_not_yet(store: SqlStore):
    first, second, third = [await add(store, number) for number in range(3)]
    for zone, due in zip(await lease(store), (300, 100, NOW + 5), strict=True):
        await finish(store, zone, due)

    assert names(await lease(store)) == [second, first]
    assert third not in names(await lease(store, owner="x"))


async def test_a_new_zone_comes_before_all_that_were_read(store: SqlStore):
    read = await add(store, 0)
    for zone in await lease(store):
        await finish(store, zone, 100)
    new = await add(store, 1)

    assert names(await lease(store)) == [new, read]


async def test_a_leased_zone_is_nobody_elses_until_the_lease_ends(store: SqlStore):
    mine = await add(store, 0)
    await lease(store)

    assert await lease(store, owner="x") == []
    assert await store.lease_one(mine, now=NOW, owner="x", until=NOW + 9) is None
    assert names(await lease(store, owner="x", now=NOW + 1_000, until=NOW + 2_000)) == [mine]


async def test_a_prolonged_lease_lasts_and_only_its_owner_prolongs_it(store: SqlStore):
    mine = await add(store, 0)
    await lease(store)
    await store.prolong([mine], owner="x", until=NOW + 90_000)
    foreign = await store.lease_one(mine, now=NOW + 1_500, owner="x", until=NOW + 2_000)
    await store.prolong([mine], owner="x", until=NOW + 9_000)

    assert foreign is not None
    assert await lease(store, now=NOW + 5_000) == []


async def test_added_again_it_keeps_the_earlier_time_and_the_higher_urgency(store: SqlStore):
    mine = await add(store, 0)
    await finish(store, (await lease(store))[0], NOW + 9_000)
    await store.add(mine, due=NOW, urgency=Urgency.WATCHED)
    await store.add(mine, due=NOW + 50, urgency=Urgency.NAMED)

    (zone,) = await lease(store, Urgency.WATCHED)

    assert (zone.due, zone.urgency, zone.generation) == (NOW, Urgency.WATCHED, 2)


async def test_what_was_added_during_the_work_stays_due(store: SqlStore):
    mine = await add(store, 0)
    (zone,) = await lease(store)
    await store.add(mine, due=NOW, urgency=Urgency.NAMED)

    assert await finish(store, zone, NOW + 9_000)
    assert names(await lease(store, Urgency.NAMED)) == [mine]


async def test_whoever_lost_the_lease_changes_nothing(store: SqlStore):
    await add(store, 0)
    (late,) = await lease(store)
    (zone,) = await lease(store, owner="x", now=NOW + 1_000, until=NOW + 2_000)

    assert not await finish(store, late, NOW + 9_000)
    assert not await store.fail(late, owner="w", due=NOW + 9_000, now=NOW, why="late", silent=True)
    assert await finish(store, zone, NOW + 1_500, owner="x")
    assert (await store.page(zone.customer.id)).customer.silent_since is None


async def test_failures_are_counted_and_forgotten_after_a_success(store: SqlStore):
    mine = await add(store, 0)
    for expected in (0, 1):
        (zone,) = await lease(store)
        assert zone.failures == expected
        await store.fail(zone, owner="w", due=NOW, now=NOW, why="no answer", silent=True)
    assert (await store.page(mine)).customer.silent_since == NOW

    await finish(store, (await lease(store))[0], NOW)

    assert (await lease(store))[0].failures == 0
    customer = (await store.page(mine)).customer
    assert (customer.silent_since, customer.full_read_at) == (None, NOW)


async def test_the_platforms_zones_and_the_others_stand_in_two_lines(store: SqlStore):
    platform, own, blocked = await add(store, 0), await add(store, 1, "c1"), await add(store, 2, "c2")

    assert names(await lease(store, platform=True)) == [platform]
    assert names(await lease(store, platform=False, without=[CredentialId("c2")])) == [own]
    assert names(await lease(store, platform=False)) == [blocked]


async def test_no_more_than_asked_for(store: SqlStore):
    for number in range(5):
        await add(store, number)

    assert len(await lease(store, limit=3)) == 3
    assert len(await lease(store)) == 2


async def test_what_is_given_back_is_free_at_once(store: SqlStore):
    mine = await add(store, 0)
    await lease(store)
    await store.release("w")

    assert names(await lease(store, owner="x")) == [mine]


async def test_parked_zones_are_never_leased_and_come_back_when_the_token_is_good(store: SqlStore):
    ours = [await add(store, number, "c1") for number in range(2)]
    other = await add(store, 2, "c2")

    assert await store.park_credential(CredentialId("c1"), now=NOW, why="refused") == 2
    assert names(await lease(store, platform=False)) == [other]
    assert {one.why for one in await store.across_tenants_parked(9)} == {"refused"}
    assert await store.unpark_credential(CredentialId("c1"), now=NOW) == 2
    assert names(await lease(store, platform=False)) == ours


async def test_one_zone_alone_can_be_parked(store: SqlStore):
    mine, other = await add(store, 0), await add(store, 1)
    await store.set_status(mine, ZoneStatus.GONE, now=NOW, why="gone")

    assert names(await lease(store)) == [other]
    assert await store.lease_one(mine, now=NOW, owner="w", until=NOW + 1) is None


async def test_a_new_token_takes_the_zone_up_again(store: SqlStore):
    mine = await add(store, 0)
    await store.set_status(mine, ZoneStatus.TOKEN_REFUSED, now=NOW, why="refused")
    await store.add_credential(CredentialId("new"), b"sealed", "token", now=NOW)
    await store.use_credential(mine, CredentialId("new"), now=NOW)

    assert names(await lease(store, platform=False)) == [mine]


async def test_the_first_page_that_opens_makes_the_feed_due_and_the_next_ones_do_not(store: SqlStore):
    mine = await add(store, 0)
    await feed_due(store, NOW + 60_000)
    await store.watch([mine], until=NOW + 500, now=NOW)
    first = await store.lease_feeds(now=NOW, owner="w", until=NOW, limit=5)
    await feed_due(store, NOW + 60_000)
    await store.watch([mine], until=NOW + 900, now=NOW + 100)

    assert [(feed.account, feed.is_watched) for feed in first] == [("acc", True)]
    assert await store.lease_feeds(now=NOW + 200, owner="w", until=NOW, limit=5) == []
    assert (await lease(store))[0].interest.is_watched(NOW + 200)


async def feed_due(store: SqlStore, due: int) -> None:
    async with store.database.writing("*") as connection:
        await connection.execute(update(accounts).values(feed_due_at=due, feed_lease_until=None))


async def test_a_whole_account_can_be_made_due_save_what_was_read_since(store: SqlStore):
    old, fresh = await add(store, 0), await add(store, 1)
    for zone, read_at in zip(await lease(store), (100, 900), strict=True):
        done = Finished(NOW + 9_000, Urgency.SWEEP, read_at)
        await store.finish(zone, done, owner="w", now=NOW)

    assert await store.across_tenants_add_all(due=NOW, account="acc", read_before=500) == 1
    assert names(await lease(store)) == [old]
    assert await store.across_tenants_add_all(due=NOW) == 2
    assert fresh in names(await lease(store))


async def test_a_clock_set_back_brings_what_is_to_come_that_much_nearer(store: SqlStore):
    mine = await add(store, 0)
    await finish(store, (await lease(store))[0], NOW + 3_600_000)

    await store.across_tenants_set_back(3_600_000, now=NOW)

    assert names(await lease(store)) == [mine]


async def test_the_depth_and_the_ages_are_counted(store: SqlStore):
    for number in range(3):
        await add(store, number)
    zone = (await lease(store, limit=1))[0]
    await finish(store, zone, NOW + 5)
    await store.add(zone.customer.id, due=NOW - 500, urgency=Urgency.NAMED)
    await lease(store, limit=1)

    depth, ages = await store.across_tenants_depth(NOW), await store.across_tenants_ages(NOW)

    assert depth.due == {Urgency.SWEEP: 2, Urgency.NAMED: 1}
    assert (depth.leased, depth.parked, depth.behind_ms) == (1, 0, 500)
    assert ages.never == 2 and ages.within[0][1] == 1


async def test_the_planner_is_told_what_there_is(store: SqlStore):
    later = 9 * DAY_MS
    quiet, touched, watched = await add(store, 0), await add(store, 1, "c1"), await add(store, 2, "c2")
    await store.watch([watched], until=later + 500, now=later)
    async with store.database.writing("*") as connection:
        await connection.execute(
            update(zones).where(zones.c.customer_id == touched).values(changed_at=later - 5)
        )

    platform, own = (await store.across_tenants_counts(later)).pools

    assert (platform.name, platform.zones, platform.tokens, platform.watched) == ("platform", 1, 1, 0)
    assert (own.name, own.zones, own.tokens, own.watched, own.polled) == ("own", 2, 2, 1, 1)
    assert (own.touched, own.viewed, own.followed) == (1, 1, 0)
    assert quiet


async def test_drift_is_told_by_shop_and_by_setting(mine: Tenant, other: Tenant):
    await mine.saw("off")
    await mine.saw("on", at=600)

    drift = await mine.store.across_tenants_drift(0, 5)

    assert (drift.changes, drift.zones) == (2, 2)
    assert dict(drift.by_shop) == {"mine.myshopify.com": 1, "other.myshopify.com": 1}
    assert dict(drift.by_toggle)[POLISH.id] == 1


@pytest.mark.parametrize("workers", [4])
async def test_many_workers_share_the_queue_and_do_no_zone_twice(
    store: SqlStore, database_url: str, workers: int
):
    for number in range(40):
        await add(store, number)
    stores = [SqlStore(make_engine(database_url)) for _ in range(workers)]
    done: list[CustomerId] = []

    async def work(own: SqlStore, name: str) -> None:
        while leased := await lease(own, owner=name, limit=3):
            for zone in leased:
                done.append(zone.customer.id)
                assert await finish(own, zone, NOW + 9_000, owner=name)

    await asyncio.gather(*(work(own, f"w{number}") for number, own in enumerate(stores)))
    for own in stores:
        await own.close()

    assert sorted(done) == sorted(set(done)) and len(done) == 40


async def test_a_look_that_was_not_whole_keeps_the_time_of_the_last_whole_one(store: SqlStore):
    mine = await add(store, 0)
    await finish(store, (await lease(store))[0], NOW)
    (zone,) = await lease(store)
    await finish(store, replace(zone, generation=zone.generation), NOW + 9, whole=False)

    assert (await store.page(mine)).customer.full_read_at == NOW
