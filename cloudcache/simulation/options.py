"""What is simulated: one frozen object, and the scenarios as changes of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum


class Tokens(StrEnum):
    """Whose calls are counted together."""

    ONE = "one"
    PER_CUSTOMER = "per-customer"


@dataclass(frozen=True, slots=True)
class Options:
    """Sizes, rates and troubles. Times are in the unit their name ends with; a window is (from, to) in hours."""

    customers: int = 100_000
    hours: float = 168.0
    tokens: Tokens = Tokens.ONE
    feed_delay_s: float = 5.0
    changes_per_zone_day: float = 1.0
    writes_per_zone_day: float = 0.05
    watched: int = 200
    """Pages open all the time."""
    batch: bool = True
    failing: float = 0.0
    """The share of calls that Cloudflare answers with an error of its own."""
    seed: int = 1
    scenario: str = "one-account"
    feed_dead_h: tuple[float, float] | None = None
    revoked_at_h: float | None = None
    batch_withdrawn_at_h: float | None = None
    clock_jumps_h: tuple[tuple[float, float], ...] = ()
    """(when, by how many hours our clock is then ahead of Cloudflare's)."""
    burst: tuple[float, float, int] | None = None
    """(when in hours, for how many minutes, how many changes)."""
    rush: tuple[float, float, int] | None = None
    """(when in hours, for how many minutes, how many pages open at once)."""
    calls_per_window: int = 1_000
    address_calls_per_second: int = 200


BASE = Options()
SCENARIOS: dict[str, tuple[str, Options]] = {
    "one-account": ("All zones in one account, on one token, for a week.", BASE),
    "account-per-customer": (
        "A token and an account for each customer, all calls from one address, 2,000 pages open.",
        replace(BASE, tokens=Tokens.PER_CUSTOMER, hours=6.0, watched=2_000),
    ),
    "feed-dead": (
        "One account; its audit log can't be read for six hours.",
        replace(BASE, hours=30.0, feed_dead_h=(3.0, 9.0)),
    ),
    "token-revoked": (
        "One account; its only token is revoked after two hours.",
        replace(BASE, hours=12.0, revoked_at_h=2.0),
    ),
    "flash-sale": (
        "One account; 5,000 merchants open their page within a minute and stay for half an hour.",
        replace(BASE, hours=6.0, rush=(1.0, 30.0, 5_000)),
    ),
    "batch-withdrawn": (
        "One account; the call that reads 33 settings is withdrawn after six hours.",
        replace(BASE, hours=24.0, batch_withdrawn_at_h=6.0),
    ),
    "failing-calls": (
        "One account; one call in ten fails.",
        replace(BASE, hours=24.0, failing=0.1),
    ),
    "clock-jump": (
        "One account; our clock jumps an hour ahead, and two hours later back.",
        replace(BASE, hours=12.0, clock_jumps_h=((3.0, 1.0), (5.0, 0.0))),
    ),
    "burst": (
        "One account; 20,000 settings are changed outside this app within ten minutes.",
        replace(BASE, hours=8.0, burst=(1.0, 10.0, 20_000)),
    ),
}


def scenario(name: str) -> Options:
    """The options of a scenario; ValueError for a name that is none."""
    if name not in SCENARIOS:
        raise ValueError(f"no such scenario: {name[:40]!r} (there are {', '.join(SCENARIOS)})")
    return replace(SCENARIOS[name][1], scenario=name)
