"""Whether this process should be given work: what it depends on answers, and it is not about to stop.

Cheap to ask: an answer counts for a second. Never slow: whatever does not answer within a second and a half is not
ready, and is not asked a second time while the first question still hangs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from cloudcache.domain.errors import CloudcacheError
from cloudcache.services.health import Finding

ANSWER_SECONDS = 1.5
COUNTS_FOR_SECONDS = 1.0

Check = Callable[[], Awaitable[None]]


class Readiness:
    """`needed` by what they look at; each returns, or raises one plain sentence of the error tree. What `wanted` ones
    find is told as well, but keeps nobody from being given work."""

    def __init__(self, needed: Mapping[str, Check], wanted: Mapping[str, Check] | None = None) -> None:
        self._wanted = frozenset(wanted or {})
        self._checks = {**needed, **(wanted or {})}
        self._asked: dict[str, asyncio.Task[str]] = {}
        self._found: tuple[Finding, ...] = ()
        self._found_at = float("-inf")
        self._draining = False

    def drain(self) -> None:
        """The process is told to stop: no more work, please."""
        self._draining = True

    async def state(self) -> tuple[Finding, ...]:
        """What was found, one line for each thing; all of them are ok when the process is ready."""
        if self._draining:
            return (Finding("process", False, "stopping"),)
        clock = asyncio.get_running_loop().time
        if clock() - self._found_at >= COUNTS_FOR_SECONDS:
            self._found = await self._look()
            self._found_at = clock()
        return self._found

    async def _look(self) -> tuple[Finding, ...]:
        for name, check in self._checks.items():
            if name not in self._asked:
                self._asked[name] = asyncio.create_task(_told(check))
        if self._asked:
            await asyncio.wait(self._asked.values(), timeout=ANSWER_SECONDS)
        return tuple(self._finding(name) for name in self._checks)

    def _finding(self, name: str) -> Finding:
        if not self._asked[name].done():
            return Finding(name, name in self._wanted, "doesn't answer in time")
        trouble = self._asked.pop(name).result()
        return Finding(name, not trouble or name in self._wanted, trouble or "well")


async def _told(check: Check) -> str:
    """What is wrong, or nothing. A strange error is named by its kind only: its text may hold an address."""
    try:
        await check()
    except CloudcacheError as error:
        return str(error)
    except Exception as error:
        return f"failed ({type(error).__name__})"
    return ""
