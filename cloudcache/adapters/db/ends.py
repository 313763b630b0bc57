"""When settings that end by themselves are to be read, as SQL: for the due time of a zone, and for its lease."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, and_, case, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from cloudcache.adapters.db.models import toggles, zones
from cloudcache.adapters.db.transactions import at_least
from cloudcache.domain.catalog.model import State
from cloudcache.domain.events import Observation
from cloudcache.domain.freshness import END_AGAIN_MS, Urgency, read_end_at
from cloudcache.domain.ids import CustomerId
from cloudcache.ports import LeasedZone


def end_due(zone: LeasedZone, now: int) -> ColumnElement[int]:
    """When the next setting of the zone that ends by itself is to be read; null if there is none."""
    ends = toggles.c.ends_at
    runs = and_(toggles.c.state == State.ON.value, ends > now - END_AGAIN_MS)
    soonest = select(func.min(ends)).where(toggles.c.customer_id == zone.customer.id, runs)
    due = read_end_at(0) + soonest.scalar_subquery()
    earliest = now + (END_AGAIN_MS if zone.ended else 0)
    return case((due < earliest, earliest), else_=due)


def earlier(one: ColumnElement[int], other: int) -> ColumnElement[int]:
    return case((one < other, one), else_=other)


def ended(now: int) -> ColumnElement[str | None]:
    """The ids of a zone's toggles that should have ended by themselves, and were not read since."""
    query = select(func.aggregate_strings(toggles.c.toggle_id, " ")).where(
        toggles.c.customer_id == zones.c.customer_id,
        toggles.c.state == State.ON.value,
        toggles.c.ends_at <= now - read_end_at(0),
    )
    return query.correlate(zones).scalar_subquery()


async def bring_forward(
    connection: AsyncConnection, customer: CustomerId, seen: Sequence[Observation]
) -> None:
    """Make the zone due when the first of these settings ends by itself, with or without an open page."""
    ends = [one.ends_at for one in seen if one.ends_at is not None]
    if not ends:
        return
    due = read_end_at(min(ends))
    await connection.execute(
        update(zones)
        .where(zones.c.customer_id == customer, zones.c.sync_due_at > due)
        .values(sync_due_at=due, priority=at_least(Urgency.NAMED))
    )
