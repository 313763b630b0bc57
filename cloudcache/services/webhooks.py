"""What Shopify announces: an uninstallation, and orders to hand over or erase data.

A delivery is verified, kept and answered at once; the work follows, may be repeated, and is done by whichever process
comes first. What counts is the order of the events, not that of their arrival: a delivery that was triggered before
the shop was last seen means an earlier installation, and changes nothing. A shop that uninstalled and is never
ordered to be erased is erased after thirty days all the same.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from cloudcache.domain.access import SYSTEM
from cloudcache.domain.audit import AuditAction, Deed
from cloudcache.domain.errors import CloudcacheError, NotFound
from cloudcache.domain.events import Uninstalled
from cloudcache.domain.ids import CustomerId
from cloudcache.domain.shopify import Forged
from cloudcache.domain.shops import (
    ERASE_AFTER_MS,
    RECEIPT_KEPT_MS,
    Delivery,
    ShopStatus,
    means_gone_since,
)
from cloudcache.ports import SILENT, AuditTrail, Bus, Clock, Shopify, Shops, Store, Telemetry

log = logging.getLogger("cloudcache.shopify")

AT_ONCE = 100


class Webhooks:
    """Receives deliveries and acts upon them."""

    def __init__(
        self,
        shopify: Shopify | None,
        store: Store,
        shops: Shops,
        audit: AuditTrail,
        bus: Bus,
        clock: Clock,
        telemetry: Telemetry = SILENT,
    ) -> None:
        self._telemetry = telemetry
        self._shopify = shopify
        self._store = store
        self._shops = shops
        self._audit = audit
        self._bus = bus
        self._clock = clock

    async def receive(self, headers: Sequence[tuple[str, str]], body: bytes) -> bool:
        """Keep a delivery; False when it came before. `Forged` when it is not to be believed."""
        if self._shopify is None:
            raise Forged("bad_hmac")
        webhook = self._shopify.webhook(headers, body)
        return await self._shops.receive(webhook, now=self._clock.now_ms())

    async def work(self) -> int:
        """Act upon what was received, and erase what is due; returns how much was done."""
        done = 0
        deliveries = await self._shops.across_tenants_deliveries(AT_ONCE)
        for delivery in sorted(deliveries, key=lambda one: one.happened_at):
            try:
                await self._act(delivery)
                await self._shops.delivered(delivery.id, now=self._clock.now_ms())
                done += 1
            except CloudcacheError as error:
                log.error("%s of a shop is not done yet: %s", delivery.topic, error)
        now = self._clock.now_ms()
        for shop in await self._shops.across_tenants_to_erase(now, AT_ONCE):
            await self._erase(shop, "thirty days after uninstall", now - ERASE_AFTER_MS)
            done += 1
        await self._shops.forget_deliveries(now - RECEIPT_KEPT_MS, AT_ONCE)
        return done

    async def _act(self, delivery: Delivery) -> None:
        if delivery.topic == "app/uninstalled":
            await self._uninstall(delivery)
        elif delivery.topic == "shop/redact":
            before = means_gone_since(delivery.happened_at, await self._status(delivery.shop))
            if not await self._erase(delivery.shop, delivery.topic, before):
                await self._ignore(delivery)
        elif delivery.topic == "app/scopes_update":
            log.info("the scopes of a shop were changed; its next token tells them")
        else:  # customers/*: no data of buyers is held, which is all there is to say
            await self._note(await self._customer(delivery.shop), AuditAction.CUSTOMER_DATA, "nothing held")

    async def _uninstall(self, delivery: Delivery) -> None:
        now = self._clock.now_ms()
        is_gone = await self._shops.uninstall(
            delivery.shop, before=delivery.happened_at, now=now, erase_at=now + ERASE_AFTER_MS
        )
        if not is_gone:
            await self._ignore(delivery)
            return
        customer = await self._customer(delivery.shop)
        await self._note(customer, AuditAction.UNINSTALLED)
        self._bus.tell(Uninstalled(delivery.shop))
        if customer is not None:
            self._bus.hint(customer)

    async def _erase(self, shop: str, ordered_by: str, before: int) -> bool:
        """Erase the shop; False, with nothing changed, when it was seen after `before`."""
        customer = await self._customer(shop)
        rows = await self._shops.erase(shop, ordered_by=ordered_by, before=before, now=self._clock.now_ms())
        if rows is None:
            return False
        await self._note(customer, AuditAction.ERASED, f"{rows} rows")
        if customer is not None:
            self._bus.hint(customer)
        return True

    async def _ignore(self, delivery: Delivery) -> None:
        """Record a delivery that means an earlier installation, or one that was acted upon before."""
        await self._note(await self._customer(delivery.shop), AuditAction.WEBHOOK_IGNORED, delivery.topic)
        self._telemetry.count("webhooks", "ignored")
        log.warning(
            "%s changed nothing: the shop was seen after it, or is not installed",
            delivery.topic,
            extra={"event": "webhook_ignored"},
        )

    async def _status(self, shop: str) -> ShopStatus | None:
        try:
            return (await self._shops.installation(shop)).status
        except NotFound:
            return None

    async def _customer(self, shop: str) -> CustomerId | None:
        try:
            return (await self._store.customer_of_shop(shop)).id
        except NotFound:
            return None

    async def _note(self, customer: CustomerId | None, action: AuditAction, outcome: str = "") -> None:
        await self._audit.record(customer, Deed(SYSTEM, action, outcome), now=self._clock.now_ms())
