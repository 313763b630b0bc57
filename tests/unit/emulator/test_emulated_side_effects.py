"""Settings that change by themselves, through each other, or behind the caller's back."""

from __future__ import annotations

import pytest

from cloudcache.emulator.wire import Refusal
from cloudcache.emulator.world import World
from tests.support.fake_clock import FakeClock
from tests.unit.emulator.stage import FREE, PRO, Caller


def test_zero_rtt_makes_tls_1_3_read_zrt(world: World, caller: Caller) -> None:
    caller.set("0rtt", "on")
    assert caller.setting("tls_1_3")["value"] == "zrt"
    assert caller.set("tls_1_3", "on").result["value"] == "zrt"
    assert world.value(PRO, "tls_1_3") == "zrt"

    caller.set("0rtt", "off")
    assert caller.setting("tls_1_3")["value"] == "on"


def test_tls_1_3_that_was_turned_off_stays_off_under_zero_rtt(caller: Caller) -> None:
    caller.set("0rtt", "on")

    assert caller.set("tls_1_3", "off").result["value"] == "off"


def test_development_mode_was_never_on_at_first(caller: Caller) -> None:
    assert caller.setting("development_mode")["time_remaining"] == 0
    assert caller.get(f"/zones/{PRO}").result["development_mode"] == 0


def test_development_mode_counts_down_and_goes_off_by_itself(
    world: World, caller: Caller, clock: FakeClock
) -> None:
    assert caller.set("development_mode", "on").result["time_remaining"] == 10_800

    clock.move_s(10_000)
    shown = caller.setting("development_mode")
    assert (shown["value"], shown["time_remaining"]) == ("on", 800)
    assert caller.get(f"/zones/{PRO}").result["development_mode"] == 800

    clock.move_s(900)
    shown = caller.setting("development_mode")
    assert (shown["value"], shown["time_remaining"]) == ("off", -100)
    assert world.value(PRO, "development_mode") == "off"


def test_development_mode_can_be_turned_off_early(caller: Caller, clock: FakeClock) -> None:
    caller.set("development_mode", "on")
    clock.move_s(60)
    caller.set("development_mode", "off")
    clock.move_s(5)

    shown = caller.setting("development_mode")

    assert (shown["value"], shown["time_remaining"]) == ("off", -5)


def test_a_zone_may_start_in_development_mode(world: World, caller: Caller, clock: FakeClock) -> None:
    world.add_zone("c" * 32, "busy.example", "a" * 32, settings={"development_mode": "on"})
    clock.move_s(10_799)
    assert caller.setting("development_mode", "c" * 32)["time_remaining"] == 1

    clock.move_s(1)
    assert caller.setting("development_mode", "c" * 32)["value"] == "off"


def test_automatic_mode_raises_ssl_one_step_at_a_time(world: World, caller: Caller) -> None:
    caller.set("ssl", "flexible")

    assert world.automatic_ssl_scan(PRO) == "full"
    assert world.automatic_ssl_scan(PRO) == "strict"
    assert world.automatic_ssl_scan(PRO) == "strict"
    assert caller.setting("ssl")["value"] == "strict"


def test_automatic_mode_that_is_off_leaves_ssl_alone(world: World, caller: Caller) -> None:
    assert "next_scheduled_scan" in caller.setting("ssl_automatic_mode")
    assert "next_scheduled_scan" not in caller.set("ssl_automatic_mode", "custom").result

    assert world.automatic_ssl_scan(PRO) == "full"


def test_ssl_tells_about_its_certificate(caller: Caller) -> None:
    shown = caller.setting("ssl")

    assert (shown["certificate_status"], shown["validation_errors"]) == ("active", [])


def test_the_dashboard_changes_settings_behind_everybodys_back(world: World, caller: Caller) -> None:
    world.dashboard_change(PRO, "rocket_loader", "on", actor_email="mia@example.com")
    world.dashboard_change(FREE, "bot_management.fight_mode", True, actor_email="mia@example.com")
    world.dashboard_change(PRO, "rum", "manual", actor_email="mia@example.com")

    assert caller.setting("rocket_loader")["value"] == "on"
    assert caller.get(f"/zones/{FREE}/bot_management").result["fight_mode"] is True
    assert caller.setting("rum")["value"] == "manual"


@pytest.mark.parametrize(
    ("setting", "value", "code"), [("http2", "off", 1015), ("ssl", "perhaps", 1007), ("no_such", "on", 1006)]
)
def test_the_dashboard_keeps_to_plan_and_values(world: World, setting: str, value: str, code: int) -> None:
    with pytest.raises(Refusal) as refused:
        world.dashboard_change(FREE, setting, value, actor_email="mia@example.com")

    assert refused.value.failures[0].code == code
