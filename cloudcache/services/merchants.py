"""Merchants of Shopify: who looks at the app, the installation that comes with it, and the tokens for Shopify's API.

Managed installation has no callback: the first valid ID token of a shop is its installation. Behind it, and never in
its way, the token is exchanged for an expiring offline token, with which the shop's own domains are read.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace

from cloudcache.domain.access import (
    SYSTEM,
    Actor,
    ActorKind,
    Origin,
    Principal,
    require_administrator,
)
from cloudcache.domain.audit import AuditAction, Deed
from cloudcache.domain.errors import CloudcacheError, NotFound, Reason, Refused, TryLater
from cloudcache.domain.ids import CustomerId
from cloudcache.domain.secret import Token
from cloudcache.domain.shopify import Forged, IdToken
from cloudcache.domain.shops import DAY_MS, REFRESH_BEFORE_MS, Installation, ShopStatus
from cloudcache.ports import AuditTrail, Clock, Shopify, Shops, ShopTokens, Store, Vault
from cloudcache.services.credentials import A_PAGE, Rotation
from cloudcache.services.tasks import Tasks

log = logging.getLogger("cloudcache.shopify")

READS_LAST_MS = 60_000
"""A page whose ID token ended is shown for so long: the browser renews it every 40 seconds."""

LOCK_MS = 30_000
DOMAINS_AGAIN_MS = DAY_MS


class Merchants:
    """Signs merchants in, and speaks to Shopify for their shop."""

    def __init__(
        self,
        shopify: Shopify | None,
        store: Store,
        shops: Shops,
        audit: AuditTrail,
        vault: Vault,
        clock: Clock,
        tasks: Tasks,
        owner: Callable[[], str],
    ) -> None:
        self._shopify = shopify
        self._store = store
        self._shops = shops
        self._audit = audit
        self._vault = vault
        self._clock = clock
        self._tasks = tasks
        self._owner = owner

    @property
    def is_configured(self) -> bool:
        """Whether this installation belongs to a Shopify app at all."""
        return self._shopify is not None

    async def present(
        self,
        token: object,
        *,
        query_shop: str | None = None,
        bound_shop: str | None = None,
        origin: Origin | None = None,
    ) -> Principal:
        """Who this ID token names, the shop installed with it if it was not yet. `Forged` says why it is not
        believed; the caller tells the browser only that it is not."""
        if self._shopify is None:
            raise Forged("not_configured")
        found = self._shopify.id_token(token, query_shop=query_shop, bound_shop=bound_shop)
        customer = await self._customer(found.shop)
        actor = Actor(ActorKind.MERCHANT, f"user {found.user}", customer, found.shop, origin=origin)
        await self._install(found, str(token), actor)
        until = found.expires_at * 1000 + READS_LAST_MS
        return Principal(f"shopify:{found.shop}:{found.user}", actor, until)

    def holds(self, token: object, shop: str) -> bool:
        """Whether this is a fresh ID token of that shop: asked before each write."""
        if self._shopify is None:
            return False
        try:
            self._shopify.id_token(token, query_shop=None, bound_shop=shop)
        except Forged as forged:
            log.warning("a write with a token that is not believed: %s", forged.reason)
            return False
        return True

    async def deny(self, reason: str, what: str, origin: Origin | None) -> None:
        """Remember an attempt that was refused."""
        actor = Actor(ActorKind.OUTSIDE, "", origin=origin)
        deed = Deed(actor, AuditAction.DENIED, reason[:40], detail={"what": what})
        await self._audit.record(None, deed, now=self._clock.now_ms())

    async def access_token(self, shop: str) -> Token:
        """A token for Shopify's API that is good for a while; `Refused` until the merchant's next visit if none."""
        held = await self._shops.installation(shop)
        usable = self._usable(held)
        if usable is not None:
            return usable
        if held.refresh is None or self._shopify is None:
            raise Refused(Reason.NOT_CONNECTED, "no Shopify token until the merchant's next visit")
        return await self._renew(held)

    async def read_domains(self, shop: str) -> None:
        """Ask Shopify for the shop's domains and keep them."""
        if self._shopify is None:
            return
        token = await self.access_token(shop)
        found = await self._shopify.domains(shop, token)
        await self._shops.keep_domains(shop, found, now=self._clock.now_ms())

    async def rotate(self, actor: Actor) -> Rotation:
        """Seal the tokens for Shopify's API anew under the newest key, while the program runs."""
        require_administrator(actor)
        total, renewed, unreadable, after = 0, 0, list[str](), ""
        while page := await self._shops.across_tenants_shop_tokens(A_PAGE, after):
            for shop, access, refresh in page:
                total += 1
                try:
                    again = self._vault.renewed(access, _access_name(shop))
                    other = self._vault.renewed(refresh, _refresh_name(shop)) if refresh else None
                except Refused:
                    unreadable.append(shop)
                    continue
                if again is None and other is None:
                    continue
                renewed += await self._shops.replace_shop_tokens(
                    shop, access, again or access, other or refresh
                )
            after = page[-1][0]
        return Rotation(total, renewed, tuple(unreadable))

    # -- inside --------------------------------------------------------------------------------
    async def _customer(self, shop: str) -> CustomerId | None:
        try:
            return (await self._store.customer_of_shop(shop)).id
        except NotFound:
            return None

    async def _installation(self, shop: str) -> Installation | None:
        try:
            return await self._shops.installation(shop)
        except NotFound:
            return None

    async def _install(self, found: IdToken, token: str, actor: Actor) -> None:
        now, seen_at = self._clock.now_ms(), found.issued_at * 1000
        held = await self._installation(found.shop)
        is_new = False
        if held is None or not held.has_seen(seen_at):
            is_new = await self._shops.install(found.shop, now=now, seen_at=seen_at)
            held = await self._installation(found.shop)
        if held is None or held.status is not ShopStatus.INSTALLED:
            raise Forged("uninstalled")
        if is_new:
            # Without a customer the line stands in nobody's chain, which no erasure reaches: it names no one.
            who = actor if actor.customer is not None else SYSTEM
            await self._audit.record(actor.customer, Deed(who, AuditAction.INSTALLED), now=now)
        if self._usable(held) is None or (held.domains_at or 0) < now - DOMAINS_AGAIN_MS:
            self._tasks.spawn(self._prepare(found.shop, token), "Shopify tokens of a shop")

    async def _prepare(self, shop: str, id_token: str) -> None:
        """Behind the page: a token for Shopify's API, and the shop's domains."""
        try:
            held = await self._shops.installation(shop)
            if self._usable(held) is None:
                await self._exchange(shop, id_token)
            await self.read_domains(shop)
        except CloudcacheError as error:
            log.warning("the domains of a shop are not known yet: %s", error)

    async def _exchange(self, shop: str, id_token: str) -> None:
        if self._shopify is None or not await self._locked(shop):
            return
        try:
            tokens = await self._shopify.exchange(shop, id_token)
        except BaseException:
            await self._shops.unlock_shop(shop, owner=self._owner())
            raise
        await self._keep(shop, tokens)

    async def _renew(self, held: Installation) -> Token:
        """Under the shop's lock: a refresh token is good for one renewal, and two at once would lose one."""
        if self._shopify is None or held.refresh is None:
            raise Refused(Reason.NOT_CONNECTED)
        if not await self._locked(held.shop):
            raise TryLater(2, "another process renews this shop's token")
        now = await self._shops.installation(held.shop)
        usable = self._usable(now)
        if usable is not None or now.refresh is None:
            await self._shops.unlock_shop(held.shop, owner=self._owner())
            return usable or self._never()
        try:
            tokens = await self._shopify.renew(
                held.shop, self._vault.open(now.refresh, _refresh_name(held.shop))
            )
        except BaseException:
            await self._shops.unlock_shop(held.shop, owner=self._owner())
            raise
        await self._keep(held.shop, tokens)
        return tokens.access

    def _never(self) -> Token:
        raise Refused(Reason.NOT_CONNECTED, "no Shopify token until the merchant's next visit")

    async def _locked(self, shop: str) -> bool:
        now = self._clock.now_ms()
        return await self._shops.lock_shop(shop, owner=self._owner(), now=now, until=now + LOCK_MS)

    async def _keep(self, shop: str, tokens: ShopTokens) -> None:
        access = self._vault.seal(tokens.access, _access_name(shop))
        refresh = self._vault.seal(tokens.refresh, _refresh_name(shop)) if tokens.refresh else None
        await self._shops.keep_shop_tokens(shop, access, refresh, tokens, owner=self._owner())

    def _usable(self, held: Installation) -> Token | None:
        is_fresh = (held.access_until or 0) - REFRESH_BEFORE_MS > self._clock.now_ms()
        if held.access is None or not is_fresh or held.status is not ShopStatus.INSTALLED:
            return None
        return self._vault.open(held.access, _access_name(held.shop))


def with_customer(principal: Principal, customer: CustomerId | None) -> Principal:
    """The same person, whose shop was connected (or is no longer) meanwhile."""
    return replace(principal, actor=replace(principal.actor, customer=customer))


def _access_name(shop: str) -> str:
    return f"shopify access of {shop}"


def _refresh_name(shop: str) -> str:
    return f"shopify refresh of {shop}"
