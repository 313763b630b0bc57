"""How many sockets one client address may have open at once, and how many of them before anybody signed in."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from starlette.types import Scope

SOCKET = "cloudcache.socket"
"""The key under which a socket's `Open` stands in its ASGI scope."""


@dataclass(frozen=True, slots=True)
class SocketLimits:
    """The most sockets of one address."""

    in_all: int = 2_000
    """An office, or a mobile carrier, may stand behind one address."""

    before_sign_in: int = 100
    """A page signs in with its first events; what stays open without that is no customer of ours."""


@dataclass(slots=True)
class Open:
    """One open socket."""

    address: str
    is_signed_in: bool


class OpenSockets:
    """Counts the open sockets of this process by client address."""

    def __init__(self, limits: SocketLimits) -> None:
        self._limits = limits
        self._in_all: Counter[str] = Counter()
        self._before_sign_in: Counter[str] = Counter()

    def open(self, address: str, *, is_signed_in: bool) -> Open | None:
        """Count one more socket, or return None when the address has as many as it may."""
        if self._in_all[address] >= self._limits.in_all:
            return None
        if not is_signed_in and self._before_sign_in[address] >= self._limits.before_sign_in:
            return None
        self._in_all[address] += 1
        if not is_signed_in:
            self._before_sign_in[address] += 1
        return Open(address, is_signed_in)

    def sign_in(self, scope: Scope) -> None:
        """Somebody has signed in over the socket of this scope."""
        one = scope.get(SOCKET)
        if isinstance(one, Open) and not one.is_signed_in:
            one.is_signed_in = True
            _less(self._before_sign_in, one.address)

    def close(self, one: Open) -> None:
        """The socket is gone."""
        _less(self._in_all, one.address)
        if not one.is_signed_in:
            _less(self._before_sign_in, one.address)


def _less(counts: Counter[str], address: str) -> None:
    counts[address] -= 1
    if counts[address] <= 0:
        del counts[address]
