"""The journal: a change is stored, leased, sent, and settled exactly once.

An outcome is written by one conditional update ("where it is still pending"); whoever comes second changes
nothing and is told so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import ColumnElement, and_, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from cloudcache.adapters.db.audit import append
from cloudcache.adapters.db.conflicts import conflict_of, with_permitted_value
from cloudcache.adapters.db.differences import finer_detail
from cloudcache.adapters.db.models import changes, toggles
from cloudcache.adapters.db.rows import CHANGE, change_of, dumps, fitted
from cloudcache.adapters.db.settling import (
    PENDING,
    Ended,
    contested,
    has_open,
    newer_requested,
    of_toggle,
    one_change,
    requested_here,
    settle_open,
    settle_orphan,
    show_newest,
    supersede_unsent,
)
from cloudcache.adapters.db.side_effects import ask_for_side_effects
from cloudcache.adapters.db.transactions import OnDatabase, next_revision, touch, upsert
from cloudcache.adapters.db.values import establish, keep_read
from cloudcache.domain.audit import AuditAction, Deed
from cloudcache.domain.catalog.model import State
from cloudcache.domain.delivery import is_expired
from cloudcache.domain.errors import NotFound, Reason, Refused
from cloudcache.domain.events import NOT_SENT, Change, Observation
from cloudcache.domain.ids import ChangeId, CustomerId, ToggleId
from cloudcache.ports import Intent, Settled, Start

LEASE = (changes.c.lease_owner, changes.c.lease_until)


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
                return _same_request(known, intent)
            if intent.undoes is not None and not await _is_over(connection, customer, intent):
                raise Refused(Reason.CHANGED_ELSEWHERE)
            intent = await with_permitted_value(connection, customer, intent)
            ended = await supersede_unsent(connection, customer, intent.toggle, now)
            change = await _store(connection, customer, intent, now, owner, lease_until)
            await _show(connection, change, revision, now)
            await append(connection, customer, [_asked(change, intent)], now)
        self._count(ended, now, "superseded")
        self.telemetry.count("intents", intent.source.value)
        return change

    async def record_refused(
        self, customer: CustomerId, intent: Intent, reason: Reason, *, now: int
    ) -> Change | None:
        async with self.database.writing(customer) as connection:
            revision = await next_revision(connection, customer, now)
            if await _by_request(connection, customer, intent.request_id) is not None:
                return None
            if await has_open(connection, customer, intent.toggle):
                return None
            change = await _store(connection, customer, intent, now, "", now)
            await _show(connection, change, revision, now)
            await append(connection, customer, [_asked(change, intent)], now)
            ended = await settle_open(
                connection, customer, change.id, now, status="failed", error=reason.value
            )
        self.telemetry.count("intents", intent.source.value)
        self._count(ended, now, "failed", reason.value)
        return change

    async def start(
        self,
        customer: CustomerId,
        change: ChangeId,
        *,
        now: int,
        owner: str,
        lease_until: int,
        calls: int | None = None,
    ) -> Start:
        async with self.database.writing(customer) as connection:
            revision = await next_revision(connection, customer, now)
            found = await connection.execute(
                select(*CHANGE, *LEASE).where(one_change(customer, change), PENDING)
            )
            row = found.one_or_none()
            if row is None or (row.lease_owner != owner and row.lease_until >= now):
                return Start.NOT_OPEN
            await touch(connection, customer, [row.toggle_id], revision)
            start, outcome = await _judged(connection, change_of(row), now)
            if start is not Start.SEND:
                ended = await settle_open(connection, customer, change, now, **outcome)
            else:
                leased = {"lease_owner": owner, "lease_until": lease_until}
                await connection.execute(
                    update(changes)
                    .where(one_change(customer, change))
                    .values(sent_at=now, eta_at=None, **leased, **_counted(calls))
                )
        if start is not Start.SEND:
            self._count(ended, now, outcome["status"], outcome.get("error", ""))
        return start

    async def queue(
        self,
        customer: CustomerId,
        change: ChangeId,
        *,
        now: int,
        eta: int,
        owner: str,
        lease_until: int,
        calls: int | None = None,
    ) -> bool:
        async with self.database.writing(customer) as connection:
            revision = await next_revision(connection, customer, now)
            held = await connection.execute(
                update(changes)
                .where(one_change(customer, change), PENDING, changes.c.lease_owner == owner)
                .values(eta_at=eta, sent_at=None, lease_until=lease_until, **_counted(calls))
                .returning(changes.c.toggle_id)
            )
            toggle = held.scalar_one_or_none()
            if toggle is not None:
                await touch(connection, customer, [toggle], revision)
            return toggle is not None

    async def newest_wish(self, customer: CustomerId, toggle: ToggleId) -> Change | None:
        query = select(*CHANGE).where(of_toggle(customer, toggle), requested_here())
        async with self.database.reading(customer) as connection:
            row = (await connection.execute(query.order_by(changes.c.id.desc()).limit(1))).one_or_none()
        return change_of(row) if row is not None else None

    async def settle_applied(
        self, customer: CustomerId, change: ChangeId, seen: Observation, *, now: int, since: int | None
    ) -> Settled:
        ray_id = fitted(changes.c.ray_id, seen.ray_id)
        async with self.database.writing(customer) as connection:
            revision = await next_revision(connection, customer, now, answered=True)
            if since is None and await contested(connection, customer, change):
                return Settled.CONTESTED
            ended = await settle_open(connection, customer, change, now, status="applied", ray_id=ray_id)
            if not ended:
                return Settled.NOT_OPEN
            timed = replace(seen, ends_at=seen.ends_at or ended[0].ends_at)
            await establish(connection, customer, timed, revision, now, since=since)
            await ask_for_side_effects(connection, customer, change, seen.toggle, now)
        self._count(ended, now, "applied")
        return Settled.DONE

    async def settle_failed(
        self,
        customer: CustomerId,
        change: ChangeId,
        reason: Reason,
        *,
        now: int,
        detail: str = "",
        seen: Observation | None = None,
        since: int = 0,
    ) -> Settled:
        outcome = {"error": reason.value, "detail": fitted(changes.c.detail, detail)}
        return await self._end(customer, change, now, seen, since, status="failed", **outcome)

    async def settle_superseded(self, customer: CustomerId, change: ChangeId, *, now: int) -> Settled:
        return await self._end(customer, change, now, status="superseded")

    async def cancel(self, customer: CustomerId, toggle: ToggleId, *, now: int) -> bool:
        async with self.database.writing(customer) as connection:
            revision = await next_revision(connection, customer, now)
            taken = await supersede_unsent(connection, customer, toggle, now, error=Reason.CANCELLED.value)
            if taken:
                await show_newest(connection, customer, toggle, revision)
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
        query = select(*CHANGE).where(of_toggle(customer, toggle)).order_by(changes.c.id.desc())
        async with self.database.reading(customer) as connection:
            return [change_of(row) for row in await connection.execute(query.limit(limit))]

    async def _end(
        self,
        customer: CustomerId,
        change: ChangeId,
        now: int,
        seen: Observation | None = None,
        since: int = 0,
        **outcome: str,
    ) -> Settled:
        async with self.database.writing(customer) as connection:
            try:
                revision = await next_revision(connection, customer, now)
            except NotFound:
                return await settle_orphan(connection, customer, change, now, **outcome)
            ended = await settle_open(connection, customer, change, now, **outcome)
            if not ended:
                return Settled.NOT_OPEN
            if seen is not None:
                await keep_read(connection, customer, seen, revision, now, since=since)
            await touch(connection, customer, [ended[0].toggle], revision)
        self._count(ended, now, outcome["status"], outcome.get("error", ""))
        return Settled.DONE

    def _count(self, ended: Sequence[Ended], now: int, outcome: str, reason: str = "") -> None:
        """Count what has ended, once the transaction is over: only then it has happened."""
        for one in ended:
            self.telemetry.count("intents_settled", outcome, reason, one.source)
            self.telemetry.observe("write_seconds", (now - one.requested_at) / 1000, outcome)


def _row(customer: CustomerId, toggle: ToggleId) -> ColumnElement[bool]:
    return and_(toggles.c.customer_id == customer, toggles.c.toggle_id == toggle)


async def _by_request(connection: AsyncConnection, customer: CustomerId, request_id: str) -> Change | None:
    found = await connection.execute(
        select(*CHANGE).where(changes.c.customer_id == customer, changes.c.request_id == request_id)
    )
    row = found.one_or_none()
    return change_of(row) if row is not None else None


async def _is_over(connection: AsyncConnection, customer: CustomerId, intent: Intent) -> bool:
    """Whether the toggle is still on until the time that is over, and no change of it is open."""
    if await has_open(connection, customer, intent.toggle):
        return False
    held = await connection.execute(
        select(toggles.c.ends_at).where(_row(customer, intent.toggle), toggles.c.state == State.ON.value)
    )
    return held.scalar_one_or_none() == intent.undoes


def _same_request(known: Change, intent: Intent) -> Change:
    """Return the change of a request that is repeated; the same id for another change is refused."""
    if (known.toggle, known.to_state) != (intent.toggle, intent.to_state):
        raise Refused(Reason.CONFLICT, "this request id was used for another change")
    return known


async def _store(
    connection: AsyncConnection, customer: CustomerId, intent: Intent, now: int, owner: str, lease_until: int
) -> Change:
    """Insert the change, with what was cached when it was requested."""
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
        "ends_at": intent.ends_at,
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


def _asked(change: Change, intent: Intent) -> Deed:
    detail = {"to": intent.to_state.value, "through": intent.source.value, "request": intent.request_id}
    detail |= finer_detail(change)
    return Deed(intent.actor, AuditAction.FLIP_ASKED, "pending", change.toggle, change.id, detail)


async def _judged(connection: AsyncConnection, change: Change, now: int) -> tuple[Start, dict[str, str]]:
    """Decide whether a change may be sent now; if not, with the outcome it gets."""
    failed = {"status": "failed"}
    if await newer_requested(connection, change.customer, change.toggle, change.id):
        return Start.SUPERSEDED, {"status": "superseded"}
    if is_expired(change.requested_at, now):
        return Start.EXPIRED, {**failed, "error": Reason.NO_ANSWER.value, "detail": NOT_SENT}
    why = await conflict_of(connection, change)
    if why is not None:
        return Start.CONFLICT, {**failed, "error": Reason.CONFLICT.value, "detail": why}
    return Start.SEND, {}


def _counted(calls: int | None) -> dict[str, int]:
    return {} if calls is None else {"calls": calls}
