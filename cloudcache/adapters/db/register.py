"""The register: customers with their zones, their credentials, and which zone to look at next.

A zone's row is its place in the work queue as well: `sync_due_at` says when to look again, `full_read_at` when the
whole zone was last read.
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, func, insert, literal_column, or_, select, true, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from cloudcache.adapters.db.models import accounts, credentials, toggles, zones
from cloudcache.adapters.db.rows import ZONE, customer_of, fitted
from cloudcache.adapters.db.transactions import OnDatabase, Values, next_revision, upsert
from cloudcache.domain.catalog.model import Topology
from cloudcache.domain.customers import Customer, ZoneStatus
from cloudcache.domain.errors import NotFound, Reason, Refused
from cloudcache.domain.ids import CredentialId, CustomerId, ZoneId
from cloudcache.ports import ZoneFacts

# Literally, not as a parameter: only then may the partial index of connected zones be used.
CONNECTED = zones.c.status == literal_column("'active'")


class Register(OnDatabase):
    """The part of the store that knows who there is."""

    async def customer_of_shop(self, shop: str) -> Customer:
        async with self.database.reading() as connection:
            row = (await connection.execute(select(*ZONE).where(zones.c.shop == shop))).one_or_none()
        if row is None:
            raise NotFound("no such customer")
        return customer_of(row)

    async def across_tenants_customers(self, limit: int, after: CustomerId | None = None) -> list[Customer]:
        query = select(*ZONE).where(zones.c.customer_id > (after or 0)).order_by(zones.c.customer_id)
        async with self.database.reading() as connection:
            return [customer_of(row) for row in await connection.execute(query.limit(limit))]

    async def across_tenants_stalest(self, limit: int, *, now: int | None = None) -> list[CustomerId]:
        """Zones that are due by `now` come first, and those due later not at all; without `now` nothing is due.

        The rest follows the last whole read, then the oldest value. Following the oldest value alone would visit
        the same zones for ever: those that keep a value which no read can renew, its permission being gone.
        """
        not_later = or_(zones.c.sync_due_at.is_(None), zones.c.sync_due_at <= now) if now else true()
        async with self.database.reading() as connection:
            found = await _due(connection, limit, now) if now else []
            found += await _never_read(connection, limit, not_later)
            if len(found) < limit:
                found += await _longest_ago(connection, limit, not_later)
        return list(dict.fromkeys(found))[:limit]

    async def zone_answered(self, customer: CustomerId, *, now: int, full_read: bool = False) -> None:
        whole: Values = {"full_read_at": now, "sync_due_at": None} if full_read else {}
        await self._update_zone(customer, now, {"silent_since": None, "failures": 0, **whole})

    async def zone_silent(self, customer: CustomerId, *, now: int, due: int) -> None:
        silent: Values = {
            "silent_since": func.coalesce(zones.c.silent_since, now),
            "failures": zones.c.failures + 1,
            "sync_due_at": due,
        }
        await self._update_zone(customer, now, silent)

    async def set_status(self, customer: CustomerId, status: ZoneStatus, *, now: int) -> None:
        await self._update_zone(customer, now, {"status": status.value})

    async def viewed(self, customer: CustomerId, *, now: int) -> None:
        async with self.database.writing() as connection:
            await connection.execute(
                update(zones).where(zones.c.customer_id == customer).values(last_viewed_at=now)
            )

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
            "created_at": now,
            "updated_at": now,
        }
        try:
            async with self.database.writing() as connection:
                await _require_credential(connection, credential)
                await _keep_account(connection, facts)
                stored = await connection.execute(insert(zones).values(row).returning(*ZONE))
                return customer_of(stored.one())
        except IntegrityError:
            raise Refused(Reason.CONFLICT, "this shop or this zone is registered already") from None

    async def add_credential(self, credential: CredentialId, sealed: bytes, kind: str, *, now: int) -> None:
        row: Values = {
            "credential_id": credential,
            "sealed": sealed,
            "kind": kind,
            "status": "active",
            "created_at": now,
        }
        async with self.database.writing() as connection:
            await upsert(connection, credentials, [row], ("sealed", "kind", "status"))

    async def sealed_token(self, credential: CredentialId) -> bytes:
        query = select(credentials.c.sealed).where(credentials.c.credential_id == credential)
        async with self.database.reading() as connection:
            sealed = (await connection.execute(query)).scalar_one_or_none()
        if sealed is None:
            raise NotFound("no such credential")
        return bytes(sealed)

    async def _update_zone(self, customer: CustomerId, now: int, values: Values) -> None:
        """Change the zone's own columns under the next revision, so that open pages notice."""
        async with self.database.writing() as connection:
            await next_revision(connection, customer, now)
            await connection.execute(update(zones).where(zones.c.customer_id == customer).values(values))


async def _due(connection: AsyncConnection, limit: int, now: int) -> list[CustomerId]:
    query = select(zones.c.customer_id).where(CONNECTED, zones.c.sync_due_at <= now)
    rows = await connection.execute(query.order_by(zones.c.sync_due_at).limit(limit))
    return [CustomerId(one) for one in rows.scalars()]


async def _never_read(
    connection: AsyncConnection, limit: int, not_later: ColumnElement[bool]
) -> list[CustomerId]:
    query = select(zones.c.customer_id).where(CONNECTED, zones.c.full_read_at.is_(None), not_later)
    rows = await connection.execute(query.order_by(zones.c.customer_id).limit(limit))
    return [CustomerId(one) for one in rows.scalars()]


async def _longest_ago(
    connection: AsyncConnection, limit: int, not_later: ColumnElement[bool]
) -> list[CustomerId]:
    chosen = (
        select(zones.c.customer_id)
        .where(CONNECTED, zones.c.full_read_at.is_not(None), not_later)
        .order_by(zones.c.full_read_at, zones.c.customer_id)
        .limit(limit)
        .subquery()
    )
    oldest = (
        select(func.min(toggles.c.last_synced_at))
        .where(toggles.c.customer_id == chosen.c.customer_id)
        .scalar_subquery()
    )
    rows = await connection.execute(
        select(chosen.c.customer_id).order_by(oldest.is_not(None), oldest, chosen.c.customer_id)
    )
    return [CustomerId(one) for one in rows.scalars()]


async def _require_credential(connection: AsyncConnection, credential: CredentialId | None) -> None:
    if credential is None:
        return
    query = select(credentials.c.credential_id).where(credentials.c.credential_id == credential)
    if (await connection.execute(query)).first() is None:
        raise NotFound("no such credential")


async def _keep_account(connection: AsyncConnection, facts: ZoneFacts) -> None:
    if facts.account_id:
        row: Values = {"account_id": facts.account_id, "name": fitted(accounts.c.name, facts.account_name)}
        await upsert(connection, accounts, [row], ("name",))
