"""What a process answers when Prometheus asks: its own counts, the engine's, and the fleet's from the database.

The fleet is counted at most every 15 seconds, the rollout's cohorts every minute, however often somebody scrapes, and
within two seconds: while the database does not answer, the process still tells about itself.
"""

from __future__ import annotations

import asyncio
import platform
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from cloudcache.adapters.db.migrations import EXPECTED_MIGRATION
from cloudcache.adapters.prometheus import PrometheusTelemetry
from cloudcache.adapters.telemetry import BY_KEY, PREFIX
from cloudcache.domain.access import SYSTEM
from cloudcache.domain.errors import CloudcacheError
from cloudcache.domain.events import ChangeStatus
from cloudcache.domain.freshness import Urgency
from cloudcache.ports import Clock
from cloudcache.services.readiness import Readiness
from cloudcache.services.report import Freshness, Reports
from cloudcache.services.rollouts import RolloutReport, Rollouts
from cloudcache.services.tally import Tally

COUNT_AGAIN_MS = 15_000
COHORTS_AGAIN_MS = 60_000
"""All shops are gone through for them."""

COUNT_SECONDS = 2.0

T = TypeVar("T")

Row = tuple[Sequence[str], float]


class Scrape:
    """One per process."""

    def __init__(
        self,
        telemetry: PrometheusTelemetry,
        reports: Reports,
        rollouts: Rollouts,
        tally: Callable[[], Tally],
        readiness: Readiness,
        clock: Clock,
    ) -> None:
        self._telemetry = telemetry
        self._environment = rollouts.environment
        self._tally = tally
        self._readiness = readiness
        self._fleet = _Counted(lambda: reports.freshness(SYSTEM), COUNT_AGAIN_MS, clock)
        self._cohorts = _Counted(lambda: rollouts.report(SYSTEM), COHORTS_AGAIN_MS, clock)

    async def text(self) -> bytes:
        """The whole exposition."""
        ready = all(finding.ok for finding in await self._readiness.state())
        fleet, cohorts = await asyncio.gather(self._fleet.newest(), self._cohorts.newest())
        tell = self._telemetry.set
        tell("build_info", 1, self._environment, EXPECTED_MIGRATION, platform.python_version())
        tell("ready", float(ready))
        tell("fleet_counted", float(fleet is not None))
        passing = CollectorRegistry()
        passing.register(_Moment(fleet, cohorts, self._tally()))
        return generate_latest(self._telemetry.registry) + generate_latest(passing)


class _Counted(Generic[T]):
    """Something that takes a while to count: the last count while it is young, else a new one."""

    def __init__(self, count: Callable[[], Awaitable[T]], again_ms: int, clock: Clock) -> None:
        self._count = count
        self._again_ms = again_ms
        self._clock = clock
        self._held: T | None = None
        self._held_at = 0
        self._counting: asyncio.Task[T] | None = None

    async def newest(self) -> T | None:
        """None when the database does not give it in time."""
        if self._held is not None and 0 <= self._clock.now_ms() - self._held_at < self._again_ms:
            return self._held
        if self._counting is None:
            self._counting = asyncio.ensure_future(self._count())
        done, _ = await asyncio.wait({self._counting}, timeout=COUNT_SECONDS)
        if not done:  # asked again at the next scrape, not twice at once
            return None
        counting, self._counting = self._counting, None
        if isinstance(counting.exception(), CloudcacheError):
            return None
        self._held, self._held_at = counting.result(), self._clock.now_ms()
        return self._held


@dataclass(frozen=True, eq=False)
class _Moment(Collector):
    """What is true at this moment and kept by nobody."""

    fleet: Freshness | None
    cohorts: RolloutReport | None
    tally: Tally

    def collect(self) -> Iterator[Metric]:
        yield from _done(self.tally)
        if self.fleet is not None:
            yield from _plan(self.fleet)
            yield from _state(self.fleet)
        if self.cohorts is not None:
            yield from _rollout(self.cohorts)


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
    breakers = [([one.token_kind.value, one.setting_id], 1.0) for one in fresh.breakers]
    yield _gauge("circuit_breakers_open", breakers)
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


def _rollout(report: RolloutReport) -> Iterator[Metric]:
    cohorts = report.cohorts.items()
    yield _gauge("rollout_customers", [([name.value], counts.customers) for name, counts in cohorts])
    wishes = [
        ([name.value, status.value], counts.wishes[status])
        for name, counts in cohorts
        for status in ChangeStatus
    ]
    yield _gauge("rollout_wishes", wishes)


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
