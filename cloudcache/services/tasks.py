"""Work that goes on after the caller has its answer: kept, named, and drained at the end.

asyncio holds background tasks only weakly, and an exception in one is told to nobody; this holds them and logs.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine

from cloudcache.ports import SILENT, Telemetry

log = logging.getLogger("cloudcache.tasks")


class Tasks:
    """The background tasks of one process."""

    def __init__(self, telemetry: Telemetry = SILENT) -> None:
        self._telemetry = telemetry
        self._running: set[asyncio.Task[None]] = set()

    def spawn(self, work: Coroutine[None, None, None], name: str) -> asyncio.Task[None]:
        """Start it; a failure is one ERROR line with its name, and ends nothing else."""
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._running.add(task)
        task.add_done_callback(self._finished)
        return task

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._telemetry.count("job_failures", "background work")
            what, kind = task.get_name(), type(error).__name__
            log.error("background work %s failed: %s: %s", what, kind, error, extra={"event": "task_failed"})

    async def idle(self) -> None:
        """Return when nothing is running, what was spawned meanwhile included."""
        while self._running:
            await asyncio.wait(set(self._running))

    async def stop(self, grace_s: float) -> None:
        """Let what runs finish for `grace_s` seconds, then cancel the rest; leases make its work good."""
        running = set(self._running)
        if running:
            await asyncio.wait(running, timeout=grace_s)
        for task in (left := [task for task in running if not task.done()]):
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
