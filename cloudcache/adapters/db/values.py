"""Writing what Cloudflare holds into the cache, by the one rule: nothing older overwrites anything newer.

A value may be written when it was established no later than the revision at which the look at Cloudflare began.
Ages only move forward.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from secrets import token_hex

from sqlalchemy import Row, insert, select
from sqlalchemy.dialects.postgresql import insert as postgres_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.ext.asyncio import AsyncConnection

from cloudcache.adapters.db.engine import reading, writing
from cloudcache.adapters.db.models import changes, toggles, zones
from cloudcache.adapters.db.rows import CHANGE, change_of, dumps, loads
from cloudcache.adapters.db.transactions import HasEngine, next_revision
from cloudcache.domain.access import ActorKind
from cloudcache.domain.catalog import BY_ID
from cloudcache.domain.catalog.model import Reading, State
from cloudcache.domain.events import Change, Observation
from cloudcache.domain.ids import CustomerId, ToggleId

HELD = (
    toggles.c.toggle_id,
    toggles.c.state,
    toggles.c.value,
    toggles.c.last_synced_at,
    toggles.c.editable,
    toggles.c.modified_on,
    toggles.c.last_on,
    toggles.c.last_off,
    toggles.c.value_revision,
    toggles.c.change_id,
)
Held = Row[*tuple[object, ...]]
Values = dict[str, object]


@dataclass(frozen=True, slots=True)
class Look:
    """One look at Cloudflare: whose, under which revision it is written, and what it may overwrite."""

    customer: CustomerId
    revision: int
    since: int
    now: int
    person: str = ""


class Observing(HasEngine):
    """The part of the store that writes what reads saw."""

    async def revision(self, customer: CustomerId) -> int:
        async with reading(self.engine) as connection:
            found = await connection.execute(select(zones.c.revision).where(zones.c.customer_id == customer))
            return int(found.scalar_one())

    async def observe(
        self,
        customer: CustomerId,
        seen: Sequence[Observation],
        *,
        since: int,
        now: int,
        person: str = "",
    ) -> list[Change]:
        if not seen:
            return []
        async with writing(self.engine) as connection:
            revision = await next_revision(connection, customer, now, answered=True)
            look = Look(customer, revision, since, now, person)
            held = await _held(connection, customer)
            wished = await _open_toggles(connection, customer)
            rows: list[Values] = []
            found: list[Change] = []
            for one in seen:
                row = held.get(one.toggle)
                if one.toggle in wished or (row is not None and row.value_revision > since):
                    continue
                values = _established(one, row, look, by="read")
                change = await _outside_change(connection, one, row, look)
                if change is not None:
                    values["change_id"] = change.id
                    found.append(change)
                rows.append(values)
            await _upsert(connection, rows)
            return found


async def establish(
    connection: AsyncConnection,
    customer: CustomerId,
    seen: Observation,
    revision: int,
    now: int,
    *,
    since: int | None,
) -> None:
    """Write the value our own change brought about; an older look (`since`) must not beat a newer value."""
    row = (await _held(connection, customer)).get(seen.toggle)
    look = Look(customer, revision, since if since is not None else revision, now)
    if row is not None and row.value_revision > look.since:
        values: Values = {"customer_id": customer, "toggle_id": seen.toggle, **_as_held(row)}
        values |= {"revision": revision, "updated_at": now}
    else:
        values = _established(seen, row, look, by="write")
    await _upsert(connection, [values])


async def _held(connection: AsyncConnection, customer: CustomerId) -> Mapping[ToggleId, Held]:
    rows = await connection.execute(select(*HELD).where(toggles.c.customer_id == customer))
    return {ToggleId(str(row[0])): row for row in rows}


async def _open_toggles(connection: AsyncConnection, customer: CustomerId) -> set[ToggleId]:
    rows = await connection.execute(
        select(changes.c.toggle_id).where(changes.c.customer_id == customer, changes.c.status == "pending")
    )
    return {ToggleId(str(toggle)) for toggle in rows.scalars()}


def _established(seen: Observation, row: Held | None, look: Look, *, by: str) -> Values:
    """The whole row after this observation."""
    reading_ = BY_ID[seen.toggle].read(seen.value)
    value = dumps(seen.value)
    before = _as_held(row) if row is not None else _as_held(None)
    remembered = {"last_on": before["last_on"], "last_off": before["last_off"]}
    if reading_.known:
        remembered["last_on" if reading_.state is State.ON else "last_off"] = value
    seen_before = before["last_synced_at"]
    at = max(seen.at, seen_before) if isinstance(seen_before, int) else seen.at
    return {
        "customer_id": look.customer,
        "toggle_id": seen.toggle,
        "state": reading_.state.value,
        "value": value,
        "last_synced_at": at,
        "updated_at": look.now,
        "confirmed_by": by,
        "editable": seen.editable if seen.editable is not None else before["editable"],
        "modified_on": seen.modified_on if seen.modified_on is not None else before["modified_on"],
        "ends_at": seen.ends_at,
        **remembered,
        "revision": look.revision,
        "value_revision": look.revision,
        "change_id": before["change_id"],
    }


def _as_held(row: Held | None) -> Values:
    names = [column.name for column in HELD[1:]]
    return dict(zip(names, row[1:] if row is not None else [None] * len(names), strict=True))


async def _outside_change(
    connection: AsyncConnection, seen: Observation, row: Held | None, look: Look
) -> Change | None:
    """A journal line when the value differs from a known one and nobody here wished it."""
    if row is None or row.state is None:
        return None
    before, after = _read(seen.toggle, row.value), BY_ID[seen.toggle].read(seen.value)
    if before == after:
        return None
    values = {
        "customer_id": look.customer,
        "toggle_id": seen.toggle,
        "from_state": before.state.value,
        "from_value": row.value,
        "to_state": after.state.value,
        "to_value": dumps(seen.value),
        "actor_kind": ActorKind.OUTSIDE.value,
        "actor_id": look.person[:255],
        "source": "cloudflare",
        "status": "observed",
        "request_id": f"seen-{token_hex(12)}",
        "requested_at": look.now,
        "settled_at": look.now,
        "detail": after.detail,
        "ray_id": seen.ray_id,
    }
    stored = await connection.execute(insert(changes).values(values).returning(*CHANGE))
    return change_of(stored.one())


def _read(toggle: ToggleId, stored: object) -> Reading:
    return BY_ID[toggle].read(loads(str(stored) if stored is not None else None))


async def _upsert(connection: AsyncConnection, rows: Sequence[Values]) -> None:
    if not rows:
        return
    keys = [toggles.c.customer_id, toggles.c.toggle_id]
    names = [name for name in rows[0] if name not in ("customer_id", "toggle_id")]
    if connection.dialect.name == "postgresql":
        pg = postgres_insert(toggles)
        statement = pg.on_conflict_do_update(index_elements=keys, set_={n: pg.excluded[n] for n in names})
        await connection.execute(statement, list(rows))
    else:
        lite = sqlite_insert(toggles)
        upsert = lite.on_conflict_do_update(index_elements=keys, set_={n: lite.excluded[n] for n in names})
        await connection.execute(upsert, list(rows))
