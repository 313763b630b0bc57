"""The register by the thousand: each call is one transaction of some statements, however many rows it brings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from sqlalchemy import Select, Subquery, cast, delete, insert, literal, select, union_all
from sqlalchemy.ext.asyncio import AsyncConnection

from cloudcache.adapters.db.audit import append
from cloudcache.adapters.db.engine import ACROSS_TENANTS
from cloudcache.adapters.db.held import Held, Look
from cloudcache.adapters.db.models import accounts, credentials, toggles, zones
from cloudcache.adapters.db.rows import fitted
from cloudcache.adapters.db.transactions import OnDatabase, Values, insert_new, one_of
from cloudcache.adapters.db.values import established, never_had
from cloudcache.domain.audit import NOBODYS, Deed
from cloudcache.domain.catalog.model import Topology, ZonePlan
from cloudcache.domain.customers import ZoneStatus
from cloudcache.domain.events import ReadResult
from cloudcache.domain.freshness import NEVER
from cloudcache.domain.ids import CustomerId, ZoneId
from cloudcache.domain.toggle import ConfirmedBy
from cloudcache.ports import Newcomer, Registered

HOUR_MS = 3_600_000
_OF_THE_CUSTOMER = ("customer_id", "last_synced_at")


class BulkRegister(OnDatabase):
    """The part of the store that takes in many customers at once."""

    async def across_tenants_taken(
        self, shops: Sequence[str], zone_ids: Sequence[ZoneId]
    ) -> list[tuple[str, ZoneId]]:
        found: set[tuple[str, ZoneId]] = set()
        async with self.database.reading(ACROSS_TENANTS) as connection:
            for column, wanted in ((zones.c.shop, shops), (zones.c.zone_id, zone_ids)):
                query = select(zones.c.shop, zones.c.zone_id).where(one_of(connection, column, wanted))
                rows = await connection.execute(query)
                found.update((str(row.shop), ZoneId(str(row.zone_id))) for row in rows)
        return list(found)

    async def across_tenants_take_in(
        self, newcomers: Sequence[Newcomer], deed: Deed, *, now: int
    ) -> frozenset[str]:
        async with self.database.writing(ACROSS_TENANTS) as connection:
            stored = await _store(connection, [(one, _zone(one, now)) for one in newcomers], now)
            if stored:
                told = replace(deed, outcome=f"{len(stored)} of {len(newcomers)}")
                await append(connection, NOBODYS, [told], now)
            return frozenset(stored)

    async def across_tenants_take_in_seen(
        self, newcomers: Sequence[Newcomer], seen: Mapping[ZonePlan, ReadResult], *, now: int
    ) -> int:
        rows = [(one, _zone(one, now) | _looked_at(number, now)) for number, one in enumerate(newcomers)]
        async with self.database.writing(ACROSS_TENANTS) as connection:
            stored = await _store(connection, rows, now)
            for plan, looked in seen.items():
                await _give_values(connection, list(stored.values()), plan, looked, now)
            return len(stored)

    async def across_tenants_registered(
        self, limit: int, after: CustomerId | None = None
    ) -> list[Registered]:
        query = select(zones).where(zones.c.customer_id > (after or 0)).order_by(zones.c.customer_id)
        async with self.database.reading(ACROSS_TENANTS) as connection:
            return [
                Registered(
                    CustomerId(row.customer_id),
                    row.shop,
                    ZoneId(row.zone_id),
                    row.zone_name,
                    ZonePlan.named(row.plan),
                    row.account_id,
                    Topology(row.topology),
                    ZoneStatus(row.status),
                )
                for row in await connection.execute(query.limit(limit))
            ]


async def _store(
    connection: AsyncConnection, newcomers: Sequence[tuple[Newcomer, Values]], now: int
) -> dict[str, int]:
    """The customers that are new now, by their shops."""
    sealed = [_credential(one, now) for one, _ in newcomers if one.sealed is not None]
    await insert_new(connection, credentials, sealed)
    known = {one.row.account: one.credential for one, _ in newcomers if one.row.is_complete}
    stored = await insert_new(
        connection, zones, [row for _, row in newcomers], zones.c.shop, zones.c.customer_id
    )
    await insert_new(
        connection,
        accounts,
        [{"account_id": account, "credential_id": known[account]} for account in sorted(known)],
    )
    shops = {str(row[0]): int(str(row[1])) for row in stored}
    unused = [one.credential for one, _ in newcomers if one.sealed is not None and one.row.shop not in shops]
    if unused:
        await connection.execute(delete(credentials).where(credentials.c.credential_id.in_(unused)))
    return shops


def _zone(newcomer: Newcomer, now: int) -> Values:
    row = newcomer.row
    return {
        "shop": row.shop,
        "zone_id": row.zone,
        "zone_name": fitted(zones.c.zone_name, row.zone_name),
        "account_id": row.account if row.is_complete else "",
        "plan": (row.plan or ZonePlan.FREE).name.lower(),
        "topology": row.topology.value,
        "credential_id": newcomer.credential,
        "revision": 1,
        "sync_due_at": NEVER,
        "created_at": now,
        "updated_at": now,
    }


def _looked_at(number: int, now: int) -> Values:
    """Looked at in the last hour, and due again in the next: one after the other."""
    spread = (number * 7_919) % HOUR_MS
    return {"full_read_at": now - spread, "sync_due_at": now + HOUR_MS - spread}


def _credential(newcomer: Newcomer, now: int) -> Values:
    return {
        "credential_id": newcomer.credential,
        "token_id": newcomer.token_id,
        "sealed": newcomer.sealed,
        "kind": "token",
        "status": "active",
        "created_at": now,
    }


async def _give_values(
    connection: AsyncConnection,
    customers: Sequence[int],
    plan: ZonePlan,
    seen: ReadResult,
    now: int,
) -> None:
    """What was seen of one zone as the values of each customer of that plan, in the order of the table's key."""
    names, each = _values(seen, now)
    of_each = (
        select(zones.c.customer_id, zones.c.full_read_at, *(each.c[name] for name in names))
        .select_from(zones.join(each, literal(True)))
        .where(zones.c.customer_id.in_(customers), zones.c.plan == plan.name.lower())
        .order_by(zones.c.customer_id, each.c.toggle_id)
    )
    await connection.execute(insert(toggles).from_select([*_OF_THE_CUSTOMER, *names], of_each))


def _values(seen: ReadResult, now: int) -> tuple[list[str], Subquery]:
    """The rows of a zone that was seen so, as a table of their own, save what is each customer's."""
    look = Look(CustomerId(0), 1, 0, now, ConfirmedBy.READ)
    rows = [established(one, Held(), look) for one in seen]
    rows += [never_had(toggle, look) for toggle in sorted(seen.absent)]
    names = [name for name in rows[0] if name not in _OF_THE_CUSTOMER]
    return names, union_all(*(_constants(row, names) for row in rows)).subquery()


def _constants(row: Values, names: Sequence[str]) -> Select[*tuple[object, ...]]:
    return select(
        *(cast(literal(row[name], toggles.c[name].type), toggles.c[name].type).label(name) for name in names)
    )
