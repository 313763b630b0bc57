"""Settings that a zone does not have, and values that Cloudflare's answers leave out or garble."""

from __future__ import annotations

import pytest

from cloudcache.domain.catalog import State, find
from cloudcache.domain.errors import Reason, Refused
from cloudcache.domain.ids import JSON
from cloudcache.domain.toggle import Cell, Lock, Standing, lock, standing
from cloudcache.emulator.world import Fault
from tests.support.odd_answers import answer_oddly, of_setting, without_field, without_id
from tests.support.rig import ZONE, Process, Rig

DAY_MS = 86_400_000


async def cell(rig: Rig, toggle: str) -> Cell:
    return (await rig.store.page(rig.customer.id)).cells[find(toggle).id]


def calls(rig: Rig, ending: str = "") -> int:
    return sum(f"/zones/{ZONE}/" in one.path and one.path.endswith(ending) for one in rig.world.requests())


async def read(rig: Rig, process: Process):
    look = await process.engine.look_now(rig.customer.id)
    assert look is not None
    return look


async def test_field_of_another_plan_is_absent_and_the_read_is_whole(rig: Rig):
    process = rig.process()

    look = await read(rig, process)

    page = await rig.store.page(rig.customer.id)
    fight = page.cells[find("bot_fight_mode").id]
    assert (look.failed, look.absent) == (0, {"bot_fight_mode"})
    assert page.customer.full_read_at is not None and page.customer.unread_at is None
    assert standing(fight, rig.clock.ms) is Standing.ABSENT
    assert lock(find("bot_fight_mode"), fight, page.customer.plan) is Lock.ABSENT


async def test_absent_setting_cannot_be_turned_on(rig: Rig):
    process = rig.process()
    await read(rig, process)

    with pytest.raises(Refused) as refused:
        await process.toggles.flip(
            rig.owner, rig.customer.id, "bot_fight_mode", True, request_id="r", confirmed=True
        )

    assert refused.value.reason is Reason.UNKNOWN_SETTING
    assert not await rig.store.history(rig.customer.id, 5)


async def test_line_that_names_an_absent_setting_is_closed_after_one_call(rig: Rig):
    process = rig.process()
    await process.settle()
    rig.world.dashboard_change(ZONE, "bot_management.ai_bots_protection", "block", actor_email="a@b.example")
    before = calls(rig)
    await process.attention.opened(rig.owner, rig.customer.id)

    for _ in range(14):
        rig.clock.ms += 60_000
        await process.settle()

    assert calls(rig, "/bot_management") == 2 and calls(rig) - before == 1
    assert (await rig.store.across_tenants_depth(rig.clock.ms)).open_entries == 0


async def test_line_of_an_unknown_path_on_a_paid_plan_costs_one_whole_read(rig: Rig):
    process = rig.process()
    await process.settle()
    rig.world.dashboard_change(ZONE, "ciphers", ["AES128-GCM-SHA256"], actor_email="a@b.example")
    await rig.store.across_tenants_add_all(due=rig.clock.ms)

    for _ in range(5):
        rig.clock.ms += 60_000
        await process.settle()

    assert calls(rig, "/settings") == 2


async def test_setting_that_appears_is_available_by_itself(rig: Rig):
    process, odd = rig.process(), answer_oddly(rig)
    odd.alter("/bot_management$", without_field("crawler_protection"), times=1)
    await process.settle()
    absent = await cell(rig, "ai_labyrinth")

    rig.clock.ms += 1_000_000
    await process.settle()

    back = await cell(rig, "ai_labyrinth")
    assert absent.absent_at is not None
    assert (back.absent_at, back.state) == (None, State.OFF)
    assert not await rig.store.history(rig.customer.id, 5), "a first value is no change"


async def test_plan_change_that_takes_a_setting_away_keeps_its_last_value(rig: Rig):
    process, odd = rig.process(), answer_oddly(rig)
    rig.world.dashboard_change(
        ZONE, "bot_management.crawler_protection", "enabled", actor_email="a@b.example"
    )
    await read(rig, process)
    odd.alter("/bot_management$", without_field("crawler_protection"))
    rig.clock.ms += 60_000

    await read(rig, process)

    gone = await cell(rig, "ai_labyrinth")
    assert gone.absent_at is not None and gone.state is State.ON and gone.value is not None
    assert not await rig.store.history(rig.customer.id, 5)


@pytest.mark.parametrize("gap", [None, "", [], {}, {"deep": [1]}, ["on"], ...])
async def test_value_missing_in_the_list_is_read_singly(rig: Rig, gap: JSON):
    process, odd = rig.process(), answer_oddly(rig)
    rig.world.dashboard_change(ZONE, "early_hints", "on", actor_email="a@b.example")
    odd.alter("/settings$", of_setting("early_hints", value=gap))

    look = await read(rig, process)

    assert (look.failed, calls(rig)) == (0, 17)
    assert (await cell(rig, "early_hints")).state is State.ON


async def test_id_missing_in_the_list_is_read_singly(rig: Rig):
    process, odd = rig.process(), answer_oddly(rig)
    odd.alter("/settings$", without_id("early_hints", "polish"))

    look = await read(rig, process)

    assert (look.failed, look.done, calls(rig)) == (0, 18, 18)


