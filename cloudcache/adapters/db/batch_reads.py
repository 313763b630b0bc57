"""Zones that were refused the batch read, in the database: the judgement is made by all processes together."""

from __future__ import annotations

from sqlalchemy import delete, select

from cloudcache.adapters.db.engine import ACROSS_TENANTS
from cloudcache.adapters.db.models import batch_refusals
from cloudcache.adapters.db.transactions import OnDatabase, Values, hold_customer, upsert
from cloudcache.domain.batch_read import COUNTS_FOR_MS, BatchRefusal
from cloudcache.domain.ids import CredentialId, CustomerId

MOST = 500
"""Far more than decide; while it is withdrawn no zone asks."""


class BatchReads(OnDatabase):
    """The part of the store that remembers refusals of the batch read."""

    async def keep_batch_refusal(self, refusal: BatchRefusal) -> None:
        row: Values = {
            "customer_id": refusal.customer,
            "credential_id": refusal.credential,
            "refused_at": refusal.at,
        }
        old = batch_refusals.c.refused_at < refusal.at - COUNTS_FOR_MS
        async with self.database.writing(ACROSS_TENANTS) as connection:
            await connection.execute(delete(batch_refusals).where(old))
            await hold_customer(connection, refusal.customer)
            await upsert(connection, batch_refusals, [row], ("credential_id", "refused_at"))

    async def forget_batch_refusals(self) -> None:
        async with self.database.writing(ACROSS_TENANTS) as connection:
            await connection.execute(delete(batch_refusals))

    async def across_tenants_batch_refusals(self) -> list[BatchRefusal]:
        query = select(
            batch_refusals.c.customer_id, batch_refusals.c.credential_id, batch_refusals.c.refused_at
        )
        newest_first = query.order_by(batch_refusals.c.refused_at.desc()).limit(MOST)
        async with self.database.reading(ACROSS_TENANTS) as connection:
            rows = await connection.execute(newest_first)
            return [
                BatchRefusal(CustomerId(int(id_)), CredentialId(str(of)), int(at)) for id_, of, at in rows
            ]
