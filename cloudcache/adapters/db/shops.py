"""The installations in the database, the deliveries of webhooks, and what erasing a shop takes with it."""

from __future__ import annotations

import json
from collections.abc import Sequence

from sqlalchemy import delete, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from cloudcache.adapters.db.access_models import (
    answers,
    api_tokens,
    audit_log,
    erasures,
    receipts,
    shops,
    staff_views,
)
from cloudcache.adapters.db.engine import ACROSS_TENANTS
from cloudcache.adapters.db.journal import fail_open
from cloudcache.adapters.db.models import accounts, changes, credentials, entries, toggles, zones
from cloudcache.adapters.db.rollout_models import kv_imports
from cloudcache.adapters.db.rollouts import forget_named
from cloudcache.adapters.db.transactions import OnDatabase, Values, upsert
from cloudcache.domain.customers import ZoneStatus
from cloudcache.domain.errors import NotFound
from cloudcache.domain.ids import CustomerId
from cloudcache.domain.shopify import Webhook
from cloudcache.domain.shops import Delivery, Installation, ShopStatus
from cloudcache.ports import ShopTokens

NO_TOKENS: Values = {
    "access_sealed": None,
    "refresh_sealed": None,
    "access_until": None,
    "refresh_until": None,
    "scopes": "",
    "lease_owner": None,
    "lease_until": None,
}
OF_CUSTOMER = (
    (toggles, None),
    (changes, "requested_at"),
    (entries, "first_seen_at"),
    (api_tokens, "created_at"),
    (answers, "created_at"),
    (staff_views, "started_at"),
    (kv_imports, "imported_at"),
)
"""What is kept of a customer, and since when; the values of a zone that is connected again are none of the past."""


