"""Work that goes on by itself: a failure is one line and ends nothing else."""

from __future__ import annotations

import asyncio
import logging

import pytest

from cloudcache.adapters.scheduler import guarded
from cloudcache.services.tasks import Tasks


async def test_a_failing_task_is_logged_and_the_others_end(caplog: pytest.LogCaptureFixture):
    tasks, done = Tasks(), []

    async def fails() -> None:
        raise RuntimeError("no luck")

    async def works() -> None:
        done.append(1)

    tasks.spawn(fails(), "the failing one")
    tasks.spawn(works(), "the other")
    await tasks.idle()

    assert done == [1]
    assert "the failing one failed: RuntimeError: no luck" in caplog.text


async def test_stopping_waits_for_what_ends_in_time_and_cancels_the_rest():
    tasks, done = Tasks(), []

    async def short() -> None:
        done.append("short")

    async def endless() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            done.append("cancelled")

    tasks.spawn(short(), "short")
    tasks.spawn(endless(), "endless")
    await tasks.stop(grace_s=0.01)

    assert done == ["short", "cancelled"]


async def test_a_failing_job_is_one_line_and_may_run_again(caplog: pytest.LogCaptureFixture):
    async def fails() -> None:
        raise OSError("disk")

    job = guarded("forget", fails)
    with caplog.at_level(logging.ERROR):
        await job()
        await job()

    assert caplog.text.count("job forget failed: OSError: disk") == 2
