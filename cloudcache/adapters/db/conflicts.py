"""Applies the rules between toggles to the value that will be sent, when a change is stored and when it is started.

Both happen in the transaction itself. The customer's row is locked then, so two changes that exclude each other
cannot both pass.
"""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import select, union_all
from sqlalchemy.ext.asyncio import AsyncConnection

from cloudcache.adapters.db.models import changes, toggles
from cloudcache.adapters.db.rows import loads
from cloudcache.adapters.db.settling import PENDING, of_toggle
from cloudcache.domain.catalog import BY_ID, State
from cloudcache.domain.catalog.rules import RELATED, permitted_value
from cloudcache.domain.errors import Refused
from cloudcache.domain.events import Change
from cloudcache.domain.ids import JSON, CustomerId, ToggleId
from cloudcache.ports import Intent


async def with_permitted_value(connection: AsyncConnection, customer: CustomerId, intent: Intent) -> Intent:
    """Return the intent with the value that may be sent; `Refused` when none may."""
    value = await _permitted(connection, customer, intent.toggle, intent.to_state, intent.to_value)
    return replace(intent, to_value=value)


async def conflict_of(connection: AsyncConnection, change: Change) -> str | None:
    """Return why the value of a stored change must not be sent as things are now, or None."""
    toggle, state, value = change.toggle, change.to_state, change.to_value
    try:
        permitted = await _permitted(connection, change.customer, toggle, state, value)
    except Refused as refusal:
        return refusal.detail
    return None if permitted == value else "Conflicts with another setting"


async def _permitted(
    connection: AsyncConnection, customer: CustomerId, toggle: ToggleId, state: State, value: JSON
) -> JSON:
    if toggle not in RELATED:
        return value
    values = await _values_of(connection, customer, RELATED[toggle])
    return permitted_value(BY_ID[toggle], state, value, values)


async def _values_of(connection: AsyncConnection, customer: CustomerId, toggle: ToggleId) -> list[JSON]:
    """The cached value of a toggle, and those of its open changes."""
    cached = select(toggles.c.value).where(
        toggles.c.customer_id == customer, toggles.c.toggle_id == toggle, toggles.c.value.is_not(None)
    )
    wanted = select(changes.c.to_value).where(of_toggle(customer, toggle), PENDING)
    found = await connection.execute(union_all(cached, wanted))
    return [loads(str(value)) for value in found.scalars()]
