"""The `Telemetry` of a process, kept for Prometheus in a registry of its own.

Made before a server forks, so each worker has its own copy and counts for itself; each is asked on a port of its own
(`web/listener.py`), because behind a shared port a question goes to any of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Generic, TypeVar

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
)

from cloudcache.adapters.telemetry import METRICS, PREFIX, Kind, Metric
from cloudcache.ports import Telemetry

without_created: Callable[[], None] = disable_created_metrics
without_created()  # a second series for each one, for which nobody asks

Spans = Callable[[str], AbstractContextManager[object]]


class PrometheusTelemetry:
    """Counts what is on the list; anything else is a KeyError, which tests find."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry(auto_describe=False)
        ProcessCollector(registry=self.registry)
        own = [metric for metric in METRICS if not metric.is_fleet and metric.key not in TALLIED]
        self._counters = {
            one.key: _Family(Counter(*_named(one), registry=self.registry))
            for one in own
            if one.kind is Kind.COUNTER
        }
        self._gauges = {
            one.key: _Family(Gauge(*_named(one), registry=self.registry))
            for one in own
            if one.kind is Kind.GAUGE
        }
        self._times = {
            one.key: _Family(Histogram(*_named(one), registry=self.registry, buckets=one.buckets))
            for one in own
            if one.kind is Kind.HISTOGRAM
        }
        self._spans: Spans | None = None

    def count(self, name: str, *labels: str, by: float = 1) -> None:
        self._counters[name].of(labels).inc(by)

    def observe(self, name: str, value: float, *labels: str) -> None:
        self._times[name].of(labels).observe(max(0.0, value))

    def set(self, name: str, value: float, *labels: str) -> None:
        self._gauges[name].of(labels).set(value)

    def watch(self, name: str, read: Callable[[], float]) -> None:
        self._gauges[name].of(()).set_function(read)

    def span(self, name: str) -> AbstractContextManager[object]:
        return _NOTHING if self._spans is None else self._spans(name)

    def trace_with(self, spans: Spans | None) -> None:
        """From now on steps are told to a tracer; None stops it."""
        self._spans = spans


T = TypeVar("T", Counter, Gauge, Histogram)


class _Family(Generic[T]):
    """A metric with its children, looked up by us: the library's own way takes a lock and copies each label."""

    def __init__(self, whole: T) -> None:
        self._whole: T = whole
        self._children: dict[tuple[str, ...], T] = {}

    def of(self, labels: tuple[str, ...]) -> T:
        child = self._children.get(labels)
        if child is None:
            child = self._children[labels] = self._whole.labels(*labels) if labels else self._whole
        return child


def _named(metric: Metric) -> tuple[str, str, tuple[str, ...]]:
    return PREFIX + metric.key, metric.help, metric.labels


TALLIED = frozenset({"looks", "read_calls", "look_failures", "outside_changes", "feed_looks", "feed_lines"})
"""What the engine counts itself, for its reports."""

_NOTHING = nullcontext()


async def watch_loop(telemetry: Telemetry) -> None:
    """Tell for ever how late the event loop is: everything here waits behind it."""
    clock = asyncio.get_running_loop().time
    while True:
        began = clock()
        await asyncio.sleep(1)
        telemetry.observe("loop_delay_seconds", clock() - began - 1)
