"""The real planner, told what there is in the simulation."""

from __future__ import annotations

from dataclasses import dataclass
from math import exp

from cloudcache.domain.budget import Limits
from cloudcache.domain.feed import BUSY_FOR_MS, LIVELY_FOR_MS
from cloudcache.domain.freshness import DAY_MS, REMEMBERED_MS
from cloudcache.domain.planner import Pool, PoolPlan, plan
from cloudcache.simulation.options import Options, Tokens


@dataclass(frozen=True, slots=True)
class Counted:
    """What the planner counts besides the zones: accounts and zones with changes, open pages, what waits."""

    busy: int
    lively: int
    touched: int
    changes_per_day: float
    watched: int
    is_followed: bool = True
    backlog: int = 0


def usual(options: Options) -> Counted:
    """What there will be once it has been running for long."""
    changes = options.customers * options.changes_per_zone_day
    is_each = options.tokens is Tokens.PER_CUSTOMER
    untouched = exp(-options.changes_per_zone_day * REMEMBERED_MS / DAY_MS)
    return Counted(
        busy=int(changes * BUSY_FOR_MS / DAY_MS) if is_each else 0,
        lively=int(changes * LIVELY_FOR_MS / DAY_MS) if is_each else 0,
        touched=int(options.customers * (1 - untouched)),
        changes_per_day=changes,
        watched=options.watched,
    )


def plan_of(options: Options, limits: Limits, counted: Counted, *, batch: bool) -> PoolPlan:
    """The plan for the one pool of a simulation. `lively` counts the busy accounts as well."""
    zones, is_each = options.customers, options.tokens is Tokens.PER_CUSTOMER
    accounts = zones if is_each else 1
    open_accounts = counted.watched if is_each else min(1, counted.watched)
    busy = min(accounts, counted.busy + open_accounts)
    pool = Pool(
        "own" if is_each else "platform",
        tokens=accounts,
        zones=zones,
        accounts=accounts,
        busy_accounts=busy,
        lively_accounts=max(0, min(accounts - busy, counted.lively - counted.busy)),
        watched=counted.watched,
        polled=0 if counted.is_followed else counted.watched,
        followed=zones if counted.is_followed else 0,
        touched=counted.touched,
        changes_per_day=counted.changes_per_day,
        writes_per_day=zones * options.writes_per_zone_day,
        backlog=counted.backlog,
    )
    return plan([pool], limits, batch).pools[0]
