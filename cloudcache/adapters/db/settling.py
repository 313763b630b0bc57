"""Giving a change its one outcome, and what decides which: conditional updates and queries on the journal."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import (
    ColumnElement,
    Row,
    Select,
    and_,
    bindparam,
    exists,
    func,
    literal_column,
    or_,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from cloudcache.adapters.db.audit import append
from cloudcache.adapters.db.models import changes, toggles
from cloudcache.domain.access import SYSTEM
from cloudcache.domain.audit import AuditAction, Deed
from cloudcache.domain.errors import Reason
from cloudcache.domain.ids import ChangeId, CustomerId, ToggleId
from cloudcache.ports import Settled

# Literally, not as a parameter: only then may the partial indexes of what is pending be used.
PENDING = changes.c.status == literal_column("'pending'")


class Ended(NamedTuple):
    """A change that got its outcome."""

    change: ChangeId
    toggle: ToggleId
    source: str
    requested_at: int
    ends_at: int | None


_ENDED = (
    changes.c.id,
    changes.c.toggle_id,
    changes.c.source,
    changes.c.requested_at,
    changes.c.ends_at,
)


def _of_row(row: Row[int, str, str, int, int | None]) -> Ended:
    ends_at = None if row[4] is None else int(row[4])
    return Ended(ChangeId(int(row[0])), ToggleId(str(row[1])), str(row[2]), int(row[3]), ends_at)


def one_change(customer: CustomerId, change: ChangeId) -> ColumnElement[bool]:
    return and_(changes.c.id == change, changes.c.customer_id == customer)


def of_toggle(customer: CustomerId, toggle: ToggleId) -> ColumnElement[bool]:
    return and_(changes.c.customer_id == customer, changes.c.toggle_id == toggle)


async def fail_open(
    connection: AsyncConnection, customer: CustomerId, now: int, reason: Reason = Reason.NOT_CONNECTED
) -> None:
    """Fail every open change of a customer whose zone is disconnected, or replaced by another one."""
    why = reason.value
    ended = await connection.execute(
        update(changes)
        .where(changes.c.customer_id == customer, PENDING)
        .values(status="failed", error=why, settled_at=now, lease_owner=None, lease_until=None)
        .returning(changes.c.id, changes.c.toggle_id)
    )
    events = [_ended(ChangeId(int(id_)), ToggleId(str(toggle)), f"failed: {why}") for id_, toggle in ended]
    await append(connection, customer, events, now)


async def supersede_unsent(
    connection: AsyncConnection, customer: CustomerId, toggle: ToggleId, now: int, error: str = ""
) -> list[Ended]:
    """Supersede the open changes of a toggle that are not at Cloudflare; one that is there keeps its own outcome."""
    ended = await connection.execute(
        update(changes)
        .where(of_toggle(customer, toggle), PENDING, changes.c.sent_at.is_(None))
        .values(status="superseded", settled_at=now, lease_owner=None, lease_until=None, error=error)
        .returning(*_ENDED)
    )
    found = [_of_row(row) for row in ended]
    how = error or "superseded"
    await append(connection, customer, [_ended(one.change, toggle, how) for one in found], now)
    return found


def _ended(change: ChangeId, toggle: ToggleId, how: str, detail: str = "") -> Deed:
    return Deed(SYSTEM, AuditAction.FLIP_ENDED, how, toggle, change, {"detail": detail})


async def newer_requested(
    connection: AsyncConnection, customer: CustomerId, toggle: ToggleId, change: ChangeId
) -> bool:
    """Whether a later change of this toggle was requested here and not taken back."""
    newer = exists().where(of_toggle(customer, toggle), changes.c.id > change, requested_here())
    return bool((await connection.execute(select(newer))).scalar())


def requested_here() -> ColumnElement[bool]:
    """The changes that were neither seen at Cloudflare nor taken back."""
    taken_back = and_(changes.c.status == "superseded", changes.c.error == Reason.CANCELLED.value)
    return and_(changes.c.status != "observed", ~taken_back)


def _contested_query() -> Select[bool]:
    """Build the query once: the two aliases cost more than running it."""
    mine, other = changes.alias("mine"), changes.alias("other")
    overlapping = and_(
        other.c.customer_id == mine.c.customer_id,
        other.c.toggle_id == mine.c.toggle_id,
        other.c.id != mine.c.id,
        other.c.sent_at.is_not(None),
        or_(
            other.c.settled_at.is_(None),
            other.c.settled_at >= mine.c.sent_at,
            other.c.lease_until >= mine.c.sent_at,  # applied, and being written once more
        ),
    )
    is_mine = and_(
        mine.c.id == bindparam("change"),
        mine.c.customer_id == bindparam("customer"),
        mine.c.status == literal_column("'pending'"),
    )
    return select(exists().where(is_mine, overlapping))


_CONTESTED = _contested_query()


async def contested(connection: AsyncConnection, customer: CustomerId, change: ChangeId) -> bool:
    """Whether this change is open, and another write of its toggle was at Cloudflare while it was."""
    found = await connection.execute(_CONTESTED, {"change": change, "customer": customer})
    return bool(found.scalar())


async def settle_open(
    connection: AsyncConnection, customer: CustomerId, change: ChangeId, now: int, **outcome: str
) -> list[Ended]:
    """Write the outcome of a change that is still open; return what has ended, nothing when it was settled before."""
    settled = await connection.execute(
        update(changes)
        .where(one_change(customer, change), PENDING)
        .values(settled_at=now, lease_owner=None, lease_until=None, **outcome)
        .returning(*_ENDED)
    )
    ended = [_of_row(row) for row in settled]
    how = ": ".join(part for part in (outcome["status"], outcome.get("error", "")) if part)
    told = outcome.get("ray_id") or outcome.get("detail", "")
    await append(connection, customer, [_ended(one.change, one.toggle, how, told) for one in ended], now)
    return ended


async def settle_orphan(
    connection: AsyncConnection, customer: CustomerId, change: ChangeId, now: int, **outcome: str
) -> Settled:
    """Write the outcome of a change whose customer was erased; there is no audit log left to write to."""
    ended = await connection.execute(
        update(changes)
        .where(one_change(customer, change), PENDING)
        .values(settled_at=now, lease_owner=None, lease_until=None, **outcome)
    )
    return Settled.DONE if ended.rowcount else Settled.NOT_OPEN


async def has_open(connection: AsyncConnection, customer: CustomerId, toggle: ToggleId) -> bool:
    """Whether a change of this toggle is still open."""
    found = await connection.execute(select(exists().where(of_toggle(customer, toggle), PENDING)))
    return bool(found.scalar())


async def show_newest(
    connection: AsyncConnection, customer: CustomerId, toggle: ToggleId, revision: int
) -> None:
    """Show the newest change of a toggle that was not superseded, after a newer one was taken back."""
    newest = (
        select(func.max(changes.c.id))
        .where(of_toggle(customer, toggle), changes.c.status != "superseded")
        .scalar_subquery()
    )
    await connection.execute(
        update(toggles)
        .where(toggles.c.customer_id == customer, toggles.c.toggle_id == toggle)
        .values(change_id=func.coalesce(newest, toggles.c.change_id), revision=revision)
    )
