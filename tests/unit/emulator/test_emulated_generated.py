"""Zones that exist by arithmetic: found again from their ids, in order, and at no cost."""

from __future__ import annotations

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudcache.emulator.catalogue import Plan
from cloudcache.emulator.directory import Directory
from cloudcache.emulator.generated import Account, Generated, Zone
from cloudcache.emulator.options import Options
from cloudcache.emulator.world import World
from tests.support.fake_clock import FakeClock
from tests.unit.emulator.stage import Caller

BIG = Generated(seed=1, zones=100_000, accounts=777)


@given(st.integers(0, 99_999))
def test_an_id_leads_back_to_its_index(index: int) -> None:
    zone = BIG.zone(index)

    assert len(zone.id) == 32
    assert BIG.zone_index(zone.id) == index
    assert BIG.zone_named(zone.name) == index
    assert BIG.account_index(zone.account_id) == index % 777


@given(st.text("0123456789abcdef", min_size=32, max_size=32))
def test_a_made_up_id_is_nobodys(zone_id: str) -> None:
    assert BIG.zone_index(zone_id) is None


@pytest.mark.parametrize("zone_id", ["", "x" * 32, "0" * 31, BIG.account_id(3), BIG.zone_id(3).upper()])
def test_what_is_not_a_zone_id_is_nobodys(zone_id: str) -> None:
    assert BIG.zone_index(zone_id) is None


def test_an_index_beyond_the_end_is_nobodys() -> None:
    longer = Generated(seed=1, zones=100_001, accounts=777)

    assert BIG.zone_index(longer.zone_id(100_000)) is None


def test_another_seed_makes_other_ids() -> None:
    assert Generated(seed=2, zones=10, accounts=1).zone_id(3) != Generated(
        seed=1, zones=10, accounts=1
    ).zone_id(3)


def test_more_zones_do_not_change_those_that_were_there() -> None:
    assert Generated(1, 10, 5).zone(7) == Generated(1, 1000, 5).zone(7)


def test_ids_do_not_collide_and_plans_are_spread() -> None:
    zones = [BIG.zone(index) for index in range(5000)]
    plans = [zone.plan for zone in zones]

    assert len({zone.id for zone in zones}) == 5000
    assert 0.65 < plans.count(Plan.FREE) / 5000 < 0.75
    assert all(plan in plans for plan in Plan)


@pytest.mark.parametrize(("zones", "accounts"), [(-1, 1), (1_000_001, 1), (1, 0), (0, -1)])
def test_impossible_sizes_are_refused(zones: int, accounts: int) -> None:
    with pytest.raises(ValueError, match="zones"):
        Generated(1, zones, accounts)


@given(
    zones=st.integers(0, 60),
    accounts=st.integers(1, 7),
    chosen=st.sets(st.integers(0, 6)),
    added=st.lists(st.integers(0, 70), max_size=8, unique=True),
)
def test_a_listing_is_the_sorted_list_that_was_never_built(
    zones: int, accounts: int, chosen: set[int], added: list[int]
) -> None:
    generated = Generated(1, zones, accounts)
    directory = Directory(generated)
    directory.add_account(Account("mine", "Mine"))
    for number in added:
        directory.add_zone(Zone(f"z{number}", f"shop-{number:06d}.example", "mine", Plan.FREE, 0))
    wanted = ["mine", *(generated.account_id(index) for index in chosen if index < accounts)]

    listing = directory.listing(wanted)
    whole = [zone.name for zone in listing.page(0, len(listing))]

    expected = [generated.zone_name(index) for index in range(zones) if index % accounts in chosen]
    expected += [f"shop-{number:06d}.example" for number in added]
    assert whole == sorted(expected)
    assert [zone.name for zone in listing.page(3, 7)] == whole[3:7]
    assert [zone.name for zone in listing.page(0, 100, falling=True)] == whole[::-1]


def test_a_hundred_thousand_zones_cost_next_to_nothing_until_touched(clock: FakeClock) -> None:
    tracemalloc.start()
    try:
        world = World(Options(zones=100_000, accounts=100_000, address_per_second=0), clock=clock.now_s)
        generated = world.directory.generated
        for index in range(0, 100_000, 50_000):
            Caller(world, generated.token("account", index)).get(
                f"/zones/{generated.zone_id(index)}/settings/ssl"
            )
        used, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert used < 5_000_000


def test_the_zones_for_people_are_the_added_the_touched_and_twenty_more(clock: FakeClock) -> None:
    world = World(Options(zones=1000, accounts=2), clock=clock.now_s)
    generated = world.directory.generated
    world.add_account("mine", "Mine")
    world.add_zone("c" * 32, "mine.example", "mine")
    world.dashboard_change(generated.zone_id(500), "fonts", "on", actor_email="mia@example.com")

    shown = [zone.name for zone in world.with_zones()]

    assert len(shown) == 22
    assert "mine.example" in shown
    assert generated.zone_name(500) in shown
    assert shown == sorted(shown)
