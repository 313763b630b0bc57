"""The journal and the audit log are append-only and chained; an order to erase empties what names people."""

from __future__ import annotations

import pytest
from sqlalchemy import delete, select, update
from sqlalchemy.exc import IntegrityError

from cloudcache.adapters.db.access_models import audit_heads, audit_log
from cloudcache.adapters.db.models import changes
from cloudcache.adapters.db.store import SqlStore
from cloudcache.domain.access import SYSTEM, Actor, ActorKind, Origin, Role
from cloudcache.domain.audit import AuditAction, Deed
from cloudcache.domain.errors import NotAllowed, StoreUnavailable
from cloudcache.domain.events import ChangeStatus
from cloudcache.services.auditing import Auditing
from tests.support.tenants import Tenant

REFUSED = (IntegrityError, StoreUnavailable)


async def lines(tenant: Tenant) -> list[tuple[str, str]]:
    return [(one.action, one.outcome) for one in reversed(await tenant.store.trail(tenant.id, 100))]


async def verified(store: SqlStore) -> tuple[str, ...]:
    return (await Auditing(store).verify(SYSTEM)).problems


async def test_a_flip_leaves_its_asking_and_its_ending(mine: Tenant):
    change = await mine.sent()
    await mine.applied(change)

    assert await lines(mine) == [("flip asked", "pending"), ("flip ended", "applied")]
    assert await verified(mine.store) == ()


async def test_a_change_made_elsewhere_and_a_wish_that_gave_way_are_in_it(mine: Tenant):
    await mine.saw("off")
    await mine.saw("on", at=600, person="jo@example.com")
    await mine.wish()
    await mine.wish(False)

    assert await lines(mine) == [
        ("changed elsewhere", "observed"),
        ("flip asked", "pending"),
        ("flip ended", "superseded"),
        ("flip asked", "pending"),
    ]


async def test_history_has_each_change_once_in_its_present_state(mine: Tenant):
    await mine.saw("off")
    replaced, sent = await mine.wish(), await mine.sent()
    await mine.store.record(mine.id, Deed(SYSTEM, AuditAction.CONNECTED), now=1)
    await mine.applied(sent)

    newest, older = (
        await mine.store.history_entries(mine.id, 2),
        await mine.store.history_entries(mine.id, 5, before=3),
    )

    assert [one.link.action for one in newest] == ["connected", "flip asked"]
    assert newest[0].change is None
    assert newest[1].change is not None and newest[1].change.status is ChangeStatus.APPLIED
    assert [one.change and (one.change.id, one.change.status) for one in older] == [
        (replaced.id, ChangeStatus.SUPERSEDED)
    ]


async def test_who_from_where_and_why_are_kept(mine: Tenant):
    staff = Actor(
        ActorKind.STAFF,
        "sub-1",
        mine.id,
        role=Role.VIEWER,
        name="Kim",
        origin=Origin("10.0.0.9", "Firefox", "s1"),
    )
    deed = Deed(staff, AuditAction.VIEW_STARTED, detail={"reason": "ticket 4711"})
    await mine.store.record(mine.id, deed, now=5)

    (link,) = await mine.store.trail(mine.id, 10)

    assert link.told == {
        "actor": "sub-1",
        "name": "Kim",
        "address": "10.0.0.9",
        "agent": "Firefox",
        "session": "s1",
        "reason": "ticket 4711",
    }


@pytest.mark.parametrize("column", ["outcome", "personal", "at", "hash"])
async def test_no_line_of_the_audit_log_can_be_altered(mine: Tenant, column: str):
    await mine.wish()

    with pytest.raises(REFUSED):
        async with mine.store.database.writing("*") as connection:
            value = 7 if column == "at" else "other"
            await connection.execute(update(audit_log).values({column: value}))
    with pytest.raises(REFUSED):
        async with mine.store.database.writing("*") as connection:
            await connection.execute(delete(audit_log))
    assert await verified(mine.store) == ()


async def test_no_line_of_the_journal_can_be_removed_or_told_otherwise(mine: Tenant):
    change = await mine.sent()
    await mine.applied(change)

    for values in ({"to_state": "off"}, {"actor_kind": "staff"}, {"status": "failed"}, {"requested_at": 3}):
        with pytest.raises(REFUSED):
            async with mine.store.database.writing("*") as connection:
                await connection.execute(update(changes).values(values))
    with pytest.raises(REFUSED):
        async with mine.store.database.writing("*") as connection:
            await connection.execute(delete(changes))


async def test_a_chain_whose_head_was_set_back_is_noticed(mine: Tenant):
    await mine.wish()
    await mine.wish(False)
    async with mine.store.database.writing("*") as connection:
        first = (await connection.execute(select(audit_log.c.hash).where(audit_log.c.seq == 1))).scalar_one()
        await connection.execute(update(audit_heads).values(seq=1, hash=first))

    (problem,) = await verified(mine.store)

    assert "head" in problem


async def test_chains_are_apart_and_only_admins_verify(mine: Tenant, other: Tenant):
    await mine.store.record(None, Deed(SYSTEM, AuditAction.DENIED, "bad_aud"), now=1)

    verdict = await Auditing(mine.store).verify(SYSTEM)

    assert verdict.problems == () and verdict.chains == 2 and len(verdict.digest) == 64
    with pytest.raises(NotAllowed):
        await Auditing(mine.store).verify(Actor(ActorKind.MERCHANT, "owner", mine.id))
    with pytest.raises(NotAllowed):
        await Auditing(mine.store).history(Actor(ActorKind.MERCHANT, "owner", mine.id), other.id)
