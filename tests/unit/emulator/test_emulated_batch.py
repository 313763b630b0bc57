"""The bulk read and write that Cloudflare is about to withdraw."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from cloudcache.emulator.wire import JSON
from cloudcache.emulator.world import World
from tests.unit.emulator.stage import ENTERPRISE, FREE, PRO, Caller

TOGGLES = json.loads((Path(__file__).parents[2] / "data" / "toggles.json").read_text())
PATH = f"/zones/{PRO}/settings"


def test_the_bulk_read_has_just_those_toggles_that_it_is_known_for(caller: Caller) -> None:
    shown = {result["id"] for result in caller.get(PATH).results}

    for toggle in TOGGLES:
        assert (toggle["setting_id"] in shown) == toggle["in_bulk_get"], toggle["id"]


def test_the_bulk_read_adds_settings_that_nobody_documents(caller: Caller) -> None:
    shown = {result["id"] for result in caller.get(PATH).results}

    assert {"ech", "pq_keyex", "long_lived_grpc", "visitor_ip"} <= shown


def test_the_bulk_read_shows_what_the_single_reads_show(caller: Caller) -> None:
    caller.set("polish", "lossy")

    for result in caller.get(PATH).results:
        assert result == caller.setting(str(result["id"]))


def test_a_bulk_write_changes_all_its_items(world: World, caller: Caller) -> None:
    items = [{"id": "polish", "value": "lossy"}, {"id": "ssl", "value": "strict"}]

    reply = caller.send("PATCH", PATH, {"items": items})

    assert [result["value"] for result in reply.results] == ["lossy", "strict"]
    assert (world.value(PRO, "polish"), world.value(PRO, "ssl")) == ("lossy", "strict")


def test_an_empty_bulk_write_changes_nothing_and_is_not_recorded(world: World, caller: Caller) -> None:
    assert caller.send("PATCH", PATH, {"items": []}).results == []
    assert list(world.trail) == []


def test_a_bare_list_is_missing_its_items(caller: Caller) -> None:
    bodies: list[JSON] = [[{"id": "ssl", "value": "strict"}], None, {}, {"items": {}}]
    for body in bodies:
        reply = caller.send("PATCH", PATH, body)
        assert (reply.status, reply.codes) == (400, [1004])


def test_one_bad_item_fails_them_all_and_every_error_is_named(world: World, caller: Caller) -> None:
    items: list[JSON] = [
        {"id": "ssl", "value": "strict"},
        {"id": "polish", "value": "shiny"},
        {"id": "no_such", "value": "on"},
        {"id": "response_buffering", "value": "on"},
        "not even an object",
    ]

    reply = caller.send("PATCH", PATH, {"items": items})

    assert reply.status == 400
    assert reply.codes == [1007, 1006, 1015, 1006]
    assert world.value(PRO, "ssl") == "full"


@pytest.mark.parametrize(("mode", "status"), [("off", 410), ("missing", 404)])
def test_the_bulk_calls_can_be_withdrawn_while_all_else_works(
    world: World, caller: Caller, mode: str, status: int
) -> None:
    world.adopt(replace(world.options, batch_read="off" if mode == "off" else "missing"))

    assert caller.get(PATH).status == status
    assert caller.send("PATCH", PATH, {"items": []}).status == status
    assert caller.get(f"{PATH}/ssl").status == 200


def test_the_plan_decides_in_the_bulk_read_too(caller: Caller) -> None:
    def editable(zone: str) -> set[object]:
        return {
            result["id"] for result in caller.get(f"/zones/{zone}/settings").results if result["editable"]
        }

    assert "polish" in editable(PRO) - editable(FREE)
    assert "response_buffering" in editable(ENTERPRISE) - editable(PRO)
