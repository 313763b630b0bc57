"""The five endpoints outside `/settings`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cloudcache.emulator.wire import JSON, moment
from cloudcache.emulator.world import World
from tests.support.fake_clock import FakeClock
from tests.unit.emulator.stage import BUSINESS, ENTERPRISE, FREE, PRO, Caller

TOGGLES = json.loads((Path(__file__).parents[2] / "data" / "toggles.json").read_text())
OWN_TOGGLES = [toggle for toggle in TOGGLES if toggle["kind"] == "own_endpoint"]


@pytest.mark.parametrize("toggle", OWN_TOGGLES, ids=lambda toggle: str(toggle["id"]))
def test_every_own_toggle_can_be_turned_on_and_off_with_its_verb(
    caller: Caller, toggle: dict[str, JSON]
) -> None:
    path = str(toggle["path"]).format(zone_id=FREE)
    default, on, off = toggle["default"], toggle["on_value"], toggle["off_value"]
    assert isinstance(default, dict) and isinstance(on, dict) and isinstance(off, dict)

    assert default.items() <= caller.get(path).result.items()
    for body in (on, off):
        assert body.items() <= caller.send(str(toggle["method"]), path, body).result.items()
        assert body.items() <= caller.get(path).result.items()


def test_the_two_caches_look_like_plain_settings(caller: Caller, clock: FakeClock) -> None:
    path = f"/zones/{PRO}/cache/tiered_cache_smart_topology_enable"
    name = "tiered_cache_smart_topology_enable"

    assert caller.get(path).result == {"id": name, "value": "off", "editable": True, "modified_on": None}
    changed = caller.send("PATCH", path, {"value": "on"}).result
    assert changed == {"id": name, "value": "on", "editable": True, "modified_on": moment(clock.now_s())}


def test_a_wrong_value_for_a_cache_is_1007(caller: Caller) -> None:
    for body in (None, {}, {"value": "yes"}):
        assert caller.send("PATCH", f"/zones/{PRO}/argo/tiered_caching", body).codes == [1007]


def test_leaked_credential_checks_tell_only_whether_they_are_enabled(world: World, caller: Caller) -> None:
    path = f"/zones/{PRO}/leaked-credential-checks"

    assert caller.send("POST", path, {"enabled": True}).result == {"enabled": True}
    assert world.value(PRO, "leaked_credential_checks") is True
    assert caller.send("POST", path, {"enabled": "yes"}).status == 400


def test_page_shield_says_when_it_was_updated_and_nothing_of_editing(
    caller: Caller, clock: FakeClock
) -> None:
    path = f"/zones/{PRO}/page_shield"
    clock.move_s(60)

    result = caller.send("PUT", path, {"enabled": True}).result

    assert result == {
        "enabled": True,
        "use_cloudflare_reporting_endpoint": True,
        "use_connection_url_path": False,
        "updated_at": moment(clock.now_s()),
    }


def test_a_bot_write_merges_only_what_it_sends(world: World, caller: Caller) -> None:
    path = f"/zones/{FREE}/bot_management"
    caller.send("PUT", path, {"fight_mode": True})

    result = caller.send("PUT", path, {"ai_bots_protection": "block"}).result

    assert result["fight_mode"] is True
    assert result["ai_bots_protection"] == "block"
    assert result["crawler_protection"] == "disabled"
    assert world.value(FREE, "bot_management.fight_mode") is True


def test_the_bot_fields_depend_on_the_plan(caller: Caller) -> None:
    fields = {
        zone: set(caller.get(f"/zones/{zone}/bot_management").result)
        for zone in (FREE, PRO, BUSINESS, ENTERPRISE)
    }

    assert not any(name.startswith("sbfm_") for name in fields[FREE])
    assert fields[PRO] - fields[FREE] == {
        "sbfm_definitely_automated",
        "sbfm_verified_bots",
        "sbfm_static_resource_protection",
        "optimize_wordpress",
    }
    assert fields[BUSINESS] - fields[PRO] == {"sbfm_likely_automated"}
    assert "suppress_session_score" in fields[ENTERPRISE] - fields[BUSINESS]


def test_fight_mode_is_not_for_plans_that_have_its_successor(world: World, caller: Caller) -> None:
    path = f"/zones/{PRO}/bot_management"

    assert caller.send("PUT", path, {"fight_mode": True}).status == 400
    assert caller.send("PUT", path, {"fight_mode": False}).status == 200
    assert world.value(PRO, "bot_management.fight_mode") is False


def test_fields_of_a_higher_plan_may_only_be_reset(caller: Caller) -> None:
    path = f"/zones/{FREE}/bot_management"

    assert caller.send("PUT", path, {"sbfm_verified_bots": "allow"}).status == 200
    assert caller.send("PUT", path, {"sbfm_verified_bots": "block"}).status == 400


@pytest.mark.parametrize(
    "body", [None, [], {"no_such": 1}, {"fight_mode": "on"}, {"using_latest_model": False}]
)
def test_a_bot_write_that_makes_no_sense_changes_nothing(caller: Caller, body: JSON) -> None:
    path = f"/zones/{FREE}/bot_management"
    before = caller.get(path).result

    assert caller.send("PUT", path, body).status == 400
    assert caller.get(path).result == before