class ShopRegister(OnDatabase):
    """The part of the store that knows where the app is installed."""

    async def install(self, shop: str, *, now: int) -> bool:
        async with self.database.writing(shop) as connection:
            known = (
                await connection.execute(select(shops.c.status).where(shops.c.shop == shop).with_for_update())
            ).scalar_one_or_none()
            if known == ShopStatus.INSTALLED:
                return False
            values: Values = {
                "status": ShopStatus.INSTALLED.value,
                "installed_at": now,
                "uninstalled_at": None,
                "erase_at": None,
            }
            if known is not None:
                await connection.execute(update(shops).where(shops.c.shop == shop).values(values))
                return True
            try:
                async with connection.begin_nested():
                    await connection.execute(
                        insert(shops).values(shop=shop, scopes="", domains="[]", **values)
                    )
            except IntegrityError:  # another tab was first
                return False
            return True

    async def installation(self, shop: str) -> Installation:
        async with self.database.reading(shop) as connection:
            row = (await connection.execute(select(shops).where(shops.c.shop == shop))).one_or_none()
        if row is None:
            raise NotFound("the app is not installed there")
        return Installation(
            row.shop,
            ShopStatus(row.status),
            row.installed_at,
            row.uninstalled_at,
            row.access_sealed,
            row.refresh_sealed,
            row.access_until,
            row.refresh_until,
            tuple(json.loads(row.domains)),
            row.domains_at,
        )

    async def lock_shop(self, shop: str, *, owner: str, now: int, until: int) -> bool:
        free = or_(shops.c.lease_until.is_(None), shops.c.lease_until <= now)
        async with self.database.writing(shop) as connection:
            taken = await connection.execute(
                update(shops)
                .where(shops.c.shop == shop, shops.c.status == ShopStatus.INSTALLED.value, free)
                .values(lease_owner=owner, lease_until=until)
            )
            return taken.rowcount == 1

    async def keep_shop_tokens(
        self, shop: str, access: bytes, refresh: bytes | None, tokens: ShopTokens, *, owner: str
    ) -> bool:
        values: Values = {
            "access_sealed": access,
            "refresh_sealed": refresh,
            "access_until": tokens.access_until,
            "refresh_until": tokens.refresh_until,
            "scopes": tokens.scopes[:255],
            "lease_owner": None,
            "lease_until": None,
        }
        async with self.database.writing(shop) as connection:
            kept = await connection.execute(
                update(shops)
                .where(
                    shops.c.shop == shop,
                    shops.c.lease_owner == owner,
                    shops.c.status == ShopStatus.INSTALLED.value,
                )
                .values(values)
            )
            return kept.rowcount == 1

    async def across_tenants_shop_tokens(
        self, limit: int, after: str = ""
    ) -> list[tuple[str, bytes, bytes | None]]:
        query = (
            select(shops.c.shop, shops.c.access_sealed, shops.c.refresh_sealed)
            .where(shops.c.shop > after, shops.c.access_sealed.is_not(None))
            .order_by(shops.c.shop)
            .limit(limit)
        )
        async with self.database.reading(ACROSS_TENANTS) as connection:
            rows = await connection.execute(query)
            return [(str(row[0]), bytes(row[1]), bytes(row[2]) if row[2] else None) for row in rows]

    async def replace_shop_tokens(
        self, shop: str, before: bytes, access: bytes, refresh: bytes | None
    ) -> bool:
        async with self.database.writing(shop) as connection:
            replaced = await connection.execute(
                update(shops)
                .where(shops.c.shop == shop, shops.c.access_sealed == before)
                .values(access_sealed=access, refresh_sealed=refresh)
            )
            return replaced.rowcount == 1

    async def unlock_shop(self, shop: str, *, owner: str) -> None:
        async with self.database.writing(shop) as connection:
            await connection.execute(
                update(shops)
                .where(shops.c.shop == shop, shops.c.lease_owner == owner)
                .values(lease_owner=None, lease_until=None)
            )

    async def keep_domains(self, shop: str, domains: Sequence[str], *, now: int) -> None:
        async with self.database.writing(shop) as connection:
            await connection.execute(
                update(shops)
                .where(shops.c.shop == shop)
                .values(domains=json.dumps(list(domains)), domains_at=now)
            )

    async def uninstall(self, shop: str, *, before: int, now: int, erase_at: int) -> CustomerId | None:
        async with self.database.writing(shop) as connection:
            gone = await connection.execute(
                update(shops)
                .where(shops.c.shop == shop, shops.c.installed_at <= before)
                .values(
                    status=ShopStatus.UNINSTALLED.value, uninstalled_at=now, erase_at=erase_at, **NO_TOKENS
                )
            )
            if gone.rowcount == 0:
                return None
            return await drop_credential(connection, shop, now)

    async def erase(self, shop: str, *, ordered_by: str, before: int, now: int) -> int:
        async with self.database.writing(ACROSS_TENANTS) as connection:
            installed_at = (
                await connection.execute(select(shops.c.installed_at).where(shops.c.shop == shop))
            ).scalar_one_or_none()
            is_anew = installed_at is not None and installed_at > before
            until = now if installed_at is None or not is_anew else int(installed_at) - 1
            erased = await _erase_customer(connection, shop, ordered_by, until, now)
            erased += await forget_named(connection, shop, until)
            if installed_at is not None and not is_anew:
                erased += (await connection.execute(delete(shops).where(shops.c.shop == shop))).rowcount
            await connection.execute(
                update(receipts)
                .where(receipts.c.shop == shop, receipts.c.received_at <= before)
                .values(shop="")
            )
            return erased

    async def across_tenants_to_erase(self, now: int, limit: int) -> list[str]:
        query = select(shops.c.shop).where(shops.c.erase_at.is_not(None), shops.c.erase_at <= now)
        async with self.database.reading(ACROSS_TENANTS) as connection:
            return list(
                (await connection.execute(query.order_by(shops.c.erase_at).limit(limit))).scalars().all()
            )

    async def receive(self, webhook: Webhook, *, now: int) -> bool:
        row = {
            "delivery": webhook.delivery,
            "topic": webhook.topic,
            "shop": webhook.shop,
            "received_at": now,
        }
        try:
            async with self.database.writing(webhook.shop) as connection:
                await connection.execute(insert(receipts).values(row))
        except IntegrityError:
            return False
        return True

    async def across_tenants_deliveries(self, limit: int) -> list[Delivery]:
        query = select(receipts).where(receipts.c.done_at.is_(None)).order_by(receipts.c.received_at)
        async with self.database.reading(ACROSS_TENANTS) as connection:
            rows = await connection.execute(query.limit(limit))
            return [Delivery(row.delivery, row.topic, row.shop, row.received_at) for row in rows]

    async def delivered(self, delivery: str, *, now: int) -> None:
        async with self.database.writing(ACROSS_TENANTS) as connection:
            await connection.execute(
                update(receipts).where(receipts.c.delivery == delivery).values(done_at=now)
            )

    async def forget_deliveries(self, before: int, limit: int) -> int:
        old = (
            select(receipts.c.delivery)
            .where(receipts.c.received_at < before, receipts.c.done_at.is_not(None))
            .limit(limit)
        )
        async with self.database.writing(ACROSS_TENANTS) as connection:
            ids = (await connection.execute(old)).scalars().all()
            if ids:
                await connection.execute(delete(receipts).where(receipts.c.delivery.in_(ids)))
            return len(ids)


