"""The circuit breakers in the database: one small row for each kind of token and setting that failed lately."""

from __future__ import annotations

from dataclasses import asdict

from sqlalchemy import ColumnElement, Row, and_, delete, select, update

from cloudcache.adapters.db.engine import ACROSS_TENANTS
from cloudcache.adapters.db.models import circuit_breakers
from cloudcache.adapters.db.transactions import OnDatabase, upsert
from cloudcache.domain.breaker import CircuitBreaker, after_failure
from cloudcache.domain.ids import ZoneId
from cloudcache.domain.secret import TokenKind

ORDER = (circuit_breakers.c.setting_id, circuit_breakers.c.token_kind)
CHANGED = [
    column.name for column in circuit_breakers.columns if column.name not in ("token_kind", "setting_id")
]


class BreakerTable(OnDatabase):
    """The part of the store that keeps circuit breakers."""

    async def breakers_of(self, setting_id: str) -> list[CircuitBreaker]:
        query = select(circuit_breakers).where(circuit_breakers.c.setting_id == setting_id).order_by(*ORDER)
        async with self.database.reading(ACROSS_TENANTS) as connection:
            return [_breaker(row) for row in await connection.execute(query)]

    async def open_breakers(self) -> list[CircuitBreaker]:
        query = select(circuit_breakers).where(circuit_breakers.c.next_try_at.is_not(None)).order_by(*ORDER)
        async with self.database.reading(ACROSS_TENANTS) as connection:
            return [_breaker(row) for row in await connection.execute(query)]

    async def record_failure(
        self, kind: TokenKind, setting_id: str, zone: ZoneId, *, now: int
    ) -> CircuitBreaker:
        query = select(circuit_breakers).where(_one(kind, setting_id)).with_for_update()
        async with self.database.writing(ACROSS_TENANTS) as connection:
            row = (await connection.execute(query)).one_or_none()
            after = after_failure(None if row is None else _breaker(row), kind, setting_id, zone, now)
            await upsert(connection, circuit_breakers, [{**asdict(after), "token_kind": kind.value}], CHANGED)
        return after

    async def record_success(self, kind: TokenKind, setting_id: str) -> None:
        async with self.database.writing(ACROSS_TENANTS) as connection:
            await connection.execute(delete(circuit_breakers).where(_one(kind, setting_id)))

    async def claim_try(self, kind: TokenKind, setting_id: str, *, now: int, until: int) -> bool:
        is_due = circuit_breakers.c.next_try_at <= now
        async with self.database.writing(ACROSS_TENANTS) as connection:
            claimed = await connection.execute(
                update(circuit_breakers).where(_one(kind, setting_id), is_due).values(next_try_at=until)
            )
            return claimed.rowcount == 1


def _one(kind: TokenKind, setting_id: str) -> ColumnElement[bool]:
    return and_(circuit_breakers.c.token_kind == kind.value, circuit_breakers.c.setting_id == setting_id)


def _breaker(row: Row[*tuple[object, ...]]) -> CircuitBreaker:
    return CircuitBreaker(
        TokenKind(row.token_kind),
        row.setting_id,
        row.failures,
        row.zones,
        row.last_zone,
        row.failed_at,
        row.opened_at,
        row.next_try_at,
    )
