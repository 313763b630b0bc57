"""Which rows one tab lists: all, those of a section, or those that need attention, and of these what a search finds.

A part of the grid's state without handlers; `grid.py` has the variables, and what a click does.
"""

from __future__ import annotations

from cloudcache.domain.catalog import BY_ID, SECTIONS, TOGGLES, Toggle, Topology
from cloudcache.domain.ids import ToggleId
from cloudcache.ui.states import rows

LONGEST_QUERY = 60
ALL, LOOK = "all", "look"
CHIPS = (ALL, LOOK, *(section.name for section in SECTIONS))


class Filtering:
    """Keeps the rows of one tab, and which of them are listed."""

    def _filter(self, chip: str, query: str) -> None:
        found = rows.matching(query, TOGGLES)
        listed = [one for one in found if self._is_listed(chip, one)]
        self._set("chip", chip)
        self._set("query", query)
        self._set("shown", rows.mask(listed))
        sections = dict.fromkeys(BY_ID[one].section.value for one in found)
        self._set("elsewhere", ", ".join(sections) if query and not listed else "")

    def _is_listed(self, chip: str, toggle: ToggleId) -> bool:
        if chip == LOOK:
            return rows.needs_attention(BY_ID[toggle], self._row(BY_ID[toggle]), Topology(self.topology))
        return chip in (ALL, BY_ID[toggle].section.name)

    def _rows(self) -> list[str]:
        return [getattr(self, f"r{number}") for number in range(len(TOGGLES))]

    def _turned_on(self) -> set[ToggleId]:
        """The settings whose switch is shown as on."""
        return {toggle.id for toggle, row in zip(TOGGLES, self._rows(), strict=True) if rows.is_on(row)}

    def _row(self, toggle: Toggle) -> str:
        row: str = getattr(self, f"r{rows.NUMBER[toggle.id]}")
        return row

    def _set_rows(self, shown: list[str]) -> None:
        for number, row in enumerate(shown):
            self._set(f"r{number}", row)

    def _set(self, name: str, value: object) -> None:
        """Assign only what differs: Reflex sends a variable that was assigned, equal or not."""
        if getattr(self, name) != value:
            setattr(self, name, value)
