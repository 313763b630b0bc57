"""When Python looks for garbage in cycles: seldom, and not because there are many sessions.

By default a whole collection comes whenever a quarter more objects have grown old, and stops the process for as long
as it takes to look at all of them: 100 ms and more with 1,000 sessions, several times a minute. What a session holds
is old, alive, and no garbage while its tab is open. So what was imported is left out for good, whole collections come
by the clock, and the young are looked at as often as before.
"""

from __future__ import annotations

import asyncio
import gc

YOUNG = 2_000
"""Objects made before the youngest are looked at."""

MIDDLE = 5
"""Looks at the youngest before a look at what survived them: 10,000 objects, a few milliseconds."""

NEVER = 1_000_000
WHOLE_SECONDS = 600
"""A session that has ended is kept for an hour anyway, so that its tab may come back."""


async def collecting() -> None:
    """Run until the process ends."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, MIDDLE, NEVER)
    while True:
        await asyncio.sleep(WHOLE_SECONDS)
        gc.collect()
