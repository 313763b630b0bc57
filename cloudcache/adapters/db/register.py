"""The register: customers with their zones and credentials, and whether they can be worked on."""

from __future__ import annotations

from sqlalchemy import ColumnElement, func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from cloudcache.adapters.db.engine import ACROSS_TENANTS
from cloudcache.adapters.db.locks import lock_accounts, lock_zones
from cloudcache.adapters.db.models import accounts, credentials, zones
from cloudcache.adapters.db.rows import ZONE, customer_of, fitted
from cloudcache.adapters.db.token_ids import with_the_same_tokens
from cloudcache.adapters.db.transactions import OnDatabase, Values, next_revision, upsert
from cloudcache.domain.catalog.model import Topology
from cloudcache.domain.customers import Customer, ZoneStatus
from cloudcache.domain.errors import NotFound, Reason, Refused
from cloudcache.domain.freshness import NEVER
from cloudcache.domain.ids import CredentialId, CustomerId, ZoneId
from cloudcache.ports import ZoneFacts


class Register(OnDatabase):
    """The part of the store that knows who there is."""

    async def customer_of_shop(self, shop: str) -> Customer:
        async with self.database.reading(shop) as connection:
            row = (await connection.execute(select(*ZONE).where(zones.c.shop == shop))).one_or_none()
        if row is None:
            raise NotFound("no such customer")
        return customer_of(row)

    async def across_tenants_customers(self, limit: int, after: CustomerId | None = None) -> list[Customer]:
        query = select(*ZONE).where(zones.c.customer_id > (after or 0)).order_by(zones.c.customer_id)
        async with self.database.reading(ACROSS_TENANTS) as connection:
            return [customer_of(row) for row in await connection.execute(query.limit(limit))]

    async def zone_answered(self, customer: CustomerId, *, now: int) -> None:
        await self._update_zone(customer, now, {"silent_since": None})

    async def zone_silent(self, customer: CustomerId, *, now: int) -> None:
        await self._update_zone(customer, now, {"silent_since": func.coalesce(zones.c.silent_since, now)})

    async def set_status(self, customer: CustomerId, status: ZoneStatus, *, now: int, why: str = "") -> None:
        values = suspended(status, why) if status is not ZoneStatus.ACTIVE else connected(now)
        await self._update_zone(customer, now, values)

    async def park_credential(self, credential: CredentialId | None, *, now: int, why: str) -> int:
        values = suspended(ZoneStatus.TOKEN_REFUSED, why)
        return await self._of_credential(credential, ZoneStatus.ACTIVE, now, values)

    async def unpark_credential(self, credential: CredentialId | None, *, now: int) -> int:
        return await self._of_credential(credential, ZoneStatus.TOKEN_REFUSED, now, connected(now))

    async def add_customer(
        self,
        shop: str,
        zone: ZoneId,
        facts: ZoneFacts,
        topology: Topology,
        credential: CredentialId | None,
        *,
        now: int,
    ) -> Customer:
        row = {
            "shop": shop,
            "zone_id": zone,
            "zone_name": fitted(zones.c.zone_name, facts.name),
            "account_id": facts.account_id,
            "plan": facts.plan.name.lower(),
            "topology": topology.value,
            "status": ZoneStatus.ACTIVE.value,
            "credential_id": credential,
            "revision": 1,
            "sync_due_at": NEVER,
            "created_at": now,
            "updated_at": now,
        }
        try:
            async with self.database.writing(shop) as connection:
                await _require_credential(connection, credential)
                stored = (await connection.execute(insert(zones).values(row).returning(*ZONE))).one()
                await keep_account(connection, facts, credential)
                return customer_of(stored)
        except IntegrityError:
            raise Refused(Reason.CONFLICT, "this store or zone already exists") from None

    async def keep_facts(
        self,
        customer: CustomerId,
        facts: ZoneFacts,
        credential: CredentialId | None,
        *,
        now: int,
        zone: ZoneId | None = None,
    ) -> None:
        values: Values = {
            "zone_name": fitted(zones.c.zone_name, facts.name),
            "account_id": facts.account_id,
            "plan": facts.plan.name.lower(),
        }
        async with self.database.writing(customer) as connection:
            await next_revision(connection, customer, now, zone=zone)
            await connection.execute(update(zones).where(zones.c.customer_id == customer).values(values))
            await keep_account(connection, facts, credential)

    async def use_credential(
        self,
        customer: CustomerId,
        credential: CredentialId,
        *,
        now: int,
        sealed: bytes | None = None,
        token_id: CredentialId | None = None,
    ) -> None:
        async with self.database.writing(customer) as connection:
            await next_revision(connection, customer, now)
            if sealed is not None:
                await keep_credential(connection, credential, sealed, "token", now, token_id)
            await connection.execute(
                update(zones)
                .where(zones.c.customer_id == customer)
                .values({"credential_id": credential, **connected(now)})
            )
            await feed_again(connection, zones.c.customer_id == customer, now, {"credential_id": credential})

    async def add_credential(
        self,
        credential: CredentialId,
        sealed: bytes,
        kind: str,
        *,
        now: int,
        token_id: CredentialId | None = None,
    ) -> None:
        async with self.database.writing(ACROSS_TENANTS) as connection:
            await keep_credential(connection, credential, sealed, kind, now, token_id)

    async def sealed_token(self, credential: CredentialId) -> bytes:
        query = select(credentials.c.sealed).where(credentials.c.credential_id == credential)
        async with self.database.reading(ACROSS_TENANTS) as connection:
            sealed = (await connection.execute(query)).scalar_one_or_none()
        if sealed is None:
            raise NotFound("no such credential")
        return bytes(sealed)

    async def _of_credential(
        self, credential: CredentialId | None, status: ZoneStatus, now: int, values: Values
    ) -> int:
        async with self.database.writing(ACROSS_TENANTS) as connection:
            return await change_zones_of(connection, credential, status, now, values)

    async def _update_zone(self, customer: CustomerId, now: int, values: Values) -> None:
        """Change the zone's own columns under the next revision, so that open pages notice."""
        async with self.database.writing(customer) as connection:
            await next_revision(connection, customer, now)
            await connection.execute(update(zones).where(zones.c.customer_id == customer).values(values))


