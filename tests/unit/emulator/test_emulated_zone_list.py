"""The zone list: pages, filters, reach, and the refusal across too many accounts."""

from __future__ import annotations

import pytest

from cloudcache.emulator.generated import PLATFORM
from cloudcache.emulator.options import Options
from cloudcache.emulator.wire import JSON
from cloudcache.emulator.world import World
from tests.support.fake_clock import FakeClock
from tests.unit.emulator.stage import (
    ACCOUNT,
    FOREIGN,
    FREE,
    OTHER_ACCOUNT,
    PRO,
    Caller,
    Reply,
    populate,
)


def names(reply: Reply) -> list[JSON]:
    return [zone["name"] for zone in reply.results]


def generated_world(clock: FakeClock, zones: int, accounts: int) -> World:
    return World(Options(zones=zones, accounts=accounts, address_per_second=0), clock=clock.now_s)


def test_a_token_sees_the_zones_of_its_account_by_name(caller: Caller) -> None:
    reply = caller.get("/zones")

    assert names(reply) == ["business.example", "enterprise.example", "free.example", "pro.example"]
    assert reply.body["result_info"] == {
        "page": 1,
        "per_page": 20,
        "count": 4,
        "total_count": 4,
        "total_pages": 1,
    }


def test_one_zone_is_shown_as_in_the_list(caller: Caller) -> None:
    listed = {str(zone["id"]): zone for zone in caller.get("/zones").results}

    assert caller.get(f"/zones/{PRO}").result == listed[PRO]
    assert caller.get(f"/zones/{PRO}").result["account"] == {"id": ACCOUNT, "name": "First account"}


def test_the_list_can_be_turned_round(caller: Caller) -> None:
    assert names(caller.get("/zones?order=name&direction=desc")) == [
        "pro.example",
        "free.example",
        "enterprise.example",
        "business.example",
    ]


def test_filters_by_name_status_and_account(caller: Caller) -> None:
    assert names(caller.get("/zones?name=pro.example")) == ["pro.example"]
    assert names(caller.get("/zones?name=foreign.example")) == []
    assert names(caller.get("/zones?name=nowhere.example")) == []
    assert len(names(caller.get("/zones?status=active"))) == 4
    assert names(caller.get("/zones?status=pending")) == []
    assert len(names(caller.get(f"/zones?account.id={ACCOUNT}"))) == 4
    assert names(caller.get(f"/zones?account.id={OTHER_ACCOUNT}")) == []
    assert names(caller.get(f"/zones?account.id={OTHER_ACCOUNT}&name=pro.example")) == []


@pytest.mark.parametrize(
    "query", ["per_page=51", "per_page=4", "per_page=x", "page=0", "direction=up", "order=size", "status=odd"]
)
def test_parameters_out_of_bounds_are_refused(caller: Caller, query: str) -> None:
    assert caller.get(f"/zones?{query}").status == 400


def test_a_token_for_single_zones_sees_only_these(world: World) -> None:
    world.add_token("cfat_few", kind="account", accounts=[ACCOUNT], zones=[PRO, FREE, FOREIGN])
    caller = Caller(world, "cfat_few")

    assert names(caller.get("/zones")) == ["free.example", "pro.example"]
    assert names(caller.get("/zones?name=business.example")) == []
    assert caller.get(f"/zones/{PRO}").status == 200
    assert caller.get(f"/zones/{'3' * 32}").codes == [9109]


def test_generated_and_added_zones_are_sorted_into_one_list(clock: FakeClock) -> None:
    world = generated_world(clock, 120, 1)
    populate(world)
    world.add_zone("c" * 32, "shop-000060.example", ACCOUNT)
    caller = Caller(world, world.directory.generated.token("user", PLATFORM))

    pages = [names(caller.get(f"/zones?per_page=50&page={page}")) for page in (1, 2, 3, 4)]
    whole = [name for page in pages for name in page]

    assert [len(page) for page in pages] == [50, 50, 26, 0]
    assert whole == sorted(whole, key=str)
    assert len(set(map(str, whole))) == 126


def test_pages_of_the_turned_list_are_the_same_zones(clock: FakeClock) -> None:
    world = generated_world(clock, 60, 3)
    caller = Caller(world, world.directory.generated.token("account", 1))

    rising = names(caller.get("/zones?per_page=50"))
    falling = [
        name
        for page in (1, 2, 3, 4)
        for name in names(caller.get(f"/zones?per_page=5&page={page}&direction=desc"))
    ]

    assert len(rising) == 20
    assert falling == rising[::-1]


def test_more_than_500_accounts_cannot_be_listed_at_once(clock: FakeClock) -> None:
    for accounts, status in ((500, 200), (501, 400)):
        world = generated_world(clock, 1000, accounts)
        generated = world.directory.generated
        caller = Caller(world, generated.token("user", PLATFORM))

        assert caller.get("/zones").status == status
        assert (
            len(caller.get(f"/zones?account.id={generated.account_id(7)}").results)
            == (1000 - 8) // accounts + 1
        )
        assert caller.get(f"/zones/{generated.zone_id(999)}").status == 200


def test_a_name_finds_a_generated_zone(clock: FakeClock) -> None:
    world = generated_world(clock, 1000, 4)
    generated = world.directory.generated
    caller = Caller(world, generated.token("account", 3))

    assert names(caller.get(f"/zones?name={generated.zone_name(7)}")) == [generated.zone_name(7)]
    assert names(caller.get(f"/zones?name={generated.zone_name(8)}")) == []
    assert names(caller.get("/zones?name=shop-000007-made-up.example")) == []
