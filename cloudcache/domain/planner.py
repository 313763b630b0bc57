"""What freshness the credentials at hand can buy, and the pace that buys it.

    supply    per token 3 calls a second that last, per address 190 reads a second; the smaller one binds
    demand    writes first; then every feed once in 15 minutes, and those of open pages every 15 seconds; then a
              read for each change they name, and for those that wait; then, from a quarter of the rest, lively
              feeds every minute and pages that were open for long; what is left sweeps

Where the supply is too small the intervals grow, in the reverse of that order. Nothing is promised that the budget
cannot pay: the ages are those of the pace that fits. The pace itself is bounded, for what is due in a year because
of an overload of ten minutes would stay so; in an overload the queue is simply late, and works in order.

The address is shared by all pools, the small ones first, so that zones on the platform's token are not starved by a
hundred thousand tokens of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from cloudcache.domain.budget import Limits
from cloudcache.domain.catalog import reads
from cloudcache.domain.freshness import SWEEP_AT_LEAST_MS, Pace

SECONDS_A_DAY = 86_400
USABLE = 0.97
"""Of the supply is planned with; retries and probes take the rest."""

BUSY_SHARE = 0.97
"""Of what is left after the duties, open pages may take; the rest keeps the sweep alive."""

LIVELY_SHARE = 0.25
CATCH_UP_S = 600
"""A backlog that the supply can work off in this time leaves something for the rest."""

SWEEP_AT_LEAST_S = SWEEP_AT_LEAST_MS / 1000
LONGEST_S = 365 * SECONDS_A_DAY
USUAL = Pace()
MOST = Pace(
    sweep_ms=30 * SECONDS_A_DAY * 1000,
    watched_ms=30 * 60_000,
    followed_ms=12 * 3_600_000,
    feed_busy_ms=USUAL.feed_quiet_ms,
    feed_lively_ms=USUAL.feed_quiet_ms,
    feed_quiet_ms=4 * 3_600_000,
)
"""No longer than this between two looks, whatever the supply."""


class Binding(StrEnum):
    """What keeps values from being fresher."""

    TOKEN = "token"  # noqa: S105  a name, not a secret
    ADDRESS = "address"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Pool:
    """Zones that are supplied alike: those on the platform's token, or those with tokens of their own."""

    name: str
    tokens: int
    zones: int
    accounts: int = 0
    """Accounts whose feed can be read."""
    busy_accounts: int = 0
    """Those with an open page, or a change in the last minute."""
    lively_accounts: int = 0
    """Those with a change in the last hour."""
    watched: int = 0
    """Zones with an open page."""
    polled: int = 0
    """Those of them that no feed tells of."""
    followed: int = 0
    """Zones whose account's feed can be read."""
    viewed: int = 0
    """Zones of weight 4."""
    touched: int = 0
    """Zones of weight 9."""
    changes_per_day: float = 0.0
    """Changes made elsewhere, in all zones."""
    writes_per_day: float = 0.0
    backlog: int = 0
    """Changes that the feeds told of and that were not read yet."""


@dataclass(frozen=True, slots=True)
class Age:
    """How old a value of some class of zones gets, in seconds, and on average."""

    zones: str
    worst_s: float
    mean_s: float


@dataclass(frozen=True, slots=True)
class PoolPlan:
    """The pace of one pool, what it costs by class in calls a second, and the ages it achieves."""

    pool: Pool
    pace: Pace
    supply: float
    """Calls a second that may be made in all."""
    rates: dict[str, float]
    duties: float
    """Calls a second that cannot wait: writes, feeds, and the changes they name."""
    sweep_s: float
    """How long one round of whole reads takes for a zone of weight 1."""
    ages: tuple[Age, ...]
    binding: Binding

    @property
    def spare(self) -> float:
        """Calls a second left to work off a backlog, while sweeps and second looks at open pages stand still."""
        return max(0.0, self.supply * USABLE - self.duties)

    def drain_s(self, calls: float) -> float:
        """How long a backlog of so many reads takes."""
        return calls / self.spare if self.spare else float(LONGEST_S)


