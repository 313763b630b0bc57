"""The figures of the budget, the classes of calls, and how long to wait after a failure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from cloudcache.domain.ids import CredentialId, CustomerId

SAME_RESET_MS = 2_000  # reset times come in whole seconds: this far apart they may be the same


class CallClass(IntEnum):
    """What a call is for, most urgent first."""

    WRITE = 0
    WATCHED = 1
    FEED = 2
    SWEEP = 3


@dataclass(frozen=True, slots=True)
class Lane:
    """Whose budget a call comes out of, how urgent it is, and for which customer it is made."""

    credential: CredentialId
    call_class: CallClass
    customer: CustomerId


@dataclass(frozen=True, slots=True)
class Limits:
    """The figures; the defaults are the promise.

    Levels are counted in parts of a call: a call is `window_ms` parts and a millisecond refills
    `calls_per_window - burst` of them, so that no bound hangs on the rounding of a fraction.
    """

    calls_per_window: int = 1_000
    """Calls of one credential in any window."""

    window_ms: int = 300_000
    """The window, as Cloudflare counts it."""

    burst: int = 100
    """Calls one credential may make at once after a rest: two full reads of a zone without the batch call. What
    is held back for bursts is lost to steady work: 300 left 2.33 calls a second, 100 leave 3."""

    cloudflare_calls_per_window: int = 1_200
    """What Cloudflare allows; tells whether a reported reset time is that of a steadily refilled quota."""

    address_calls_per_second: int = 200
    """Calls of this machine in any second."""

    read_reserve_percent: int = 15
    """The share of the burst that watched and feed reads leave."""

    sweep_reserve_percent: int = 30
    """The share of the burst that sweeps leave."""

    address_reserve_percent: int = 5
    """The share of the address's second that all reads leave. A second is over soon, and writes go first in it, so
    ten free calls are enough, where a bucket takes minutes to refill."""

    answer_within_ms: int = 60_000
    """A call not answered by now never will be; longer than the client waits."""

    probe_within_ms: int = 5_000
    """How long a probe keeps all others waiting. It is released sooner when its call ends in any way, so this bounds
    what a slow answer or the death of a process costs: one more probe in five seconds, which no block minds."""

    def __post_init__(self) -> None:
        falling = 0 < self.burst < self.calls_per_window and self.left_by(CallClass.WATCHED) >= 0
        rising = (
            self.left_by(CallClass.WATCHED) <= self.left_by(CallClass.SWEEP) <= self.full - self.window_ms
        )
        if not (falling and rising and self.address_calls_per_second > 0):
            raise ValueError("limits under which some call could never be made")

    @property
    def refill(self) -> int:
        """Parts a millisecond brings; burst + window x refill is exactly the window's calls."""
        return self.calls_per_window - self.burst

    @property
    def full(self) -> int:
        """The parts of a full bucket."""
        return self.burst * self.window_ms

    def left_by(self, call_class: CallClass) -> int:
        """The parts that a call of this class leaves in the bucket."""
        return -(-self.full * self._reserve_percent(call_class) // 100)

    def address_share(self, call_class: CallClass) -> int:
        """The calls of a second after which this class no longer goes."""
        reserve = 0 if call_class is CallClass.WRITE else self.address_reserve_percent
        return max(1, self.address_calls_per_second * (100 - reserve) // 100)

    @property
    def steady_per_second(self) -> float:
        """Calls a second that one credential sustains."""
        return self.refill * 1_000 / self.window_ms

    @property
    def reads_per_second(self) -> int:
        """Reads a second that one address sustains."""
        return self.address_share(CallClass.SWEEP)

    def refills_steadily(self, remaining: int, resets_in_ms: int) -> bool:
        """Whether a report fits a quota that refills all the time, the reset being the moment it is full.

        With few calls left that is nearly a window away. A fixed window ends so late only when it has just
        begun, with its calls not yet gone; so the two are not confused where it matters.
        """
        missing = max(0, self.cloudflare_calls_per_window - remaining)
        full_in_ms = missing * self.window_ms // self.cloudflare_calls_per_window
        return abs(full_in_ms - resets_in_ms) <= SAME_RESET_MS

    def _reserve_percent(self, call_class: CallClass) -> int:
        if call_class is CallClass.WRITE:
            return 0
        return self.sweep_reserve_percent if call_class is CallClass.SWEEP else self.read_reserve_percent


def backoff_ms(attempt: int, base_ms: int, cap_ms: int, chance: float) -> int:
    """Full jitter: between nothing and base x 2^attempt, at most `cap_ms`; `chance` is in [0, 1)."""
    return int(min(cap_ms, base_ms * 2 ** min(attempt, 30)) * chance)
