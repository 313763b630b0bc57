"""The whole cluster at a small size: parts of it are killed with SIGKILL while sessions flip, and nothing is lost."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.cluster import kills, sessions, sync
from tests.cluster.cluster import Cluster, running_cluster
from tests.cluster.sessions import BACK, DONE
from tests.support.page_socket import cookie_for
from tests.support.waiting import SAFETY_NET_S, http_client

pytestmark = [pytest.mark.postgres, pytest.mark.slow]
SHOPS = 40
VICTIMS = ("web-1", "postgres", "valkey", "worker-2", "cloudflare")


@pytest.fixture
async def cluster(tmp_path: Path) -> AsyncIterator[Cluster]:
    """A cluster that is ready, and is gone without a trace afterwards."""
    async with running_cluster(shops=SHOPS, say=print, logs=tmp_path / "logs") as made:
        yield made
        pids = [pid for child in made.children.values() for pid in child.pids()]
    assert pids and not any(_lives(pid) for pid in pids)


async def test_parts_of_a_cluster_are_killed_while_sessions_flip_and_nothing_is_lost(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(sessions, "ANSWER_S", SAFETY_NET_S)
    await _shops_beyond_the_list_can_be_signed_in_to(cluster)
    await _two_workers_share_the_zones_out_and_read_none_twice(cluster)

    outcome = await kills.show(
        cluster, sessions=24, seconds=8, pause_s=0.8, victims=VICTIMS, quiet_s=SAFETY_NET_S
    )

    assert outcome.open_wishes == 0
    assert outcome.wrong == [] and outcome.faults == []
    assert outcome.recovered and outcome.record.all_of(BACK)
    assert outcome.record.all_of(DONE) and outcome.statuses["applied"] > 0
    assert {
        name: child.starts for name, child in cluster.children.items() if child.starts > 1
    } == dict.fromkeys(VICTIMS, 2)


async def _two_workers_share_the_zones_out_and_read_none_twice(cluster: Cluster) -> None:
    swept = await sync.sweep_of(cluster, 2, SHOPS, latency=1.0)

    assert swept.zones == SHOPS
    assert (swept.read_twice, swept.refused) == (0, 0)


async def _shops_beyond_the_list_can_be_signed_in_to(cluster: Cluster) -> None:
    assert await cookie_for(cluster.url, f"shop-{SHOPS - 1:06d}")
    async with http_client(base_url=cluster.url, follow_redirects=True) as client:
        dashboard = await client.get("/cloudflare/_emulator/dashboard")
    assert dashboard.status_code == 200 and str(dashboard.url).startswith(cluster.cloudflare_url)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
