"""Which socket belongs to whom: kept in this process, never in a state, and gone with the socket.

A state lives under a token that the browser invents; a socket has an id that the server gives. Only the latter is
bound, by an ID token that came over that very socket.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from cloudcache.domain.access import Principal

MOST = 50_000
_bound: dict[str, Principal] = {}
_listeners: list[Callable[[str], None]] = []


def listen(listener: Callable[[str], None]) -> None:
    """Have the listener called with each socket that is bound."""
    _listeners.append(listener)


def bind(socket: str, principal: Principal) -> None:
    """This socket speaks for this person until the principal ends."""
    if socket not in _bound and len(_bound) >= MOST:
        _bound.pop(next(iter(_bound)))
    _bound[socket] = principal
    for listener in _listeners:
        listener(socket)


def bound(socket: str) -> Principal | None:
    """Who this socket was last bound to, ended or not."""
    return _bound.get(socket)


def release(socket: str) -> None:
    """Nobody speaks through this socket any more."""
    _bound.pop(socket, None)


def release_shop(shop: str) -> None:
    """The app was uninstalled there."""
    for socket in [one for one, who in _bound.items() if who.actor.shop == shop]:
        release(socket)


def keep(sockets: Collection[str]) -> None:
    """Forget the sockets that are gone."""
    alive = frozenset(sockets)
    for socket in [one for one in _bound if one not in alive]:
        release(socket)
