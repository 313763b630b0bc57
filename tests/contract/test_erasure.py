"""Nothing of a customer survives an erasure, whatever writes for it at the same time, on both databases."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable

import pytest
from sqlalchemy import insert, select, text

from cloudcache.adapters.db.access_models import audit_log, erasures
from cloudcache.adapters.db.engine import make_engine
from cloudcache.adapters.db.models import changes, metadata
from cloudcache.adapters.db.store import SqlStore
from cloudcache.domain.access import SYSTEM, Actor, ActorKind
from cloudcache.domain.audit import AuditAction, Deed
from cloudcache.domain.catalog import State, Topology, ZonePlan
from cloudcache.domain.errors import NotFound
from cloudcache.domain.events import ChangeStatus, Observation, Source
from cloudcache.domain.ids import CredentialId, CustomerId, ZoneId
from cloudcache.domain.shops import ApiToken, Scope, View, waiting_credential
from cloudcache.ports import Intent, ZoneFacts
from tests.support.erasing import (
    NOW,
    POLISH,
    ROCKET,
    SAFETY_S,
    SHOP,
    TRACES,
    WRITES,
    ZONE,
    Gate,
    Scene,
    Write,
    name_in_rollout,
    record_audit_event,
)


@pytest.fixture
async def scene(store: SqlStore) -> Scene:
    """A shop that has something in every table, and changes of several statuses."""
    facts = ZoneFacts("paper-kite.example", ZonePlan.PRO, "acc-zulu", "zulu's account")
    await store.install(SHOP, now=1)
    await store.lock_shop(SHOP, owner="w", now=1, until=NOW * 2)
    await store.add_credential(CredentialId("c-zulu"), b"zulu", "oauth", now=1)
    await store.lock_credential(CredentialId("c-zulu"), owner="w", now=1, until=NOW * 2)
    customer = (await store.add_customer(SHOP, ZONE, facts, Topology.O2O, CredentialId("c-zulu"), now=1)).id
    made = Scene(store, customer, Actor(ActorKind.MERCHANT, "zulu", customer, SHOP))
    await store.observe(
        customer, [Observation(ROCKET.id, "off", 1), Observation(POLISH.id, "off", 1)], since=1, now=1
    )
    on = POLISH.wanted(State.ON)
    sent = Intent(POLISH.id, State.ON, on, made.actor, Source.PAGE, "zulu-sent")
    change = made.sent = (await store.open_intent(customer, sent, now=2, owner="w", lease_until=NOW)).id
    await store.start(customer, change, now=2, owner="w", lease_until=NOW)
    deed = Deed(made.actor, AuditAction.TOKEN_MADE, detail={"name": "zulu"})
    await store.add_api_token(ApiToken("t1", customer, "zulu", Scope.READ, "abcd", "zulu", 1), "d1", deed)
    await store.claim_answer(customer, "key-0", "d", now=1)
    await store.start_view(View("v1", "staff-zulu", customer, "zulu", 1, NOW), deed)
    return made


async def erase(store: SqlStore) -> int | None:
    return await store.erase(SHOP, ordered_by="shop/redact", before=NOW, now=NOW)


async def is_blocked(store: SqlStore) -> bool:
    """Whether a transaction of this database waits for a lock. SQLite has one writer, which always waits."""
    if store.engine.dialect.name == "sqlite":
        return True
    waiting = text(
        "SELECT count(*) FROM pg_locks WHERE NOT granted AND pid IN (SELECT pid FROM pg_stat_activity)"
    )
    async with store.engine.connect() as connection:
        return int((await connection.execute(waiting)).scalar_one()) > 0


async def blocked_or_done(store: SqlStore, task: asyncio.Task[object]) -> None:
    async with asyncio.timeout(SAFETY_S):
        while not task.done():
            if await is_blocked(store):
                return
            await asyncio.sleep(0)


async def side_by_side(first: SqlStore, gate: Gate, works: list[Awaitable[object]]) -> list[object]:
    """Run the first until its gate, then the second until it ends or waits for the first, then both to their end."""
    async with asyncio.timeout(SAFETY_S):
        one = asyncio.ensure_future(works[0])
        reached = asyncio.ensure_future(gate.reached.wait())
        await asyncio.wait([one, reached], return_when=asyncio.FIRST_COMPLETED)
        two = asyncio.ensure_future(works[1])
        await blocked_or_done(first, two)  # type: ignore[arg-type]
        gate.let_on.set()
        results = await asyncio.gather(one, two, return_exceptions=True)
        reached.cancel()
        return results


async def remains(store: SqlStore, customer: CustomerId) -> dict[str, list[str]]:
    """What is left of the customer, by table, but the receipt of the erasure and the bare audit chain."""
    found: dict[str, list[str]] = {}
    async with store.database.reading("*") as connection:
        for table in metadata.sorted_tables:
            for row in await connection.execute(select(table)):
                known = row._mapping
                named = any(trace in repr(tuple(row)) for trace in TRACES)
                named |= known.get("subject") == str(customer)
                if named or (table.name not in RECEIPTS and known.get("customer_id") == customer):
                    found.setdefault(table.name, []).append(repr(tuple(row)))
    return found


RECEIPTS = {"erasures", "audit_log", "audit_heads"}


@pytest.fixture
async def elsewhere(database_url: str) -> AsyncIterator[SqlStore]:
    """The same database as another process sees it."""
    opened = SqlStore(make_engine(database_url))
    yield opened
    await opened.close()


def expected(results: list[object]) -> None:
    """A write may find no customer; nothing else goes wrong."""
    for one in results:
        if isinstance(one, BaseException) and not isinstance(one, NotFound):
            raise one


@pytest.mark.parametrize("statements", [1, 2, None], ids=["first", "second", "commit"])
@pytest.mark.parametrize("write", WRITES, ids=lambda write: write.__name__)
async def test_erasure_during_a_write_leaves_nothing(
    scene: Scene, elsewhere: SqlStore, write: Write, statements: int | None
):
    gate = elsewhere.database = Gate(elsewhere, statements)

    results = await side_by_side(scene.store, gate, [write(scene, elsewhere), erase(scene.store)])

    expected(results)
    assert await remains(scene.store, scene.customer) == {}


@pytest.mark.parametrize(
    "write", [one for one in WRITES if one is not name_in_rollout], ids=lambda w: w.__name__
)
async def test_write_during_an_erasure_leaves_nothing(scene: Scene, elsewhere: SqlStore, write: Write):
    gate = elsewhere.database = Gate(elsewhere, None)

    results = await side_by_side(scene.store, gate, [erase(elsewhere), write(scene, scene.store)])

    expected(results)
    assert await remains(scene.store, scene.customer) == {}


async def test_second_erasure_finds_nothing_and_changes_nothing(scene: Scene):
    first = await erase(scene.store)

    second = await erase(scene.store)

    assert first and second == 0
    assert await remains(scene.store, scene.customer) == {}


async def test_two_erasures_at_once_are_one(scene: Scene, elsewhere: SqlStore):
    gate = elsewhere.database = Gate(elsewhere, None)

    first, second = await side_by_side(scene.store, gate, [erase(elsewhere), erase(scene.store)])

    assert first and second == 0
    assert await remains(scene.store, scene.customer) == {}


async def test_erasure_takes_rows_of_a_process_whose_clock_is_ahead(scene: Scene):
    ahead = NOW + 600_000
    await scene.store.open_intent(
        scene.customer, scene.intent("ahead"), now=ahead, owner="w", lease_until=ahead
    )

    await erase(scene.store)

    assert await remains(scene.store, scene.customer) == {}


async def test_token_that_waits_after_an_oauth_consent_is_erased(scene: Scene):
    waiting = waiting_credential(SHOP)
    await scene.store.add_credential(waiting, b"zulu", "waiting", now=NOW)

    await erase(scene.store)

    with pytest.raises(NotFound):
        await scene.store.sealed_token(waiting)


async def left_open(scene: Scene, *, is_ordered: bool) -> None:
    """An open change of a customer that is gone, as an erasure without locks left it."""
    await erase(scene.store)
    row = {
        "customer_id": scene.customer,
        "toggle_id": ROCKET.id,
        "to_state": "on",
        "to_value": '"on"',
        "actor_kind": "merchant",
        "actor_id": "zulu",
        "source": "page",
        "status": "pending",
        "request_id": "zulu-left",
        "requested_at": NOW + 5,
        "lease_owner": "dead",
        "lease_until": NOW,
        "error": "",
        "detail": "",
        "ray_id": "",
    }
    async with scene.store.database.writing("*") as connection:
        await connection.execute(insert(changes).values(row))
        if not is_ordered:
            await connection.execute(erasures.delete())


async def test_open_change_without_a_customer_is_erased_and_not_adopted(scene: Scene):
    await left_open(scene, is_ordered=True)

    adopted = await scene.store.adopt(now=NOW + 10, owner="w", lease_until=NOW + 20, limit=10)

    assert adopted == []
    assert await remains(scene.store, scene.customer) == {}


async def test_open_change_without_a_customer_or_an_order_fails_once(scene: Scene):
    await left_open(scene, is_ordered=False)

    adopted = await scene.store.adopt(now=NOW + 10, owner="w", lease_until=NOW + 20, limit=10)

    assert adopted == []
    async with scene.store.database.reading("*") as connection:
        (status,) = (await connection.execute(select(changes.c.status))).scalars().all()
    assert status == ChangeStatus.FAILED
    assert await scene.store.adopt(now=NOW * 2, owner="w", lease_until=NOW * 3, limit=10) == []


async def test_audit_event_of_an_erased_customer_names_no_person(scene: Scene):
    await erase(scene.store)

    await record_audit_event(scene, scene.store)

    async with scene.store.database.reading("*") as connection:
        told = (await connection.execute(select(audit_log.c.personal, audit_log.c.action))).all()
    assert [row.action for row in told][-1] == AuditAction.INSTALLED
    assert "zulu" not in repr(told)


async def test_changes_of_other_customers_are_still_adopted(scene: Scene, store: SqlStore):
    facts = ZoneFacts("other.example", ZonePlan.PRO, "acc-2", "Account")
    other = await store.add_customer(
        "other.myshopify.com", ZoneId("c" * 32), facts, Topology.O2O, None, now=1
    )
    intent = Intent(ROCKET.id, State.ON, "on", SYSTEM, Source.PAGE, "r")
    wanted = await store.open_intent(other.id, intent, now=1, owner="dead", lease_until=2)
    await left_open(scene, is_ordered=True)

    adopted = await store.adopt(now=NOW + 10, owner="w", lease_until=NOW + 20, limit=10)

    assert [change.id for change in adopted] == [wanted.id]


async def test_suspension_of_the_token_goes_with_its_last_record(scene: Scene):
    await scene.store.suspend_token(CredentialId("c-zulu"), now=NOW, why="", due=NOW * 9)

    await erase(scene.store)

    async with scene.store.database.reading("*") as connection:
        assert (await connection.execute(select(metadata.tables["suspensions"]))).all() == []
