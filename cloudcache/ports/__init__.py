"""What the services need of the world, as Protocols; wiring puts adapters behind them, tests put fakes.

world        clock, budget, vault, bus, identity
cloudflare   the gateway, and what it tells
store        the synchronised cache and its journal
queue        which zone and which feed to look at next, and who is looking
"""

from __future__ import annotations

from cloudcache.ports.cloudflare import FeedAccess, Gateway, TokenFacts, ZoneAccess, ZoneFacts
from cloudcache.ports.queue import (
    AgeCounts,
    Drift,
    Feeds,
    Finished,
    FleetCounts,
    LeasedFeed,
    LeasedZone,
    Parked,
    QueueDepth,
    ZoneQueue,
)
from cloudcache.ports.store import Intent, Observed, Settled, Start, Store
from cloudcache.ports.world import Budget, Bus, Clock, Identity, SessionIssuer, Vault

__all__ = [
    "AgeCounts",
    "Budget",
    "Bus",
    "Clock",
    "Drift",
    "FeedAccess",
    "Feeds",
    "Finished",
    "FleetCounts",
    "Gateway",
    "Identity",
    "Intent",
    "LeasedFeed",
    "LeasedZone",
    "Observed",
    "Parked",
    "QueueDepth",
    "SessionIssuer",
    "Settled",
    "Start",
    "Store",
    "TokenFacts",
    "Vault",
    "ZoneAccess",
    "ZoneFacts",
    "ZoneQueue",
]
