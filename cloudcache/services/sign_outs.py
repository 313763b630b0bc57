"""Sign-outs: every tab of a sign-in ends with it, in all processes.

A socket keeps the cookies of its handshake, so deleting a cookie ends no tab that is already open. A process that
starts later needs no list: its sockets come with the cookies the browser has then.
"""

from __future__ import annotations

from collections import OrderedDict

from cloudcache.domain.access import Principal
from cloudcache.domain.events import SignedOut
from cloudcache.ports import Bus

MOST_KEPT = 100_000


class SignOuts:
    """The sign-ins that ended before their time."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._ended: OrderedDict[str, None] = OrderedDict()
        bus.listen(SignedOut, self._keep)

    def end(self, principal: Principal) -> None:
        """End the sign-in that this principal came with."""
        if principal.sign_in:
            self._bus.tell(SignedOut(principal.sign_in))

    def has_ended(self, principal: Principal) -> bool:
        """Return whether the sign-in of this principal has ended."""
        return principal.sign_in in self._ended

    def _keep(self, news: SignedOut) -> None:
        self._ended[news.sign_in] = None
        while len(self._ended) > MOST_KEPT:
            self._ended.popitem(last=False)
