"""Tokens for scripts, the answers given to them, staff and their views, in the database."""

from __future__ import annotations

from sqlalchemy import Row, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from cloudcache.adapters.db.access_models import answers, api_tokens, shops, staff, staff_views
from cloudcache.adapters.db.audit import append
from cloudcache.adapters.db.engine import ACROSS_TENANTS
from cloudcache.adapters.db.models import zones
from cloudcache.adapters.db.rows import ZONE, customer_of, fitted
from cloudcache.adapters.db.transactions import OnDatabase, hold_customer, upsert
from cloudcache.domain.access import Role
from cloudcache.domain.audit import Deed
from cloudcache.domain.customers import Customer
from cloudcache.domain.ids import CustomerId
from cloudcache.domain.shops import Answer, ApiToken, KnownToken, Scope, ShopStatus, View

CLAIM_MS = 60_000
"""How long a claimed `Idempotency-Key` waits for its answer; storing a change takes a fraction of a second."""

USED_EVERY_MS = 60_000
"""That a token was used is noted once a minute, not at every call."""


class PeopleRegister(OnDatabase):
    """The part of the store that knows scripts and staff."""

    async def add_api_token(self, token: ApiToken, digest: str, deed: Deed) -> None:
        row = {
            "token_id": token.id,
            "customer_id": token.customer,
            "name": fitted(api_tokens.c.name, token.name),
            "scope": token.scope.value,
            "digest": digest,
            "last_four": token.last_four,
            "created_by": fitted(api_tokens.c.created_by, token.created_by),
            "created_at": token.created_at,
        }
        async with self.database.writing(token.customer) as connection:
            await hold_customer(connection, token.customer)
            await connection.execute(insert(api_tokens).values(row))
            await append(connection, token.customer, [deed], token.created_at)

    async def api_tokens(self, customer: CustomerId) -> list[ApiToken]:
        query = select(api_tokens).where(api_tokens.c.customer_id == customer)
        async with self.database.reading(customer) as connection:
            rows = await connection.execute(
                query.order_by(api_tokens.c.created_at.desc(), api_tokens.c.token_id)
            )
            return [_api_token(row) for row in rows]

    async def revoke_api_token(self, customer: CustomerId, token: str, deed: Deed, *, now: int) -> bool:
        mine = (api_tokens.c.customer_id == customer) & (api_tokens.c.token_id == token)
        async with self.database.writing(customer) as connection:
            await hold_customer(connection, customer)
            ended = await connection.execute(
                update(api_tokens).where(mine, api_tokens.c.revoked_at.is_(None)).values(revoked_at=now)
            )
            if ended.rowcount:
                await append(connection, customer, [deed], now)
            return ended.rowcount == 1

    async def across_tenants_api_token(self, digest: str, *, now: int) -> KnownToken | None:
        query = (
            select(api_tokens, zones.c.shop.label("shop"), shops.c.status.label("installation"))
            .join(zones, zones.c.customer_id == api_tokens.c.customer_id)
            .outerjoin(shops, shops.c.shop == zones.c.shop)
            .where(api_tokens.c.digest == digest, api_tokens.c.revoked_at.is_(None))
        )
        async with self.database.reading(ACROSS_TENANTS) as connection:
            row = (await connection.execute(query)).one_or_none()
        if row is None:
            return None
        found = _api_token(row)
        if (found.last_used_at or 0) <= now - USED_EVERY_MS:
            async with self.database.writing(found.customer) as connection:
                await connection.execute(
                    update(api_tokens).where(api_tokens.c.token_id == found.id).values(last_used_at=now)
                )
        return KnownToken(found, row.shop, row.installation in (None, ShopStatus.INSTALLED.value))

    async def claim_answer(self, customer: CustomerId, key: str, digest: str, *, now: int) -> Answer | None:
        row = {"customer_id": customer, "key": key, "digest": digest, "created_at": now}
        try:
            async with self.database.writing(customer) as connection:
                await hold_customer(connection, customer)
                await connection.execute(insert(answers).values(row))
                return None
        except IntegrityError:
            if await self._reclaim_answer(customer, key, digest, now):
                return None
            query = select(answers).where(answers.c.customer_id == customer, answers.c.key == key)
        async with self.database.reading(customer) as connection:
            held = (await connection.execute(query)).one_or_none()
        return None if held is None else Answer(held.digest, held.status, held.answer or "")

    async def _reclaim_answer(self, customer: CustomerId, key: str, digest: str, now: int) -> bool:
        """Claim the key of a request whose process died: the same request is safe to repeat."""
        is_abandoned = answers.c.status.is_(None) & (answers.c.created_at <= now - CLAIM_MS)
        async with self.database.writing(customer) as connection:
            claimed = await connection.execute(
                update(answers)
                .where(answers.c.customer_id == customer, answers.c.key == key)
                .where(answers.c.digest == digest, is_abandoned)
                .values(created_at=now)
            )
            return claimed.rowcount == 1

    async def keep_answer(self, customer: CustomerId, key: str, status: int, body: str) -> None:
        async with self.database.writing(customer) as connection:
            await connection.execute(
                update(answers)
                .where(answers.c.customer_id == customer, answers.c.key == key)
                .values(status=status, answer=body)
            )

    async def release_answer(self, customer: CustomerId, key: str) -> None:
        async with self.database.writing(customer) as connection:
            await connection.execute(
                delete(answers).where(
                    answers.c.customer_id == customer, answers.c.key == key, answers.c.status.is_(None)
                )
            )

    async def forget_answers(self, before: int, limit: int) -> int:
        old = select(answers.c.customer_id, answers.c.key).where(answers.c.created_at < before).limit(limit)
        async with self.database.writing(ACROSS_TENANTS) as connection:
            rows = (await connection.execute(old)).all()
            for row in rows:
                await connection.execute(
                    delete(answers).where(answers.c.customer_id == row.customer_id, answers.c.key == row.key)
                )
            return len(rows)

    async def staff_role(self, staff_id: str) -> Role | None:
        query = select(staff.c.role).where(staff.c.staff_id == staff_id)
        async with self.database.reading(ACROSS_TENANTS) as connection:
            name = (await connection.execute(query)).scalar_one_or_none()
        return None if name is None else Role.named(str(name))

    async def set_staff_role(self, staff_id: str, role: Role | None, *, now: int) -> None:
        async with self.database.writing(ACROSS_TENANTS) as connection:
            if role is None:
                await connection.execute(delete(staff).where(staff.c.staff_id == staff_id))
            else:
                row = {"staff_id": staff_id, "role": role.name.lower(), "created_at": now}
                await upsert(connection, staff, [row], ("role",))

    async def start_view(self, view: View, deed: Deed) -> None:
        row = {
            "view_id": view.id,
            "staff_id": fitted(staff_views.c.staff_id, view.staff),
            "customer_id": view.customer,
            "reason": fitted(staff_views.c.reason, view.reason),
            "started_at": view.started_at,
            "ends_at": view.ends_at,
        }
        async with self.database.writing(view.customer) as connection:
            await hold_customer(connection, view.customer)
            await connection.execute(insert(staff_views).values(row))
            await append(connection, view.customer, [deed], view.started_at)

    async def end_view(self, view: View, deed: Deed, *, now: int) -> None:
        async with self.database.writing(view.customer) as connection:
            await hold_customer(connection, view.customer)
            ended = await connection.execute(
                update(staff_views)
                .where(staff_views.c.view_id == view.id, staff_views.c.ended_at.is_(None))
                .values(ended_at=now)
            )
            if ended.rowcount:
                await append(connection, view.customer, [deed], now)

    async def open_view(self, customer: CustomerId, person: str, *, now: int) -> View | None:
        query = (
            select(staff_views)
            .where(staff_views.c.customer_id == customer, staff_views.c.staff_id == person)
            .where(staff_views.c.ended_at.is_(None), staff_views.c.ends_at > now)
            .order_by(staff_views.c.ends_at.desc())
            .limit(1)
        )
        async with self.database.reading(customer) as connection:
            row = (await connection.execute(query)).one_or_none()
        return _view(row) if row is not None else None

    async def view(self, customer: CustomerId, view: str) -> View | None:
        query = select(staff_views).where(
            staff_views.c.view_id == view, staff_views.c.customer_id == customer
        )
        async with self.database.reading(customer) as connection:
            row = (await connection.execute(query)).one_or_none()
        return _view(row) if row is not None else None

    async def across_tenants_find(self, text: str, limit: int) -> list[Customer]:
        """By ranges, not LIKE: a range is answered from an index under row-level security, too."""
        end = text[:-1] + chr(ord(text[-1]) + 1)
        found: dict[int, Customer] = {}
        async with self.database.reading(ACROSS_TENANTS) as connection:
            for column in (zones.c.shop, zones.c.zone_name, zones.c.zone_id):
                within = (column >= text) & (column < end)
                rows = await connection.execute(select(*ZONE).where(within).order_by(column).limit(limit))
                for customer in map(customer_of, rows):
                    found.setdefault(customer.id, customer)
        begins = [one for one in found.values() if text in _beginnings(one, len(text))]
        return begins[:limit]

    async def across_tenants_containing(self, text: str, limit: int) -> list[Customer]:
        """Reads the whole table, so it is asked only when no name begins with the text."""
        query = select(*ZONE).where(
            zones.c.shop.contains(text, autoescape=True) | zones.c.zone_name.contains(text, autoescape=True)
        )
        async with self.database.reading(ACROSS_TENANTS) as connection:
            rows = await connection.execute(query.order_by(zones.c.shop).limit(limit))
            return [customer_of(row) for row in rows]


def _view(row: Row[*tuple[object, ...]]) -> View:
    return View(
        row.view_id,
        row.staff_id,
        CustomerId(row.customer_id),
        row.reason,
        row.started_at,
        row.ends_at,
        row.ended_at,
    )


def _beginnings(customer: Customer, length: int) -> set[str]:
    """What a search may have meant; a database's own order of letters may put others between."""
    return {one[:length] for one in (customer.shop, customer.zone_name, str(customer.zone_id))}


def _api_token(row: Row[*tuple[object, ...]]) -> ApiToken:
    return ApiToken(
        row.token_id,
        CustomerId(row.customer_id),
        row.name,
        Scope(row.scope),
        row.last_four,
        row.created_by,
        row.created_at,
        row.last_used_at,
        row.revoked_at,
    )
