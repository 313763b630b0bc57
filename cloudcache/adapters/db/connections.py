"""Connecting a shop to its zone, and taking it off again, in the database."""

from __future__ import annotations

import json
from collections.abc import Collection

from sqlalchemy import Row, delete, insert, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from cloudcache.adapters.db.audit import append
from cloudcache.adapters.db.engine import ACROSS_TENANTS
from cloudcache.adapters.db.locks import lock_accounts, lock_zones
from cloudcache.adapters.db.models import accounts, credentials, entries, toggles, zones
from cloudcache.adapters.db.register import connected, feed_again, keep_account
from cloudcache.adapters.db.rows import ZONE, customer_of, fitted
from cloudcache.adapters.db.settling import fail_open
from cloudcache.adapters.db.shops import (
    delete_credential,
    drop_credential,
    forget_account,
    seen_by_connecting,
)
from cloudcache.adapters.db.transactions import OnDatabase, Values, next_revision, upsert
from cloudcache.domain.audit import Deed
from cloudcache.domain.customers import Customer, ZoneStatus
from cloudcache.domain.errors import NotFound, Reason, Refused
from cloudcache.domain.freshness import NEVER
from cloudcache.domain.ids import CredentialId, CustomerId, ZoneId
from cloudcache.ports import Way, ZoneFacts


class Connections(OnDatabase):
    """The part of the store that joins shops and zones."""

    async def connect_zone(
        self,
        shop: str,
        zone: ZoneId,
        facts: ZoneFacts,
        way: Way,
        missing: Collection[str],
        credential: CredentialId,
        sealed: bytes,
        kind: str,
        deed: Deed,
        *,
        now: int,
        token_id: CredentialId | None = None,
    ) -> Customer:
        values = {
            **connected(now),
            **_found(way, missing, now),
            "zone_id": zone,
            "zone_name": fitted(zones.c.zone_name, facts.name),
            "account_id": facts.account_id,
            "plan": facts.plan.name.lower(),
            "credential_id": credential,
            "storefront": "",
            "storefront_tried_at": None,
            "updated_at": now,
        }
        try:
            async with self.database.writing(ACROSS_TENANTS) as connection:
                await seen_by_connecting(connection, shop, now)
                await _lock(connection, shop, zone, facts.account_id)
                await _release(connection, shop, zone, now)
                record = _credential(credential, token_id, sealed, kind, now)
                await upsert(connection, credentials, [record], ("token_id", "sealed", "kind"))
                await keep_account(connection, facts, credential)
                row = await _write(connection, shop, zone, values, now)
                customer = customer_of(row)
                await feed_again(
                    connection, zones.c.customer_id == customer.id, now, {"credential_id": credential}
                )
                await append(connection, customer.id, [deed], now)
                return customer
        except IntegrityError:
            raise Refused(Reason.CONFLICT, "this zone is connected to another store") from None

    async def disconnect_zone(self, customer: CustomerId, shop: str, deed: Deed, *, now: int) -> None:
        async with self.database.writing(customer) as connection:
            if await drop_credential(connection, shop, now) is None:
                raise NotFound("no such customer")
            await append(connection, customer, [deed], now)

    async def keep_way(self, customer: CustomerId, way: Way, missing: Collection[str], *, now: int) -> None:
        async with self.database.writing(customer) as connection:
            await next_revision(connection, customer, now)
            await connection.execute(
                update(zones).where(zones.c.customer_id == customer).values(_found(way, missing, now))
            )

    async def forget_waiting(self, before: int) -> int:
        old = (credentials.c.kind == "waiting") & (credentials.c.created_at < before)
        async with self.database.writing(ACROSS_TENANTS) as connection:
            return (await connection.execute(delete(credentials).where(old))).rowcount

    async def replace_sealed(self, credential: CredentialId, before: bytes, after: bytes) -> bool:
        async with self.database.writing(ACROSS_TENANTS) as connection:
            replaced = await connection.execute(
                update(credentials)
                .where(credentials.c.credential_id == credential, credentials.c.sealed == before)
                .values(sealed=after)
            )
            return replaced.rowcount == 1

    async def lock_credential(self, credential: CredentialId, *, owner: str, now: int, until: int) -> bool:
        free = or_(credentials.c.lease_until.is_(None), credentials.c.lease_until <= now)
        async with self.database.writing(ACROSS_TENANTS) as connection:
            taken = await connection.execute(
                update(credentials)
                .where(credentials.c.credential_id == credential, free)
                .values(lease_owner=owner, lease_until=until)
            )
            return taken.rowcount == 1

    async def keep_renewed(self, credential: CredentialId, sealed: bytes, *, owner: str) -> bool:
        return await self._end_lease(credential, owner, {"sealed": sealed})

    async def unlock_credential(self, credential: CredentialId, *, owner: str) -> None:
        await self._end_lease(credential, owner, {})

    async def _end_lease(self, credential: CredentialId, owner: str, values: Values) -> bool:
        async with self.database.writing(ACROSS_TENANTS) as connection:
            ended = await connection.execute(
                update(credentials)
                .where(credentials.c.credential_id == credential, credentials.c.lease_owner == owner)
                .values({**values, "lease_owner": None, "lease_until": None})
            )
            return ended.rowcount == 1

    async def across_tenants_sealed(self, limit: int, after: str = "") -> list[tuple[CredentialId, bytes]]:
        query = (
            select(credentials.c.credential_id, credentials.c.sealed)
            .where(credentials.c.credential_id > after)
            .order_by(credentials.c.credential_id)
            .limit(limit)
        )
        async with self.database.reading(ACROSS_TENANTS) as connection:
            return [(CredentialId(str(row[0])), bytes(row[1])) for row in await connection.execute(query)]


