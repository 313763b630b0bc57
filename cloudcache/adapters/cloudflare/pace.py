"""The pace at the wire, and that of a process that has the address to itself."""

from __future__ import annotations

import asyncio
from typing import Protocol

CALLS_PER_SECOND = 190
"""At the wire, of the 200 a second that Cloudflare allows an address: what the network bunches up still fits."""
AT_ONCE = 4


class Pace(Protocol):
    """Says when a call may leave."""

    async def wait(self) -> None:
        """Return when one may."""
        ...


class OwnPace:
    """Calls leave evenly, so many a second and a few at once, in the order they come; 0 for no limit.

    Each waits for the one before it to have really left. With times given out in advance, those that a busy processor
    held up for 0.1 s left together, and Cloudflare counted 19 too many.
    """

    def __init__(self, per_second: int) -> None:
        self._every_s = 1 / per_second if per_second else 0.0
        self._next = 0.0
        self._turn = asyncio.Lock()

    async def wait(self) -> None:
        """Return when a call may leave."""
        if not self._every_s:
            return
        clock = asyncio.get_running_loop().time
        async with self._turn:
            if (wait := self._next - clock()) > 0:
                await asyncio.sleep(wait)
            self._next = max(self._next, clock() - AT_ONCE * self._every_s) + self._every_s
