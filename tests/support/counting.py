"""A `Telemetry` that remembers what it was told, and knows the list: a name or a label too many is an error."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from cloudcache.adapters.telemetry import BY_KEY, Kind

Key = tuple[str, ...]


class Counting:
    """What was told, by name and labels."""

    def __init__(self) -> None:
        self.counted: Counter[Key] = Counter()
        self.observed: dict[Key, list[float]] = defaultdict(list)
        self.stands: dict[Key, float] = {}
        self.watched: dict[str, Callable[[], float]] = {}
        self.spans: list[str] = []

    def count(self, name: str, *labels: str, by: float = 1) -> None:
        self.counted[_known(name, Kind.COUNTER, labels)] += int(by)

    def observe(self, name: str, value: float, *labels: str) -> None:
        self.observed[_known(name, Kind.HISTOGRAM, labels)].append(value)

    def set(self, name: str, value: float, *labels: str) -> None:
        self.stands[_known(name, Kind.GAUGE, labels)] = value

    def watch(self, name: str, read: Callable[[], float]) -> None:
        self.watched[_known(name, Kind.GAUGE, ())[0]] = read

    def span(self, name: str) -> AbstractContextManager[object]:
        return self._span(name)

    @contextmanager
    def _span(self, name: str) -> Iterator[None]:
        self.spans.append(name)
        yield


def _known(name: str, kind: Kind, labels: Key) -> Key:
    metric = BY_KEY[name]
    assert metric.kind is kind and len(metric.labels) == len(labels), (name, labels)
    return (name, *labels)
