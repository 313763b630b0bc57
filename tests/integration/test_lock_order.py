"""Transactions of many processes take their locks in one order, and one that is undone all the same is repeated."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from sqlalchemy import text

from cloudcache.adapters.db.engine import make_engine
from cloudcache.adapters.db.failures import TransactionConflict
from cloudcache.adapters.db.repeating import ATTEMPTS, pause_s, repeated
from cloudcache.adapters.db.store import SqlStore
from cloudcache.domain.access import SYSTEM
from cloudcache.domain.audit import AuditAction, Deed
from cloudcache.domain.catalog import State, Topology, ZonePlan
from cloudcache.domain.errors import StoreUnavailable
from cloudcache.domain.events import ChangeStatus
from cloudcache.domain.feed import Entry
from cloudcache.domain.ids import CredentialId, ZoneId
from cloudcache.ports import LeasedFeed, Way, ZoneFacts
from tests.support.counting import Counting
from tests.support.databases import fresh_postgres
from tests.support.tenants import ROCKET, Tenant

ZONES = 30
ROUNDS = 10
FACTS = ZoneFacts("shop.example", ZonePlan.PRO, "acc", "Account")
DEED = Deed(SYSTEM, AuditAction.CONNECTED)


@pytest.fixture
def counting() -> Counting:
    return Counting()


@pytest.fixture
async def postgres(postgres_url: str) -> AsyncIterator[str]:
    async with fresh_postgres(postgres_url) as url:
        yield url


@pytest.fixture
async def store(postgres: str, counting: Counting) -> AsyncIterator[SqlStore]:
    opened = SqlStore(make_engine(postgres), counting)
    yield opened
    await opened.close()


async def shops(store: SqlStore, count: int) -> list[Tenant]:
    """Customers whose zones are all in one account."""
    added = [
        await store.add_customer(
            f"s{number}.myshopify.com", ZoneId(f"{number:032x}"), FACTS, Topology.O2O, None, now=1
        )
        for number in range(count)
    ]
    return [Tenant(store, one.id) for one in added]


async def feed_of(store: SqlStore) -> LeasedFeed:
    (feed,) = await store.lease_feeds(now=10, owner="w", until=10**9, limit=1)
    return feed


def lines(round_: int, backwards: bool) -> list[Entry]:
    numbers = range(ZONES - 1, -1, -1) if backwards else range(ZONES)
    return [
        Entry(
            f"e{round_}-{backwards}-{number}", 1_000, ZoneId(f"{number:032x}"), frozenset({ROCKET.id}), "ann"
        )
        for number in numbers
    ]


async def test_page_follower_and_worker_transactions_do_not_deadlock(store: SqlStore, counting: Counting):
    customers = await shops(store, ZONES)
    for one in customers:
        await one.saw("off")
        await one.saw("on", at=2_000)
    feed = await feed_of(store)
    ids = [one.id for one in customers]
    await store.lease_one(ids[0], now=10, owner="w", until=10**9)

    async def repeat(work: Callable[[int], Awaitable[object]]) -> None:
        for round_ in range(ROUNDS):
            await work(round_)

    async def flip(round_: int) -> None:
        for one in customers[round_ % 5 :: 5]:
            change = await one.wish(on=bool(round_ % 2))
            await one.start(change)
            await one.applied(change)

    await asyncio.gather(
        repeat(lambda round_: store.watch(ids[::-1], until=10**6, now=round_)),
        repeat(lambda round_: store.unwatch(ids, now=round_)),
        repeat(lambda round_: store.note(feed, lines(round_, backwards=False), now=3_000)),
        repeat(lambda round_: store.note(feed, lines(round_, backwards=True), now=3_000)),
        repeat(lambda round_: store.keep_facts(ids[round_ % ZONES], FACTS, None, now=round_)),
        repeat(lambda round_: store.prolong(ids[::-1], owner="w", until=10**9)),
        repeat(lambda round_: store.across_tenants_add_all(due=round_, account="acc")),
        repeat(lambda round_: store.across_tenants_set_back(1, now=0)),
        repeat(flip),
    )

    assert counting.counted[("database_failures",)] == 0
    assert counting.counted[("database_conflicts",)] == 0


async def _deadlock(
    url: str, store: SqlStore, victim: Tenant, other: Tenant, work: Awaitable[object]
) -> None:
    """Make `work`, which locks the other zone after the victim's, wait in a circle with a foreign transaction."""
    engine = make_engine(url)
    async with engine.connect() as connection:
        await connection.execution_options(isolation_level="READ COMMITTED")
        await connection.execute(text("SET LOCAL deadlock_timeout = '60s'"))
        await connection.execute(
            text("UPDATE customer_zones SET updated_at = 2 WHERE customer_id = :it"), {"it": other.id}
        )
        task = asyncio.ensure_future(work)
        await _until_waiting(url)
        await connection.execute(
            text("UPDATE customer_zones SET updated_at = 2 WHERE customer_id = :it"), {"it": victim.id}
        )
        await connection.commit()
        await task
    await engine.dispose()