async def change_zones_of(
    connection: AsyncConnection, credential: CredentialId | None, status: ZoneStatus, now: int, values: Values
) -> int:
    """Change the zones of a token (None: the platform's) that have this status; return how many."""
    mine = await zones_of(connection, credential)
    values = values | {"revision": zones.c.revision + 1, "updated_at": now}
    await lock_zones(connection, mine)
    changed = await connection.execute(
        update(zones).where(mine, zones.c.status == status.value).values(values)
    )
    if status is not ZoneStatus.ACTIVE:
        await feed_again(connection, mine, now, {})
    return changed.rowcount


async def zones_of(connection: AsyncConnection, credential: CredentialId | None) -> ColumnElement[bool]:
    """The zones that are worked with the token of this record (None: the platform's)."""
    if credential is None:
        return zones.c.credential_id.is_(None)
    return zones.c.credential_id.in_(await with_the_same_tokens(connection, [credential]) or [credential])


async def feed_again(
    connection: AsyncConnection, which: ColumnElement[bool], now: int, values: Values
) -> None:
    """A token that is accepted again may read its account's log, too."""
    theirs = accounts.c.account_id.in_(select(zones.c.account_id).where(which))
    await lock_accounts(connection, theirs)
    await connection.execute(update(accounts).where(theirs).values({"feed_due_at": now, **values}))


def suspended(status: ZoneStatus, why: str) -> Values:
    """Out of the queue, whose indexes hold connected zones only; whoever worked on it finds the lease gone."""
    return {
        "status": status.value,
        "last_error": fitted(zones.c.last_error, why),
        "lease_owner": None,
        "lease_until": None,
    }


def connected(now: int) -> Values:
    return {"status": ZoneStatus.ACTIVE.value, "last_error": "", "failures": 0, "sync_due_at": now}


async def keep_credential(
    connection: AsyncConnection,
    credential: CredentialId,
    sealed: bytes,
    kind: str,
    now: int,
    token_id: CredentialId | None,
) -> None:
    row: Values = {
        "credential_id": credential,
        "token_id": token_id,
        "sealed": sealed,
        "kind": kind,
        "status": "active",
        "created_at": now,
    }
    await upsert(connection, credentials, [row], ("token_id", "sealed", "kind", "status", "created_at"))


async def _require_credential(connection: AsyncConnection, credential: CredentialId | None) -> None:
    if credential is None:
        return
    query = select(credentials.c.credential_id).where(credentials.c.credential_id == credential)
    if (await connection.execute(query)).first() is None:
        raise NotFound("no such credential")


async def keep_account(
    connection: AsyncConnection, facts: ZoneFacts, credential: CredentialId | None
) -> None:
    if facts.account_id:
        row: Values = {
            "account_id": facts.account_id,
            "name": fitted(accounts.c.name, facts.account_name),
            "credential_id": credential,
        }
        await upsert(connection, accounts, [row], ("name",))
