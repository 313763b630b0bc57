"""An emulated Cloudflare that keeps back its answers for as long as a test wants to look at what is under way."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from tests.support.waiting import SAFETY_NET_S


@contextmanager
def held(emulator: str, method: str, skip: int = 0) -> Iterator[None]:
    """Until the block ends, calls of this kind are not answered; `emulator` is the address of its `/_emulator`.

    The first `skip` of them are answered all the same.
    """
    never = {"kind": "slow", "delay": 3600, "method": method, "times": None}
    first = [{"kind": "slow", "method": method, "times": skip}] if skip else []
    _set_faults(emulator, {"faults": [*first, never]})
    try:
        yield
    finally:
        _set_faults(emulator, {"clear": True, "faults": []})


def _set_faults(emulator: str, order: dict[str, object]) -> None:
    answer = httpx.post(f"{emulator}/faults", json=order, trust_env=False, timeout=SAFETY_NET_S)
    answer.raise_for_status()
