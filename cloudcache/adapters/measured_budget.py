"""A budget that tells what it does, whichever budget it is: what was let go, what waits, who is blocked."""

from __future__ import annotations

from time import perf_counter

from cloudcache.domain.budget import CallClass, Lane
from cloudcache.domain.ids import CredentialId
from cloudcache.ports import Budget, Clock, Reservation, Telemetry

KEPT = 1_000
"""Credentials whose last reply is remembered; beyond that the oldest is forgotten."""

REPLY_COUNTS_FOR_MS = 300_000
"""After a window without a reply a credential has all its calls again."""


class MeasuredBudget:
    """The `Budget` around another one. Labels are classes; credentials are only counted."""

    def __init__(self, inner: Budget, telemetry: Telemetry, clock: Clock) -> None:
        self._inner = inner
        self._telemetry = telemetry
        self._clock = clock
        self._waiting = dict.fromkeys(CallClass, 0)
        self._blocked: dict[CredentialId, int] = {}
        self._left: dict[CredentialId, tuple[int, int]] = {}
        telemetry.watch("budget_blocked_credentials", self._how_many_blocked)
        telemetry.watch("cloudflare_calls_left", self._fewest_left)
        for one in CallClass:
            telemetry.set("budget_waiting", 0, one.name.lower())

    async def acquire(self, lane: Lane) -> Reservation:
        began = perf_counter()
        self._waits(lane.call_class, 1)
        try:
            reservation = await self._inner.acquire(lane)
        finally:
            self._waits(lane.call_class, -1)
        name = lane.call_class.name.lower()
        self._telemetry.count("budget_calls", name)
        self._telemetry.observe("budget_wait_seconds", perf_counter() - began, name)
        return reservation

    def estimate_ms(self, lane: Lane) -> int:
        return self._inner.estimate_ms(lane)

    def report(self, credential: CredentialId, remaining: int, resets_in_s: int, policy: str = "") -> None:
        self._left.pop(credential, None)
        self._left[credential] = (remaining, self._clock.now_ms() + REPLY_COUNTS_FOR_MS)
        _drop_oldest(self._left)
        self._inner.report(credential, remaining, resets_in_s, policy)

    def succeeded(self, credential: CredentialId) -> None:
        self._blocked.pop(credential, None)
        self._inner.succeeded(credential)

    def block(self, credential: CredentialId, retry_after_s: float) -> None:
        self._blocked[credential] = self._clock.now_ms() + round(retry_after_s * 1000)
        self._inner.block(credential, retry_after_s)

    def blocked_until_ms(self, credential: CredentialId) -> int | None:
        return self._inner.blocked_until_ms(credential)

    def _waits(self, call_class: CallClass, by: int) -> None:
        self._waiting[call_class] += by
        self._telemetry.set("budget_waiting", self._waiting[call_class], call_class.name.lower())

    def _how_many_blocked(self) -> float:
        now = self._clock.now_ms()
        self._blocked = {one: until for one, until in self._blocked.items() if until > now}
        return len(self._blocked)

    def _fewest_left(self) -> float:
        """NaN, which no rule fires on, while no credential has told lately."""
        now = self._clock.now_ms()
        return min((left for left, until in self._left.values() if until > now), default=float("nan"))


def _drop_oldest(kept: dict[CredentialId, tuple[int, int]]) -> None:
    if len(kept) > KEPT:
        del kept[next(iter(kept))]
