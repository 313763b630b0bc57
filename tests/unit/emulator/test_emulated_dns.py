"""DNS records: what a zone has, how they are found, who may read them; and the permission groups."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from cloudcache.emulator.dns import DnsRecord
from cloudcache.emulator.options import Options
from cloudcache.emulator.permissions import PERMISSIONS, permissions_of, scope_of
from cloudcache.emulator.routes import ACCOUNT_PATHS, PLAIN_PATHS, ZONE_PATHS
from cloudcache.emulator.wire import JSON
from cloudcache.emulator.world import World
from tests.support.fake_clock import FakeClock
from tests.unit.emulator.stage import ACCOUNT, FOREIGN, PRO, TOKEN, Caller, Reply, populate

RECORDS = f"/zones/{PRO}/dns_records"
GIVEN = (
    DnsRecord("pro.example", "A", "203.0.113.77", proxied=False),
    DnsRecord("pro.example", "TXT", "v=spf1 -all", proxied=False),
    DnsRecord("www.pro.example", "CNAME", "elsewhere.example", proxied=True),
)


def contents(reply: Reply) -> list[JSON]:
    return [record["content"] for record in reply.results]


def test_a_zone_has_the_usual_two_records(caller: Caller) -> None:
    reply = caller.get(RECORDS)

    shown = [(item["name"], item["type"], item["content"], item["proxied"]) for item in reply.results]
    assert shown == [
        ("pro.example", "A", "203.0.113.10", True),
        ("www.pro.example", "CNAME", "shops.myshopify.com", True),
    ]
    assert reply.body["result_info"] == {
        "page": 1,
        "per_page": 100,
        "count": 2,
        "total_count": 2,
        "total_pages": 1,
    }


def test_a_record_is_shown_with_id_and_times(caller: Caller) -> None:
    first, second = caller.get(RECORDS).results

    assert first.keys() == {
        "id",
        "name",
        "type",
        "content",
        "proxied",
        "ttl",
        "created_on",
        "modified_on",
    }
    assert len(str(first["id"])) == 32
    assert first["id"] != second["id"]
    assert caller.get(RECORDS).results == [first, second]
    assert first["created_on"] == "2027-01-15T08:00:00.000000Z"
    assert first["ttl"] == 1


def test_given_records_replace_the_usual_ones(world: World, caller: Caller, clock: FakeClock) -> None:
    clock.move_s(60)
    world.set_dns(PRO, GIVEN)

    assert contents(caller.get(RECORDS)) == ["203.0.113.77", "v=spf1 -all", "elsewhere.example"]
    assert caller.get(RECORDS).results[0]["modified_on"] == "2027-01-15T08:01:00.000000Z"

    world.set_dns(PRO, ())
    assert contents(caller.get(RECORDS)) == []


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("name=www.pro.example", ["elsewhere.example"]),
        ("name=pro", []),
        ("type=TXT", ["v=spf1 -all"]),
        ("name=pro.example&type=A", ["203.0.113.77"]),
        ("type=MX", []),
        ("per_page=2", ["203.0.113.77", "v=spf1 -all"]),
        ("per_page=2&page=2", ["elsewhere.example"]),
        ("per_page=5000&page=2", []),
    ],
)
def test_filters_and_pages(world: World, caller: Caller, query: str, expected: list[str]) -> None:
    world.set_dns(PRO, GIVEN)

    assert contents(caller.get(f"{RECORDS}?{query}")) == expected


@pytest.mark.parametrize("query", ["per_page=0", "per_page=5001", "page=0", "type=odd", "type="])
def test_parameters_out_of_bounds_are_refused(caller: Caller, query: str) -> None:
    assert caller.get(f"{RECORDS}?{query}").status == 400


@pytest.mark.parametrize(
    ("permission", "status"), [("DNS Read", 200), ("DNS Write", 200), ("Zone Settings Write", 403)]
)
def test_reading_needs_a_dns_permission(world: World, permission: str, status: int) -> None:
    world.add_token("cfat_one", kind="account", accounts=[ACCOUNT], permissions=[permission])
    reply = Caller(world, "cfat_one").get(RECORDS)

    assert reply.status == status
    assert status == 200 or reply.codes == [10000]


def test_other_zones_and_verbs_are_refused(caller: Caller) -> None:
    assert caller.get(f"/zones/{FOREIGN}/dns_records").codes == [9109]
    assert caller.get(f"/zones/{'0' * 32}/dns_records").status == 404
    assert caller.send("POST", RECORDS, {}).status == 405


def test_records_that_cannot_be_are_not_taken(world: World) -> None:
    with pytest.raises(ValueError, match="ALIAS"):
        DnsRecord("pro.example", "ALIAS", "x.example", proxied=False)
    with pytest.raises(KeyError):
        world.set_dns("0" * 32, GIVEN)


def test_given_records_survive_a_restart(tmp_path: Path, clock: FakeClock) -> None:
    options = Options(accounts=0, address_per_second=0)
    world = World(options, clock=clock.now_s, path=tmp_path / "state.db")
    populate(world)
    world.set_dns(PRO, GIVEN)
    before = Caller(world).get(RECORDS).results
    world.close()
    clock.move_s(3600)

    with closing(World(options, clock=clock.now_s, path=tmp_path / "state.db")) as again:
        assert again.dns(PRO).records == GIVEN
        assert Caller(again).get(RECORDS).results == before


@pytest.mark.parametrize(
    "path", ["/user/tokens/permission_groups", f"/accounts/{ACCOUNT}/tokens/permission_groups"]
)
def test_every_token_may_read_the_permission_groups(world: World, path: str) -> None:
    world.add_token("cfat_bare", kind="account", accounts=[ACCOUNT], permissions=())
    groups = Caller(world, "cfat_bare").get(path).results

    by_name = {group["name"]: group for group in groups}
    assert by_name["DNS Read"]["scopes"] == ["com.cloudflare.api.account.zone"]
    assert by_name["Account Settings Read"]["scopes"] == ["com.cloudflare.api.account"]
    assert {len(str(group["id"])) for group in groups} == {32}
    assert len({group["id"] for group in groups}) == len(groups)
    assert Caller(world, TOKEN).get(path).results == groups


def test_unknown_tokens_and_accounts_get_no_permission_groups(world: World, caller: Caller) -> None:
    assert Caller(world, "cfat_nobody").get("/user/tokens/permission_groups").codes == [9109]
    assert caller.get(f"/accounts/{'0' * 32}/tokens/permission_groups").status == 404


def test_the_groups_are_the_permissions_that_calls_ask_for() -> None:
    operations = [
        operation
        for paths in (ZONE_PATHS, ACCOUNT_PATHS, PLAIN_PATHS)
        for verbs in paths.values()
        for operation in verbs.values()
    ]

    assert set().union(*(operation.permissions for operation in operations)) == PERMISSIONS.keys()


def test_a_scope_is_the_permission_in_small_letters() -> None:
    assert scope_of("Zone Settings Write") == "zone.settings.write"
    assert permissions_of(map(scope_of, PERMISSIONS)) == PERMISSIONS.keys()
    with pytest.raises(ValueError, match="zone\\.eat"):
        permissions_of(["zone.read", "zone.eat"])
