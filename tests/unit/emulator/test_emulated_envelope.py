"""The envelope, the headers, and the refusals that come before any operation."""

from __future__ import annotations

import pytest

from cloudcache.emulator.world import World
from tests.support.fake_clock import FakeClock
from tests.unit.emulator.stage import ACCOUNT, FOREIGN, PRO, TOKEN, Caller


def test_a_success_has_empty_errors_and_messages(caller: Caller) -> None:
    reply = caller.get(f"/zones/{PRO}/settings/always_online")

    assert reply.body == {
        "success": True,
        "errors": [],
        "messages": [],
        "result": {"id": "always_online", "value": "on", "editable": True, "modified_on": None},
    }


def test_a_refusal_has_a_null_result(caller: Caller) -> None:
    reply = caller.set("always_online", "perhaps")

    assert reply.status == 400
    assert reply.body == {
        "success": False,
        "errors": [{"code": 1007, "message": "Invalid value for zone setting always_online"}],
        "messages": [],
        "result": None,
    }


def test_every_answer_carries_ray_audit_id_and_may_not_be_stored(caller: Caller) -> None:
    first, second = caller.get(f"/zones/{PRO}"), caller.get("/nowhere")

    for reply in (first, second):
        assert reply.headers["cf-ray"].endswith("-FRA")
        assert len(reply.headers["cf-auditlog-id"]) == 32
        assert "no-store" in reply.headers["cache-control"]
    assert first.headers["cf-auditlog-id"] != second.headers["cf-auditlog-id"]


def test_the_first_call_leaves_1199_and_one_second_to_full(caller: Caller) -> None:
    reply = caller.get(f"/zones/{PRO}")

    assert reply.headers["ratelimit"] == '"default";r=1199;t=1'
    assert reply.headers["ratelimit-policy"] == '"default";q=1200;w=300'
    assert "retry-after" not in reply.headers


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer ", "Basic abc", "Bearer two words", 'Bearer "quoted"']
)
def test_a_malformed_header_is_400_with_a_chained_reason(caller: Caller, header: str) -> None:
    reply = caller.get(f"/zones/{PRO}", authorization=header)

    assert reply.status == 400
    assert reply.body["errors"] == [
        {
            "code": 6003,
            "message": "Invalid request headers",
            "error_chain": [{"code": 6111, "message": "Invalid format for Authorization header"}],
        }
    ]


def test_an_unknown_token_is_403_in_general_and_401_when_verified(world: World) -> None:
    stranger = Caller(world, "cfut_nobody-knows-me")

    assert (stranger.get(f"/zones/{PRO}").status, stranger.get(f"/zones/{PRO}").codes) == (403, [9109])
    verified = stranger.get("/user/tokens/verify")
    assert (verified.status, verified.codes) == (401, [1000])


def test_an_unknown_zone_and_an_unknown_path_are_404_with_two_codes(caller: Caller) -> None:
    for path in (
        f"/zones/{'9' * 32}/settings/ssl",
        "/zones/nonsense",
        "/nowhere",
        f"/zones/{PRO}/nothing",
        "/zones/",
    ):
        reply = caller.get(path)
        assert (reply.status, reply.codes) == (404, [7003, 7000]), path


def test_a_foreign_zone_is_403(caller: Caller) -> None:
    reply = caller.get(f"/zones/{FOREIGN}/settings/ssl")

    assert (reply.status, reply.codes) == (403, [9109])


def test_the_wrong_verb_is_405(caller: Caller) -> None:
    for method, path in (
        ("DELETE", f"/zones/{PRO}"),
        ("PATCH", f"/zones/{PRO}/bot_management"),
        ("POST", "/zones"),
    ):
        reply = caller.send(method, path)
        assert (reply.status, reply.codes) == (405, [10405])


@pytest.mark.parametrize(
    ("permission", "path", "status"),
    [
        ("Zone Settings Read", f"/zones/{PRO}/settings/ssl", 200),
        ("Zone Settings Write", f"/zones/{PRO}/settings/ssl", 200),
        ("Zone Read", f"/zones/{PRO}/settings/ssl", 403),
        ("Zone Read", f"/zones/{PRO}/settings/origin_max_http_version", 200),
        ("Zone Read", f"/zones/{PRO}/cache/tiered_cache_smart_topology_enable", 200),
        ("Zone Read", f"/zones/{PRO}/argo/tiered_caching", 403),
        ("Bot Management Write", f"/zones/{PRO}/bot_management", 200),
        ("Zone Settings Write", f"/zones/{PRO}/bot_management", 403),
        ("Zone WAF Write", f"/zones/{PRO}/leaked-credential-checks", 200),
        ("Zone Settings Write", f"/zones/{PRO}/leaked-credential-checks", 403),
        ("Page Shield", f"/zones/{PRO}/page_shield", 200),
        ("Zone Settings Read", f"/zones/{PRO}/page_shield", 200),
        ("Bot Management Write", f"/zones/{PRO}/page_shield", 403),
        ("Zone Read", "/zones", 200),
        ("Zone Settings Read", "/zones", 403),
        ("Account Settings Read", f"/accounts/{ACCOUNT}/audit_logs", 200),
        ("Zone Read", f"/accounts/{ACCOUNT}/audit_logs", 403),
    ],
)
def test_each_path_asks_for_its_permission(world: World, permission: str, path: str, status: int) -> None:
    world.add_token("cfat_narrow", kind="account", accounts=[ACCOUNT], permissions={permission})

    reply = Caller(world, "cfat_narrow").get(path)

    assert reply.status == status
    assert status == 200 or reply.codes == [10000]


def test_reading_is_not_writing(world: World) -> None:
    world.add_token("cfat_reader", kind="account", accounts=[ACCOUNT], permissions={"Zone Settings Read"})

    reply = Caller(world, "cfat_reader").set("ssl", "strict")

    assert (reply.status, reply.codes) == (403, [10000])
    assert world.value(PRO, "ssl") == "full"


def test_the_log_never_holds_a_token(world: World, clock: FakeClock, caller: Caller) -> None:
    caller.get(f"/zones/{PRO}")

    assert TOKEN not in repr(world.requests())
    assert TOKEN not in repr(world.faults.shown())