async def _lock(connection: AsyncConnection, shop: str, zone: ZoneId, account: str) -> None:
    """Lock the shop's zone, the one that it takes over, and the accounts that it leaves and joins."""
    concerned = or_(zones.c.shop == shop, zones.c.zone_id == zone)
    await lock_zones(connection, concerned)
    former = select(zones.c.account_id).where(concerned)
    await lock_accounts(connection, or_(accounts.c.account_id == account, accounts.c.account_id.in_(former)))


async def _release(connection: AsyncConnection, shop: str, zone: ZoneId, now: int) -> None:
    """A zone whose shop has disconnected it is free; whoever proves to hold it may connect it."""
    former = (
        await connection.execute(
            select(zones.c.customer_id).where(
                zones.c.zone_id == zone,
                zones.c.shop != shop,
                zones.c.status == ZoneStatus.DISCONNECTED.value,
            )
        )
    ).scalar_one_or_none()
    if former is not None:
        await connection.execute(
            update(zones)
            .where(zones.c.customer_id == former)
            .values(zone_id=f"released-{former}", updated_at=now)
        )


async def _write(
    connection: AsyncConnection, shop: str, zone: ZoneId, values: Values, now: int
) -> Row[*tuple[object, ...]]:
    held = (
        await connection.execute(
            select(zones.c.customer_id, zones.c.zone_id, zones.c.credential_id, zones.c.account_id)
            .where(zones.c.shop == shop)
            .with_for_update()
        )
    ).one_or_none()
    if held is None:
        first = {"shop": shop, "revision": 1, "sync_due_at": NEVER, "created_at": now}
        stored = await connection.execute(insert(zones).values({**values, **first}).returning(*ZONE))
        return stored.one()
    if held.zone_id != zone:
        await _forget_values(connection, CustomerId(int(held.customer_id)), now)
        values = {**values, **_NEVER_READ}
    stored = await connection.execute(
        update(zones)
        .where(zones.c.customer_id == held.customer_id)
        .values({**values, "revision": zones.c.revision + 1, "lease_owner": None, "lease_until": None})
        .returning(*ZONE)
    )
    row = stored.one()
    if held.credential_id is not None:
        await delete_credential(connection, str(held.credential_id))
    await forget_account(connection, str(held.account_id))
    return row


async def _forget_values(connection: AsyncConnection, customer: CustomerId, now: int) -> None:
    """Another zone: what was read of the one before says nothing about it. The journal stays the shop's."""
    await connection.execute(delete(toggles).where(toggles.c.customer_id == customer))
    await connection.execute(delete(entries).where(entries.c.customer_id == customer))
    await fail_open(connection, customer, now, Reason.ZONE_REPLACED)


_NEVER_READ: Values = {
    "full_read_at": None,
    "unread_toggles": "",
    "unread_at": None,
    "unread_due_at": None,
    "failures": 0,
    "changed_at": None,
    "silent_since": None,
}


def _found(way: Way, missing: Collection[str], now: int) -> Values:
    return {
        "hostname": fitted(zones.c.hostname, way.hostname),
        "topology": way.topology.value,
        "topology_at": now,
        "verdicts": json.dumps(dict(way.verdicts), sort_keys=True),
        "missing": ",".join(sorted(missing)),
    }


def _credential(
    credential: CredentialId, token_id: CredentialId | None, sealed: bytes, kind: str, now: int
) -> Values:
    return {
        "credential_id": credential,
        "token_id": token_id,
        "sealed": sealed,
        "kind": kind,
        "status": "active",
        "created_at": now,
    }
