"""A customer and the zone that belongs to it: one row, which is also the entry in the work queue."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from cloudcache.domain.catalog.model import Topology, ZonePlan
from cloudcache.domain.ids import CredentialId, CustomerId, ToggleId, ZoneId
from cloudcache.domain.storefront import Outcome, StorefrontCheck
from cloudcache.domain.toggle import Cell
from cloudcache.domain.token_text import shown
from cloudcache.domain.typed_names import compact, shop_of_text

_SHOP = re.compile(r"[a-z0-9][a-z0-9-]{0,62}\.myshopify\.com")
_ZONE_ID = re.compile(r"[0-9a-f]{32}")


class ZoneStatus(StrEnum):
    """Whether the zone can be worked on: connected, its token refused, gone, or taken off by the merchant."""

    ACTIVE = "active"
    TOKEN_REFUSED = "token_refused"  # noqa: S105  a status, not a secret
    GONE = "gone"
    DISCONNECTED = "disconnected"

    @property
    def label(self) -> str:
        """The status in words, for a terminal and the support console."""
        return self.value.replace("_", " ")


SUSPENDED = (ZoneStatus.TOKEN_REFUSED, ZoneStatus.GONE)
"""Not read and not written, but examined again by itself."""


@dataclass(frozen=True, slots=True)
class Customer:
    """A shop with its zone. `silent_since` tells that Cloudflare does not answer for it, `followed_at` until when its
    account's change log was read; `is_followed` is False when the token may not read it, None while not yet tried.
    `topology` is how shoppers reached `hostname` at `topology_at`; `missing` are permissions the token has not.
    `unread_at` is when the last whole read began, if it left toggles unread; `full_read_at`
    tells of an earlier one then. `storefront` is the last check of the store's own pages; the last one that was begun
    was at `storefront_tried_at`.
    Revisions can be compared within one `epoch` of the database; a failover or a restore begins another one."""

    id: CustomerId
    shop: str
    zone_id: ZoneId
    zone_name: str
    plan: ZonePlan
    topology: Topology
    status: ZoneStatus
    credential: CredentialId | None
    revision: int
    full_read_at: int | None = None
    silent_since: int | None = None
    followed_at: int | None = None
    is_followed: bool | None = None
    hostname: str = ""
    topology_at: int | None = None
    missing: frozenset[str] = frozenset()
    unread_at: int | None = None
    storefront_tried_at: int | None = None
    storefront: StorefrontCheck | None = None
    epoch: str = field(default="", compare=False)

    @property
    def is_suspended(self) -> bool:
        """Whether the zone is neither read nor written until Cloudflare answers for it again."""
        return self.status in SUSPENDED

    @property
    def is_headless(self) -> bool:
        """Whether the storefront was last seen not to be a Shopify theme."""
        return self.storefront is not None and self.storefront.outcome is Outcome.HEADLESS

    @property
    def condition(self) -> str:
        """The status in words, and what keeps an active zone from being read."""
        if self.status is ZoneStatus.ACTIVE and self.silent_since is not None:
            return f"{self.status.label}, Cloudflare doesn't answer"
        if self.status is ZoneStatus.ACTIVE and self.unread_at is not None:
            return f"{self.status.label}, not read in full"
        return f"suspended: {self.status.label}" if self.is_suspended else self.status.label

    @property
    def handle(self) -> str:
        """The shop's name without the domain, as people say it."""
        return self.shop.removesuffix(".myshopify.com")


@dataclass(frozen=True, slots=True)
class Page:
    """A consistent view of one customer at one revision: the zone, and the cells changed after revision `since`."""

    customer: Customer
    cells: Mapping[ToggleId, Cell]
    since: int = 0


def shop_name(text: str) -> str:
    """The normal form `name.myshopify.com` of a shop given by its handle, domain or address in the admin; ValueError
    if it is none."""
    name = shop_of_text(text)
    if not _SHOP.fullmatch(name):
        raise ValueError(f"not a store name: {shown(text)} (expected something like my-shop.myshopify.com)")
    return name


def zone_id(text: str) -> ZoneId:
    """A Cloudflare zone id, 32 lower-case hex digits; ValueError if it is none."""
    id_ = compact(text)
    if not _ZONE_ID.fullmatch(id_):
        raise ValueError(f"not a zone ID: {shown(text)} (32 hex digits, on the zone's overview page)")
    return ZoneId(id_)
