"""Single settings: what they show, what they take, and who may change them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cloudcache.emulator.catalogue import PLAIN, SETTINGS, Plan
from cloudcache.emulator.wire import JSON, moment
from cloudcache.emulator.world import World
from tests.support.fake_clock import FakeClock
from tests.unit.emulator.stage import ACCOUNT, BUSINESS, ENTERPRISE, FREE, PRO, Caller

TOGGLES = json.loads((Path(__file__).parents[2] / "data" / "toggles.json").read_text())
PLAIN_TOGGLES = [toggle for toggle in TOGGLES if toggle["kind"] == "zone_setting"]


@pytest.mark.parametrize("name", sorted(PLAIN))
def test_every_setting_can_be_read(caller: Caller, name: str) -> None:
    result = caller.setting(name, ENTERPRISE)

    assert result["id"] == name
    assert PLAIN[name].member in result
    assert isinstance(result["editable"], bool)


@pytest.mark.parametrize("toggle", PLAIN_TOGGLES, ids=lambda toggle: str(toggle["id"]))
def test_every_plain_toggle_can_be_turned_on_and_off(
    world: World, caller: Caller, toggle: dict[str, JSON]
) -> None:
    name = str(toggle["setting_id"])

    for value in (toggle["on_value"], toggle["off_value"]):
        reply = caller.set(name, value, ENTERPRISE)
        assert reply.result["value"] == value
        assert world.value(ENTERPRISE, name) == value


@pytest.mark.parametrize("toggle", PLAIN_TOGGLES, ids=lambda toggle: str(toggle["id"]))
def test_a_new_zone_shows_the_captured_default(caller: Caller, toggle: dict[str, JSON]) -> None:
    name = str(toggle["setting_id"])

    assert caller.setting(name, FREE)["value"] == toggle["default"]


@pytest.mark.parametrize(
    ("name", "on_free", "on_enterprise"),
    [
        ("speed_brain", "on", "off"),
        ("nel", {"enabled": True}, {"enabled": False}),
        ("http2", "on", "on"),
    ],
)
def test_some_defaults_depend_on_the_plan(
    caller: Caller, name: str, on_free: JSON, on_enterprise: JSON
) -> None:
    assert caller.setting(name, FREE)["value"] == on_free
    assert caller.setting(name, ENTERPRISE)["value"] == on_enterprise


def test_the_time_of_change_is_null_until_the_first_change(caller: Caller, clock: FakeClock) -> None:
    assert caller.setting("polish")["modified_on"] is None

    caller.set("polish", "lossy")

    assert caller.setting("polish")["modified_on"] == moment(clock.now_s())


def test_network_error_logging_was_changed_in_the_year_one(caller: Caller, clock: FakeClock) -> None:
    assert caller.setting("nel")["modified_on"] == "0001-01-01T00:00:00Z"

    caller.set("nel", {"enabled": False})

    assert caller.setting("nel")["modified_on"] == moment(clock.now_s())


def test_http2_is_on_and_locked_on_free(world: World, caller: Caller) -> None:
    assert caller.setting("http2", FREE)["editable"] is False

    reply = caller.set("http2", "off", FREE)

    assert (reply.status, reply.codes) == (403, [1015])
    assert world.value(FREE, "http2") == "on"


@pytest.mark.parametrize(
    ("name", "editable"),
    [
        ("rocket_loader", [True, True, True, True]),
        ("polish", [False, True, True, True]),
        ("response_buffering", [False, False, False, True]),
        ("advanced_ddos", [False, False, False, False]),
    ],
)
def test_the_plan_decides_what_is_editable(caller: Caller, name: str, editable: list[bool]) -> None:
    zones = (FREE, PRO, BUSINESS, ENTERPRISE)

    assert [caller.setting(name, zone)["editable"] for zone in zones] == editable


def test_gated_settings_have_codes_of_their_own(caller: Caller) -> None:
    assert caller.set("orange_to_orange", "off").codes == [1024]
    assert caller.set("visitor_ip", "off").codes == [1025]
    assert caller.set("log_to_cloudflare", "off").codes == [1057]


@pytest.mark.parametrize("name", ["minify", "no_such_setting", "tiered_caching", "bot_management.fight_mode"])
def test_an_unknown_name_is_1006(caller: Caller, name: str) -> None:
    for reply in (caller.get(f"/zones/{PRO}/settings/{name}"), caller.set(name, "on")):
        assert (reply.status, reply.codes) == (400, [1006])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("rocket_loader", "manual"),
        ("rocket_loader", True),
        ("rocket_loader", None),
        ("rocket_loader", ["on"]),
        ("rocket_loader", {"value": "on"}),
        ("min_tls_version", 1.2),
        ("challenge_ttl", 301),
        ("challenge_ttl", True),
        ("browser_cache_ttl", "14400"),
        ("browser_cache_ttl", -1),
        ("nel", "on"),
        ("nel", {}),
        ("nel", {"enabled": 1}),
        ("nel", {"enabled": True, "extra": 1}),
        ("security_header", {"enabled": True}),
        ("security_header", {"strict_transport_security": {"max_age": "long"}}),
        ("ciphers", ["a", "a"]),
        ("ciphers", [1]),
        ("proxy_read_timeout", "soon"),
        ("proxy_read_timeout", 6001),
        ("proxy_read_timeout", True),
        ("proxy_read_timeout", 1.5),
        ("transformations_allowed_origins", 5),
        ("transformations_allowed_origins", "\ud800"),
        ("rum", "manual"),
        ("aegis", {"pool_id": "x"}),
    ],
)
def test_a_wrong_value_is_1007_and_changes_nothing(
    world: World, caller: Caller, name: str, value: JSON
) -> None:
    before = world.value(ENTERPRISE, name)

    reply = caller.set(name, value, ENTERPRISE)

    assert (reply.status, reply.codes) == (400, [1007])
    assert world.value(ENTERPRISE, name) == before


@pytest.mark.parametrize("body", [None, {}, [], "on", {"values": "on"}])
def test_a_missing_value_is_1007_too(caller: Caller, body: JSON) -> None:
    reply = caller.send("PATCH", f"/zones/{PRO}/settings/ssl", body)

    assert (reply.status, reply.codes) == (400, [1007])


def test_turning_security_off_is_for_enterprise(caller: Caller) -> None:
    assert caller.set("security_level", "off", BUSINESS).codes == [1007]
    assert caller.set("security_level", "off", ENTERPRISE).result["value"] == "off"


def test_the_recommender_has_no_value_but_is_enabled(caller: Caller) -> None:
    path = f"/zones/{PRO}/settings/ssl_recommender"

    assert caller.send("PATCH", path, {"enabled": True}).result["enabled"] is True
    assert "value" not in caller.get(path).result
    assert caller.send("PATCH", path, {"value": True}).codes == [1007]


def test_a_number_that_travels_as_text_is_kept_as_text(caller: Caller) -> None:
    assert caller.setting("proxy_read_timeout", ENTERPRISE)["value"] == "100"
    assert caller.set("proxy_read_timeout", 300, ENTERPRISE).result["value"] == "300"


def test_lists_and_texts_are_kept_as_given(caller: Caller) -> None:
    for name, value in (
        ("ciphers", ["AES128-SHA"]),
        ("transformations_allowed_origins", "https://a.example"),
    ):
        assert caller.set(name, value, ENTERPRISE).result["value"] == value


def test_members_that_are_left_out_of_the_security_header_are_off(caller: Caller) -> None:
    value = caller.set(
        "security_header", {"strict_transport_security": {"enabled": True, "max_age": 60}}
    ).result["value"]

    assert value == {
        "strict_transport_security": {
            "enabled": True,
            "max_age": 60,
            "include_subdomains": False,
            "preload": False,
            "nosniff": False,
        }
    }


def test_zones_start_with_the_values_they_were_added_with(world: World, caller: Caller) -> None:
    world.add_zone("c" * 32, "given.example", ACCOUNT, "pro", {"polish": "lossy", "rum": "manual"})

    assert caller.setting("polish", "c" * 32)["value"] == "lossy"
    assert caller.setting("polish", "c" * 32)["modified_on"] is None
    assert caller.setting("rum", "c" * 32) == {"id": "rum", "value": "manual", "editable": True}


def test_a_zone_cannot_be_added_with_a_setting_that_does_not_exist(world: World) -> None:
    with pytest.raises(ValueError, match="no_such"):
        world.add_zone("c" * 32, "given.example", ACCOUNT, settings={"no_such": 1})


def test_a_zone_needs_an_account_and_a_known_plan(world: World) -> None:
    with pytest.raises(ValueError, match="no such account"):
        world.add_zone("c" * 32, "given.example", "nobody")
    with pytest.raises(ValueError, match="unknown plan"):
        world.add_zone("c" * 32, "given.example", ACCOUNT, "gold")


def test_the_world_tells_what_cloudflare_really_has(world: World) -> None:
    assert all(world.value(PRO, name) == setting.initial(Plan.PRO) for name, setting in SETTINGS.items())
    with pytest.raises(KeyError):
        world.value(PRO, "no_such")
    with pytest.raises(KeyError):
        world.value("9" * 32, "ssl")
