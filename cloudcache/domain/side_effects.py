"""Settings that change along with another one at Cloudflare.

    0-RTT on or off        TLS 1.3 reads `zrt` or `on`, unless it is off
    Automatic SSL/TLS on   Cloudflare chooses the SSL mode

A change made here can so alter settings that it did not name. They are read soon after, and a difference that the
change explains is attributed to it.
"""

from __future__ import annotations

from collections.abc import Mapping

from cloudcache.domain.catalog.model import State
from cloudcache.domain.ids import JSON, ToggleId

ZERO_RTT, TLS_1_3 = ToggleId("0rtt"), ToggleId("tls_1_3")
AUTOMATIC_SSL, SSL = ToggleId("ssl_automatic_mode"), ToggleId("strict_ssl")

AFFECTS: Mapping[ToggleId, tuple[ToggleId, ...]] = {ZERO_RTT: (TLS_1_3,), AUTOMATIC_SSL: (SSL,)}
"""A change of the first changes what the others read."""

CAUSES: Mapping[ToggleId, ToggleId] = {
    affected: cause for cause, effects in AFFECTS.items() for affected in effects
}


def explains(cause: ToggleId, turned: State, affected: ToggleId, before: JSON, after: JSON) -> bool:
    """Whether turning `cause` on or off makes Cloudflare change the affected setting from one value to the other."""
    if CAUSES.get(affected) != cause:
        return False
    if cause == ZERO_RTT:
        return (before, after) == (("on", "zrt") if turned is State.ON else ("zrt", "on"))
    return turned is State.ON