@dataclass(frozen=True, slots=True)
class FleetPlan:
    """The plans of all pools, and whether the batch call is counted on."""

    pools: tuple[PoolPlan, ...]
    batch: bool
    limits: Limits = field(repr=False)

    def of(self, name: str) -> PoolPlan | None:
        """The plan of one pool."""
        return next((one for one in self.pools if one.pool.name == name), None)

    def with_tokens_of_their_own(self) -> FleetPlan:
        """What it would be if each zone had a token of its own."""
        pools = [replace(one.pool, tokens=max(one.pool.zones, 1)) for one in self.pools]
        return plan(pools, self.limits, self.batch)

    def with_another_address(self) -> FleetPlan:
        """What it would be if the calls left from two addresses."""
        wider = replace(self.limits, address_calls_per_second=2 * self.limits.address_calls_per_second)
        return plan([one.pool for one in self.pools], wider, self.batch)


def plan(
    pools: Sequence[Pool],
    limits: Limits,
    batch: bool,
    *,
    watch_s: float = 60,
    follow_s: float = 3_600,
    audit_log_s: float = USUAL.feed_busy_ms / 1000,
) -> FleetPlan:
    """Return the pace that fits, for each pool.

    `watch_s` and `follow_s` are the seconds wanted between whole reads of a zone with an open page, without and with
    a readable audit log, and `audit_log_s` those between reads of that log; all grow when the supply is short."""
    busy = [pool for pool in pools if pool.zones]
    shares = _shares(
        [pool.tokens * limits.steady_per_second for pool in busy], float(limits.reads_per_second)
    )
    calls = len(reads(batch))
    plans = [
        _plan_pool(pool, share, limits, calls, (watch_s, follow_s, audit_log_s))
        for pool, share in zip(busy, shares, strict=True)
    ]
    return FleetPlan(tuple(plans), batch, limits)


def _shares(wanted: Sequence[float], supply: float) -> list[float]:
    """Max-min fair: who wants little gets it whole, and the others share what is left."""
    given = [0.0] * len(wanted)
    left, waiting = supply, sorted(range(len(wanted)), key=lambda one: wanted[one])
    while waiting:
        one = waiting.pop(0)
        given[one] = min(wanted[one], left / (len(waiting) + 1))
        left -= given[one]
    return given


def _plan_pool(
    pool: Pool, share: float, limits: Limits, calls: int, wanted: tuple[float, float, float]
) -> PoolPlan:
    watch_s, follow_s, audit_log_s = wanted
    supply = _Supply(share * USABLE)
    quiet_s = USUAL.feed_quiet_ms / 1000
    supply.take("write", pool.writes_per_day / SECONDS_A_DAY)
    quiet_s = max(quiet_s, pool.accounts / supply.left if supply.left else LONGEST_S)
    supply.take("feed", max(0, pool.accounts - pool.busy_accounts) / quiet_s)
    busy_s = min(quiet_s, supply.every("feed", pool.busy_accounts, audit_log_s, BUSY_SHARE))
    supply.take("named", pool.changes_per_day * (pool.followed / pool.zones) / SECONDS_A_DAY)
    duties = supply.given
    supply.take("named", pool.backlog / CATCH_UP_S)
    watched_s = supply.every("watched", pool.polled * calls, watch_s, BUSY_SHARE)
    followed_s = supply.every("watched", (pool.watched - pool.polled) * calls, follow_s, LIVELY_SHARE)
    more = max(0.0, 1 / (USUAL.feed_lively_ms / 1000) - 1 / quiet_s) * pool.lively_accounts
    lively = min(more, supply.left * LIVELY_SHARE)
    supply.take("feed", lively)
    lively_s = quiet_s if not pool.lively_accounts else 1 / (1 / quiet_s + lively / pool.lively_accounts)
    sweep_s = _sweep_s(pool, supply.left, calls)
    supply.take("sweep", min(supply.left, _sweep_load(pool) * calls / sweep_s))
    pace = Pace(
        sweep_ms=round(sweep_s * 1000),
        watched_ms=round(watched_s * 1000),
        followed_ms=round(followed_s * 1000),
        feed_busy_ms=round(busy_s * 1000),
        feed_lively_ms=round(min(lively_s, quiet_s) * 1000),
        feed_quiet_ms=round(quiet_s * 1000),
    )
    keeps = sweep_s <= SWEEP_AT_LEAST_S and busy_s <= max(audit_log_s, USUAL.feed_busy_ms / 1000)
    binding = _binding(pool, share, limits) if not keeps else Binding.NOTHING
    return PoolPlan(pool, _bounded(pace), share, supply.rates, duties, sweep_s, _ages(pool, pace), binding)


