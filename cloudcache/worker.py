"""The worker: the freshness engine without pages, `python -m cloudcache worker`.

Any number of them may run beside any number of web processes; leases in the database share the work out. SIGTERM
or Ctrl-C drains it: nothing new is taken, what is under way has eight seconds to end, the rest is given back.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import sys

from cloudcache import logs
from cloudcache.config import ConfigError, Settings, load
from cloudcache.domain.errors import StoreUnavailable
from cloudcache.wiring import build

log = logging.getLogger("cloudcache.worker")

DRAIN_SECONDS = 8
TELL_SECONDS = 60


def main() -> int:
    """Run until it is told to stop; the exit code."""
    try:
        settings = load()
        logs.configure(form=settings.log_format, role="worker")
        for text in settings.unknown:
            log.warning(text)
        asyncio.run(work(settings))
    except (ConfigError, StoreUnavailable) as error:
        sys.stderr.write(f"cloudcache: {error}\n")
        return 1
    return 0


async def work(settings: Settings, stop: asyncio.Event | None = None) -> None:
    """Run the engine until `stop` is set, by a signal or by the caller."""
    stop = stop or asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    wiring = build(settings)
    if wiring.world is not None:
        log.warning(
            "the built-in pretend Cloudflare is this process's own; a web process beside it has another"
        )
    tracing = wiring.traced("worker")
    async with wiring.running(sync=True, grace_s=DRAIN_SECONDS):
        log.info("worker started")
        while not stop.is_set():
            try:
                await asyncio.wait_for(stop.wait(), TELL_SECONDS)
            except TimeoutError:
                _tell(wiring.services.engine.tally.line())
        log.info("worker is draining")
        wiring.services.readiness.drain()
    if tracing is not None:
        tracing.close()
    log.info("worker stopped")


def _tell(line: str) -> None:
    log.info("since the start: %s", line)