@pytest.mark.parametrize("gap", [None, "", [], {}, {"deep": [1]}, ...])
@pytest.mark.parametrize("toggle", ["early_hints", "speed_brain"])
async def test_value_that_no_answer_holds_is_not_checked(rig: Rig, toggle: str, gap: JSON):
    process, odd = rig.process(), answer_oddly(rig)
    await read(rig, process)
    before = await rig.store.page(rig.customer.id)
    odd.alter(f"/settings(/{toggle})?$", of_setting(toggle, value=gap))
    rig.clock.ms += 60_000

    look = await read(rig, process)

    after = await rig.store.page(rig.customer.id)
    was, now = before.cells[find(toggle).id], after.cells[find(toggle).id]
    assert (look.failed, look.omitted) == (1, {toggle}) and find(toggle).title in look.why
    assert (now.value, now.seen_at) == (was.value, was.seen_at), "the last known value, at its true age"
    assert standing(now, rig.clock.ms) is Standing.OMITTED
    assert after.customer.full_read_at == before.customer.full_read_at
    assert not await rig.store.history(rig.customer.id, 5)


async def test_value_that_was_left_out_is_read_again_by_itself(rig: Rig):
    process, odd = rig.process(), answer_oddly(rig)
    odd.alter("/settings(/early_hints)?$", of_setting("early_hints", value=None), times=2)
    await process.settle()
    left_out = await rig.store.page(rig.customer.id)
    before = calls(rig)

    rig.clock.ms += 30_000
    await process.settle()

    back = await rig.store.page(rig.customer.id)
    assert left_out.cells[find("early_hints").id].omitted_at is not None
    assert back.cells[find("early_hints").id].omitted_at is None
    assert calls(rig) - before == 1 and back.customer.full_read_at is not None


@pytest.mark.parametrize("result", [[], {}, None, "on", [None, 7], [{"id": "unknown", "value": "on"}]])
async def test_list_without_any_setting_is_no_answer(rig: Rig, result: JSON):
    process, odd = rig.process(), answer_oddly(rig)
    await read(rig, process)
    before = await rig.store.page(rig.customer.id)
    odd.alter("/settings$", lambda body: {**body, "result": result})
    rig.clock.ms += 60_000

    look = await read(rig, process)

    after = await rig.store.page(rig.customer.id)
    assert look.failed and after.customer.full_read_at == before.customer.full_read_at
    assert after.cells[find("polish").id] == before.cells[find("polish").id]


async def test_list_that_lacks_many_settings_is_not_made_good_one_by_one(rig: Rig):
    process, odd = rig.process(), answer_oddly(rig)
    lacking = ["early_hints", "polish", "webp", "http3", "ipv6", "websockets", "tls_1_3"]
    odd.alter("/settings$", without_id(*lacking))

    look = await read(rig, process)

    assert calls(rig) == 16 and len(look.omitted) == 7 == look.failed


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"strict_transport_security": {}},
        {"strict_transport_security": None},
        {"strict_transport_security": {"max_age": 0}},
        {"strict_transport_security": {"max_age": 0, "preload": False}},
        {"strict_transport_security": {"enabled": None}},
        None,
    ],
)
@pytest.mark.parametrize("enabled", [True, False])
async def test_empty_or_partial_hsts_object_reports_no_change(rig: Rig, value: JSON, enabled: bool):
    process, odd = rig.process(), answer_oddly(rig)
    whole = {
        "enabled": enabled,
        "max_age": 300,
        "include_subdomains": False,
        "preload": False,
        "nosniff": False,
    }
    rig.world.dashboard_change(
        ZONE, "security_header", {"strict_transport_security": whole}, actor_email="a@b.example"
    )
    await read(rig, process)
    before = await cell(rig, "hsts")

    odd.alter("/settings(/security_header)?$", of_setting("security_header", value=value), times=2)
    await read(rig, process)
    await read(rig, process)

    after = await cell(rig, "hsts")
    assert not await rig.store.history(rig.customer.id, 5)
    assert (after.state, after.value, after.omitted_at) == (before.state, before.value, None)


async def test_setting_refused_twice_as_unknown_is_absent_and_once_is_not(rig: Rig):
    process = rig.process()
    rig.world.inject(Fault("status", path="/settings/fonts", status=404, code=1006, times=2))

    await process.settle()
    once = await rig.store.page(rig.customer.id)
    rig.clock.ms += 60_000
    await process.settle()

    twice = await rig.store.page(rig.customer.id)
    assert once.cells[find("fonts").id].absent_at is None and once.customer.full_read_at is None
    assert twice.cells[find("fonts").id].absent_at is not None and twice.customer.full_read_at is not None
    rig.clock.ms += DAY_MS
    await process.settle()
    assert (await cell(rig, "fonts")).absent_at is None


async def test_everything_refused_as_unknown_makes_nothing_absent(rig: Rig):
    process = rig.process(batch_read=False)
    await read(rig, process)
    rig.world.inject(Fault("status", path="/settings/", status=404, code=1006, times=None))
    for path in ("/argo", "/cache", "/leaked", "/page_shield", "/bot_management"):
        rig.world.inject(Fault("status", path=path, status=404, code=1006, times=None))

    for _ in range(3):
        rig.clock.ms += 60_000
        await process.engine.look_now(rig.customer.id)

    cells = (await rig.store.page(rig.customer.id)).cells.values()
    assert [one.toggle for one in cells if one.absent_at] == ["bot_fight_mode"]
