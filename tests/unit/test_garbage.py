"""When whole collections come: by the clock, or after many sockets ended."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterator

import pytest

from cloudcache.garbage import ENDED_SOCKETS, Collections
from tests.support.fake_clock import let_tasks_run


@pytest.fixture(autouse=True)
def thresholds() -> Iterator[None]:
    before = gc.get_threshold()
    yield
    gc.set_threshold(*before)
    gc.unfreeze()


async def test_each_thousand_ended_sockets_bring_a_collection():
    times: list[int] = []
    collections = Collections(lambda: times.append(1))
    running = asyncio.create_task(collections.run())
    await let_tasks_run()
    assert len(times) == 1, "what the start left behind"

    for expected in (2, 3):
        for _ in range(ENDED_SOCKETS - 1):
            collections.socket_ended()
        await let_tasks_run()
        assert len(times) == expected - 1
        collections.socket_ended()
        await let_tasks_run()
        assert len(times) == expected

    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
