"""Erasing a shop, or what is left of a customer, whatever else runs at the same time.

The customer's row is locked first. Every transaction that writes for a customer holds that row as well
(`next_revision`, or `hold_customer`), so it either commits before the erasure, which then deletes what it wrote, or
comes later and finds no customer.
"""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import delete, func, select, update
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
from cloudcache.adapters.db.models import batch_refusals, changes, entries, suspensions, toggles, zones
from cloudcache.adapters.db.rollout_models import kv_imports
from cloudcache.adapters.db.rollouts import forget_named
from cloudcache.adapters.db.settling import fail_open
from cloudcache.adapters.db.shops import SEEN_AT, delete_credential, drop_waiting, forget_account
from cloudcache.adapters.db.transactions import OnDatabase, upsert
from cloudcache.domain.ids import CustomerId

OF_CUSTOMER = (toggles, changes, entries, api_tokens, answers, staff_views, kv_imports, batch_refusals)
"""What is kept of a customer beside its zone and its audit chain."""


class Erasures(OnDatabase):
    """The part of the store that erases."""

    async def erase(self, shop: str, *, ordered_by: str, before: int, now: int) -> int | None:
        async with self.database.writing(ACROSS_TENANTS) as connection:
            seen_at = await _lock(connection, shop)
            if seen_at is not None and seen_at > before:
                return None
            erased = await _erase_zone(connection, shop, ordered_by, now)
            erased += await forget_named(connection, shop, now)
            erased += await drop_waiting(connection, shop)
            erased += (await connection.execute(delete(shops).where(shops.c.shop == shop))).rowcount
            await connection.execute(
                update(receipts).where(receipts.c.shop == shop, receipts.c.received_at <= now).values(shop="")
            )
            return erased

    async def across_tenants_to_erase(self, now: int, limit: int) -> list[str]:
        query = select(shops.c.shop).where(shops.c.erase_at.is_not(None), shops.c.erase_at <= now)
        async with self.database.reading(ACROSS_TENANTS) as connection:
            return list(
                (await connection.execute(query.order_by(shops.c.erase_at).limit(limit))).scalars().all()
            )


async def _lock(connection: AsyncConnection, shop: str) -> int | None:
    """Lock the shop's installation and its customer; returns the newest proof that the app is in use, if any."""
    installed = select(SEEN_AT).where(shops.c.shop == shop).with_for_update()
    connected = select(zones.c.created_at).where(zones.c.shop == shop).with_for_update()
    seen_at = (await connection.execute(installed)).scalar_one_or_none()
    created_at = (await connection.execute(connected)).scalar_one_or_none()
    found = created_at if seen_at is None else seen_at
    return None if found is None else int(found)


async def _erase_zone(connection: AsyncConnection, shop: str, ordered_by: str, now: int) -> int:
    query = select(zones.c.customer_id, zones.c.credential_id, zones.c.account_id)
    zone = (await connection.execute(query.where(zones.c.shop == shop))).one_or_none()
    if zone is None:
        return 0
    customer = CustomerId(int(zone.customer_id))
    count = await erase_rows(connection, customer, ordered_by, now)
    count += (await connection.execute(delete(zones).where(zones.c.customer_id == customer))).rowcount
    if zone.credential_id is not None:
        count += await delete_credential(connection, str(zone.credential_id))
    count += await forget_account(connection, str(zone.account_id))
    await connection.execute(update(erasures).where(erasures.c.customer_id == customer).values(rows=count))
    return count


async def erase_rows(connection: AsyncConnection, customer: CustomerId, ordered_by: str, now: int) -> int:
    """Delete everything of a customer but its zone, and the personal part of its audit chain. The order stays: it
    opens the append-only tables, and is the receipt."""
    until = await _newest(connection, customer, now)
    order = {"customer_id": customer, "ordered_by": ordered_by, "at": now, "until": until, "rows": 0}
    await upsert(connection, erasures, [order], ("ordered_by", "at", "until"))
    count = 0
    for table in OF_CUSTOMER:
        count += (await connection.execute(delete(table).where(table.c.customer_id == customer))).rowcount
    suspended = (suspensions.c.kind == "zone") & (suspensions.c.subject == str(customer))
    count += (await connection.execute(delete(suspensions).where(suspended))).rowcount
    await connection.execute(
        update(audit_log)
        .where(audit_log.c.chain == customer, audit_log.c.personal.is_not(None))
        .values(personal=None)
    )
    return count


async def _newest(connection: AsyncConnection, customer: CustomerId, now: int) -> int:
    """The time up to which the order holds: of the newest row, where another process's clock is ahead of ours."""
    asked = select(func.max(changes.c.requested_at)).where(changes.c.customer_id == customer)
    told = select(func.max(audit_log.c.at)).where(audit_log.c.chain == customer)
    found = [(await connection.execute(query)).scalar() for query in (asked, told)]
    return max(now, *(int(one) for one in found if one is not None))


async def end_orphans(
    connection: AsyncConnection, customers: Collection[CustomerId], now: int
) -> set[CustomerId]:
    """End the open changes of customers that are gone; returns which of the customers those are. What an erasure
    missed is erased."""
    query = select(zones.c.customer_id).where(zones.c.customer_id.in_(customers))
    gone = set(customers) - {CustomerId(int(one)) for one in (await connection.execute(query)).scalars()}
    for customer in sorted(gone):
        order = select(erasures.c.ordered_by).where(erasures.c.customer_id == customer)
        ordered_by = (await connection.execute(order)).scalar_one_or_none()
        if ordered_by is None:
            await fail_open(connection, customer, now)
        else:
            await erase_rows(connection, customer, str(ordered_by), now)
    return gone
