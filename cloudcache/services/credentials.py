"""Finds the credential a zone is worked with: the customer's own, else the platform's.

A sealed token is opened when a call is about to be made and is held no longer than that call's caller.
"""

from __future__ import annotations

from cloudcache.domain.customers import Customer
from cloudcache.domain.errors import Reason, Refused
from cloudcache.domain.ids import CredentialId
from cloudcache.domain.secret import Token
from cloudcache.ports import FeedAccess, LeasedFeed, Store, Vault, ZoneAccess

PLATFORM = CredentialId("platform")


class Credentials:
    """The tokens of the customers, and one for those who have none."""

    def __init__(self, store: Store, vault: Vault, platform: Token | None) -> None:
        self._store = store
        self._vault = vault
        self._platform = platform

    async def access(self, customer: Customer) -> ZoneAccess:
        """What a call for this customer needs; `Refused` when nothing is connected."""
        if customer.credential is not None:
            sealed = await self._store.sealed_token(customer.credential)
            return ZoneAccess(customer.zone_id, customer.credential, self._vault.open(sealed))
        return ZoneAccess(customer.zone_id, PLATFORM, self.platform())

    async def feed_access(self, feed: LeasedFeed) -> FeedAccess:
        """What reading an account's log needs: the token of the customer that was chosen for it."""
        if feed.credential is None:
            return FeedAccess(feed.account, PLATFORM, self.platform())
        sealed = await self._store.sealed_token(feed.credential)
        return FeedAccess(feed.account, feed.credential, self._vault.open(sealed))

    def platform(self) -> Token:
        """The token given in the settings; `Refused` when there is none."""
        if self._platform is None:
            raise Refused(Reason.NOT_CONNECTED)
        return self._platform

    def lane_of(self, customer: Customer) -> CredentialId:
        """The name under which this customer's calls are counted."""
        return customer.credential if customer.credential is not None else PLATFORM
