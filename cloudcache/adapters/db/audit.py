"""The audit log in the database: links are appended inside the transaction of the deed they tell of."""

from __future__ import annotations

from collections.abc import Sequence
from secrets import token_hex

from sqlalchemy import and_, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from cloudcache.adapters.db.access_models import audit_heads, audit_log, erasures
from cloudcache.adapters.db.engine import ACROSS_TENANTS
from cloudcache.adapters.db.models import changes
from cloudcache.adapters.db.rows import CHANGE, Values, change_of, whole_number
from cloudcache.adapters.db.transactions import OnDatabase, holds_customer
from cloudcache.domain.access import ActorKind
from cloudcache.domain.audit import FIRST, NOBODYS, AuditAction, Deed, HistoryEntry, Link, forge
from cloudcache.domain.ids import CustomerId

_NEXT = text(
    "INSERT INTO audit_heads (chain, seq, hash) VALUES (:chain, :count, '') "
    "ON CONFLICT (chain) DO UPDATE SET seq = audit_heads.seq + :count RETURNING seq, hash"
)
"""Takes the next numbers and tells the last hash; until the end of the transaction nobody else gets one."""


async def append(connection: AsyncConnection, chain: int, deeds: Sequence[Deed], now: int) -> None:
    """Add the deeds to a chain, in order."""
    if not deeds:
        return
    taken = (await connection.execute(_NEXT, {"chain": chain, "count": len(deeds)})).one()
    seq, previous = int(taken.seq) - len(deeds), str(taken.hash) or FIRST
    links: list[Link] = []
    for deed in deeds:
        seq += 1
        links.append(forge(deed, chain=chain, seq=seq, at=now, previous=previous, salt=token_hex(16)))
        previous = links[-1].hash
    await connection.execute(insert(audit_log), [_row(link) for link in links])
    await connection.execute(update(audit_heads).where(audit_heads.c.chain == chain).values(hash=previous))


class AuditLog(OnDatabase):
    """The part of the store that remembers who did what."""

    async def record(self, customer: CustomerId | None, deed: Deed, *, now: int) -> None:
        chain = NOBODYS if customer is None else customer
        async with self.database.writing(chain) as connection:
            is_erased = customer is not None and not await holds_customer(connection, customer)
            await append(connection, chain, [deed.impersonal() if is_erased else deed], now)
        if deed.action is AuditAction.DENIED:
            self.telemetry.count("refused_signins", deed.outcome)

    async def trail(self, customer: CustomerId, limit: int, before: int | None = None) -> list[Link]:
        query = select(audit_log).where(audit_log.c.chain == customer)
        if before is not None:
            query = query.where(audit_log.c.seq < before)
        async with self.database.reading(customer) as connection:
            rows = await connection.execute(query.order_by(audit_log.c.seq.desc()).limit(limit))
            return [_link(tuple(row)) for row in rows]

    async def history_entries(
        self, customer: CustomerId, limit: int, before: int | None = None
    ) -> list[HistoryEntry]:
        of_change = and_(changes.c.id == audit_log.c.change_id, changes.c.customer_id == audit_log.c.chain)
        query = (
            select(*audit_log.columns, *CHANGE)
            .select_from(audit_log.outerjoin(changes, of_change))
            .where(audit_log.c.chain == customer, audit_log.c.action != AuditAction.FLIP_ENDED)
            .order_by(audit_log.c.seq.desc())
            .limit(limit)
        )
        if before is not None:
            query = query.where(audit_log.c.seq < before)
        async with self.database.reading(customer) as connection:
            return [_entry(tuple(row)) for row in await connection.execute(query)]

    async def across_tenants_chains(self, limit: int, after: int = -1) -> list[tuple[int, int, str, int]]:
        query = (
            select(audit_heads.c.chain, audit_heads.c.seq, audit_heads.c.hash, erasures.c.until)
            .select_from(audit_heads.outerjoin(erasures, erasures.c.customer_id == audit_heads.c.chain))
            .where(audit_heads.c.chain > after)
            .order_by(audit_heads.c.chain)
            .limit(limit)
        )
        async with self.database.reading(ACROSS_TENANTS) as connection:
            rows = await connection.execute(query)
            return [
                (int(row[0]), int(row[1]), str(row[2]), -1 if row[3] is None else int(row[3])) for row in rows
            ]

    async def across_tenants_links(self, chain: int, limit: int, after: int) -> list[Link]:
        query = (
            select(audit_log)
            .where(audit_log.c.chain == chain, audit_log.c.seq > after)
            .order_by(audit_log.c.seq)
            .limit(limit)
        )
        async with self.database.reading(ACROSS_TENANTS) as connection:
            return [_link(tuple(row)) for row in await connection.execute(query)]


def _row(link: Link) -> dict[str, object]:
    return {
        "chain": link.chain,
        "seq": link.seq,
        "at": link.at,
        "actor_kind": link.actor_kind.value,
        "action": link.action,
        "outcome": link.outcome,
        "toggle_id": link.toggle,
        "change_id": link.change,
        "personal": link.personal,
        "personal_digest": link.personal_digest,
        "previous": link.previous,
        "hash": link.hash,
    }


def _entry(row: Values) -> HistoryEntry:
    link, change = row[: len(audit_log.columns)], row[len(audit_log.columns) :]
    return HistoryEntry(_link(link), change_of(change) if change[0] is not None else None)


def _link(row: Values) -> Link:
    """From the columns of `audit_log`, in their order."""
    chain, seq, at, kind, action, outcome, toggle, change, personal, digest, previous, made = row
    return Link(
        whole_number(chain),
        whole_number(seq),
        whole_number(at),
        ActorKind(str(kind)),
        str(action),
        str(outcome),
        str(toggle),
        None if change is None else whole_number(change),
        None if personal is None else str(personal),
        str(digest),
        str(previous),
        str(made),
    )
