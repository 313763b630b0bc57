"""The grid's state without its handlers, as one tab has it, without Reflex and a browser."""

from __future__ import annotations

from cloudcache.domain.catalog import TOGGLES
from cloudcache.domain.ids import CustomerId
from cloudcache.ui.states.grid import Grid
from cloudcache.ui.states.row_actions import RowActions


class ShowingTab(RowActions):
    """Has the grid's variables with their first values; every row is on, as a read saw it."""

    def __init__(self) -> None:
        for name, field in Grid.get_fields().items():
            if name in Grid.__annotations__:
                setattr(self, name, field.default_value())
        for number in range(len(TOGGLES)):
            setattr(self, f"r{number}", "R000000")
        self.topology, self.status, self._customer = "o2o", "l", CustomerId(1)
