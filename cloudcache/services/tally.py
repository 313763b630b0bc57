"""What the engine of a process has done."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from cloudcache.domain.freshness import Urgency


@dataclass
class Tally:
    """What this process did since it began; for reports and metrics."""

    looks: Counter[Urgency] = field(default_factory=Counter)
    calls: Counter[Urgency] = field(default_factory=Counter)
    feeds: int = 0
    named: int = 0
    """New lines of feeds that concerned us."""
    changes: int = 0
    """Outside changes seen."""
    failures: int = 0

    def line(self) -> str:
        """All of it in one line of a log."""
        looks = ", ".join(f"{self.looks[one]} {one.name.lower()}" for one in reversed(Urgency))
        return (
            f"zones read: {looks}; {sum(self.calls.values())} calls; {self.feeds} looks at feeds with {self.named} "
            f"lines; {self.changes} outside changes; {self.failures} failures"
        )
