"""Judges a recorded history: could all of this have been seen if the program keeps its word?

    initial value -> writes (wishes of ours, changes made elsewhere) -> what readers saw, and how each wish ended

1. *Every value seen was written by someone* before it was seen.
2. *Nothing goes back.* Who has seen a write never again sees one that was over before that write began. A reader at
   the source (`is_late=False`) must see every write that was known to be done before it looked.
3. *Every wish ends exactly once*, and none is told to have ended that nobody made.

Pure: no clock, no I/O. A write takes effect at one moment between `begin` and `end`; which, nobody can tell. So a
read is explained by the earliest write that can explain it, which leaves the most room to what is read afterwards:
what is called a fault here has no explanation at all.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from math import inf

Key = Hashable
"""What is written and read: one toggle of one customer, say."""


@dataclass(frozen=True, slots=True)
class Write:
    """Somebody sets a value. It lands between `begin` and `end`; a doubtful one (not `is_sure`) may not land."""

    key: Key
    value: object
    begin: float
    end: float = inf
    is_sure: bool = True


@dataclass(frozen=True, slots=True)
class Read:
    """`reader` saw a value. A late reader (a page, the cache) may lag behind, but not fall back."""

    key: Key
    reader: Hashable
    value: object
    begin: float
    end: float
    is_late: bool = True


@dataclass
class History:
    """What was recorded."""

    initial: dict[Key, object] = field(default_factory=dict)
    writes: list[Write] = field(default_factory=list)
    reads: list[Read] = field(default_factory=list)
    wishes: list[Hashable] = field(default_factory=list)
    endings: list[tuple[Hashable, str]] = field(default_factory=list)

    def faults(self) -> list[str]:
        """What cannot be explained; empty when all is well."""
        return [*_reads(self.initial, self.writes, self.reads), *_endings(self.wishes, self.endings)]


def _reads(initial: Mapping[Key, object], writes: Iterable[Write], reads: Iterable[Read]) -> Iterable[str]:
    of_key: dict[Key, list[Write]] = defaultdict(list)
    for key, value in initial.items():
        of_key[key].append(Write(key, value, -inf, -inf))
    for write in sorted(writes, key=lambda one: one.begin):
        of_key[write.key].append(write)
    floors: dict[tuple[Key, Hashable], float] = {}
    for read in sorted(reads, key=lambda one: one.end):
        of = (read.key, read.reader)
        floor = max(
            floors.get(of, -inf), -inf if read.is_late else _done_before(of_key[read.key], read.begin)
        )
        begun = [one for one in of_key[read.key] if one.value == read.value and one.begin <= read.end]
        able = [one for one in begun if one.end >= floor]
        if able:
            floors[of] = max(floor, min(one.begin for one in able))
        elif begun:
            yield f"{read.reader} saw {read.value!r} of {read.key} at {read.end}, which was over before"
        else:
            yield f"{read.reader} saw {read.value!r} of {read.key} at {read.end}, which nobody had written"


def _done_before(writes: Iterable[Write], moment: float) -> float:
    """The beginning of the last write that was surely done by then: what was over before it is gone."""
    return max((one.begin for one in writes if one.is_sure and one.end < moment), default=-inf)


def _endings(wishes: Iterable[Hashable], endings: Iterable[tuple[Hashable, str]]) -> Iterable[str]:
    made, ended = Counter(wishes), Counter(wish for wish, _ in endings)
    yield from (f"wish {wish} was stored {count} times" for wish, count in made.items() if count > 1)
    yield from (f"wish {wish} never ended" for wish in made if not ended[wish])
    yield from (f"wish {wish} ended {count} times" for wish, count in ended.items() if count > 1)
    yield from (f"wish {wish} ended, and nobody made it" for wish in ended if not made[wish])
