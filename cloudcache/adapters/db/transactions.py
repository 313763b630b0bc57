"""What every transaction on a customer has in common: the next revision first, the touched rows last."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NoReturn

from sqlalchemy import ARRAY, Column, ColumnElement, Row, Table, any_, case, literal, select, update
from sqlalchemy.dialects.postgresql import insert as postgres_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from cloudcache.adapters.db.engine import Database
from cloudcache.adapters.db.models import toggles, zones
from cloudcache.adapters.db.repeating import repeat_transactions
from cloudcache.adapters.db.rows import whole_number
from cloudcache.domain.errors import LeaseLost, NotFound
from cloudcache.domain.freshness import Urgency
from cloudcache.domain.ids import CustomerId, ToggleId, ZoneId
from cloudcache.ports import SILENT, Telemetry

Values = dict[str, object]


class OnDatabase:
    """The database that the parts of the store share. A method of a part is one transaction, repeated on conflict."""

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        repeat_transactions(cls)

    def __init__(self, engine: AsyncEngine, telemetry: Telemetry = SILENT) -> None:
        self.engine = engine
        self.telemetry = telemetry
        self.database = Database(engine, telemetry)


async def next_revision(
    connection: AsyncConnection,
    customer: CustomerId,
    now: int,
    *,
    answered: bool = False,
    zone: ZoneId | None = None,
    lease: int | None = None,
) -> int:
    """Raise the customer's revision. This is the customer's lock too: whoever holds it writes alone.

    `answered` clears the note that Cloudflare is silent, in the same statement; failures are forgotten only when a
    read is finished. With `zone` and `lease`, `LeaseLost` when the customer has another zone by now, or that lease
    was followed by another one.
    """
    values: Values = {"revision": zones.c.revision + 1, "updated_at": now}
    if answered:
        values |= {"silent_since": None}
    raising = update(zones).where(zones.c.customer_id == customer, *still_holds(zone, lease))
    raised = await connection.execute(raising.values(values).returning(zones.c.revision))
    revision = raised.scalar_one_or_none()
    if revision is None:
        await _explain(connection, customer)
    return whole_number(revision)


def still_holds(zone: ZoneId | None, lease: int | None) -> list[ColumnElement[bool]]:
    """The conditions that a customer's row still has this zone and this lease; None stands for any."""
    found = [] if zone is None else [zones.c.zone_id == zone]
    return found if lease is None else [*found, zones.c.lease_number == lease]


def at_least(urgency: Urgency) -> ColumnElement[int]:
    """The zone's priority, or this one if it is higher."""
    return case((zones.c.priority > urgency.value, zones.c.priority), else_=urgency.value)


async def _explain(connection: AsyncConnection, customer: CustomerId) -> NoReturn:
    """Raise what a customer's row that was not found means: no such customer, or another zone or lease."""
    found = await connection.execute(select(zones.c.customer_id).where(zones.c.customer_id == customer))
    if found.scalar_one_or_none() is None:
        raise NotFound("no such customer")
    raise LeaseLost("another zone was connected, or the work was taken over")


async def holds_customer(connection: AsyncConnection, customer: CustomerId) -> bool:
    """Keep the customer from being erased until the transaction ends; False when there is none any more. Unlike
    `next_revision` this lets others write for the customer at the same time."""
    query = select(zones.c.customer_id).where(zones.c.customer_id == customer)
    held = await connection.execute(query.with_for_update(read=True, key_share=True))
    return held.first() is not None


async def hold_customer(connection: AsyncConnection, customer: CustomerId) -> None:
    """Keep the customer from being erased until the transaction ends; `NotFound` when there is none any more."""
    if not await holds_customer(connection, customer):
        raise NotFound("no such customer")


async def touch(
    connection: AsyncConnection, customer: CustomerId, which: Collection[ToggleId], revision: int
) -> None:
    """Mark rows as changed at this revision, so that open pages fetch them."""
    await connection.execute(
        update(toggles)
        .where(toggles.c.customer_id == customer, toggles.c.toggle_id.in_(which))
        .values(revision=revision)
    )


async def upsert(
    connection: AsyncConnection, table: Table, rows: Sequence[Values], changed: Collection[str]
) -> None:
    """Insert rows; where the primary key is there already, replace the columns named in `changed`.

    The rows are alike in their columns, and travel in one call to the driver.
    """
    if not rows:
        return
    keys = list(table.primary_key)
    if connection.dialect.name == "postgresql":
        pg = postgres_insert(table)
        replacing = pg.on_conflict_do_update(index_elements=keys, set_={n: pg.excluded[n] for n in changed})
        await connection.execute(replacing, list(rows))
    else:
        lite = sqlite_insert(table)
        upserting = lite.on_conflict_do_update(
            index_elements=keys, set_={n: lite.excluded[n] for n in changed}
        )
        await connection.execute(upserting, list(rows))


def one_of(
    connection: AsyncConnection, column: Column[object], values: Sequence[object]
) -> ColumnElement[bool]:
    """Whether the column is one of many values. Postgres gets them as one array: a list of a thousand parameters it
    would compare one by one, row for row, as soon as it has made a plan for any list."""
    if connection.dialect.name != "postgresql":
        return column.in_(values)
    return column == any_(literal(list(values), ARRAY(column.type)))


async def insert_new(
    connection: AsyncConnection, table: Table, rows: Sequence[Values], *told: Column[object]
) -> Sequence[Row[*tuple[object, ...]]]:
    """Insert rows, alike in their columns, some hundreds a statement; one that breaks a unique constraint is left
    out. Returns the columns `told` of those that went in."""
    if not rows:
        return ()
    insert = postgres_insert if connection.dialect.name == "postgresql" else sqlite_insert
    statement = insert(table).on_conflict_do_nothing()
    if not told:
        await connection.execute(statement, list(rows))
        return ()
    return (await connection.execute(statement.returning(*told), list(rows))).all()
