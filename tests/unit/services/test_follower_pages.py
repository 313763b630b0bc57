"""Paging through an audit log whose cursors cannot be trusted: every line is read, or the position does not move."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from cloudcache.adapters.cloudflare.audit import feed_page
from cloudcache.domain.errors import Reason, Refused
from cloudcache.domain.feed import FeedPage
from cloudcache.domain.ids import JSON
from cloudcache.emulator.calls import audit as emulated
from tests.support.following import cell, following, later, outside, paths, settings_read
from tests.support.rig import Process, Rig

SETTINGS = ("rocket_loader", "websockets", "early_hints", "http3", "always_online", "ip_geolocation", "ipv6")
PER_PAGE = 2


def change_all(rig: Rig) -> None:
    for setting in SETTINGS:
        outside(rig, setting, "on" if rig.world.value("0" * 31 + "a", setting) == "off" else "off")
        rig.clock.ms += 7


async def verified(rig: Rig) -> int | None:
    (feed,) = await rig.store.lease_feeds(now=rig.clock.ms + 10**9, owner="test", until=0, limit=1)
    return feed.position.verified_until


async def is_all_read(rig: Rig) -> bool:
    values = [rig.world.value("0" * 31 + "a", setting) for setting in SETTINGS]
    return [(await cell(rig, setting)).value for setting in SETTINGS] == values


async def read_after(rig: Rig, monkeypatch: pytest.MonkeyPatch, looks: int = 3) -> Process:
    process = await following(rig)
    monkeypatch.setattr("cloudcache.adapters.cloudflare.audit.PER_PAGE", PER_PAGE)
    change_all(rig)
    for _ in range(looks):
        await later(rig, process)
    return process


def answer_cursors(monkeypatch: pytest.MonkeyPatch, change: Callable[[JSON], JSON]) -> None:
    """Let the log answer another cursor than the one that leads on."""

    def changed(version, window, result, info, served_at=None):
        has_next = isinstance(info, dict) and info.get("cursor")
        given = {"cursor": change(info["cursor"])} if has_next else info
        return feed_page(version, window, result, given, served_at)

    monkeypatch.setattr("cloudcache.adapters.cloudflare.client.feed_page", changed)


@pytest.mark.parametrize("length", [513, 4_096, 4_097, 100_000])
async def test_long_cursor_loses_no_line(rig: Rig, monkeypatch: pytest.MonkeyPatch, length: int):
    monkeypatch.setattr(emulated, "_cursor", lambda deed: _padded(deed.place, length))
    monkeypatch.setattr(emulated, "_place", _unpadded)

    await read_after(rig, monkeypatch)

    assert await is_all_read(rig)
    assert (await verified(rig) or 0) > rig.clock.ms - 60_000


def _padded(place: tuple[float, int], length: int) -> str:
    return f"{place[0]!r},{place[1]}".ljust(length, "x")


def _unpadded(cursor: str | None) -> tuple[float, int] | None:
    if not cursor:
        return None
    at, _, sequence = cursor.rstrip("x").partition(",")
    return float(at), int(sequence)


@pytest.mark.parametrize(
    "odd", [None, "", 7, 7.5, True, ["x"], {"cursor": "x"}, "same"], ids=lambda odd: repr(odd)
)
async def test_cursor_that_leads_nowhere_loses_no_line(rig: Rig, monkeypatch: pytest.MonkeyPatch, odd: JSON):
    answer_cursors(monkeypatch, lambda _: odd)

    await read_after(rig, monkeypatch)

    assert await is_all_read(rig)
    assert (await verified(rig) or 0) > rig.clock.ms - 60_000


async def test_cursors_in_a_circle_lose_no_line_and_end(rig: Rig, monkeypatch: pytest.MonkeyPatch):
    given: list[JSON] = []

    def circling(cursor: JSON) -> JSON:
        given.append(cursor)
        return given[-2] if len(given) % 2 == 0 else cursor

    answer_cursors(monkeypatch, circling)

    await read_after(rig, monkeypatch)

    assert await is_all_read(rig)
    assert sum("/logs/audit" in path for path in paths(rig)) < 60


async def test_log_that_refuses_every_cursor_loses_no_line(rig: Rig, monkeypatch: pytest.MonkeyPatch):
    really = rig.gateway.changes

    async def refusing(access, version, window) -> FeedPage:
        if window.cursor:
            raise Refused(Reason.OTHER, "the cursor is not known")
        return await really(access, version, window)

    monkeypatch.setattr(rig.gateway, "changes", refusing)

    await read_after(rig, monkeypatch)

    assert await is_all_read(rig)


async def test_page_that_cannot_be_passed_keeps_the_position_and_reads_the_zones(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    process = await following(rig)
    before = await verified(rig)
    monkeypatch.setattr("cloudcache.adapters.cloudflare.audit.PER_PAGE", PER_PAGE)
    monkeypatch.setattr("cloudcache.adapters.cloudflare.audit.LONGEST_CURSOR", 1)
    for setting in SETTINGS:  # all at the same time
        outside(rig, setting, "on" if rig.world.value("0" * 31 + "a", setting) == "off" else "off")
    process.attention.closed(rig.customer.id)
    await process.tasks.idle()

    for _ in range(3):
        rig.clock.ms += 20_000
        await process.settle()

    assert await verified(rig) == before
    assert "cannot be followed to its end" in caplog.text
    assert len(settings_read(rig)) >= 16, "the account's zones are read instead"
    assert await is_all_read(rig)


async def test_walk_that_ends_half_way_goes_on_there(rig: Rig, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("cloudcache.services.changefeed.MOST_PAGES", 2)
    monkeypatch.setattr("cloudcache.adapters.cloudflare.audit.LONGEST_CURSOR", 1)

    await read_after(rig, monkeypatch, looks=8)

    assert await is_all_read(rig)
