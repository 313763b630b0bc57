"""The buckets that all processes draw from: `budget.lua`, run by Redis, and its answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path
from typing import cast

from cloudcache.adapters.redis.connection import Connection
from cloudcache.domain.budget import CallClass, Lane, Limits, Standing
from cloudcache.domain.ids import CredentialId

SCRIPT = Path(__file__).with_name("budget.lua").read_text()


@dataclass(frozen=True, slots=True)
class Answer:
    """Whether a call may go, and how its credential stands."""

    goes: bool
    standing: Standing
    gate_ms: int
    """How long the address is full; nothing else is in the way then."""
    number: int
    is_probe: bool

    @property
    def probe(self) -> int:
        """The number of the call if it is the probe, else 0."""
        return self.number if self.is_probe else 0


@dataclass(frozen=True, slots=True)
class Reported:
    """What the header of an answer said: calls left, for how long, and the number of the answered call."""

    remaining: int
    resets_ms: int
    number: int


class Probe(IntEnum):
    """What became of the one call that may ask whether a credential is open again."""

    NONE = 0
    ANSWERED = 1
    RELEASED = 2


@dataclass(slots=True)
class Untold:
    """What this process knows of a credential that the others do not know yet."""

    calls: int = 0
    closed_until: int = 0
    probe: Probe = Probe.NONE
    probe_number: int = 0
    reports: dict[str, Reported] = field(default_factory=dict)
    """The latest of each of Cloudflare's limits, by its name."""


class Buckets:
    """Takes calls and tells what happened; `Away` when Redis cannot be asked. `time` is for tests: the server's."""

    def __init__(
        self, connection: Connection, limits: Limits, address: str, time: Callable[[], int] | None = None
    ) -> None:
        self._connection = connection
        self._limits = limits
        self._address = address
        self._time = time

    async def take(self, lane: Lane) -> Answer:
        """Take one call, or learn how long there is none."""
        limits = self._limits
        goes, level, held, held_ms, closed_ms, gate_ms, number, is_probe = await self._run(
            "take",
            lane.credential,
            limits.left_by(lane.call_class),
            limits.address_share(lane.call_class),
            limits.address_share(CallClass.WRITE),
        )
        standing = Standing(level, None if held < 0 else held, held_ms, closed_ms)
        return Answer(bool(goes), standing, gate_ms, number, bool(is_probe))

    async def tell(self, credential: CredentialId, untold: Untold, now: int) -> None:
        """Tell the others; `now` is by the clock of this process, as `untold` is."""
        reports: list[int | str] = []
        for policy, report in untold.reports.items():
            is_steady = self._limits.refills_steadily(report.remaining, report.resets_ms)
            figures = (max(0, report.remaining), report.resets_ms, int(is_steady), report.number)
            reports += [f"limit {policy}", *figures]
        await self._run(
            "tell",
            credential,
            untold.calls,
            max(0, untold.closed_until - now),
            int(untold.probe),
            untold.probe_number,
            *reports,
        )

    async def _run(self, what: str, credential: CredentialId, *given: int | str) -> list[int]:
        key, limits = self._connection.key, self._limits
        keys = [key("budget", credential), key("budget-clock"), key("address", self._address)]
        time = "" if self._time is None else self._time()
        figures = (limits.full, limits.refill, limits.window_ms, limits.probe_within_ms)
        return cast("list[int]", await self._connection.run(SCRIPT, keys, [what, time, *figures, *given]))
