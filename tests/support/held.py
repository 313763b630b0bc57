"""A pretend Cloudflare that keeps back its answers for as long as a test wants to look at what is under way."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.support.waiting import http_client


@asynccontextmanager
async def held(emulator: str, method: str, skip: int = 0) -> AsyncIterator[None]:
    """Until the block ends, calls of this kind are not answered; `emulator` is the address of its `/_emulator`.

    The first `skip` of them are answered all the same.
    """
    never = {"kind": "slow", "delay": 3600, "method": method, "times": None}
    first = [{"kind": "slow", "method": method, "times": skip}] if skip else []
    async with http_client() as client:
        (await client.post(f"{emulator}/faults", json={"faults": [*first, never]})).raise_for_status()
        try:
            yield
        finally:
            (await client.post(f"{emulator}/faults", json={"clear": True, "faults": []})).raise_for_status()
