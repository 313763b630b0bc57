"""The installations in the database, and the deliveries of webhooks."""

from __future__ import annotations

import json
from collections.abc import Sequence

from sqlalchemy import case, delete, exists, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from cloudcache.adapters.db.access_models import receipts, shops
from cloudcache.adapters.db.engine import ACROSS_TENANTS
from cloudcache.adapters.db.models import accounts, credentials, entries, suspensions, zones
from cloudcache.adapters.db.settling import fail_open
from cloudcache.adapters.db.transactions import OnDatabase, Values
from cloudcache.domain.customers import ZoneStatus
from cloudcache.domain.errors import NotFound
from cloudcache.domain.ids import CustomerId
from cloudcache.domain.shopify import Webhook
from cloudcache.domain.shops import (
    TOKEN_TOLERATED_MS,
    Delivery,
    Installation,
    ShopStatus,
    is_older_than_uninstall,
    waiting_credential,
)
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
SEEN_AT = func.coalesce(shops.c.last_seen_at, shops.c.installed_at)
"""The newest proof that the app is in use; installations that are older than the column have their beginning."""


class ShopRegister(OnDatabase):
    """The part of the store that knows where the app is installed."""

    async def install(self, shop: str, *, now: int, seen_at: int | None = None) -> bool:
        seen = now if seen_at is None else seen_at
        query = select(shops.c.status, shops.c.uninstalled_at, SEEN_AT.label("seen")).where(
            shops.c.shop == shop
        )
        async with self.database.writing(shop) as connection:
            known = (await connection.execute(query.with_for_update())).one_or_none()
            if known is None:
                return await _first_install(connection, shop, now, seen)
            if known.status == ShopStatus.INSTALLED:
                if seen > known.seen:
                    await connection.execute(
                        update(shops).where(shops.c.shop == shop).values(last_seen_at=seen)
                    )
                return False
            if is_older_than_uninstall(seen, known.uninstalled_at):
                return False
            await connection.execute(
                update(shops).where(shops.c.shop == shop).values(_installed(now, max(seen, int(known.seen))))
            )
            return True

    async def installation(self, shop: str) -> Installation:
        async with self.database.reading(shop) as connection:
            row = (await connection.execute(select(shops).where(shops.c.shop == shop))).one_or_none()
        if row is None:
            raise NotFound("the app isn't installed there")
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
            row.installed_at if row.last_seen_at is None else row.last_seen_at,
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

    async def uninstall(self, shop: str, *, before: int, now: int, erase_at: int) -> bool:
        is_meant = (shops.c.status == ShopStatus.INSTALLED.value) & (before >= SEEN_AT)
        async with self.database.writing(shop) as connection:
            gone = await connection.execute(
                update(shops)
                .where(shops.c.shop == shop, is_meant)
                .values(
                    status=ShopStatus.UNINSTALLED.value,
                    uninstalled_at=min(before, now),
                    erase_at=erase_at,
                    **NO_TOKENS,
                )
            )
            if gone.rowcount == 0:
                return False
            await drop_waiting(connection, shop)
            customer = await _customer_of(connection, shop)
            if customer is not None:
                await self.database.set_tenant(connection, customer)
                await drop_credential(connection, shop, now)
            return True

    async def receive(self, webhook: Webhook, *, now: int) -> bool:
        row = {
            "delivery": webhook.delivery,
            "topic": webhook.topic,
            "shop": webhook.shop,
            "received_at": now,
            "triggered_at": webhook.triggered_at,
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
            return [
                Delivery(row.delivery, row.topic, row.shop, row.received_at, row.triggered_at) for row in rows
            ]

    async def delivered(self, delivery: str, *, now: int) -> None:
        is_known = or_(
            exists().where(shops.c.shop == receipts.c.shop), exists().where(zones.c.shop == receipts.c.shop)
        )
        values: Values = {"done_at": now, "shop": case((is_known, receipts.c.shop), else_="")}
        async with self.database.writing(ACROSS_TENANTS) as connection:
            await connection.execute(update(receipts).where(receipts.c.delivery == delivery).values(values))

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


def _installed(now: int, seen: int) -> Values:
    return {
        "status": ShopStatus.INSTALLED.value,
        "installed_at": now,
        "last_seen_at": seen,
        "uninstalled_at": None,
        "erase_at": None,
    }


async def _first_install(connection: AsyncConnection, shop: str, now: int, seen: int) -> bool:
    row = {"shop": shop, "scopes": "", "domains": "[]", **_installed(now, seen)}
    try:
        async with connection.begin_nested():
            await connection.execute(insert(shops).values(row))
    except IntegrityError:  # another tab was first
        return False
    return True


async def seen_by_connecting(connection: AsyncConnection, shop: str, now: int) -> None:
    """Note that the shop was just connected, which is a proof of life; by Shopify's clock it was no earlier."""
    proven = now - TOKEN_TOLERATED_MS
    await connection.execute(
        update(shops)
        .where(shops.c.shop == shop, shops.c.status == ShopStatus.INSTALLED.value, proven > SEEN_AT)
        .values(last_seen_at=proven)
    )


async def _customer_of(connection: AsyncConnection, shop: str) -> CustomerId | None:
    found = await connection.execute(
        select(zones.c.customer_id).where(zones.c.shop == shop).with_for_update()
    )
    customer = found.scalar_one_or_none()
    return None if customer is None else CustomerId(int(customer))


async def drop_waiting(connection: AsyncConnection, shop: str) -> int:
    """Delete what an OAuth consent left for the shop's next click."""
    waiting = credentials.c.credential_id == waiting_credential(shop)
    return (await connection.execute(delete(credentials).where(waiting))).rowcount


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


async def delete_credential(connection: AsyncConnection, credential: str) -> int:
    """Delete a sealed token that no customer uses any more; returns how many rows went."""
    used = select(func.count()).where(zones.c.credential_id == credential)
    if (await connection.execute(used)).scalar_one():
        return 0
    unused = delete(credentials).where(credentials.c.credential_id == credential)
    deleted = (await connection.execute(unused.returning(credentials.c.token_id))).all()
    for token_id in (str(row.token_id or credential) for row in deleted):
        await _forget_token(connection, token_id)
    return len(deleted)


async def _forget_token(connection: AsyncConnection, token_id: str) -> None:
    """Examine a suspended token no more once no record of it is left."""
    held = exists().where(credentials.c.token_id == token_id)
    of_token = (suspensions.c.kind == "token") & (suspensions.c.subject == token_id)
    await connection.execute(delete(suspensions).where(of_token, ~held))


async def forget_account(connection: AsyncConnection, account: str) -> int:
    """Delete what is known of a Cloudflare account in which no shop has a zone now: its name may be a person's."""
    locked = select(accounts.c.account_id).where(accounts.c.account_id == account).with_for_update()
    await connection.execute(
        locked
    )  # another shop that is being connected there holds it until its zone is seen
    used = select(func.count()).where(zones.c.account_id == account)
    if not account or (await connection.execute(used)).scalar_one():
        return 0
    lines = await connection.execute(delete(entries).where(entries.c.account_id == account))
    rows = await connection.execute(delete(accounts).where(accounts.c.account_id == account))
    return lines.rowcount + rows.rowcount
