"""What the calls of one read of a zone brought: counts for those who asked, and values on their way to the cache."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from cloudcache.domain.catalog import BY_ID
from cloudcache.domain.events import Observation, ReadResult
from cloudcache.domain.ids import ToggleId

GIVE_UP_AFTER = 3
"""Unanswered calls of one zone after which the rest is not tried: Cloudflare is down, or that zone's part of it."""


@dataclass
class Look:
    """What came of reading a zone, or how far it is."""

    total: int
    done: int = 0
    failed: int = 0
    silent: int = 0
    """Calls without any answer, throttled ones not counted."""
    answers: int = 0
    """Calls that brought an answer, a refusal included."""
    seen: set[ToggleId] = field(default_factory=set)
    """Toggles of which an answer held a value, be it written or older than what is cached."""
    written: set[ToggleId] = field(default_factory=set)
    absent: set[ToggleId] = field(default_factory=set)
    """Toggles that this zone does not have."""
    omitted: set[ToggleId] = field(default_factory=set)
    """Toggles that an answer left out or garbled; they were not read."""
    unreadable: set[ToggleId] = field(default_factory=set)
    """Toggles that were refused, or that this zone does not have."""
    refused: set[ToggleId] = field(default_factory=set)
    """Toggles that Cloudflare refused to show."""
    problems: dict[ToggleId, str] = field(default_factory=dict)
    """Toggles that were not read, and why, for operators."""
    is_reachable: bool = False
    """Whether Cloudflare answered for this zone, so that a refusal is about one setting and not about all."""
    changes: int = 0
    """Changes made elsewhere that were found."""
    why: str = ""
    """The last failure, for people."""
    is_lost: bool = False
    """Another zone was connected meanwhile, or another process took over: nothing of this counts."""

    def refuse(self, toggles: Collection[ToggleId], why: str) -> None:
        """Note toggles that Cloudflare refused to show."""
        self.unreadable |= set(toggles)
        self.refused |= set(toggles)
        self.explain(toggles, why)

    def explain(self, toggles: Collection[ToggleId], why: str) -> None:
        """Note why toggles were not read."""
        self.why = why
        self.problems |= dict.fromkeys(toggles, why)

    @property
    def settled(self) -> set[ToggleId]:
        """Toggles whose newest state is in the cache."""
        return self.written | self.absent | self.unreadable

    @property
    def answered(self) -> set[ToggleId]:
        """Toggles of which Cloudflare said what they are, or that it does not say it."""
        return self.settled | self.seen

    @property
    def is_silent(self) -> bool:
        """Whether nothing at all was answered, and often enough to call that silence."""
        return not self.answers and self.silent >= GIVE_UP_AFTER


@dataclass
class Gathered:
    """What calls brought that is not written yet."""

    seen: list[Observation] = field(default_factory=list)
    absent: set[ToggleId] = field(default_factory=set)
    omitted: set[ToggleId] = field(default_factory=set)
    refused: set[ToggleId] = field(default_factory=set)
    at: int = 0
    """When the first of the calls began."""

    def add(self, result: ReadResult) -> None:
        """Add what one call returned."""
        self.seen += result.usable
        self.absent |= result.absent
        self.omitted |= result.omitted

    def __bool__(self) -> bool:
        return bool(self.seen or self.absent or self.omitted or self.refused)


def agree(one: Sequence[Observation], other: Sequence[Observation]) -> bool:
    """Whether two answers show the same positions."""
    first = {seen.toggle: BY_ID[seen.toggle].read(seen.value).state for seen in one}
    second = {seen.toggle: BY_ID[seen.toggle].read(seen.value).state for seen in other}
    return first == second
