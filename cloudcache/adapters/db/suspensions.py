"""Suspended zones and tokens in the database, and when each is examined again.

The status of a zone stands in its own row; the rows here say only when to look. One without a suspended zone behind
it does no harm: it is dropped when it is next due.
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from cloudcache.adapters.db.engine import ACROSS_TENANTS
from cloudcache.adapters.db.models import suspensions, zones
from cloudcache.adapters.db.register import Register, change_zones_of, connected, suspended, zones_of
from cloudcache.adapters.db.token_ids import token_of
from cloudcache.adapters.db.transactions import OnDatabase, Values, upsert
from cloudcache.domain.customers import SUSPENDED, ZoneStatus
from cloudcache.domain.ids import CredentialId, CustomerId, ZoneId
from cloudcache.domain.suspension import Suspended, Suspension

PLATFORM = "platform"
STATUSES = [one.value for one in SUSPENDED]


class Suspensions(Register, OnDatabase):
    """The part of the store that suspends and resumes."""

    async def suspend_zone(
        self, customer: CustomerId, zone: ZoneId, status: ZoneStatus, *, now: int, why: str, due: int
    ) -> bool:
        active = zones.c.status == ZoneStatus.ACTIVE.value
        async with self.database.writing(customer) as connection:
            changed = await _change(connection, customer, zone, active, now, suspended(status, why))
            if changed:
                await _schedule(connection, Suspended.ZONE, str(customer), now, due)
            return changed

    async def suspend_token(self, credential: CredentialId | None, *, now: int, why: str, due: int) -> int:
        values = suspended(ZoneStatus.TOKEN_REFUSED, why)
        async with self.database.writing(ACROSS_TENANTS) as connection:
            subject = PLATFORM if credential is None else await token_of(connection, credential)
            await _schedule(connection, Suspended.TOKEN, subject, now, due)
            return await change_zones_of(connection, credential, ZoneStatus.ACTIVE, now, values)

    async def resume_zone(self, customer: CustomerId, zone: ZoneId, *, now: int) -> bool:
        async with self.database.writing(customer) as connection:
            is_suspended = zones.c.status.in_(STATUSES)
            resumed = await _change(connection, customer, zone, is_suspended, now, connected(now))
            await _drop(connection, Suspension(Suspended.ZONE, str(customer)))
            return resumed

    async def resume_token(self, credential: CredentialId | None, *, now: int) -> int:
        async with self.database.writing(ACROSS_TENANTS) as connection:
            await _drop_token(connection, credential)
            refused = zones.c.status == ZoneStatus.TOKEN_REFUSED.value
            mine = await zones_of(connection, credential)
            any_refused = select(zones.c.customer_id).where(mine, refused).limit(1)
            if (await connection.execute(any_refused)).first() is None:
                return 0  # without locking all zones of the token
            return await change_zones_of(
                connection, credential, ZoneStatus.TOKEN_REFUSED, now, connected(now)
            )

    async def across_tenants_due_suspensions(self, *, now: int, until: int, limit: int) -> list[Suspension]:
        due = (
            select(suspensions.c.kind, suspensions.c.subject, suspensions.c.attempts)
            .where(suspensions.c.due_at <= now)
            .order_by(suspensions.c.due_at)
            .limit(limit)
        )
        async with self.database.writing(ACROSS_TENANTS) as connection:
            rows = (await connection.execute(due.with_for_update(skip_locked=True))).all()
            taken = [Suspension(Suspended(row.kind), row.subject, int(row.attempts)) for row in rows]
            for one in taken:
                await connection.execute(update(suspensions).where(_is(one)).values(due_at=until))
            return taken

    async def put_off(self, suspension: Suspension, *, due: int) -> None:
        later: Values = {"due_at": due, "attempts": suspensions.c.attempts + 1}
        async with self.database.writing(ACROSS_TENANTS) as connection:
            await connection.execute(update(suspensions).where(_is(suspension)).values(later))

    async def end_suspension(self, suspension: Suspension) -> None:
        async with self.database.writing(ACROSS_TENANTS) as connection:
            await _drop(connection, suspension)

    async def across_tenants_gone(self, credential: CredentialId | None, limit: int) -> list[CustomerId]:
        gone = zones.c.status == ZoneStatus.GONE.value
        async with self.database.reading(ACROSS_TENANTS) as connection:
            query = select(zones.c.customer_id).where(await zones_of(connection, credential), gone)
            rows = await connection.execute(query.order_by(zones.c.customer_id).limit(limit))
            return [CustomerId(int(one)) for one in rows.scalars()]


async def _change(
    connection: AsyncConnection,
    customer: CustomerId,
    zone: ZoneId,
    condition: ColumnElement[bool],
    now: int,
    values: Values,
) -> bool:
    """Change the zone's status under the next revision, if it is still this zone and the condition holds."""
    mine = (zones.c.customer_id == customer, zones.c.zone_id == zone)
    values = values | {"revision": zones.c.revision + 1, "updated_at": now}
    changed = await connection.execute(update(zones).where(*mine, condition).values(values))
    return changed.rowcount == 1


async def _schedule(connection: AsyncConnection, kind: Suspended, subject: str, now: int, due: int) -> None:
    """Have it examined at `due`; one that is scheduled already keeps its count of attempts."""
    row: Values = {"kind": kind.value, "subject": subject, "since": now, "attempts": 0, "due_at": due}
    await upsert(connection, suspensions, [row], ("due_at",))


async def _drop_token(connection: AsyncConnection, credential: CredentialId | None) -> None:
    """Drop the suspension of a token, which may have been kept under its record's id before its own was known."""
    subjects = {PLATFORM} if credential is None else {credential, await token_of(connection, credential)}
    for subject in subjects:
        await _drop(connection, Suspension(Suspended.TOKEN, subject))


async def _drop(connection: AsyncConnection, suspension: Suspension) -> None:
    await connection.execute(delete(suspensions).where(_is(suspension)))


def _is(suspension: Suspension) -> ColumnElement[bool]:
    return (suspensions.c.kind == suspension.kind.value) & (suspensions.c.subject == suspension.subject)
