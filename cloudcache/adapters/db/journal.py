"""The journal: a wish is stored, leased, sent, and settled exactly once.

An outcome is written by one conditional update ("where it is still pending"); whoever comes second changes
nothing and is told so.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import (
    ColumnElement,
    Row,
    Select,
    and_,
    bindparam,
    exists,
    insert,
    literal_column,
    or_,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from cloudcache.adapters.db.audit import append
from cloudcache.adapters.db.models import changes, toggles
from cloudcache.adapters.db.rows import CHANGE, change_of, dumps, fitted
from cloudcache.adapters.db.transactions import OnDatabase, next_revision, touch, upsert
from cloudcache.adapters.db.values import establish
from cloudcache.domain.access import SYSTEM
from cloudcache.domain.audit import AuditAction, Deed
from cloudcache.domain.errors import Reason, Refused
from cloudcache.domain.events import Change, Observation
from cloudcache.domain.ids import ChangeId, CustomerId, ToggleId
from cloudcache.ports import Intent, Settled, Start

# Literally, not as a parameter: only then may the partial indexes of what is pending be used.
PENDING = changes.c.status == literal_column("'pending'")


class Journal(OnDatabase):
    """The part of the store that keeps wishes and their outcomes."""

    async def open_intent(
        self, customer: CustomerId, intent: Intent, *, now: int, owner: str, lease_until: int
    ) -> Change:
        if fitted(changes.c.request_id, intent.request_id) != intent.request_id:
            raise Refused(Reason.WRONG_VALUE, "the request id is too long, or not plain text")
        async with self.database.writing(customer) as connection:
            revision = await next_revision(connection, customer, now)
            known = await _by_request(connection, customer, intent.request_id)
            if known is not None:
                return _same_wish(known, intent)
            ended = await _supersede_unsent(connection, customer, intent.toggle, now)
            change = await _store(connection, customer, intent, now, owner, lease_until)
            await _show(connection, change, revision, now)
            await append(connection, customer, [_asked(change, intent)], now)
        self._count(ended, now, "superseded")
        self.telemetry.count("intents", intent.source.value)
        return change

    async def start(
        self, customer: CustomerId, change: ChangeId, *, now: int, owner: str, lease_until: int
    ) -> Start:
        async with self.database.writing(customer) as connection:
            revision = await next_revision(connection, customer, now)
            found = await connection.execute(
                select(changes.c.toggle_id, changes.c.lease_owner, changes.c.lease_until).where(
                    _one(customer, change), PENDING
                )
            )
            row = found.one_or_none()
            if row is None or (row.lease_owner != owner and row.lease_until >= now):
                return Start.NOT_OPEN
            await touch(connection, customer, [row.toggle_id], revision)
            overtaken = await _newer_wish(connection, customer, row.toggle_id, change)
            if overtaken:
                ended = await _settle(connection, customer, change, now, status="superseded")
            else:
                await connection.execute(
                    update(changes)
                    .where(_one(customer, change))
                    .values(sent_at=now, eta_at=None, lease_owner=owner, lease_until=lease_until)
                )
        if overtaken:
            self._count(ended, now, "superseded")
        return Start.SUPERSEDED if overtaken else Start.SEND

    async def queue(
        self, customer: CustomerId, change: ChangeId, *, now: int, eta: int, owner: str, lease_until: int
    ) -> bool:
        async with self.database.writing(customer) as connection:
            revision = await next_revision(connection, customer, now)
            held = await connection.execute(
                update(changes)
                .where(_one(customer, change), PENDING, changes.c.lease_owner == owner)
                .values(eta_at=eta, sent_at=None, lease_until=lease_until)
                .returning(changes.c.toggle_id)
            )
            toggle = held.scalar_one_or_none()
            if toggle is not None:
                await touch(connection, customer, [toggle], revision)
            return toggle is not None

    async def newest_wish(self, customer: CustomerId, toggle: ToggleId) -> Change | None:
        query = select(*CHANGE).where(_of_toggle(customer, toggle), _wished())
        async with self.database.reading(customer) as connection:
            row = (await connection.execute(query.order_by(changes.c.id.desc()).limit(1))).one_or_none()
        return change_of(row) if row is not None else None

    async def settle_applied(
        self, customer: CustomerId, change: ChangeId, seen: Observation, *, now: int, since: int | None
    ) -> Settled:
        ray_id = fitted(changes.c.ray_id, seen.ray_id)
        async with self.database.writing(customer) as connection:
            revision = await next_revision(connection, customer, now, answered=True)
            if since is None and await _contested(connection, customer, change):
                return Settled.CONTESTED
            ended = await _settle(connection, customer, change, now, status="applied", ray_id=ray_id)
            if not ended:
                return Settled.NOT_OPEN
            await establish(connection, customer, seen, revision, now, since=since)
        self._count(ended, now, "applied")
        return Settled.DONE

    async def settle_failed(
        self, customer: CustomerId, change: ChangeId, reason: Reason, *, now: int, detail: str = ""
    ) -> Settled:
        kept = fitted(changes.c.detail, detail)
        return await self._end(customer, change, now, status="failed", error=reason.value, detail=kept)

    async def settle_superseded(self, customer: CustomerId, change: ChangeId, *, now: int) -> Settled:
        return await self._end(customer, change, now, status="superseded")

    async def cancel(self, customer: CustomerId, toggle: ToggleId, *, now: int) -> bool:
        async with self.database.writing(customer) as connection:
            revision = await next_revision(connection, customer, now)
            taken = await _supersede_unsent(connection, customer, toggle, now, error=Reason.CANCELLED.value)
            if taken:
                await touch(connection, customer, [toggle], revision)
        self._count(taken, now, "superseded", Reason.CANCELLED.value)
        return bool(taken)

    async def mark_seen(self, customer: CustomerId, toggle: ToggleId, *, now: int) -> bool:
        newest = select(toggles.c.change_id).where(_row(customer, toggle)).scalar_subquery()
        stands = and_(changes.c.status.in_(["failed", "observed"]), changes.c.seen_at.is_(None))
        async with self.database.writing(customer) as connection:
            revision = await next_revision(connection, customer, now)
            marked = await connection.execute(
                update(changes)
                .where(changes.c.id == newest, changes.c.customer_id == customer, stands)
                .values(seen_at=now)
            )
            if marked.rowcount:
                await touch(connection, customer, [toggle], revision)
            return marked.rowcount == 1

    async def history(self, customer: CustomerId, limit: int, before: ChangeId | None = None) -> list[Change]:
        query = select(*CHANGE).where(changes.c.customer_id == customer)
        if before is not None:
            query = query.where(changes.c.id < before)
        async with self.database.reading(customer) as connection:
            rows = await connection.execute(query.order_by(changes.c.id.desc()).limit(limit))
            return [change_of(row) for row in rows]

    async def history_of(self, customer: CustomerId, toggle: ToggleId, limit: int) -> list[Change]:
        query = select(*CHANGE).where(_of_toggle(customer, toggle)).order_by(changes.c.id.desc())
        async with self.database.reading(customer) as connection:
            return [change_of(row) for row in await connection.execute(query.limit(limit))]

    async def _end(self, customer: CustomerId, change: ChangeId, now: int, **outcome: str) -> Settled:
        async with self.database.writing(customer) as connection:
            revision = await next_revision(connection, customer, now)
            ended = await _settle(connection, customer, change, now, **outcome)
            if not ended:
                return Settled.NOT_OPEN
            await touch(connection, customer, [ended[0].toggle], revision)
        self._count(ended, now, outcome["status"], outcome.get("error", ""))
        return Settled.DONE

    def _count(self, ended: Sequence[_Ended], now: int, outcome: str, reason: str = "") -> None:
        """Told when the transaction is over, for only then it has happened."""
        for one in ended:
            self.telemetry.count("intents_settled", outcome, reason, one.source)
            self.telemetry.observe("write_seconds", (now - one.requested_at) / 1000, outcome)


class _Ended(NamedTuple):
    """A wish that got its outcome."""

    change: ChangeId
    toggle: ToggleId
    source: str
    requested_at: int


_ENDED = (changes.c.id, changes.c.toggle_id, changes.c.source, changes.c.requested_at)


def _of_row(row: Row[int, str, str, int]) -> _Ended:
    return _Ended(ChangeId(int(row[0])), ToggleId(str(row[1])), str(row[2]), int(row[3]))


async def fail_open(connection: AsyncConnection, customer: CustomerId, now: int) -> None:
    """The zone is taken off: what is still wished for it will not happen."""
    why = Reason.NOT_CONNECTED.value
    ended = await connection.execute(
        update(changes)
        .where(changes.c.customer_id == customer, PENDING)
        .values(status="failed", error=why, settled_at=now, lease_owner=None, lease_until=None)
        .returning(changes.c.id, changes.c.toggle_id)
    )
    deeds = [_ended(ChangeId(int(id_)), ToggleId(str(toggle)), f"failed: {why}") for id_, toggle in ended]
    await append(connection, customer, deeds, now)


def _one(customer: CustomerId, change: ChangeId) -> ColumnElement[bool]:
    return and_(changes.c.id == change, changes.c.customer_id == customer)


def _row(customer: CustomerId, toggle: ToggleId) -> ColumnElement[bool]:
    return and_(toggles.c.customer_id == customer, toggles.c.toggle_id == toggle)


def _of_toggle(customer: CustomerId, toggle: ToggleId) -> ColumnElement[bool]:
    return and_(changes.c.customer_id == customer, changes.c.toggle_id == toggle)


async def _by_request(connection: AsyncConnection, customer: CustomerId, request_id: str) -> Change | None:
    found = await connection.execute(
        select(*CHANGE).where(changes.c.customer_id == customer, changes.c.request_id == request_id)
    )
    row = found.one_or_none()
    return change_of(row) if row is not None else None


def _same_wish(known: Change, intent: Intent) -> Change:
    """The same request again is answered with what exists; the same id for another wish is refused."""
    if (known.toggle, known.to_state) != (intent.toggle, intent.to_state):
        raise Refused(Reason.CONFLICT, "this request id was used for another change")
    return known


async def _store(
    connection: AsyncConnection, customer: CustomerId, intent: Intent, now: int, owner: str, lease_until: int
) -> Change:
    """Write the wish down, with what was there when it was made."""
    held = await connection.execute(
        select(toggles.c.state, toggles.c.value).where(_row(customer, intent.toggle))
    )
    state, value = held.one_or_none() or (None, None)
    row = {
        "customer_id": customer,
        "toggle_id": intent.toggle,
        "from_state": state,
        "from_value": value,
        "to_state": intent.to_state.value,
        "to_value": dumps(intent.to_value),
        "actor_kind": intent.actor.kind.value,
        "actor_id": fitted(changes.c.actor_id, intent.actor.id),
        "source": intent.source.value,
        "status": "pending",
        "request_id": intent.request_id,
        "requested_at": now,
        "lease_owner": owner,
        "lease_until": lease_until,
    }
    stored = await connection.execute(insert(changes).values(row).returning(*CHANGE))
    return change_of(stored.one())


async def _show(connection: AsyncConnection, change: Change, revision: int, now: int) -> None:
    """Make it the newest change of its toggle; the row is made if nothing was ever read of it."""
    row: dict[str, object] = {
        "customer_id": change.customer,
        "toggle_id": change.toggle,
        "updated_at": now,
        "confirmed_by": "read",
        "revision": revision,
        "value_revision": 0,
        "change_id": change.id,
    }
    await upsert(connection, toggles, [row], ("change_id", "revision"))


async def _supersede_unsent(
    connection: AsyncConnection, customer: CustomerId, toggle: ToggleId, now: int, error: str = ""
) -> list[_Ended]:
    """A wish that is not at Cloudflare gives way; one that is there keeps its own outcome."""
    ended = await connection.execute(
        update(changes)
        .where(_of_toggle(customer, toggle), PENDING, changes.c.sent_at.is_(None))
        .values(status="superseded", settled_at=now, lease_owner=None, lease_until=None, error=error)
        .returning(*_ENDED)
    )
    found = [_of_row(row) for row in ended]
    how = error or "superseded"
    await append(connection, customer, [_ended(one.change, toggle, how) for one in found], now)
    return found


def _asked(change: Change, intent: Intent) -> Deed:
    detail = {"to": intent.to_state.value, "through": intent.source.value, "request": intent.request_id}
    return Deed(intent.actor, AuditAction.FLIP_ASKED, "pending", change.toggle, change.id, detail)


def _ended(change: ChangeId, toggle: ToggleId, how: str, detail: str = "") -> Deed:
    return Deed(SYSTEM, AuditAction.FLIP_ENDED, how, toggle, change, {"detail": detail})


async def _newer_wish(
    connection: AsyncConnection, customer: CustomerId, toggle: ToggleId, change: ChangeId
) -> bool:
    """Whether somebody wished something later for this toggle and did not take it back."""
    newer = exists().where(_of_toggle(customer, toggle), changes.c.id > change, _wished())
    return bool((await connection.execute(select(newer))).scalar())


def _wished() -> ColumnElement[bool]:
    """Neither seen at Cloudflare nor taken back."""
    taken_back = and_(changes.c.status == "superseded", changes.c.error == Reason.CANCELLED.value)
    return and_(changes.c.status != "observed", ~taken_back)


def _contested_query() -> Select[bool]:
    """Made once: the two aliases cost more than the look itself."""
    mine, other = changes.alias("mine"), changes.alias("other")
    overlapping = and_(
        other.c.customer_id == mine.c.customer_id,
        other.c.toggle_id == mine.c.toggle_id,
        other.c.id != mine.c.id,
        other.c.sent_at.is_not(None),
        or_(other.c.settled_at.is_(None), other.c.settled_at >= mine.c.sent_at),
    )
    is_mine = and_(
        mine.c.id == bindparam("change"),
        mine.c.customer_id == bindparam("customer"),
        mine.c.status == literal_column("'pending'"),
    )
    return select(exists().where(is_mine, overlapping))


_CONTESTED = _contested_query()


async def _contested(connection: AsyncConnection, customer: CustomerId, change: ChangeId) -> bool:
    """Whether this change is open, and another write of its toggle was at Cloudflare while it was."""
    found = await connection.execute(_CONTESTED, {"change": change, "customer": customer})
    return bool(found.scalar())


async def _settle(
    connection: AsyncConnection, customer: CustomerId, change: ChangeId, now: int, **outcome: str
) -> list[_Ended]:
    """Write the outcome if there is none yet; what has ended, or nothing when somebody was first."""
    settled = await connection.execute(
        update(changes)
        .where(_one(customer, change), PENDING)
        .values(settled_at=now, lease_owner=None, lease_until=None, **outcome)
        .returning(*_ENDED)
    )
    ended = [_of_row(row) for row in settled]
    how = ": ".join(part for part in (outcome["status"], outcome.get("error", "")) if part)
    told = outcome.get("ray_id") or outcome.get("detail", "")
    await append(connection, customer, [_ended(one.change, one.toggle, how, told) for one in ended], now)
    return ended
