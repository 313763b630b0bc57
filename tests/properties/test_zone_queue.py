"""The queue of rows and the pure `Place` agree, whatever is done to a zone in whatever order."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from cloudcache.domain.catalog import Topology
from cloudcache.domain.freshness import NEVER, Place, Urgency
from cloudcache.domain.ids import CustomerId, ZoneId
from cloudcache.ports import Finished, LeasedZone
from tests.support.databases import temporary_store
from tests.support.tenants import FACTS

LEASE = 50
urgencies = st.sampled_from(Urgency)
workers = st.sampled_from(["one", "two"])
steps = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.integers(0, 150), urgencies),
        st.tuples(st.just("lease"), workers, st.sampled_from([True, True, True, False])),
        st.tuples(st.just("finish"), workers, st.integers(0, 300)),
        st.tuples(st.just("fail"), workers, st.integers(0, 300)),
        st.tuples(st.just("pass"), st.integers(1, 80), st.none()),
    ),
    max_size=25,
)


@settings(deadline=None, max_examples=100)
@given(steps)
def test_rows_and_rules_agree(story: list[tuple]):
    with TemporaryDirectory() as folder:
        asyncio.run(_play(Path(folder), story))


async def _play(folder: Path, story: list[tuple]) -> None:
    store = await temporary_store(folder / "queue.db")
    zone = (
        await store.add_customer("s.myshopify.com", ZoneId("a" * 32), FACTS, Topology.O2O, None, now=1)
    ).id
    place, holder, held, now = Place(NEVER, Urgency.SWEEP), "", dict[str, LeasedZone](), 100
    try:
        for what, first, second in story:
            if what == "add":
                await store.add(zone, due=first, urgency=second)
                place = place.added(first, second)
            elif what == "lease":
                found = await store.lease(
                    _line(place, right=second),
                    platform=True,
                    now=now,
                    owner=first,
                    until=now + LEASE,
                    limit=5,
                )
                assert bool(found) == (place.is_ready(now) and second)
                if found:
                    held[first], holder, place = found[0], first, place.leased(now + LEASE)
            elif what == "pass":
                now += first
            elif first in held:
                mine = held.pop(first)
                if what == "finish":
                    done = await store.finish(
                        mine, Finished(second, Urgency.SWEEP, now), owner=first, now=now
                    )
                    after = place.finished(mine.generation, second, Urgency.SWEEP)
                else:
                    done = await store.fail(mine, owner=first, due=second, now=now, why="", silent=False)
                    after = place.failed(mine.generation, second)
                assert done == (holder == first)
                if done:
                    place, holder = after, ""
            await _same(store, zone, place, now)
    finally:
        await store.close()


def _line(place: Place, *, right: bool) -> Urgency:
    """The line in which the zone stands, or another one."""
    return place.urgency if right else Urgency((place.urgency + 1) % len(Urgency))


async def _same(store, zone: CustomerId, place: Place, now: int) -> None:
    """The row says what the place says; looked at beside the queue, so that nothing is changed by looking."""
    async with store.database.reading("*") as connection:
        row = (
            await connection.exec_driver_sql(
                "SELECT sync_due_at, priority, generation, failures, coalesce(lease_until, 0) FROM customer_zones"
                " WHERE customer_id = ?",
                (zone,),
            )
        ).one()
    kept = Place(row[0], Urgency(row[1]), row[2], row[3], row[4])
    assert kept == replace(place, leased_until=kept.leased_until)
    assert kept.is_ready(now) == place.is_ready(now)
