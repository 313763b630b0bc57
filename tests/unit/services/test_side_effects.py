"""What our own change alters besides its setting: read by name soon, attributed to us, and nothing to undo."""

from __future__ import annotations

import pytest

from cloudcache.domain.catalog import State, find
from cloudcache.domain.errors import NotFound
from cloudcache.domain.events import ChangeStatus, Source
from cloudcache.domain.side_effects import AFFECTS, explains
from cloudcache.domain.toggle import Standing, standing
from tests.support.following import ANN, cell, following, later, outside, settings_read
from tests.support.rig import Process, Rig

ZRTT, TLS = find("0rtt").id, find("tls_1_3").id


async def flip(rig: Rig, process: Process, toggle: str, on: bool) -> None:
    rig.clock.ms += 5
    await process.toggles.flip(
        rig.owner, rig.customer.id, toggle, on, request_id=f"{toggle}{rig.clock.ms}", confirmed=True
    )
    await process.tasks.idle()


@pytest.fixture
async def process(rig: Rig) -> Process:
    found = await following(rig)
    await flip(rig, found, "0rtt", False)
    await later(rig, found)
    await later(rig, found)
    rig.world.clear_requests()
    return found


async def test_side_effect_of_own_change_is_read_by_name_once(rig: Rig, process: Process):
    await flip(rig, process, "0rtt", True)
    await process.settle()

    assert (await cell(rig, "tls_1_3")).value == "zrt"
    assert settings_read(rig) == ["/settings/0rtt", "/settings/tls_1_3"]

    process.attention.closed(rig.customer.id)
    for _ in range(3):
        rig.clock.ms += 20_000
        await process.settle()
    assert settings_read(rig).count("/settings/tls_1_3") <= 2, "the log's own line asks once more at most"


@pytest.mark.parametrize("on", [True, False])
async def test_side_effect_is_attributed_to_who_changed_its_cause(rig: Rig, process: Process, on: bool):
    for state in (True, on):
        await flip(rig, process, "0rtt", state)
        await process.settle()

    (change, *_) = await rig.store.history_of(rig.customer.id, TLS, 5)
    assert (change.actor, change.source) == (rig.owner, Source.SIDE_EFFECT)
    assert (change.status, change.to_value) == (ChangeStatus.OBSERVED, "zrt" if on else "on")
    assert not change.is_outside


async def test_side_effect_is_nothing_to_review_or_undo(rig: Rig, process: Process):
    await flip(rig, process, "0rtt", True)
    await process.settle()

    assert standing(await cell(rig, "tls_1_3"), rig.clock.ms) in (Standing.CONFIRMED, Standing.CHECKED)
    with pytest.raises(NotFound):
        await process.toggles.revert(rig.owner, rig.customer.id, "tls_1_3", request_id="undo")
    drift = await rig.store.across_tenants_drift(0, 5)
    assert drift.changes == 0


async def test_side_effect_is_found_without_an_audit_log(rig_without_feed: Rig):
    rig = rig_without_feed
    process = rig.process()
    await process.settle()
    await flip(rig, process, "0rtt", True)
    await process.settle()

    assert (await cell(rig, "tls_1_3")).value == "zrt"
    assert [one.source for one in await rig.store.history_of(rig.customer.id, TLS, 5)] == [Source.SIDE_EFFECT]


async def test_change_by_another_person_after_ours_stays_theirs(rig: Rig, process: Process):
    await flip(rig, process, "0rtt", True)
    outside(rig, "tls_1_3", "off")
    await process.settle()
    for _ in range(3):
        await later(rig, process)

    (change, *_) = await rig.store.history_of(rig.customer.id, TLS, 5)
    assert (change.actor.id, change.to_state, change.is_outside) == (ANN, State.OFF, True)


async def test_whole_read_before_the_log_does_not_blame_anyone_else(rig: Rig, process: Process):
    await flip(rig, process, "0rtt", True)
    await process.toggles.check(rig.owner, rig.customer.id)
    await process.settle()

    (change,) = [one for one in await rig.store.history_of(rig.customer.id, TLS, 5) if one.to_value == "zrt"]
    assert change.source is Source.SIDE_EFFECT


async def test_outside_change_of_the_cause_is_no_side_effect_of_ours(rig: Rig, process: Process):
    outside(rig, "0rtt", "on")
    await later(rig, process)

    (change, *_) = await rig.store.history_of(rig.customer.id, TLS, 5)
    assert (change.actor.id, change.source) == (ANN, Source.CLOUDFLARE)


@pytest.mark.parametrize("toggle", ["rocket_loader", "polish"])
async def test_own_change_without_side_effects_reads_nothing_it_wrote(
    rig: Rig, process: Process, toggle: str
):
    await flip(rig, process, toggle, True)
    await flip(rig, process, toggle, False)
    rig.world.clear_requests()

    await later(rig, process)

    assert find(toggle).path not in settings_read(rig)
    assert all(one.source is Source.PAGE for one in await rig.store.history(rig.customer.id, 3))


def test_each_side_effect_is_explained_by_its_cause_only():
    assert set(AFFECTS) == {ZRTT, find("ssl_automatic_mode").id}
    assert explains(ZRTT, State.ON, TLS, "on", "zrt")
    assert explains(ZRTT, State.OFF, TLS, "zrt", "on")
    assert not explains(ZRTT, State.ON, TLS, "zrt", "on")
    assert not explains(ZRTT, State.OFF, TLS, "on", "off")
    assert not explains(find("polish").id, State.ON, TLS, "on", "zrt")