def _bounded(pace: Pace) -> Pace:
    """The pace to keep; see the top of this file."""
    return Pace(
        sweep_ms=min(pace.sweep_ms, MOST.sweep_ms),
        watched_ms=min(pace.watched_ms, MOST.watched_ms),
        followed_ms=min(pace.followed_ms, MOST.followed_ms),
        feed_busy_ms=min(pace.feed_busy_ms, MOST.feed_busy_ms),
        feed_lively_ms=min(pace.feed_lively_ms, MOST.feed_lively_ms),
        feed_quiet_ms=min(pace.feed_quiet_ms, MOST.feed_quiet_ms),
    )


class _Supply:
    """Calls a second, given out one demand after another."""

    def __init__(self, rate: float) -> None:
        self.left = self._all = rate
        self.rates = dict.fromkeys(("write", "named", "feed", "watched", "sweep"), 0.0)

    @property
    def given(self) -> float:
        """What was taken so far."""
        return self._all - self.left

    def take(self, name: str, rate: float) -> None:
        taken = min(rate, self.left)
        self.left -= taken
        self.rates[name] += taken

    def every(self, name: str, many: float, seconds: float, share: float = 1.0) -> float:
        """Take what `many` calls every so many seconds need, or all there is; returns the interval it comes to."""
        if not many:
            return seconds
        rate = min(many / seconds, self.left * share)
        self.take(name, rate)
        return min(float(LONGEST_S), many / rate) if rate > 0 else float(LONGEST_S)


def _sweep_load(pool: Pool) -> float:
    """The zones, each counted by the square root of its weight."""
    plain = max(0, pool.zones - pool.viewed - pool.touched)
    return plain + 2 * pool.viewed + 3 * pool.touched


def _sweep_s(pool: Pool, left: float, calls: int) -> float:
    """The round of a zone of weight 1 that uses up what is left."""
    if left <= 0:
        return float(LONGEST_S)
    return min(float(LONGEST_S), max(SWEEP_AT_LEAST_S, _sweep_load(pool) * calls / left))


def _ages(pool: Pool, pace: Pace) -> tuple[Age, ...]:
    sweep_s = pace.sweep_ms / 1000
    ages = [Age("quiet", sweep_s, sweep_s / 2)]
    if pool.viewed:
        viewed_s = max(SWEEP_AT_LEAST_S, sweep_s / 2)
        ages.append(Age("viewed this week", viewed_s, viewed_s / 2))
    if pool.touched:
        touched_s = max(SWEEP_AT_LEAST_S, sweep_s / 3)
        ages.append(Age("changed this week", touched_s, touched_s / 2))
    if pool.accounts:
        busy_s = pace.feed_busy_ms / 1000
        quiet_s = busy_s if pool.busy_accounts >= pool.accounts else pace.feed_quiet_ms / 1000
        ages.append(Age("told by the feed", quiet_s, quiet_s / 2))
        ages.append(Age("open page, told by the feed", busy_s, busy_s / 2))
    if pool.followed < pool.zones:
        watched_s = pace.watched_ms / 1000
        ages.append(Age("open page, polled", watched_s, watched_s / 2))
    return tuple(ages)


def _binding(pool: Pool, share: float, limits: Limits) -> Binding:
    return Binding.TOKEN if share >= pool.tokens * limits.steady_per_second else Binding.ADDRESS
