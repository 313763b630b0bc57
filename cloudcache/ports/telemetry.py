"""What a process tells about itself while it works: counters, durations, spans. Nobody has to listen."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol


class Telemetry(Protocol):
    """Names and labels are those of the one list in `adapters/telemetry.py`, without prefix and `_total`."""

    def count(self, name: str, *labels: str, by: float = 1) -> None:
        """It happened once more."""
        ...

    def observe(self, name: str, value: float, *labels: str) -> None:
        """It took so long (seconds)."""
        ...

    def set(self, name: str, value: float, *labels: str) -> None:
        """It stands at this now."""
        ...

    def watch(self, name: str, read: Callable[[], float]) -> None:
        """It stands at whatever `read` says when somebody asks."""
        ...

    def span(self, name: str) -> AbstractContextManager[object]:
        """A step of a trace; nothing of a tenant is ever put into it."""
        ...


class Silent:
    """Listens to nothing."""

    def count(self, name: str, *labels: str, by: float = 1) -> None:
        pass

    def observe(self, name: str, value: float, *labels: str) -> None:
        pass

    def set(self, name: str, value: float, *labels: str) -> None:
        pass

    def watch(self, name: str, read: Callable[[], float]) -> None:
        pass

    def span(self, name: str) -> AbstractContextManager[object]:
        return _NOTHING


_NOTHING = nullcontext()
SILENT = Silent()
