"""Which records of credentials hold one token, and the sealed key with which ids of tokens are made."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from cloudcache.adapters.db.engine import ACROSS_TENANTS
from cloudcache.adapters.db.models import credentials, sealed_keys
from cloudcache.adapters.db.transactions import OnDatabase, insert_new
from cloudcache.domain.errors import NotFound
from cloudcache.domain.ids import CredentialId


class TokenIds(OnDatabase):
    """The part of the store that knows tokens by their ids."""

    async def first_key(self, name: str, sealed: bytes) -> bytes:
        kept = select(sealed_keys.c.sealed).where(sealed_keys.c.name == name)
        async with self.database.writing(ACROSS_TENANTS) as connection:
            await insert_new(connection, sealed_keys, [{"name": name, "sealed": sealed}])
            return bytes((await connection.execute(kept)).scalar_one())

    async def replace_key(self, name: str, before: bytes, after: bytes) -> bool:
        unchanged = (sealed_keys.c.name == name) & (sealed_keys.c.sealed == before)
        async with self.database.writing(ACROSS_TENANTS) as connection:
            replaced = await connection.execute(update(sealed_keys).where(unchanged).values(sealed=after))
            return replaced.rowcount == 1

    async def record_of(self, subject: str) -> CredentialId:
        either = or_(credentials.c.credential_id == subject, credentials.c.token_id == subject)
        async with self.database.reading(ACROSS_TENANTS) as connection:
            found = await connection.execute(select(credentials.c.credential_id).where(either).limit(1))
            record = found.scalar_one_or_none()
        if record is None:
            raise NotFound("no record holds this token")
        return CredentialId(record)

    async def keep_token_id(self, credential: CredentialId, token_id: CredentialId) -> None:
        other = or_(credentials.c.token_id.is_(None), credentials.c.token_id != token_id)
        mine = (credentials.c.credential_id == credential) & other
        async with self.database.writing(ACROSS_TENANTS) as connection:
            await connection.execute(update(credentials).where(mine).values(token_id=token_id))


async def token_of(connection: AsyncConnection, record: CredentialId) -> str:
    """The id of a record's token; the record's own while the token's is not known."""
    token = select(credentials.c.token_id).where(credentials.c.credential_id == record)
    return (await connection.execute(token)).scalar_one_or_none() or record


async def with_the_same_tokens(
    connection: AsyncConnection, records: Collection[CredentialId]
) -> list[CredentialId]:
    """The ids of these records and of all others that hold the same tokens."""
    mine = credentials.c.credential_id.in_(records)
    tokens = select(credentials.c.token_id).where(mine)
    same = select(credentials.c.credential_id).where(or_(mine, credentials.c.token_id.in_(tokens)))
    return [CredentialId(one) for one in (await connection.execute(same)).scalars()]