async def drop_credential(connection: AsyncConnection, shop: str, now: int) -> CustomerId | None:
    """Disconnect a shop's zone and delete its own credential; the platform's stays where it is."""
    row = (
        await connection.execute(
            select(zones.c.customer_id, zones.c.credential_id).where(zones.c.shop == shop).with_for_update()
        )
    ).one_or_none()
    if row is None:
        return None
    await connection.execute(
        update(zones)
        .where(zones.c.shop == shop)
        .values(
            status=ZoneStatus.DISCONNECTED.value,
            credential_id=None,
            lease_owner=None,
            lease_until=None,
            revision=zones.c.revision + 1,
            updated_at=now,
            last_error="",
        )
    )
    await fail_open(connection, CustomerId(int(row.customer_id)), now)
    if row.credential_id is not None:
        await delete_credential(connection, str(row.credential_id))
    return CustomerId(int(row.customer_id))


async def delete_credential(connection: AsyncConnection, credential: str) -> None:
    """Delete a sealed token that no customer uses any more."""
    used = select(func.count()).where(zones.c.credential_id == credential)
    if (await connection.execute(used)).scalar_one() == 0:
        await connection.execute(delete(credentials).where(credentials.c.credential_id == credential))


async def forget_account(connection: AsyncConnection, account: str) -> int:
    """Delete what is known of a Cloudflare account in which no shop has a zone now: its name may be a person's."""
    used = select(func.count()).where(zones.c.account_id == account)
    if not account or (await connection.execute(used)).scalar_one():
        return 0
    lines = await connection.execute(delete(entries).where(entries.c.account_id == account))
    rows = await connection.execute(delete(accounts).where(accounts.c.account_id == account))
    return lines.rowcount + rows.rowcount


async def _erase_customer(
    connection: AsyncConnection, shop: str, ordered_by: str, until: int, now: int
) -> int:
    """All of a customer that is as old as `until`. The order stays: it opens the append-only tables, and is the
    receipt. A zone that was connected again later stays connected."""
    zone = (
        await connection.execute(
            select(zones.c.customer_id, zones.c.credential_id, zones.c.status, zones.c.account_id).where(
                zones.c.shop == shop
            )
        )
    ).one_or_none()
    if zone is None:
        return 0
    customer, is_alive = int(zone.customer_id), until < now and zone.status != ZoneStatus.DISCONNECTED
    order = {"customer_id": customer, "ordered_by": ordered_by, "at": now, "until": until, "rows": 0}
    await upsert(connection, erasures, [order], ("ordered_by", "at", "until"))
    count = 0
    for table, made_at in OF_CUSTOMER:
        mine = table.c.customer_id == customer
        which = mine if made_at is None or not is_alive else mine & (table.c[made_at] <= until)
        if made_at is not None or not is_alive:
            count += (await connection.execute(delete(table).where(which))).rowcount
    await connection.execute(
        update(audit_log)
        .where(audit_log.c.chain == customer, audit_log.c.at <= until, audit_log.c.personal.is_not(None))
        .values(personal=None)
    )
    if not is_alive:
        count += (await connection.execute(delete(zones).where(zones.c.customer_id == customer))).rowcount
        if zone.credential_id is not None:
            await delete_credential(connection, str(zone.credential_id))
            count += 1
        count += await forget_account(connection, str(zone.account_id))
    await connection.execute(update(erasures).where(erasures.c.customer_id == customer).values(rows=count))
    return count
