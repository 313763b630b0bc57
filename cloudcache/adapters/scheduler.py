"""Wakes the recurring work. APScheduler only wakes: what is due, and whether it may call, is decided elsewhere."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

from apscheduler.job import Job
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.interval import IntervalTrigger

from cloudcache import logs
from cloudcache.ports import SILENT, Telemetry

log = logging.getLogger("cloudcache.scheduler")

Work = Callable[[], Awaitable[object]]


class Scheduler:
    """Jobs of this process; a job that still runs when it is due again is not started twice."""

    def __init__(self, telemetry: Telemetry = SILENT) -> None:
        self._telemetry = telemetry
        self._scheduler = AsyncIOScheduler(
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": 60}
        )

    def every(self, seconds: int, name: str, job: Work) -> None:
        """Again and again."""
        self._scheduler.add_job(
            guarded(name, job, self._telemetry), IntervalTrigger(seconds=seconds), name=name
        )

    def jobs(self) -> list[Job]:
        """What is scheduled, as APScheduler holds it."""
        scheduled: list[Job] = self._scheduler.get_jobs()
        return scheduled

    def start(self) -> None:
        self._scheduler.start()

    def stop(self) -> None:
        self._scheduler.shutdown(wait=False)


def guarded(name: str, job: Work, telemetry: Telemetry = SILENT) -> Work:
    """A failing job is one line in the log; it runs again when it is next due."""

    async def run() -> None:
        logs.job(name)
        try:
            await job()
        except Exception as error:
            telemetry.count("job_failures", name)
            kind = type(error).__name__
            log.error("job %s failed: %s: %s", name, kind, error, extra={"event": "job_failed"})

    return run
