"""Many at once, in one process and in two: nobody's write is lost, and nobody waits for ever."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text

from cloudcache.adapters.db import engine as database
from cloudcache.adapters.db.engine import make_engine
from cloudcache.adapters.db.store import SqlStore
from cloudcache.domain.catalog import TOGGLES
from cloudcache.domain.errors import StoreUnavailable
from cloudcache.domain.events import Observation
from tests.support.databases import temporary_store
from tests.support.tenants import ROCKET, Tenant, tenant


@pytest.fixture
async def elsewhere(database_url: str, mine: Tenant) -> AsyncIterator[Tenant]:
    """The same customer, as another process with connections of its own sees it."""
    store = SqlStore(make_engine(database_url))
    yield Tenant(store, mine.id, asked=1_000)
    await store.close()


async def test_two_processes_count_every_transaction_of_a_customer(mine: Tenant, elsewhere: Tenant):
    began = await mine.store.revision(mine.id)

    wishes = await asyncio.gather(*(one.wish() for one in (mine, elsewhere) * 10))

    assert await mine.store.revision(mine.id) == began + 20
    journal = await mine.store.history(mine.id, 100)
    assert {change.id for change in journal} == {change.id for change in wishes}
    assert [change.id for change in journal if change.is_open] == [journal[0].id]


async def test_two_processes_adopt_different_orphans(mine: Tenant, elsewhere: Tenant):
    for toggle in TOGGLES[:12]:
        await mine.wish(toggle=toggle)

    taken = await asyncio.gather(
        *(
            one.store.adopt(now=50_000, owner=f"{number}", lease_until=99_999, limit=4)
            for number, one in enumerate((mine, elsewhere) * 3)
        )
    )

    ids = [change.id for batch in taken for change in batch]
    assert len(ids) == len(set(ids)) == 12


async def test_of_two_processes_that_start_a_lapsed_wish_one_may(mine: Tenant, elsewhere: Tenant):
    wish = await mine.wish(owner="dead")

    starts = await asyncio.gather(
        mine.start(wish, now=50_000, owner="a"), elsewhere.start(wish, now=50_000, owner="b")
    )

    assert sorted(starts) == ["not_open", "send"]


async def test_everything_at_once_ends_without_a_deadlock(mine: Tenant, other: Tenant, elsewhere: Tenant):
    seen = [Observation(toggle.id, toggle.on, 100) for toggle in TOGGLES]

    async def live(one: Tenant) -> None:
        wish = await one.wish()
        await one.store.observe(one.id, seen, since=one.asked, now=200)
        await one.start(wish, now=50_000)
        await one.store.adopt(now=70_000, owner="w", lease_until=90_000, limit=3)
        await one.store.zone_silent(one.id, now=300)
        await one.applied(wish, now=60_000, since=await one.store.revision(one.id))

    await asyncio.gather(*(live(one) for one in (mine, other, elsewhere) * 4))

    for one in (mine, other):
        assert not [change for change in await one.store.history(one.id, 100) if change.is_open]
        assert len((await one.store.page(one.id)).cells) == 50


async def test_a_page_is_read_while_somebody_writes(mine: Tenant):
    async with mine.store.database.writing("*") as connection:
        await connection.execute(text("UPDATE customer_zones SET zone_name = 'unfinished'"))

        seen = await mine.store.page(mine.id)

    assert seen.customer.zone_name == "shop.example"


async def test_a_writer_that_is_cancelled_leaves_nothing_and_lets_the_next_one_through(mine: Tenant):
    before = await mine.rows()
    written = asyncio.Event()

    async def write() -> None:
        async with mine.store.database.writing("*") as connection:
            await connection.execute(text("UPDATE customer_zones SET failures = 9"))
            written.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(write())
    await written.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert await mine.rows() == before
    assert (await mine.wish()).is_open


async def test_a_hundred_writers_of_one_process_all_get_their_turn(store: SqlStore):
    shops = [await tenant(store, f"shop{number}", "0123456789"[number]) for number in range(10)]

    changes = await asyncio.gather(*(shop.wish(toggle=toggle) for shop in shops for toggle in TOGGLES[:10]))

    assert len({change.id for change in changes}) == 100


async def test_who_waits_too_long_for_a_turn_is_told(tmp_path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(database, "WAIT_SECONDS", 0.05)
    store = await temporary_store(tmp_path / "store.db")
    mine = await tenant(store, "mine", "a")

    async with store.database.writing("*"):
        with pytest.raises(StoreUnavailable, match="doesn't answer in time"):
            await mine.store.cancel(mine.id, ROCKET.id, now=1)

    assert (await mine.wish()).is_open
    await store.close()
