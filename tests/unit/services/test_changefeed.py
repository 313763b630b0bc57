"""Following an account's audit log: what was changed elsewhere is read, and nothing else; trouble loses nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cloudcache.domain.catalog import State, find
from cloudcache.domain.errors import Reason, Refused
from cloudcache.domain.events import ChangeStatus
from cloudcache.domain.feed import FeedStatus, FeedVersion
from cloudcache.domain.toggle import ConfirmedBy, Standing, standing
from cloudcache.emulator.world import Fault
from tests.support.following import ANN, following, later, outside, paths, settings_read
from tests.support.rig import ZONE, Rig


async def cell(rig: Rig, toggle: str):
    return (await rig.store.page(rig.customer.id)).cells[find(toggle).id]


async def test_a_change_made_elsewhere_costs_one_look_at_the_log_and_one_read(rig: Rig):
    process = await following(rig)
    outside(rig)

    await later(rig, process)

    assert settings_read(rig) == ["/settings/rocket_loader"]
    assert len(paths(rig)) == 2
    (change,) = await rig.store.history(rig.customer.id, 5)
    assert (change.status, change.actor.id, change.to_state) == (ChangeStatus.OBSERVED, ANN, State.ON)


async def test_several_changes_of_one_zone_are_read_together_and_each_setting_once(rig: Rig):
    process = await following(rig)
    for value in ("on", "off", "on"):
        outside(rig, "rocket_loader", value)
    outside(rig, "websockets", "off")
    outside(rig, "speed_brain", "on")

    await later(rig, process)

    assert sorted(settings_read(rig)) == ["/settings", "/settings/speed_brain"]
    assert (await cell(rig, "rocket_loader")).state is State.ON
    assert (await cell(rig, "websockets")).state is State.OFF


async def test_our_own_writes_are_recognised_and_not_read_again(rig: Rig):
    process = await following(rig)
    rig.clock.ms += 1
    await process.toggles.flip(rig.owner, rig.customer.id, "rocket_loader", True, request_id="r1")
    await process.tasks.idle()
    rig.world.clear_requests()

    await later(rig, process)

    assert settings_read(rig) == []
    assert len(await rig.store.history(rig.customer.id, 5)) == 1


async def test_what_was_read_meanwhile_is_not_read_again_and_its_journal_learns_the_name(rig: Rig):
    process = await following(rig)
    rig.world.adopt(replace(rig.world.options, audit_delay=120))
    outside(rig)
    rig.clock.ms += 5_000
    await process.toggles.check(rig.owner, rig.customer.id)
    await process.settle()
    (nameless,) = await rig.store.history(rig.customer.id, 5)
    rig.world.clear_requests()

    for _ in range(10):
        await later(rig, process)

    (named,) = await rig.store.history(rig.customer.id, 5)
    assert (nameless.actor.id, named.actor.id) == ("", ANN)
    assert settings_read(rig) == []


async def test_change_is_named_by_its_own_line_not_by_an_earlier_one(rig: Rig):
    """Ann's line asks for a read, which sees what Ben did meanwhile; Ben's line comes later."""
    process = await following(rig)
    outside(rig, "polish", "lossy")
    rig.clock.ms += 30_000
    rig.world.adopt(replace(rig.world.options, audit_delay=120))
    outside(rig, "polish", "lossless", email="ben@example.com")

    for _ in range(12):
        await later(rig, process)

    polish = [one for one in await rig.store.history(rig.customer.id, 5) if one.toggle == "polish"]
    assert [one.actor.id for one in polish] == ["ben@example.com"]


async def test_an_entry_that_turns_up_late_is_found_by_the_overlap(rig: Rig):
    process = await following(rig)
    rig.world.adopt(replace(rig.world.options, audit_delay=200))
    outside(rig)

    for _ in range(15):
        await later(rig, process)

    assert (await cell(rig, "rocket_loader")).state is State.ON


@pytest.mark.parametrize("path", ["/client/v4/zones/{zone}/new_thing", "/client/v4/zones/{zone}"])
async def test_an_entry_nobody_understands_means_the_whole_zone(rig: Rig, path: str):
    process = await following(rig)
    outside(rig)
    for deed in rig.world.trail:
        object.__setattr__(deed, "uri", path.format(zone=ZONE))

    await later(rig, process)

    assert len(settings_read(rig)) == 16
    assert (await cell(rig, "rocket_loader")).state is State.ON


async def test_entries_of_other_things_and_other_zones_cost_nothing(rig: Rig):
    process = await following(rig)
    rig.world.add_zone("f" * 32, "stranger.example", "acc", "pro")
    rig.world.dashboard_change("f" * 32, "rocket_loader", "on", actor_email=ANN)
    outside(rig)
    deeds = [deed for deed in rig.world.trail if deed.zone_id == ZONE]
    object.__setattr__(deeds[-1], "uri", f"/client/v4/zones/{ZONE}/dns_records/abc")

    await later(rig, process)

    assert settings_read(rig) == []


async def test_a_quiet_account_is_looked_at_every_quarter_hour_and_a_busy_one_every_15_seconds(rig: Rig):
    process = rig.process()
    await process.settle()
    looks = []

    for activity in (None, outside):
        rig.clock.ms += 7_200_000
        await process.settle()
        if activity:
            activity(rig)
            rig.clock.ms += 901_000
            await process.settle()
        rig.world.clear_requests()
        for _ in range(4):
            rig.clock.ms += 16_000
            await process.settle()
        looks.append(sum("/logs/audit" in path for path in paths(rig)))

    assert looks == [0, 4]


async def test_without_the_permission_it_says_so_and_polls(
    rig_without_feed: Rig, caplog: pytest.LogCaptureFixture
):
    rig = rig_without_feed
    process = rig.process()
    await process.settle()
    await later(rig, process)

    counts = await rig.store.across_tenants_counts(rig.clock.ms)
    assert counts.feeds == {FeedStatus.DENIED: 1}
    assert counts.pools[0].followed == counts.pools[0].accounts == 0
    assert sum("/logs/audit" in path for path in paths(rig)) == 1
    assert "its audit log is denied; its zones are polled" in caplog.text
    outside(rig)
    await later(rig, process, 1_000)
    assert (await cell(rig, "rocket_loader")).state is State.ON


async def test_the_older_log_is_used_when_the_newer_one_is_not_there(rig: Rig):
    rig.world.inject(Fault("status", path="/logs/audit", status=404, code=7003, times=None))
    process = await following(rig)
    outside(rig, "rocket_loader", "on")

    await later(rig, process)

    feeds = await rig.store.lease_feeds(now=rig.clock.ms + 10**9, owner="test", until=0, limit=1)
    assert feeds[0].position.version is FeedVersion.V1
    assert settings_read(rig) == ["/settings/rocket_loader"]
    (change,) = await rig.store.history(rig.customer.id, 5)
    assert change.actor.id == ANN


async def test_a_value_that_the_older_log_tells_is_shown_as_reported_until_a_read_confirms_it(rig: Rig):
    rig.world.inject(Fault("status", path="/logs/audit", status=404, code=7003, times=None))
    process = await following(rig)
    outside(rig, "rocket_loader", "on")
    rig.world.inject(Fault("status", path="/settings/rocket_loader", times=1))

    rig.clock.ms += 20_000
    process.engine.wake()
    await process.engine.turn()
    await process.tasks.idle()
    reported = await cell(rig, "rocket_loader")
    for _ in range(2):
        await later(rig, process)

    confirmed = await cell(rig, "rocket_loader")
    assert reported.state is State.ON and reported.confirmed_by is ConfirmedBy.REPORTED
    assert standing(reported, rig.clock.ms) is Standing.REPORTED
    assert confirmed.state is State.ON and confirmed.confirmed_by is ConfirmedBy.READ
    assert len(await rig.store.history(rig.customer.id, 5)) == 1


async def test_neither_log_there_means_polling(rig: Rig):
    for path in ("/logs/audit", "/audit_logs"):
        rig.world.inject(Fault("status", path=path, status=404, code=7003, times=None))
    process = await following(rig)
    await later(rig, process)

    assert (await rig.store.across_tenants_counts(rig.clock.ms)).feeds == {FeedStatus.ABSENT: 1}


async def test_after_an_outage_what_was_missed_is_read_and_the_zones_of_that_account_are_swept(rig: Rig):
    process = await following(rig)
    rig.world.inject(Fault("cut", path="/logs/audit", times=None))
    await later(rig, process, 3_600)
    outside(rig)
    for _ in range(5):
        await later(rig, process, 3_600)
    during = sum("/logs/audit" in path for path in paths(rig))
    rig.world.clear_faults()
    rig.world.clear_requests()

    for _ in range(3):
        await later(rig, process, 900)

    assert during <= 60, "no storm while it is down"
    assert (await cell(rig, "rocket_loader")).state is State.ON
    assert len(settings_read(rig)) >= 16


@pytest.mark.parametrize("kind", ["html", "cut", "lost", "status"])
async def test_a_page_that_cannot_be_read_is_read_again(rig: Rig, kind: str):
    process = await following(rig)
    outside(rig)
    rig.world.inject(Fault(kind, path="/logs/audit", times=2))

    for _ in range(4):
        await later(rig, process)

    assert (await cell(rig, "rocket_loader")).state is State.ON
    assert len(await rig.store.history(rig.customer.id, 5)) == 1


async def test_a_cursor_that_is_no_longer_taken_costs_its_window_once_more_and_no_change(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
):
    process = await following(rig)
    monkeypatch.setattr("cloudcache.adapters.cloudflare.audit.PER_PAGE", 2)
    for setting in ("rocket_loader", "websockets", "early_hints", "http3", "always_online"):
        outside(rig, setting, "on")
        outside(rig, setting, "off")
    really, refused = rig.gateway.changes, []

    async def expiring(access, version, window):
        if window.cursor and len(refused) < 2:
            refused.append(window.cursor)
            raise Refused(Reason.OTHER, "the cursor is not known")
        return await really(access, version, window)

    monkeypatch.setattr(rig.gateway, "changes", expiring)

    await later(rig, process)
    await later(rig, process)

    assert len(refused) == 2
    for setting in ("rocket_loader", "websockets", "always_online"):
        assert (await cell(rig, setting)).state is State.OFF


async def test_lines_that_cannot_be_read_are_answered_by_reading_the_accounts_zones(
    rig: Rig, caplog: pytest.LogCaptureFixture
):
    process = await following(rig)
    outside(rig)
    for deed in rig.world.trail:
        object.__setattr__(deed, "id", "")
    process.attention.closed(rig.customer.id)
    await process.tasks.idle()

    await later(rig, process)

    assert "lines of its log cannot be read" in caplog.text
    assert len(settings_read(rig)) == 16
    assert (await cell(rig, "rocket_loader")).state is State.ON
