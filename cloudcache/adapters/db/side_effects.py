"""What our own changes alter besides the setting they name: asked for at once, and attributed to them."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import literal_column, select
from sqlalchemy.ext.asyncio import AsyncConnection

from cloudcache.adapters.db.models import changes, entries, toggles, zones
from cloudcache.adapters.db.queue import add_zones
from cloudcache.adapters.db.rows import loads, stored_toggles
from cloudcache.adapters.db.transactions import Values, insert_new
from cloudcache.domain.catalog.model import State
from cloudcache.domain.events import Source
from cloudcache.domain.freshness import Urgency
from cloudcache.domain.ids import ChangeId, CustomerId, ToggleId
from cloudcache.domain.side_effects import AFFECTS, CAUSES, explains


async def ask_for_side_effects(
    connection: AsyncConnection, customer: CustomerId, change: ChangeId, toggle: ToggleId, now: int
) -> None:
    """Queue the settings that an applied change alters as well, whether or not an audit log will name them."""
    affected = AFFECTS.get(toggle)
    if affected is None:
        return
    query = select(zones.c.account_id).where(zones.c.customer_id == customer)
    row: Values = {
        "account_id": (await connection.execute(query)).scalar_one(),
        "entry_id": f"side effect of {change}",
        "customer_id": customer,
        "change_id": change,
        "toggles": stored_toggles(frozenset(affected)),
        "person": "",
        "at": now,
        "first_seen_at": now,
        "is_open": True,
    }
    await insert_new(connection, entries, [row])
    await add_zones(connection, zones.c.customer_id == customer, now, Urgency.NAMED)


async def attribute_side_effects(
    connection: AsyncConnection, rows: Sequence[Values], never_changed: Collection[ToggleId], now: int
) -> None:
    """Rewrite the journal rows of differences that an own change explains: they are its side effects, made by its
    actor, and nothing to review. A difference that a named person made stays that person's. Toggles known to have no
    change at all (`never_changed`) explain nothing."""
    for row in rows:
        cause = CAUSES.get(ToggleId(str(row["toggle_id"])))
        if cause is not None and cause not in never_changed and not row["actor_id"]:
            row |= await _side_effect(connection, row, cause, now)


async def _side_effect(connection: AsyncConnection, row: Values, cause: ToggleId, now: int) -> Values:
    """What the newest applied change of the causing setting, made since the row's setting was last read, explains."""
    read_at = (
        select(toggles.c.last_synced_at)
        .where(toggles.c.customer_id == row["customer_id"], toggles.c.toggle_id == row["toggle_id"])
        .scalar_subquery()
    )
    query = (
        select(changes.c.to_state, changes.c.actor_kind, changes.c.actor_id)
        .where(changes.c.customer_id == row["customer_id"], changes.c.toggle_id == cause)
        .where(changes.c.status == literal_column("'applied'"), changes.c.settled_at >= read_at)
        .order_by(changes.c.id.desc())
        .limit(1)
    )
    found = (await connection.execute(query)).one_or_none()
    affected = ToggleId(str(row["toggle_id"]))
    values = (loads(str(row["from_value"])), loads(str(row["to_value"])))
    if found is None or not explains(cause, State(found.to_state), affected, *values):
        return {}
    return {
        "actor_kind": found.actor_kind,
        "actor_id": found.actor_id,
        "source": Source.SIDE_EFFECT.value,
        "seen_at": now,
    }
