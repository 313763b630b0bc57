"""The change feeds on both databases: positions, leases, and lines that are remembered."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cloudcache.adapters.db.store import SqlStore
from cloudcache.domain.catalog import State, Topology
from cloudcache.domain.feed import WHOLE, Attribution, Entry, FeedStatus, Position, Window
from cloudcache.domain.freshness import Urgency
from cloudcache.domain.ids import CredentialId, ZoneId
from cloudcache.domain.toggle import ConfirmedBy
from cloudcache.ports import LeasedFeed, LeasedZone
from tests.support.tenants import FACTS, POLISH, ROCKET, Tenant

NOW = 1_000_000
MINE = ZoneId("a" * 32)


async def leased(store: SqlStore, now: int = NOW, owner: str = "w") -> LeasedFeed:
    (feed,) = await store.lease_feeds(now=now, owner=owner, until=now + 1_000, limit=5)
    return feed


def entry(id_: str = "e1", at: int = NOW - 500, zone: ZoneId = MINE, **more: object) -> Entry:
    return Entry(id_, at, zone, **({"named": frozenset({ROCKET.id}), "person": "ann"} | more))


async def waiting(store: SqlStore) -> list[LeasedZone]:
    return await store.lease(Urgency.NAMED, platform=True, now=NOW, owner="z", until=NOW + 1, limit=9)


async def test_a_line_queues_its_zone_with_what_it_names_and_who_it_was(mine: Tenant, other: Tenant):
    feed = await leased(mine.store)

    assert len(await mine.store.note(feed, [entry()], now=NOW)) == 1

    (zone,) = await waiting(mine.store)
    assert (zone.customer.id, zone.named, zone.persons) == (
        mine.id,
        {ROCKET.id},
        {ROCKET.id: Attribution("ann", NOW - 500)},
    )
    assert len(zone.entries) == 1


async def test_a_line_that_comes_again_asks_for_nothing(mine: Tenant):
    feed = await leased(mine.store)
    await mine.store.note(feed, [entry(), entry()], now=NOW)

    assert await mine.store.note(feed, [entry(), entry("e2")], now=NOW) == [entry("e2")]


async def test_many_lines_at_once_are_all_kept(mine: Tenant):
    feed = await leased(mine.store)
    lines = [entry(f"e{number}") for number in range(1_000)]

    assert len(await mine.store.note(feed, lines, now=NOW)) == 1_000
    assert await mine.store.note(feed, lines, now=NOW) == []


@pytest.mark.parametrize(
    "line",
    [
        entry(zone=ZoneId("f" * 32)),
        entry(zone=ZoneId("\u00e9'; --")),
        entry(named=frozenset()),
        entry("x" * 500),
        entry(""),
    ],
    ids=["unknown zone", "odd zone", "nothing named", "endless id", "no id"],
)
async def test_what_concerns_nobody_here_is_left_out(mine: Tenant, line: Entry):
    assert await mine.store.note(await leased(mine.store), [line], now=NOW) == []
    assert await waiting(mine.store) == []


async def test_odd_names_are_kept_as_the_database_can_hold_them(mine: Tenant):
    odd = entry("\u00e9\u2028'\"", person="a\0b\ud800" + "x" * 400)

    assert len(await mine.store.note(await leased(mine.store), [odd], now=NOW)) == 1


async def test_an_accounts_log_says_nothing_of_another_accounts_zone(mine: Tenant):
    foreign = replace(await leased(mine.store), account="other")

    assert await mine.store.note(foreign, [entry()], now=NOW) == []


async def test_our_own_write_is_recognised_by_its_ray_id(mine: Tenant, other: Tenant):
    await mine.applied(await mine.sent())
    feed = await leased(mine.store)

    await mine.store.note(
        feed, [entry(ray_id="ray"), entry("e2", zone=ZoneId("b" * 32), ray_id="ray")], now=NOW
    )

    assert [zone.customer.id for zone in await waiting(mine.store)] == [other.id], "not another's ray"
    assert (await mine.store.across_tenants_counts(NOW)).pools[0].changes_per_day == 1


async def test_what_was_read_since_is_answered_and_the_journal_learns_the_name(mine: Tenant):
    await mine.saw("off", at=NOW - 90_000)
    await mine.saw("on", at=NOW - 10_000, now=NOW - 10_000)

    await mine.store.note(await leased(mine.store), [entry(at=NOW - 20_000)], now=NOW)

    assert await waiting(mine.store) == []
    assert [change.actor.id for change in await mine.store.history(mine.id, 5)] == ["ann"]


async def test_a_value_read_at_a_time_to_come_proves_nothing(mine: Tenant):
    await mine.saw("off", at=NOW + 3_600_000)

    await mine.store.note(await leased(mine.store), [entry()], now=NOW)

    assert len(await waiting(mine.store)) == 1


async def test_a_reported_value_is_shown_and_marked(mine: Tenant):
    await mine.saw("off", at=NOW - 90_000)

    await mine.store.note(await leased(mine.store), [entry(reported="on")], now=NOW)

    cell = await mine.cell()
    assert (cell.state, cell.confirmed_by, cell.seen_at) == (State.ON, ConfirmedBy.REPORTED, NOW - 500)
    assert cell.change is not None and cell.change.actor.id == "ann"
    assert len(await waiting(mine.store)) == 1, "and read, to be sure"


@pytest.mark.parametrize(
    "line",
    [
        entry(reported="nonsense"),
        entry(reported="on", named=frozenset({ROCKET.id, POLISH.id})),
        entry(reported="off"),
        entry(reported="on", at=NOW - 95_000),
    ],
    ids=["unknown value", "several settings", "no news", "older than what is held"],
)
async def test_hearsay_that_cannot_be_trusted_is_not_shown(mine: Tenant, line: Entry):
    await mine.saw("off", at=NOW - 90_000)

    await mine.store.note(await leased(mine.store), [line], now=NOW)

    assert (await mine.cell()).confirmed_by is ConfirmedBy.READ


async def test_hearsay_does_not_touch_what_somebody_here_is_changing(mine: Tenant):
    await mine.saw("off", at=NOW - 90_000)
    await mine.wish()

    await mine.store.note(await leased(mine.store), [entry(reported="on")], now=NOW)

    assert (await mine.cell()).confirmed_by is ConfirmedBy.READ


async def test_a_position_is_kept_and_the_lease_goes_on_or_ends(mine: Tenant):
    feed = await leased(mine.store)
    half = Position(FeedStatus.ON, verified_until=500, window=Window(1, 2, "next"), lateness_ms=7, deep_at=8)

    assert await mine.store.keep_position(feed, half, owner="w", due=NOW, until=NOW + 5_000)
    assert await mine.store.lease_feeds(now=NOW + 2_000, owner="x", until=NOW, limit=5) == []
    assert await mine.store.keep_position(feed, half, owner="w", due=NOW, until=None)
    assert (await leased(mine.store)).position == half


async def test_a_page_that_opens_while_its_feed_is_read_has_it_read_again_at_once(mine: Tenant):
    feed = await leased(mine.store)
    await mine.store.watch([mine.id], until=NOW + 90_000, now=NOW + 10)

    await mine.store.keep_position(feed, Position(), owner="w", due=NOW + 900_000, until=None)

    again = await leased(mine.store, now=NOW + 20)
    assert again.is_watched
    await mine.store.keep_position(again, Position(), owner="w", due=NOW + 15_000, until=None)
    assert await mine.store.lease_feeds(now=NOW + 30, owner="w", until=NOW + 1_000, limit=5) == []


async def test_whoever_lost_the_feed_moves_no_position(mine: Tenant):
    late = await leased(mine.store)
    await leased(mine.store, now=NOW + 1_000, owner="x")

    assert not await mine.store.keep_position(late, Position(), owner="w", due=1, until=None)
    assert not await mine.store.feed_failed(late, Position(), owner="w", due=1, why="late")


async def test_a_feed_that_failed_comes_again_later(mine: Tenant):
    feed = await leased(mine.store)
    await mine.store.feed_failed(feed, feed.position, owner="w", due=NOW + 500, why="no answer")

    assert await mine.store.lease_feeds(now=NOW, owner="w", until=NOW, limit=5) == []
    assert (await leased(mine.store, now=NOW + 500)).failures == 1


async def test_the_tokens_of_an_accounts_customers_are_tried_in_turn(store: SqlStore):
    for number, name in enumerate("bca"):
        await store.add_credential(CredentialId(name), b"sealed", "token", now=1)
        zone = ZoneId(f"{number:032x}")
        shop = f"s{number}.myshopify.com"
        await store.add_customer(shop, zone, FACTS, Topology.O2O, CredentialId(name), now=1)

    tried = []
    more = True
    while more:
        feed = await leased(store)
        tried.append(feed.credential)
        more = await store.feed_credential(feed)
        await store.feed_failed(feed, feed.position, owner="w", due=NOW, why="denied")

    assert tried == ["b", "c"]
    assert (await leased(store)).credential == "a"


async def test_an_account_whose_zones_are_all_parked_rests(mine: Tenant):
    await mine.store.park_credential(None, now=NOW, why="refused")

    assert await mine.store.lease_feeds(now=NOW, owner="w", until=NOW + 1, limit=5) == []
    assert await mine.store.lease_feeds(now=NOW + 60_000, owner="w", until=NOW + 1, limit=5) == []


async def test_answered_lines_are_forgotten_after_a_day_and_open_ones_never(mine: Tenant):
    await mine.applied(await mine.sent())
    feed = await leased(mine.store)
    await mine.store.note(feed, [entry(ray_id="ray"), entry("e2", named=WHOLE)], now=NOW)

    assert await mine.store.forget_entries(NOW, 10) == 0
    assert await mine.store.forget_entries(NOW + 1, 10) == 1
    assert len(await waiting(mine.store)) == 1


async def test_a_page_tells_whether_its_changes_are_followed(mine: Tenant):
    before = (await mine.store.page(mine.id)).customer
    feed = await leased(mine.store)
    on = Position(FeedStatus.ON, verified_until=NOW)
    await mine.store.keep_position(feed, on, owner="w", due=NOW, until=None)
    followed = (await mine.store.page(mine.id)).customer
    feed = await leased(mine.store)
    denied = Position(FeedStatus.DENIED, verified_until=NOW)
    await mine.store.feed_failed(feed, denied, owner="w", due=NOW, why="denied")

    assert before.is_followed is None
    assert (followed.is_followed, followed.followed_at) == (True, NOW)
    assert (await mine.store.page(mine.id)).customer.is_followed is False
