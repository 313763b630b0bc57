"""What is measured on the way, in little memory: delays and ages as counts per step, percentiles at the end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence


class Spread:
    """Many numbers of one kind, kept as counts of steps."""

    __slots__ = ("_counts", "_step", "many")

    def __init__(self, step: float) -> None:
        self._step = step
        self._counts: Counter[int] = Counter()
        self.many = 0

    def add(self, value: float, times: int = 1) -> None:
        """One more, or several alike."""
        self._counts[int(value / self._step)] += times
        self.many += times

    def at(self, share: float) -> float | None:
        """The value that `share` of all do not exceed, to one step; None when there is none."""
        wanted, passed = share * self.many, 0
        for place in sorted(self._counts):
            passed += self._counts[place]
            if passed >= wanted:
                return (place + 1) * self._step
        return None

    def summary(self, *shares: int) -> dict[str, float | None]:
        """Percentiles by name: p50, p95 and so on."""
        return {f"p{share}": self.at(share / 100) for share in shares}


def percentiles(values: Sequence[int], *shares: float) -> list[int]:
    """Of a sorted list."""
    return [values[min(len(values) - 1, int(share * len(values)))] for share in shares]


class Hourly:
    """Sums or spreads by hour, for the plots."""

    def __init__(self) -> None:
        self.calls: dict[str, Counter[int]] = {}
        self.delays: dict[int, Spread] = {}
        self.ages: list[tuple[float, float, float, float]] = []
        """p50, p95, p99 and worst, in hours, at the end of each hour."""
        self.breaches: Counter[int] = Counter()

    def call(self, name: str, hour: int) -> None:
        """One call of a class."""
        self.calls.setdefault(name, Counter())[hour] += 1

    def delay(self, seconds: float, hour: int) -> None:
        """One change was seen so long after it was made."""
        if hour not in self.delays:
            self.delays[hour] = Spread(1.0)
        self.delays[hour].add(seconds)
