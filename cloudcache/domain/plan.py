"""A plan: the changes between what we hold and what somebody wants or what was seen, before any of it is done.

It counts itself and can call itself absurd: an answer that would flip more than 30 % of a zone's toggles at
once is more likely a broken answer than a busy merchant, so it is held and read again before it is believed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from cloudcache.domain.catalog import BY_ID, TOGGLES
from cloudcache.domain.catalog.model import State
from cloudcache.domain.events import Observation
from cloudcache.domain.ids import ToggleId
from cloudcache.domain.toggle import Cell

ABSURD_SHARE = 0.30


@dataclass(frozen=True, slots=True)
class Difference:
    """One toggle whose position differs: from what we hold to what was seen."""

    toggle: ToggleId
    held: State
    seen: State


@dataclass(frozen=True, slots=True)
class Plan:
    """The differences of one answer."""

    differences: tuple[Difference, ...]

    @property
    def is_absurd(self) -> bool:
        """Whether it would flip more than 30 % of the 50 toggles."""
        return len(self.differences) > ABSURD_SHARE * len(TOGGLES)

    def __len__(self) -> int:
        return len(self.differences)


def diff(cells: Mapping[ToggleId, Cell], seen: Iterable[Observation]) -> Plan:
    """What believing these observations would flip. Toggles never read, or with an open change, don't count."""
    found: list[Difference] = []
    for observation in seen:
        cell = cells.get(observation.toggle)
        if cell is None or cell.state is None or (cell.change and cell.change.is_open):
            continue
        state = BY_ID[observation.toggle].read(observation.value).state
        if state is not cell.state:
            found.append(Difference(observation.toggle, cell.state, state))
    return Plan(tuple(found))
