"""How tests wait: for an event, or for another process by asking it again. No outcome depends on a duration.

`SAFETY_NET_S` ends a wait that will never succeed. It is far above what the slowest machine needs, so reaching it
means that the program is wrong, not that the machine is busy.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import httpx

SAFETY_NET_S = 180
SAFETY_NET_MS = SAFETY_NET_S * 1_000
POLL_S = 0.05


def wait_until(holds: Callable[[], bool], what: Callable[[], object] = lambda: "") -> None:
    """Ask again until `holds` is true of another process; `what` describes the state that was found instead."""
    end = time.monotonic() + SAFETY_NET_S
    while not holds():
        assert time.monotonic() < end, what()
        time.sleep(POLL_S)


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    """Ask again until `holds` is true of another process, for as long as the caller waits."""
    while not await holds():  # noqa: ASYNC110
        await asyncio.sleep(POLL_S)


async def until_true(holds: Callable[[], Awaitable[bool]]) -> None:
    """Ask again until `holds` is true of another process, within the safety net."""
    async with asyncio.timeout(SAFETY_NET_S):
        await until(holds)


def http_client(**options: Any) -> httpx.AsyncClient:
    """An HTTP client for servers of this machine: no proxy, and no timeout that a busy machine could reach."""
    return httpx.AsyncClient(**{"trust_env": False, "timeout": SAFETY_NET_S, **options})
