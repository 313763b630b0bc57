"""How many calls are left: a bucket per user or account token, and a gate per client address.

A bucket holds 1,200 calls and refills at 1,200 per 300 seconds. Who finds it empty is refused, and so is
every further call on it for the next five minutes. The gate lets 200 calls a second through per address.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from math import ceil, inf


@dataclass(slots=True)
class Bucket:
    """The calls left of one user or one account token."""

    capacity: int
    window_seconds: float
    block_seconds: float
    left: float
    refilled_at: float
    blocked_until: float = -inf

    def take(self, now: float) -> int | None:
        """Takes one call; when there is none left, starts a block and gives the whole seconds to wait."""
        self._refill(now)
        if now < self.blocked_until:
            return self.wait(now)
        if self.left < 1:
            self.block(now)
            return self.wait(now)
        self.left -= 1
        return None

    def block(self, now: float) -> None:
        """Refuses everything from now on for the length of a block."""
        self.blocked_until = now + self.block_seconds
        self.left = 0

    def wait(self, now: float) -> int:
        """Whole seconds until the block ends, never less than one."""
        return max(1, ceil(self.blocked_until - now))

    def meter(self, now: float) -> tuple[int, int]:
        """Calls left, and the seconds after which the bucket is full again (or the block over)."""
        self._refill(now)
        if now < self.blocked_until:
            return 0, self.wait(now)
        missing = self.capacity - self.left
        return int(self.left), ceil(missing * self.window_seconds / self.capacity)

    def set(self, now: float, remaining: int | None, capacity: int | None) -> None:
        """Changes the size or what is left, and ends a block: how a test makes a budget small."""
        self._refill(now)
        self.capacity = self.capacity if capacity is None else capacity
        self.left = min(self.left if remaining is None else remaining, self.capacity)
        self.blocked_until = -inf

    def _refill(self, now: float) -> None:
        passed = max(0.0, now - self.refilled_at)
        self.left = min(self.capacity, self.left + passed * self.capacity / self.window_seconds)
        self.refilled_at = now


class AddressGate:
    """Counts the calls of the last second per client address."""

    MOST_ADDRESSES = 4096

    def __init__(self) -> None:
        self._seen: dict[str, deque[float]] = {}

    def admit(self, address: str, now: float, per_second: int) -> bool:
        """Whether one more call may pass; a refused one does not count. Zero per second means no limit."""
        if per_second <= 0:
            return True
        calls = self._seen.get(address)
        if calls is None or calls.maxlen != per_second:
            self._forget_idle(now)
            calls = self._seen[address] = deque(maxlen=per_second)
        if len(calls) == per_second and now - calls[0] < 1:
            return False
        calls.append(now)
        return True

    def _forget_idle(self, now: float) -> None:
        if len(self._seen) >= self.MOST_ADDRESSES:
            self._seen = {name: calls for name, calls in self._seen.items() if now - calls[-1] < 1}
