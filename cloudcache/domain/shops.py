"""A shop's installation of the app, its tokens for Shopify's API, and the tokens it gives to scripts."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256

from cloudcache.domain.ids import CredentialId, CustomerId

DAY_MS = 86_400_000
ERASE_AFTER_MS = 30 * DAY_MS
"""A shop that uninstalled is erased by then even if Shopify never sends the order."""

RECEIPT_KEPT_MS = 30 * DAY_MS
REDACT_AFTER_MS = 2 * DAY_MS
"""Shopify orders a shop to be erased this long after an uninstallation."""

FARTHEST_AHEAD_MS = 3 * DAY_MS
"""No clock is wrong by more: an event that much later than its arrival has no believable time."""

TOKEN_TOLERATED_MS = 70_000
"""An ID token is accepted until 70 seconds after it was issued, so our clock is ahead of Shopify's by less whenever a
merchant can act."""

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
    last_seen_at: int = 0

    def has_seen(self, at: int) -> bool:
        """Whether the shop is installed and was seen at that time or later."""
        return self.status is ShopStatus.INSTALLED and self.last_seen_at >= at


@dataclass(frozen=True, slots=True)
class Delivery:
    """A webhook that was answered and is still to be acted upon."""

    id: str
    topic: str
    shop: str
    received_at: int
    triggered_at: int | None = None

    @property
    def happened_at(self) -> int:
        """When the event took place: as Shopify says, and without a believable time when it arrived."""
        at = self.triggered_at
        return self.received_at if at is None or at > self.received_at + FARTHEST_AHEAD_MS else at


def waiting_credential(shop: str) -> CredentialId:
    """The name under which a token from an OAuth consent waits for its shop's next click."""
    return CredentialId(f"waiting-{sha256(shop.encode()).hexdigest()[:32]}")


def is_older_than_uninstall(issued_at: int, uninstalled_at: int | None) -> bool:
    """Whether a token was issued (Unix milliseconds) before the uninstallation, and so proves no installation after
    it. ID tokens tell whole seconds, so both are compared in seconds."""
    return uninstalled_at is not None and issued_at // 1000 < uninstalled_at // 1000


def means_gone_since(happened_at: int, status: ShopStatus | None) -> int:
    """The time of the uninstallation that an order to erase follows.

    While we know the app as installed, the uninstallation is one we were not told of, two days before the order: a
    shop that was seen after it was installed again.
    """
    return happened_at - REDACT_AFTER_MS if status is ShopStatus.INSTALLED else happened_at


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
class KnownToken:
    """An API token that is in force, and whose it is."""

    token: ApiToken
    shop: str
    is_installed: bool
    """Also true for a shop that an administrator added without an installation."""


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
