"""`/metrics`: what the planner says, how the queue stands, what was done."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from cloudcache.adapters.prometheus import PrometheusTelemetry
from cloudcache.adapters.scrape import Scrape
from cloudcache.domain.errors import StoreUnavailable
from cloudcache.domain.secret import TokenKind
from cloudcache.services.readiness import Readiness
from cloudcache.services.report import Reports
from cloudcache.services.rollouts import Rollouts
from tests.support.databases import temporary_store
from tests.support.rig import ZONE, Rig, build_rig
from tests.support.tenants import Tenant

Scraped = Callable[[], Awaitable[list[str]]]


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    built = await build_rig(await temporary_store(tmp_path / "rig.db"))
    yield built
    await built.close()


@pytest.fixture
def scraped(rig: Rig) -> Scraped:
    """A process that has read its one zone, and the lines that a scrape of it answers."""
    process = rig.process()
    reports = Reports(rig.store, rig.store, process.pacing, rig.clock, people=rig.store)
    telemetry = PrometheusTelemetry()
    rollouts = Rollouts(rig.store, rig.clock, "local")
    scrape = Scrape(telemetry, reports, rollouts, lambda: process.engine.tally, Readiness({}), rig.clock)

    async def lines() -> list[str]:
        await process.settle()
        return (await scrape.text()).decode().splitlines()

    return lines


async def test_a_scrape_tells_plan_queue_feeds_and_work_done(scraped: Scraped):
    lines = await scraped()

    for line in (
        "cloudcache_ready 1.0",
        "cloudcache_fleet_counted 1.0",
        'cloudcache_plan_binding{limit="nothing",pool="own"} 1.0',
        'cloudcache_queue_due_zones{urgency="watched"} 0.0',
        'cloudcache_feeds{status="on"} 1.0',
        'cloudcache_read_calls_total{urgency="sweep"} 16.0',
        "cloudcache_queue_parked_zones 0.0",
        "cloudcache_zones_never_read 0.0",
        "cloudcache_journal_pending 0.0",
        'cloudcache_rollout_customers{cohort="served"} 1.0',
        'cloudcache_rollout_customers{cohort="waiting"} 0.0',
    ):
        assert line in lines
    assert all(line.startswith(("#", "cloudcache_", "process_")) for line in lines)


async def test_the_fleet_is_counted_once_in_fifteen_seconds(
    scraped: Scraped, rig: Rig, monkeypatch: pytest.MonkeyPatch
):
    counted = []
    count = rig.store.across_tenants_ages

    async def counting(now: int):
        counted.append(now)
        return await count(now)

    monkeypatch.setattr(rig.store, "across_tenants_ages", counting)
    for _ in range(3):
        await scraped()
    rig.clock.ms += 16_000
    await scraped()

    assert len(counted) == 2


async def test_without_a_database_the_process_still_tells_about_itself(
    scraped: Scraped, rig: Rig, monkeypatch: pytest.MonkeyPatch
):
    await scraped()
    rig.clock.ms += 16_000

    async def away(now: int) -> None:
        raise StoreUnavailable("the database can't be reached")

    monkeypatch.setattr(rig.store, "across_tenants_ages", away)
    lines = await scraped()

    assert "cloudcache_fleet_counted 0.0" in lines
    assert 'cloudcache_read_calls_total{urgency="sweep"} 16.0' in lines
    assert not any(line.startswith("cloudcache_queue_") for line in lines)


async def test_setting_that_cannot_be_changed_is_named_with_the_kind_of_token(scraped: Scraped, rig: Rig):
    for _ in range(3):
        await rig.store.record_failure(TokenKind.ACCOUNT, "hotlink_protection", ZONE, now=rig.clock.ms)

    lines = await scraped()

    assert 'cloudcache_circuit_breakers_open{setting="hotlink_protection",token_kind="account"} 1.0' in lines


async def test_the_oldest_wish_without_an_outcome_is_told(scraped: Scraped, rig: Rig):
    await scraped()
    rig.clock.ms += 16_000
    await rig.store.open_intent(
        rig.customer.id,
        Tenant(rig.store, rig.customer.id).intent(True, "r1"),
        now=rig.clock.ms - 7_000,
        owner="another",
        lease_until=rig.clock.ms + 60_000,
    )
    lines = await scraped()

    assert "cloudcache_journal_pending 1.0" in lines
    assert "cloudcache_journal_oldest_pending_seconds 7.0" in lines
