"""The real clock."""

from __future__ import annotations

import asyncio
import time


class SystemClock:
    """Unix milliseconds of this machine, and asyncio's sleep."""

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
