"""What a process answers when Prometheus asks: its own counts, the engine's, and the fleet's from the database.

The fleet is counted at most every 15 seconds, however often somebody scrapes, and within two seconds: while the
database does not answer, the process still tells about itself.
"""

from __future__ import annotations

import asyncio
import platform
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from cloudcache.adapters.db.engine import expected_migration
from cloudcache.adapters.prometheus import PrometheusTelemetry
from cloudcache.adapters.telemetry import BY_KEY, PREFIX
from cloudcache.domain.access import SYSTEM
from cloudcache.domain.errors import CloudcacheError
from cloudcache.domain.freshness import Urgency
from cloudcache.ports import Clock
from cloudcache.services.engine import Tally
from cloudcache.services.readiness import Readiness
from cloudcache.services.report import Freshness, Reports

COUNT_AGAIN_MS = 15_000
COUNT_SECONDS = 2.0

Row = tuple[Sequence[str], float]


class Scrape:
    """One per process."""

    def __init__(
        self,
        telemetry: PrometheusTelemetry,
        reports: Reports,
        tally: Callable[[], Tally],
        readiness: Readiness,
        clock: Clock,
        environment: str,
    ) -> None:
        self._telemetry = telemetry
        self._reports = reports
        self._tally = tally
        self._readiness = readiness
        self._clock = clock
        self._environment = environment
        self._counted: Freshness | None = None
        self._counting: asyncio.Task[Freshness] | None = None

    async def text(self) -> bytes:
        """The whole exposition."""
        ready = all(finding.ok for finding in await self._readiness.state())
        fleet = await self._fleet()
        tell = self._telemetry.set
        tell("build_info", 1, self._environment, expected_migration(), platform.python_version())
        tell("ready", float(ready))
        tell("fleet_counted", float(fleet is not None))
        passing = CollectorRegistry()
        passing.register(_Moment(fleet, self._tally()))
        return generate_latest(self._telemetry.registry) + generate_latest(passing)

    async def _fleet(self) -> Freshness | None:
        """The last count while it is young, else a new one; None when the database does not give it in time."""
        held = self._counted
        if held is not None and 0 <= self._clock.now_ms() - held.at < COUNT_AGAIN_MS:
            return held
        if self._counting is None:
            self._counting = asyncio.create_task(self._reports.freshness(SYSTEM))
        done, _ = await asyncio.wait({self._counting}, timeout=COUNT_SECONDS)
        if not done:  # asked again at the next scrape, not twice at once
            return None
        counting, self._counting = self._counting, None
        if isinstance(error := counting.exception(), CloudcacheError):
            return None
        if error is not None:
            raise error
        self._counted = counting.result()
        return self._counted


@dataclass(frozen=True, eq=False)
class _Moment(Collector):
    """What is true at this moment and kept by nobody."""

    fleet: Freshness | None
    tally: Tally

    def collect(self) -> Iterator[Metric]:
        yield from _done(self.tally)
        if self.fleet is not None:
            yield from _plan(self.fleet)
            yield from _state(self.fleet)


def _plan(fresh: Freshness) -> Iterator[Metric]:
    pools = fresh.plan.pools
    yield _gauge("plan_supply_calls_per_second", [([one.pool.name], one.supply) for one in pools])
    yield _gauge("plan_binding", [([one.pool.name, one.binding.value], 1) for one in pools])
    rates = [([one.pool.name, name], rate) for one in pools for name, rate in one.rates.items()]
    yield _gauge("plan_calls_per_second", rates)
    ages = [(one.pool.name, age) for one in pools for age in one.ages]
    yield _gauge("plan_age_worst_seconds", [([pool, age.zones], age.worst_s) for pool, age in ages])
    yield _gauge("plan_age_mean_seconds", [([pool, age.zones], age.mean_s) for pool, age in ages])


def _state(fresh: Freshness) -> Iterator[Metric]:
    due = fresh.depth.due
    yield _gauge("queue_due_zones", [([one.name.lower()], due.get(one, 0)) for one in Urgency])
    yield _gauge("feeds", [([status.value], count) for status, count in fresh.counts.feeds.items()])
    within = [([str(age // 1000)], count) for age, count in fresh.ages.within[:-1]]
    yield _gauge("zones_read_within", within)
    for key, value in (
        ("queue_behind_seconds", fresh.depth.behind_ms / 1000),
        ("queue_leased_zones", fresh.depth.leased),
        ("queue_parked_zones", fresh.depth.parked),
        ("feed_open_entries", fresh.depth.open_entries),
        ("zones_never_read", fresh.ages.never),
        ("journal_pending", fresh.pending.count),
        ("journal_oldest_pending_seconds", fresh.pending.oldest_ms / 1000),
    ):
        yield _gauge(key, [([], value)])


def _done(tally: Tally) -> Iterator[Metric]:
    yield _counter("looks", [([one.name.lower()], tally.looks[one]) for one in Urgency])
    yield _counter("read_calls", [([one.name.lower()], tally.calls[one]) for one in Urgency])
    yield _counter("look_failures", [([], tally.failures)])
    yield _counter("outside_changes", [([], tally.changes)])
    yield _counter("feed_looks", [([], tally.feeds)])
    yield _counter("feed_lines", [([], tally.named)])


def _gauge(key: str, rows: Sequence[Row]) -> Metric:
    return _filled(GaugeMetricFamily(PREFIX + key, BY_KEY[key].help, labels=BY_KEY[key].labels), rows)


def _counter(key: str, rows: Sequence[Row]) -> Metric:
    return _filled(CounterMetricFamily(PREFIX + key, BY_KEY[key].help, labels=BY_KEY[key].labels), rows)


def _filled(family: GaugeMetricFamily | CounterMetricFamily, rows: Sequence[Row]) -> Metric:
    for labels, value in rows:
        family.add_metric(labels, value)
    return family
