"""What the cache holds of a toggle when Cloudflare is looked at, and under which terms it may be overwritten."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from sqlalchemy import exists, literal_column, select
from sqlalchemy.ext.asyncio import AsyncConnection

from cloudcache.adapters.db.models import changes, toggles
from cloudcache.adapters.db.rows import loads
from cloudcache.domain.catalog import BY_ID
from cloudcache.domain.catalog.model import Reading
from cloudcache.domain.events import Observation
from cloudcache.domain.feed import Attribution
from cloudcache.domain.ids import CustomerId, ToggleId
from cloudcache.domain.toggle import ConfirmedBy

WISHED = exists().where(
    changes.c.customer_id == toggles.c.customer_id,
    changes.c.toggle_id == toggles.c.toggle_id,
    changes.c.status == literal_column("'pending'"),
)
HELD = (
    toggles.c.state,
    toggles.c.value,
    toggles.c.last_synced_at,
    toggles.c.updated_at,
    toggles.c.editable,
    toggles.c.modified_on,
    toggles.c.last_on,
    toggles.c.last_off,
    toggles.c.value_revision,
    toggles.c.change_id,
    toggles.c.ends_at,
    toggles.c.absent_at,
    toggles.c.omitted_at,
    WISHED,
)


@dataclass(frozen=True, slots=True)
class Held:
    """What the cache holds of one toggle, in the order of `HELD`; by default nothing."""

    state: str | None = None
    value: str | None = None
    last_synced_at: int | None = None
    updated_at: int | None = None
    editable: bool | None = None
    modified_on: str | None = None
    last_on: str | None = None
    last_off: str | None = None
    value_revision: int = 0
    change_id: int | None = None
    ends_at: int | None = None
    absent_at: int | None = None
    omitted_at: int | None = None
    wished: bool = False


@dataclass(frozen=True, slots=True)
class Look:
    """One look at Cloudflare: whose, under which revision it is written, and what it may overwrite."""

    customer: CustomerId
    revision: int
    since: int
    now: int
    by: ConfirmedBy
    persons: Mapping[ToggleId, Attribution] = field(default_factory=dict)


async def held_of(
    connection: AsyncConnection, customer: CustomerId, which: Collection[ToggleId]
) -> Mapping[ToggleId, Held]:
    query = select(toggles.c.toggle_id, *HELD).where(
        toggles.c.customer_id == customer, toggles.c.toggle_id.in_(which)
    )
    found = {ToggleId(str(row[0])): Held(*row[1:]) for row in await connection.execute(query)}
    return {toggle: found.get(toggle, Held()) for toggle in which}


def held_reading(seen: Observation, held: Held) -> Reading:
    """What the value held means: raw values differ in spelling, and that is no difference."""
    return BY_ID[seen.toggle].read(loads(held.value))
