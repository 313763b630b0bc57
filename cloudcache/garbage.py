"""When Python looks for garbage in cycles: seldom, and not because there are many sessions.

By default a whole collection comes whenever a quarter more objects have grown old, and stops the process for as long
as it takes to look at all of them: 100 ms and more with 1,000 sessions, several times a minute. What a session holds
is old, alive, and no garbage while its tab is open. So what was imported is left out for good, whole collections come
by the clock or after many sockets ended, and the young are looked at as often as before.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable
from contextlib import suppress

YOUNG = 2_000
"""Objects made before the youngest are looked at."""

MIDDLE = 5
"""Looks at the youngest before a look at what survived them: 10,000 objects, a few milliseconds."""

NEVER = 1_000_000
WHOLE_SECONDS = 600
"""A session that has ended is kept for an hour anyway, so that its tab may come back."""


ENDED_SOCKETS = 1_000
"""Sockets that ended before a whole collection. Each leaves a cycle that nothing else frees, of up to 90 KB: without
this a flood of them took 20 MB for a thousand, until the clock's turn came."""


class Collections:
    """The whole collections of this process."""

    def __init__(self, collect: Callable[[], object] = gc.collect) -> None:
        self._collect = collect
        self._ended = 0
        self._is_due = asyncio.Event()

    def socket_ended(self) -> None:
        """Count a socket that ended."""
        self._ended += 1
        if self._ended >= ENDED_SOCKETS:
            self._is_due.set()

    async def run(self) -> None:
        """Collect until the process ends."""
        self._collect()
        gc.freeze()
        gc.set_threshold(YOUNG, MIDDLE, NEVER)
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._is_due.wait(), WHOLE_SECONDS)
            self._is_due.clear()
            self._ended = 0
            self._collect()
