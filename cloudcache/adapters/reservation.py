"""One reserved call: the client marks it as sent, and a reservation that ends without that returns its call.

Neither side knows the other: the running task carries the reservation, into the tasks it starts as well. So no path
between the budget's grant and the wire (superseded, cancelled, failed before the call) can keep what it does not use.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from types import TracebackType

from cloudcache.domain.ids import CredentialId


class Reserved:
    """The `Reservation` of `ports`; `end` is told once how many calls were made under it."""

    __slots__ = ("_calls", "_end", "_is_open", "_outer", "credential")

    def __init__(self, credential: CredentialId, end: Callable[[int], None]) -> None:
        self.credential = credential
        self._calls = 0
        self._is_open = True
        self._end = end
        self._outer = _current.get()
        _current.set(self)

    def __enter__(self) -> Reserved:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    def release(self) -> None:
        """End it. A call that was not made may be made by another waiter at once."""
        if _current.get() is self:
            _current.set(self._outer)
        if self._is_open:
            self._is_open = False
            self._end(self._calls)

    def count(self) -> None:
        """Count a call that leaves now."""
        self._calls += self._is_open


_current: ContextVar[Reserved | None] = ContextVar("reserved call", default=None)


def reserved_credential() -> CredentialId | None:
    """Whose call the running task has reserved."""
    reserved = _current.get()
    return None if reserved is None else reserved.credential


def mark_sent() -> None:
    """Count a call that leaves now against the reservation of the running task, if it has one."""
    reserved = _current.get()
    if reserved is not None:
        reserved.count()
