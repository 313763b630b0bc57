"""Runs a scenario: people, troubles and measurements around the engine; the outcome is one object of figures."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from cloudcache.domain.catalog import TOGGLES
from cloudcache.domain.freshness import PLAN_EVERY_MS
from cloudcache.domain.ids import JSON
from cloudcache.simulation.engine import HOUR_MS, START_MS, TICK_MS, Engine
from cloudcache.simulation.figures import Hourly, percentiles
from cloudcache.simulation.options import Options
from cloudcache.simulation.planning import plan_of, usual

WATCHED_SAMPLE_MS = 10_000
BACKLOG_SAMPLE_MS = 30_000
JUST_NOW_MS = 60_000
OPENING_MS = 900_000
"""In which the pages open that stay open."""
SETTLING_MS = 1_200_000
"""In which those were read for the first time; ages of open pages count from then on."""
DAY_MS = 86_400_000


@dataclass
class Backlog:
    """Changes that were waiting at some moment: how many, what the planner says, and how long it really took until
    all was caught up, what came meanwhile included."""

    since: int
    changes: int
    calls: int
    predicted_s: float
    drained_s: float | None = None


@dataclass
class Outcome:
    """All figures of a run."""

    figures: dict[str, JSON]
    hourly: Hourly = field(repr=False)


class Run:
    """One scenario being played."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.engine = Engine(options)
        self.backlog: Backlog | None = None
        self._predicted = _predicted(self.engine)
        self._people()
        self._troubles()
        self._measurements()

    def play(self, tell: Callable[[float], None] | None = None) -> Outcome:
        """From the beginning to the end."""
        began = time.perf_counter()
        self.engine.tick()
        self.engine.run(START_MS + int(self.options.hours * HOUR_MS), tell)
        return Outcome(self._figures(time.perf_counter() - began), self.engine.hourly)

    # -- people --------------------------------------------------------------------------------
    def _people(self) -> None:
        o, engine = self.options, self.engine
        a_day = o.customers * o.changes_per_zone_day
        self._again(a_day, lambda: engine.change_elsewhere(self._zone(), self._toggle()))
        self._again(o.customers * o.writes_per_zone_day, lambda: engine.write(self._zone(), self._toggle()))
        for zone in engine.chance.sample(range(o.customers), min(o.watched, o.customers)):
            opens = engine.now + int(engine.chance.random() * min(OPENING_MS, o.hours * HOUR_MS / 4))
            engine.at(opens, partial(engine.open_page, zone))
        if o.rush:
            at_h, minutes, many = o.rush
            self._at(at_h, lambda: self._rush(minutes, many))
        if o.burst:
            at_h, minutes, many = o.burst
            self._at(at_h, lambda: self._burst(minutes, many))

    def _again(self, a_day: float, then: Callable[[], object]) -> None:
        """So often a day, at random."""
        if a_day <= 0:
            return
        engine = self.engine

        def happen() -> None:
            then()
            engine.at(engine.now + 1 + int(engine.chance.expovariate(a_day / DAY_MS)), happen)

        engine.at(engine.now + int(engine.chance.expovariate(a_day / DAY_MS)), happen)

    def _rush(self, minutes: float, many: int) -> None:
        engine = self.engine
        idle = [zone for zone in range(len(engine.fleet)) if zone not in set(engine.watched)]
        for zone in engine.chance.sample(idle, min(many, len(idle))):
            opens = engine.now + int(engine.chance.random() * 60_000)
            engine.at(opens, partial(engine.open_page, zone))
            closes = opens + int(minutes * 60_000)
            engine.at(closes, partial(engine.close_page, zone))

    def _burst(self, minutes: float, many: int) -> None:
        engine = self.engine
        for _ in range(many):
            at = engine.now + int(engine.chance.random() * minutes * 60_000)
            engine.at(at, lambda: engine.change_elsewhere(self._zone(), self._toggle()))
        engine.at(engine.now + int(minutes * 60_000), self._note_backlog)

    def _zone(self) -> int:
        return self.engine.chance.randrange(len(self.engine.fleet))

    def _toggle(self) -> int:
        return self.engine.chance.randrange(len(TOGGLES))

    # -- troubles ------------------------------------------------------------------------------
    def _troubles(self) -> None:
        o, engine = self.options, self.engine
        if o.feed_dead_h:
            self._at(o.feed_dead_h[0], lambda: setattr(engine, "feed_is_dead", True))
            self._at(o.feed_dead_h[1], self._feed_is_back)
        if o.revoked_at_h is not None:
            self._at(o.revoked_at_h, lambda: setattr(engine, "revoked", True))
        if o.batch_withdrawn_at_h is not None:
            self._at(o.batch_withdrawn_at_h, lambda: setattr(engine, "batch_is_gone", True))
        for at_h, ahead_h in o.clock_jumps_h:
            self._at(at_h, partial(engine.jump, int(ahead_h * HOUR_MS)))

    def _at(self, hours: float, then: Callable[[], object]) -> None:
        self.engine.at(START_MS + int(hours * HOUR_MS), lambda: (then(), None)[1])

    def _feed_is_back(self) -> None:
        self.engine.feed_is_dead = False
        self._note_backlog()

    def _note_backlog(self) -> None:
        """From here on it is counted down what was waiting; the prediction is that of before the trouble."""
        engine = self.engine
        changes, calls = engine.fleet.backlog(engine.batch)
        before = plan_of(self.options, engine.limits, usual(self.options), batch=engine.batch)
        self.backlog = Backlog(engine.now, changes, calls, before.drain_s(calls))
        engine.every(BACKLOG_SAMPLE_MS, self._is_caught_up)

    def _is_caught_up(self) -> None:
        """Nothing waits any more that was not changed just now."""
        engine, backlog = self.engine, self.backlog
        fresh = engine.now - JUST_NOW_MS - int(self.options.feed_delay_s * 1_000)
        if backlog and backlog.drained_s is None and engine.fleet.oldest_unseen(engine.now) > fresh:
            backlog.drained_s = (engine.now - backlog.since) / 1_000

    # -- measurements --------------------------------------------------------------------------
    def _measurements(self) -> None:
        engine = self.engine
        engine.every(TICK_MS, engine.tick)
        engine.every(PLAN_EVERY_MS, engine.replan)
        engine.every(WATCHED_SAMPLE_MS, self._sample_watched)
        engine.every(HOUR_MS, self._sample_ages)

    def _sample_watched(self) -> None:
        engine, clock = self.engine, self.engine.clock()
        if engine.now < START_MS + min(SETTLING_MS, self.options.hours * HOUR_MS / 3):
            return
        for zone in engine.watched:
            feed = engine.feeds.feeds[zone if engine.per_customer else 0]
            verified = feed.position.verified_until or 0
            known = max(engine.fleet.read_at[zone], min(verified, clock))
            engine.watched_ages.add(max(0, clock - known) / 1_000)

    def _sample_ages(self) -> None:
        engine, clock = self.engine, self.engine.clock()
        engine.untruthful += engine.fleet.hides_older_than_claimed()
        ages = sorted(clock - at for at in engine.fleet.read_at)
        p50, p95, p99, worst = percentiles(ages, 0.5, 0.95, 0.99, 1.0)
        engine.hourly.ages.append((p50 / HOUR_MS, p95 / HOUR_MS, p99 / HOUR_MS, worst / HOUR_MS))

    def _figures(self, wall_s: float) -> dict[str, JSON]:
        engine, o = self.engine, self.options
        clock = engine.clock()
        ages = sorted((clock - at) / 1_000 for at in engine.fleet.read_at)
        unseen, _ = engine.fleet.backlog(engine.batch)
        backlog = self.backlog
        shares = {"p50": 0.5, "p95": 0.95, "p99": 0.99, "worst": 1.0}
        return {
            "scenario": o.scenario,
            "seed": o.seed,
            "customers": o.customers,
            "hours": o.hours,
            "tokens": o.tokens.value,
            "breaches": engine.breaches,
            "calls": dict(sorted(engine.calls.items())),
            "changes_seen": engine.delays.many,
            "detection_delay_s": dict(engine.delays.summary(50, 95, 99)),
            "write_wait_s": dict(engine.waits.summary(50, 99)),
            "age_s": {
                "all": {
                    name: ages[min(len(ages) - 1, int(share * len(ages)))] for name, share in shares.items()
                },
                "watched": dict(engine.watched_ages.summary(50, 95, 99)),
            },
            "predicted": self._predicted,
            "most_calls_in_a_second": engine.address.most,
            "most_calls_in_300_s": engine.most_calls_in_a_window(),
            "feeds_looked_at_within_s": engine.feeds.longest_unread_ms / 1_000,
            "parked": sum(engine.fleet.parked),
            "undetected": unseen,
            "untruthful": engine.untruthful + engine.fleet.hides_older_than_claimed(),
            "backlog": backlog.changes if backlog else None,
            "predicted_drain_s": backlog.predicted_s if backlog else None,
            "drained_s": backlog.drained_s if backlog else None,
            "batch_read": engine.batch,
            "wall_s": round(wall_s, 2),
            "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
        }


def _predicted(engine: Engine) -> JSON:
    plan = engine.plan
    return {
        "supply_calls_per_s": plan.supply,
        "binding": plan.binding.value,
        "sweep_s": plan.sweep_s,
        "rates": dict(plan.rates),
        "ages_s": {age.zones: {"worst": age.worst_s, "mean": age.mean_s} for age in plan.ages},
    }
