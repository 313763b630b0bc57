"""The pace at the wire of all processes behind one address: each call leaves within 30 ms of a slot of its own.

Slots are 1/170 s apart by Redis's clock. A process takes one for each call that waits in it, four at most in a
trip, and then goes by its own watch: Redis counted from a moment between the beginning and the end of it, and the
call leaves late enough for the one and early enough for the other, so no two clocks need to agree. What was held
up for longer than 30 ms lets its slot lapse and takes another. So

    in any second there are 170 x 1.03 + 1 = 176 slots whose calls can leave, of the 200 that Cloudflare allows

and what the network and the queue at the other end bunch up has the rest: 24 calls, those of 140 ms. A process that
is held up every time goes with its third slot, late: that call has taken the place of three.

Redis away: whoever has a call of its share leaves at this process's part of the pace.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from time import monotonic
from typing import cast

from cloudcache.adapters.redis.connection import Away, Connection

PER_SECOND = 170
"""At 190, two busy workers left at most 195 in any second, and an emulator that stood still for 0.2 s counted 203."""
GRANTED_PER_SECOND = 180
"""What the budget grants: its reads stay below the pace, so that a click finds no queue at the wire."""
LATE_S = 0.03
"""How long after its slot a call may leave."""
BEHIND_S = 0.01
"""How old the slot may be that is given when nobody took it: a trip of usual length then costs none."""
IN_A_TRIP = 4
TRIES = 3

SCRIPT = """
-- KEYS   the next free slot
-- ARGV   microseconds between slots, how old one may be, how many, the time (tests only, else "")
-- Returns when the first of them is, in microseconds from now.
local now = tonumber(ARGV[4])
if not now then
    local told = redis.call('TIME')
    now = told[1] * 1000000 + told[2]
end
local free = tonumber(redis.call('GET', KEYS[1]) or 0)
if free - now > 2000000 then
    free = now + 1000000  -- the clock was set back: a second without calls keeps what went before apart
end
local first = math.max(free, now - tonumber(ARGV[2]))
redis.call('SET', KEYS[1], string.format('%.0f', first + ARGV[1] * ARGV[3]), 'PX', 10000)
return first - now
"""


@dataclass(frozen=True, slots=True)
class Slot:
    """When a call may leave, in seconds of this process's watch."""

    opens: float
    closes: float


@dataclass(frozen=True, slots=True)
class Watch:
    """Time as the loop has it; tests bring their own, and that of the server."""

    now: Callable[[], float] = monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    server_us: Callable[[], int] | None = None


REAL = Watch()


class SharedPace:
    """The `Pace` of one of many processes; `alone` is how it waits when Redis is away."""

    def __init__(
        self,
        connection: Connection,
        address: str,
        alone: Callable[[], Awaitable[None]],
        watch: Watch = REAL,
        per_second: int = PER_SECOND,
    ) -> None:
        self._connection = connection
        self._key = connection.key("wire", address)
        self._every_us = round(1_000_000 / per_second)
        self._alone = alone
        self._watch = watch
        self._slots: deque[Slot] = deque()
        self._waiting = 0
        self._turn = asyncio.Lock()

    async def wait(self) -> None:
        """Return when a call may leave; in the order they come."""
        self._waiting += 1
        try:
            async with self._turn:
                await self._leave()
        finally:
            self._waiting -= 1

    async def _leave(self) -> None:
        for _ in range(TRIES):
            try:
                slot = await self._next()
            except Away:
                return await self._alone()
            if (wait := slot.opens - self._watch.now()) > 0:
                await self._watch.sleep(wait)
            if self._watch.now() <= slot.closes:
                return None
        return None

    async def _next(self) -> Slot:
        """One that was taken and not used, if it has not lapsed; else a new one."""
        while self._slots:
            slot = self._slots.popleft()
            if self._watch.now() <= slot.closes:
                return slot
        self._slots.extend(await self._take(min(self._waiting, IN_A_TRIP)))
        return self._slots.popleft()

    async def _take(self, many: int) -> list[Slot]:
        every, time = self._every_us, self._watch.server_us
        figures = (every, round(BEHIND_S * 1_000_000), many, "" if time is None else time())
        began = self._watch.now()
        first = cast(int, await self._connection.run(SCRIPT, [self._key], figures))
        ended = self._watch.now()
        offsets = [(first + number * every) / 1_000_000 for number in range(many)]
        return [Slot(ended + offset, began + offset + LATE_S) for offset in offsets]