async def _until_waiting(url: str) -> None:
    """Return when some transaction waits for a lock."""
    engine = make_engine(url)
    waiting = text(
        "SELECT count(*) FROM pg_stat_activity "
        "WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    async with asyncio.timeout(60), engine.connect() as connection:
        while not (await connection.execute(waiting)).scalar():  # noqa: ASYNC110  the server has no event for it
            await asyncio.sleep(0)  # the round trip is the wait
    await engine.dispose()


async def test_deadlocked_transaction_is_repeated_and_kept(
    postgres: str, store: SqlStore, counting: Counting
):
    first, second = await shops(store, 2)

    await _deadlock(postgres, store, first, second, store.watch([first.id, second.id], until=500, now=100))

    feed = await feed_of(store)
    assert counting.counted[("database_conflicts",)] == 1
    assert counting.counted[("database_failures",)] == 0
    assert (feed.account, feed.is_watched) == ("acc", True)


@pytest.mark.parametrize("code", ["40001", "40P01"])
async def test_click_that_loses_a_conflict_is_kept_once(store: SqlStore, counting: Counting, code: str):
    (mine,) = await shops(store, 1)
    await _fail_first_inserts(store, code, 2)

    change = await mine.wish()

    assert counting.counted[("database_conflicts",)] == 2
    (kept,) = await store.history(mine.id, 5)
    assert (kept.id, kept.status, kept.to_state) == (change.id, ChangeStatus.PENDING, State.ON)
    assert counting.counted[("intents", "page")] == 1


async def _fail_first_inserts(store: SqlStore, code: str, times: int) -> None:
    """Let the first inserts into the journal fail with this SQLSTATE; a sequence survives the undone transaction."""
    async with store.engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        for statement in (
            "CREATE SEQUENCE failures",
            f"CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            f"IF nextval('failures') <= {times} THEN RAISE EXCEPTION 'x' USING ERRCODE = '{code}'; END IF; "
            f"RETURN NEW; END $$",
            "CREATE TRIGGER fail BEFORE INSERT ON changes FOR EACH ROW EXECUTE FUNCTION fail()",
        ):
            await connection.execute(text(statement))


async def test_endless_conflict_ends_as_one_plain_failure(store: SqlStore, counting: Counting):
    (mine,) = await shops(store, 1)
    await _fail_first_inserts(store, "40001", 10**6)

    with pytest.raises(StoreUnavailable, match="another transaction was in the way") as raised:
        await mine.wish()

    assert not isinstance(raised.value, TransactionConflict)
    assert counting.counted[("database_conflicts",)] == ATTEMPTS
    assert await store.history(mine.id, 5) == []


async def test_other_failures_are_not_repeated():
    calls = []

    @repeated
    async def fails() -> None:
        calls.append(1)
        raise StoreUnavailable("the disk is full")

    with pytest.raises(StoreUnavailable):
        await fails()

    assert len(calls) == 1


def test_pauses_grow_and_are_never_zero():
    assert all(0 < pause_s(attempt, 0.0) < pause_s(attempt, 1.0) for attempt in range(1, ATTEMPTS))
    assert sum(pause_s(attempt, 1.0) for attempt in range(1, ATTEMPTS)) < 1.0


async def test_shops_that_swap_accounts_at_once_do_not_deadlock(store: SqlStore, counting: Counting):
    await shops(store, 2)

    async def connect(shop: int, round_: int, account: str) -> None:
        facts = ZoneFacts("shop.example", ZonePlan.PRO, account, account)
        way = Way("www.shop.example", Topology.O2O, {})
        zone, name = ZoneId(f"{shop + 10:016x}{round_:016x}"), f"s{shop}.myshopify.com"
        credential = CredentialId(f"c{shop}-{round_}")
        await store.connect_zone(name, zone, facts, way, (), credential, b"sealed", "token", DEED, now=round_)

    for round_ in range(ROUNDS):
        accounts = ("a", "b") if round_ % 2 else ("b", "a")
        await asyncio.gather(*(connect(shop, round_, account) for shop, account in enumerate(accounts)))

    assert counting.counted[("database_failures",)] == 0
    assert counting.counted[("database_conflicts",)] == 0
