"""How this pretend Cloudflare is set up: one frozen object, given once, and exchanged as a whole."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Options:
    """Sizes, limits and manners. `zones`, `accounts` and `seed` are read at the start only."""

    zones: int = 0
    """Generated zones; they cost no memory until touched."""
    accounts: int = 1
    """Generated accounts, among which the generated zones are dealt out in turn."""
    token_budget: int = 1200
    """Calls per window of one user or one account token."""
    window_seconds: float = 300
    """The window over which an empty budget refills."""
    block_seconds: float = 300
    """How long everything is refused after a breach."""
    address_per_second: int = 200
    """Calls per second of one client address; 0 for no limit."""
    batch_read: Literal["on", "off", "missing"] = "on"
    """The bulk read and write: there, withdrawn (410), or unknown (404)."""
    latency: float = 0
    """Seconds that every answer takes longer."""
    audit_delay: float = 0
    """Seconds until a change shows in the audit logs."""
    audit_drop: float = 0
    """The share of changes that an audit log never shows, 0 to 1."""
    seed: int = 1
    """Everything random or generated follows from it."""
    log_length: int = 10_000
    """Requests that the log holds before it forgets the oldest."""

    @property
    def limits(self) -> tuple[int, float, float]:
        """What a budget is made of."""
        return self.token_budget, self.window_seconds, self.block_seconds


DEFAULTS = Options()
"""Cloudflare's own limits, and nothing generated but one empty account."""
