"""Our clock and Cloudflare's disagree: no change made elsewhere is lost, none is invented, no age is flattered."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from cloudcache.domain.catalog import State
from tests.support.databases import temporary_store
from tests.support.following import ANN, cell, following, later, outside, settings_read
from tests.support.rig import Rig, build_rig

MINUTES = 60_000
OFFSETS = [-10 * MINUTES, -10_000, -2_500, 0, 2_500, 8_000, 10_000, 10 * MINUTES]


@pytest.fixture(params=OFFSETS, ids=lambda ms: f"{ms / 1000:+g}s")
async def ahead_ms(request: pytest.FixtureRequest) -> int:
    """By how much our clock is ahead of Cloudflare's."""
    return request.param


@pytest.fixture
async def rig(tmp_path: Path, ahead_ms: int) -> AsyncIterator[Rig]:
    built = await build_rig(await temporary_store(tmp_path / "rig.db"))
    built.world.clock = lambda: (built.clock.ms - ahead_ms) / 1000
    yield built
    await built.close()


async def test_change_two_seconds_after_our_own_write_is_read_by_name(rig: Rig):
    process = await following(rig)
    await process.toggles.flip(rig.owner, rig.customer.id, "rocket_loader", True, request_id="r1")
    await process.tasks.idle()
    rig.clock.ms += 2_000
    outside(rig, "rocket_loader", "off")
    rig.world.clear_requests()

    for _ in range(3):
        await later(rig, process)

    assert (await cell(rig, "rocket_loader")).state is State.OFF
    assert settings_read(rig).count("/settings/rocket_loader") == 1
    newest, own = await rig.store.history(rig.customer.id, 5)
    assert (newest.actor.id, own.actor) == (ANN, rig.owner)


@pytest.mark.parametrize("late_s", [0, 90, 280])
async def test_late_line_is_found_and_names_its_person(rig: Rig, late_s: int):
    process = await following(rig)
    rig.world.adopt(replace(rig.world.options, audit_delay=late_s))
    outside(rig)

    for _ in range(17):
        await later(rig, process)

    (change,) = await rig.store.history(rig.customer.id, 5)
    assert (change.actor.id, change.to_state) == (ANN, State.ON)
    assert (await cell(rig, "rocket_loader")).state is State.ON


async def test_own_writes_are_no_changes_made_elsewhere(rig: Rig):
    process = await following(rig)
    for number, on in enumerate((True, False, True)):
        rig.clock.ms += 3_000
        await process.toggles.flip(rig.owner, rig.customer.id, "rocket_loader", on, request_id=f"r{number}")
        await process.tasks.idle()

    for _ in range(20):
        await later(rig, process)

    history = await rig.store.history(rig.customer.id, 10)
    assert {change.actor for change in history} == {rig.owner}
    assert len(history) == 3


async def test_change_that_a_read_saw_before_the_log_gets_the_name_of_its_own_line(rig: Rig):
    process = await following(rig)
    rig.world.adopt(replace(rig.world.options, audit_delay=120))
    outside(rig, email="first@shop.example")
    rig.clock.ms += 5_000
    await process.toggles.check(rig.owner, rig.customer.id)
    await process.settle()
    rig.clock.ms += 30_000
    outside(rig, value="off", email="second@shop.example")
    rig.clock.ms += 5_000
    await process.toggles.check(rig.owner, rig.customer.id)
    await process.settle()

    for _ in range(12):
        await later(rig, process)

    history = await rig.store.history(rig.customer.id, 5)
    assert [change.actor.id for change in history] == ["second@shop.example", "first@shop.example"]


async def test_account_counts_as_followed_with_its_true_age(rig: Rig):
    process = await following(rig)
    for _ in range(5):  # the offset is measured by now, and the log read
        await later(rig, process)

    customer = (await rig.store.page(rig.customer.id)).customer

    assert customer.is_followed
    assert customer.followed_at is not None
    assert -1_000 <= rig.clock.ms - customer.followed_at < 25_000
    counts = await rig.store.across_tenants_counts(rig.clock.ms)
    assert counts.pools[0].followed == 1


async def test_ages_of_values_are_those_of_our_own_clock(rig: Rig):
    await following(rig)
    seen_at = (await cell(rig, "rocket_loader")).seen_at

    assert seen_at is not None and 0 <= rig.clock.ms - seen_at < 60_000


async def test_clock_that_is_set_right_hides_no_change(rig: Rig, ahead_ms: int):
    process = await following(rig)
    await process.toggles.check(rig.owner, rig.customer.id)
    await process.settle()
    rig.clock.ms -= ahead_ms  # right from now on; what was read keeps its old times
    rig.world.clock = rig.clock.now_s

    rig.clock.ms += 3_000
    outside(rig)
    for _ in range(40):
        await later(rig, process)

    assert (await cell(rig, "rocket_loader")).state is State.ON
    (change,) = await rig.store.history(rig.customer.id, 5)
    assert change.actor.id == ANN
