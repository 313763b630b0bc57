"""`/metrics` for Prometheus: how fresh the cache is and can be, the queue, the feeds, and what this process did.

The whole fleet is counted at most every 15 seconds, however often somebody scrapes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from cloudcache.domain.access import SYSTEM
from cloudcache.domain.errors import CloudcacheError
from cloudcache.domain.freshness import Urgency
from cloudcache.services import current
from cloudcache.services.engine import Tally
from cloudcache.services.report import Freshness

COUNT_AGAIN_MS = 15_000

_counted: list[Freshness] = []


async def metrics(request: Request) -> Response:
    """The text that Prometheus reads; 503 while the database cannot be counted."""
    services = current()
    try:
        if not _counted or not 0 <= services.clock.now_ms() - _counted[0].at < COUNT_AGAIN_MS:
            _counted[:] = [await services.reports.freshness(SYSTEM)]
    except CloudcacheError as error:
        return PlainTextResponse(f"# not counted: {error}\n", status_code=503)
    registry = CollectorRegistry()
    registry.register(_Snapshot(_counted[0], services.engine.tally))
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)


@dataclass(frozen=True, eq=False)
class _Snapshot(Collector):
    """One moment."""

    fresh: Freshness
    tally: Tally

    def collect(self) -> Iterator[Metric]:
        yield from _plan(self.fresh)
        yield from _state(self.fresh)
        yield from _done(self.tally)


def _plan(fresh: Freshness) -> Iterator[Metric]:
    supply = _gauge("plan_supply_calls_per_second", "Calls a second that the credentials allow.", "pool")
    rates = _gauge("plan_calls_per_second", "Calls a second as planned, by class.", "pool", "class")
    worst = _gauge("plan_age_worst_seconds", "How old a value gets at worst, as planned.", "pool", "zones")
    mean = _gauge("plan_age_mean_seconds", "How old a value is on average, as planned.", "pool", "zones")
    binding = _gauge("plan_binding", "1 for the limit that keeps values from being fresher.", "pool", "limit")
    for one in fresh.plan.pools:
        name = one.pool.name
        supply.add_metric([name], one.supply)
        binding.add_metric([name, one.binding.value], 1)
        for call_class, rate in one.rates.items():
            rates.add_metric([name, call_class], rate)
        for age in one.ages:
            worst.add_metric([name, age.zones], age.worst_s)
            mean.add_metric([name, age.zones], age.mean_s)
    yield from (supply, rates, worst, mean, binding)


def _state(fresh: Freshness) -> Iterator[Metric]:
    due = _gauge("queue_due_zones", "Zones that are due now.", "urgency")
    for urgency in Urgency:
        due.add_metric([urgency.name.lower()], fresh.depth.due.get(urgency, 0))
    feeds = _gauge("feeds", "Accounts by whether their change feed can be read.", "status")
    for status, count in fresh.counts.feeds.items():
        feeds.add_metric([status.value], count)
    ages = _gauge("zones_read_within", "Zones read whole within so many seconds.", "seconds")
    for within, count in fresh.ages.within[:-1]:
        ages.add_metric([str(within // 1000)], count)
    yield from (due, feeds, ages)
    yield _one("queue_behind_seconds", "How late the longest due zone is.", fresh.depth.behind_ms / 1000)
    yield _one("queue_leased_zones", "Zones being read.", fresh.depth.leased)
    yield _one("queue_parked_zones", "Zones that somebody must mend.", fresh.depth.parked)
    yield _one(
        "feed_open_entries", "Lines of feeds whose settings were not read yet.", fresh.depth.open_entries
    )
    yield _one("zones_never_read", "Zones never read whole.", fresh.ages.never)


def _done(tally: Tally) -> Iterator[Metric]:
    looks = CounterMetricFamily("cloudcache_looks", "Zones read by this process.", labels=["urgency"])
    calls = CounterMetricFamily("cloudcache_read_calls", "Calls that read them.", labels=["urgency"])
    for urgency in Urgency:
        looks.add_metric([urgency.name.lower()], tally.looks[urgency])
        calls.add_metric([urgency.name.lower()], tally.calls[urgency])
    yield from (looks, calls)
    for name, text, value in (
        ("feed_looks", "Feeds read by this process.", tally.feeds),
        ("feed_lines", "New lines of feeds that concerned us.", tally.named),
        ("outside_changes", "Changes made elsewhere that were seen.", tally.changes),
        ("look_failures", "Looks that failed.", tally.failures),
    ):
        yield CounterMetricFamily(f"cloudcache_{name}", text, value=value)


def _gauge(name: str, text: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"cloudcache_{name}", text, labels=labels)


def _one(name: str, text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"cloudcache_{name}", text, value=value)


ROUTES = [Route("/metrics", metrics)]
