"""`/metrics`: what the planner says, how the queue stands, what was done; 503 while nothing can be counted."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest
from starlette.applications import Starlette

from cloudcache import services
from cloudcache.domain.errors import StoreUnavailable
from cloudcache.services.report import Reports
from cloudcache.web import metrics
from tests.support.databases import temporary_store
from tests.support.rig import Rig, build_rig


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    built = await build_rig(await temporary_store(tmp_path / "rig.db"))
    yield built
    await built.close()


@pytest.fixture
def scraped(rig: Rig, monkeypatch: pytest.MonkeyPatch):
    """A process that has read its one zone, and what a scrape of it answers."""
    process = rig.process()
    reports = Reports(rig.store, rig.store, process.pacing, rig.clock)
    monkeypatch.setattr(
        services, "_in_use", [SimpleNamespace(reports=reports, engine=process.engine, clock=rig.clock)]
    )
    monkeypatch.setattr(metrics, "_counted", [])

    async def scrape() -> httpx.Response:
        await process.settle()
        transport = httpx.ASGITransport(Starlette(routes=metrics.ROUTES))
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            return await client.get("/metrics")

    return scrape


async def test_a_scrape_tells_plan_queue_feeds_and_work_done(scraped):
    answer = await scraped()

    lines = answer.text.splitlines()
    assert answer.status_code == 200
    for line in (
        'cloudcache_plan_binding{limit="nothing",pool="own"} 1.0',
        'cloudcache_queue_due_zones{urgency="watched"} 0.0',
        'cloudcache_feeds{status="on"} 1.0',
        'cloudcache_read_calls_total{urgency="sweep"} 16.0',
        "cloudcache_queue_parked_zones 0.0",
        "cloudcache_zones_never_read 0.0",
    ):
        assert line in lines
    assert all(line.startswith(("#", "cloudcache_")) for line in lines)


async def test_the_fleet_is_counted_once_in_fifteen_seconds(
    scraped, rig: Rig, monkeypatch: pytest.MonkeyPatch
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


async def test_without_a_database_it_says_so(scraped, rig: Rig, monkeypatch: pytest.MonkeyPatch):
    await scraped()
    rig.clock.ms += 16_000

    async def away(now: int) -> None:
        raise StoreUnavailable("the database cannot be reached")

    monkeypatch.setattr(rig.store, "across_tenants_ages", away)
    answer = await scraped()

    assert answer.status_code == 503
    assert "cannot be reached" in answer.text
