"""A shop's installation of the app, its tokens for Shopify's API, and the tokens it gives to scripts."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from cloudcache.domain.ids import CustomerId

DAY_MS = 86_400_000
ERASE_AFTER_MS = 30 * DAY_MS
"""A shop that uninstalled is erased by then even if Shopify never sends the order."""

RECEIPT_KEPT_MS = 30 * DAY_MS
REFRESH_BEFORE_MS = 5 * 60_000
"""An access token lives for an hour; it is renewed with so much to spare."""


class ShopStatus(StrEnum):
    """Whether the app is installed."""

    INSTALLED = "installed"
    UNINSTALLED = "uninstalled"


@dataclass(frozen=True, slots=True)
class Installation:
    """A shop that has, or had, the app. The tokens are sealed; times are Unix milliseconds."""

    shop: str
    status: ShopStatus
    installed_at: int
    uninstalled_at: int | None = None
    access: bytes | None = None
    refresh: bytes | None = None
    access_until: int | None = None
    refresh_until: int | None = None
    domains: tuple[str, ...] = ()
    domains_at: int | None = None


@dataclass(frozen=True, slots=True)
class Delivery:
    """A webhook that was answered and is still to be acted upon."""

    id: str
    topic: str
    shop: str
    received_at: int


class Scope(StrEnum):
    """What a token for scripts may do."""

    READ = "read"
    WRITE = "write"


@dataclass(frozen=True, slots=True)
class ApiToken:
    """A token for scripts, as its shop sees it; the secret is shown once and kept nowhere."""

    id: str
    customer: CustomerId
    name: str
    scope: Scope
    last_four: str
    created_by: str
    created_at: int
    last_used_at: int | None = None
    revoked_at: int | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What a request with an `Idempotency-Key` was answered with; without a status it is still being worked on."""

    digest: str
    status: int | None = None
    body: str = ""


@dataclass(frozen=True, slots=True)
class View:
    """A look at a customer that somebody of the staff was allowed: why, and until when."""

    id: str
    staff: str
    customer: CustomerId
    reason: str
    started_at: int
    ends_at: int
    ended_at: int | None = None

    def is_open(self, now: int) -> bool:
        """Whether it still allows anything."""
        return self.ended_at is None and now < self.ends_at
