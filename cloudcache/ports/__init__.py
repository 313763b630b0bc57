"""What the services need of the world, as Protocols; wiring puts adapters behind them, tests put fakes.

world        clock, budget, vault, bus, identity
cloudflare   the gateway, and what it tells
store        the synchronised cache and its journal
access       shops, staff, tokens for scripts, and the audit log
rollout      which shops are served, and what the predecessor said
breakers     settings that are not tried for a while
telemetry    who listens to what the process tells about itself
queue        which zone and which feed to look at next, and who is looking
onboarding   the register by the thousand
"""

from __future__ import annotations

from cloudcache.ports.access import AuditTrail, People, Shopify, Shops, ShopTokens
from cloudcache.ports.breakers import CircuitBreakers
from cloudcache.ports.cloudflare import (
    CloudflareOAuth,
    DnsRecord,
    FeedAccess,
    Gateway,
    OAuthTokens,
    TokenFacts,
    ZoneAccess,
    ZoneFacts,
)
from cloudcache.ports.onboarding import Bulk, Newcomer, Registered
from cloudcache.ports.queue import (
    NONE_NAMED,
    AgeCounts,
    Drift,
    Feeds,
    Finished,
    FleetCounts,
    LeasedFeed,
    LeasedZone,
    Parked,
    Pending,
    QueueDepth,
    Unread,
    ZoneQueue,
)
from cloudcache.ports.rollout import Imported, Imports, KeyValues, KvAccess, RolloutBook, Wishes
from cloudcache.ports.store import NO_GAPS, Gaps, Intent, Observed, Settled, Start, Store, Way
from cloudcache.ports.telemetry import SILENT, Silent, Telemetry
from cloudcache.ports.world import (
    Budget,
    Bus,
    Clock,
    Identity,
    Limiter,
    Reservation,
    SessionIssuer,
    StaffCookie,
    StaffIdentity,
    StaffSignIn,
    Vault,
)

__all__ = [
    "NONE_NAMED",
    "NO_GAPS",
    "SILENT",
    "AgeCounts",
    "AuditTrail",
    "Budget",
    "Bulk",
    "Bus",
    "CircuitBreakers",
    "Clock",
    "CloudflareOAuth",
    "DnsRecord",
    "Drift",
    "FeedAccess",
    "Feeds",
    "Finished",
    "FleetCounts",
    "Gaps",
    "Gateway",
    "Identity",
    "Imported",
    "Imports",
    "Intent",
    "KeyValues",
    "KvAccess",
    "LeasedFeed",
    "LeasedZone",
    "Limiter",
    "Newcomer",
    "OAuthTokens",
    "Observed",
    "Parked",
    "Pending",
    "People",
    "QueueDepth",
    "Registered",
    "Reservation",
    "RolloutBook",
    "SessionIssuer",
    "Settled",
    "ShopTokens",
    "Shopify",
    "Shops",
    "Silent",
    "StaffCookie",
    "StaffIdentity",
    "StaffSignIn",
    "Start",
    "Store",
    "Telemetry",
    "TokenFacts",
    "Unread",
    "Vault",
    "Way",
    "Wishes",
    "ZoneAccess",
    "ZoneFacts",
    "ZoneQueue",
]
