"""Bot settings on zones of each plan: the fields that are sent, what stays as it is, and what a zone doesn't take."""

from __future__ import annotations

import pytest

from cloudcache.domain.budget import CallClass
from cloudcache.domain.catalog import State, find
from cloudcache.domain.errors import NeedsConfirmation, Reason, Refused
from cloudcache.domain.events import ChangeStatus
from cloudcache.domain.toggle import Cell, Lock, lock
from cloudcache.emulator.world import Fault
from cloudcache.ui.states import rows
from tests.support.odd_answers import answer_oddly, without_field
from tests.support.rig import ZONE, Process, Rig

TRAINING, MARKDOWN = find("block_ai_bots"), find("markdown_for_agents")


async def cell(rig: Rig) -> Cell:
    return (await rig.store.page(rig.customer.id)).cells[TRAINING.id]


async def press(rig: Rig, process: Process, on: bool, request: str = "r") -> None:
    await process.toggles.flip(rig.owner, rig.customer.id, TRAINING.id, on, request_id=request)
    await process.tasks.idle()


async def test_turning_it_on_states_the_preference_and_touches_no_other_field(rig: Rig):
    for field, value in (("ai_search", "block"), ("ai_user", "block"), ("crawler_protection", "enabled")):
        rig.world.dashboard_change(ZONE, f"bot_management.{field}", value, actor_email="a@b.example")
    process = rig.process()
    await process.settle()

    await press(rig, process, True)

    assert rig.world.value(ZONE, "bot_management.ai_training") == "disallow"
    assert rig.world.value(ZONE, "bot_management.bot_preference_sync_enabled") is True
    assert rig.world.value(ZONE, "bot_management.ai_search") == "block"
    assert rig.world.value(ZONE, "bot_management.ai_user") == "block"
    assert (await cell(rig)).state is State.ON


async def test_block_is_shown_as_unsafe_and_never_set_again(rig: Rig):
    rig.world.dashboard_change(ZONE, "bot_management.ai_training", "block", actor_email="a@b.example")
    process = rig.process()
    await process.settle()
    shown = rows.row_and_word(await cell(rig), rig.clock.ms)

    await press(rig, process, False, "off")
    await press(rig, process, True, "on")

    assert (shown[0][0], shown[1]) == ("B", "search engines blocked")
    assert rig.world.value(ZONE, "bot_management.ai_training") == "disallow"


async def test_zone_without_the_new_field_is_read_only(rig: Rig):
    rig.world.dashboard_change(ZONE, "bot_management.ai_bots_protection", "block", actor_email="a@b.example")
    answer_oddly(rig).alter("/bot_management$", without_field("ai_training"))
    process = rig.process()
    await process.settle()

    with pytest.raises(Refused) as refused:
        await press(rig, process, False)

    held = await cell(rig)
    assert refused.value.reason is Reason.DASHBOARD_ONLY
    assert lock(TRAINING, held, rig.customer.plan) is Lock.DASHBOARD
    assert rows.row_and_word(held, rig.clock.ms)[1] == "by the old setting"


async def test_zone_that_does_not_take_the_field_says_so_until_it_was_changed_in_the_dashboard(rig: Rig):
    process = rig.process()
    await process.settle()
    rig.world.inject(
        Fault("status", method="PUT", path="/bot_management", status=400, code=10400, times=None)
    )

    await press(rig, process, True)
    failed = await cell(rig)
    rig.world.clear_faults()
    rig.world.dashboard_change(ZONE, "bot_management.ai_training", "disallow", actor_email="a@b.example")
    rig.clock.ms += 120_000
    await process.reconciler.toggle(rig.customer.id, TRAINING, CallClass.WATCHED)

    assert failed.change is not None
    assert (failed.change.status, failed.change.error) == (ChangeStatus.FAILED, Reason.DASHBOARD_ONLY)
    assert lock(TRAINING, failed, rig.customer.plan) is Lock.DASHBOARD
    assert rig.world.value(ZONE, "bot_management.ai_bots_protection") == "disabled"
    assert lock(TRAINING, await cell(rig), rig.customer.plan) is None


async def test_nothing_is_sent_before_the_zone_was_read(rig: Rig):
    with pytest.raises(Refused, match="Not read"):
        await press(rig, rig.process(), True)


async def test_markdown_asks_while_training_is_disallowed(rig: Rig):
    process = rig.process()
    await process.settle()
    await press(rig, process, True)

    with pytest.raises(NeedsConfirmation):
        await process.toggles.flip(rig.owner, rig.customer.id, MARKDOWN.id, True, request_id="m")
