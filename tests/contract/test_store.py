"""The store's promises, on SQLite and on a real Postgres, always with a second tenant beside the first."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from cloudcache.adapters.db.engine import make_engine
from cloudcache.adapters.db.store import SqlStore
from cloudcache.domain.access import Actor, ActorKind
from cloudcache.domain.catalog import TOGGLES, State, Topology, ZonePlan, find
from cloudcache.domain.customers import ZoneStatus
from cloudcache.domain.errors import NotFound, Reason, Refused
from cloudcache.domain.events import Change, ChangeStatus, Observation, Source
from cloudcache.domain.ids import JSON, CredentialId, CustomerId, ZoneId
from cloudcache.domain.toggle import ConfirmedBy
from cloudcache.ports import Intent, Settled, Start, ZoneFacts
from tests.support.databases import fresh_postgres, temporary_store

ROCKET, POLISH = find("rocket_loader"), find("polish")
FACTS = ZoneFacts("shop.example", ZonePlan.PRO, "acc", "acc")
LEASE = 10_000


@pytest.fixture(params=["sqlite", "postgres"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[SqlStore]:
    if request.param == "sqlite":
        opened = await temporary_store(tmp_path / "store.db")
        yield opened
        await opened.close()
        return
    async with fresh_postgres(request.getfixturevalue("postgres_url")) as url:
        opened = SqlStore(make_engine(url))
        yield opened
        await opened.close()


@dataclass
class Tenant:
    """One customer and short words for what happens to it."""

    store: SqlStore
    id: CustomerId
    asked: int = 0

    async def wish(self, on: bool = True, *, now: int = 1000, owner: str = "w", value: JSON = None) -> Change:
        self.asked += 1
        intent = Intent(
            ROCKET.id,
            State.of(on),
            value if value is not None else ROCKET.wanted(State.of(on)),
            Actor(ActorKind.MERCHANT, "owner", self.id),
            Source.PAGE,
            f"{self.id}-{self.asked}",
        )
        return await self.store.open_intent(self.id, intent, now=now, owner=owner, lease_until=now + LEASE)

    async def start(self, change: Change, *, now: int = 1100, owner: str = "w") -> Start:
        return await self.store.start(self.id, change.id, now=now, owner=owner, lease_until=now + LEASE)

    async def applied(self, change: Change, value: JSON = "on", *, now: int = 1200, since: int | None = None):
        seen = Observation(ROCKET.id, value, now - 50, editable=True)
        return await self.store.settle_applied(self.id, change.id, seen, now=now, since=since)

    async def saw(self, value: JSON, *, at: int = 500, since: int | None = None, toggle=ROCKET):
        known = await self.store.revision(self.id) if since is None else since
        seen = [Observation(toggle.id, value, at, editable=True)]
        return await self.store.observe(self.id, seen, since=known, now=at)

    async def cell(self, toggle=ROCKET):
        return (await self.store.page(self.id)).cells[toggle.id]

    async def change(self, change: Change) -> Change:
        return next(one for one in await self.store.history(self.id, 100) if one.id == change.id)


@pytest.fixture
async def mine(store: SqlStore) -> Tenant:
    return await tenant(store, "mine", "a")


@pytest.fixture
async def other(store: SqlStore, mine: Tenant) -> Tenant:
    second = await tenant(store, "other", "b")
    await second.saw("off")
    await second.saw("lossy", toggle=POLISH)
    return second


async def tenant(store: SqlStore, name: str, digit: str) -> Tenant:
    customer = await store.add_customer(
        f"{name}.myshopify.com", ZoneId(digit * 32), FACTS, Topology.O2O, None, now=1
    )
    return Tenant(store, customer.id)


async def test_a_wish_is_pending_then_applied_with_its_value(mine: Tenant):
    await mine.saw("off")
    wish = await mine.wish()
    pending = await mine.cell()

    assert await mine.start(wish) is Start.SEND
    assert await mine.applied(wish) is Settled.DONE

    cell = await mine.cell()
    assert pending.state is State.OFF and pending.shown_state() is State.ON
    assert (cell.state, cell.value, cell.confirmed_by) == (State.ON, "on", ConfirmedBy.WRITE)
    assert cell.seen_at == 1150
    assert cell.change and cell.change.status is ChangeStatus.APPLIED


async def test_an_outcome_is_written_once(mine: Tenant):
    wish = await mine.wish()
    await mine.start(wish)
    await mine.applied(wish)

    second = await mine.store.settle_failed(mine.id, wish.id, Reason.NO_ANSWER, now=1300)

    assert second is Settled.NOT_OPEN
    assert await mine.applied(wish, "off") is Settled.NOT_OPEN
    assert (await mine.change(wish)).status is ChangeStatus.APPLIED
    assert (await mine.cell()).state is State.ON


async def test_the_same_request_twice_is_one_change_and_another_wish_under_its_id_is_refused(mine: Tenant):
    first = await mine.wish()
    mine.asked -= 1
    again = await mine.wish()
    mine.asked -= 1

    with pytest.raises(Refused):
        await mine.wish(False)
    assert again == first
    assert len(await mine.store.history(mine.id, 10)) == 1


async def test_a_newer_wish_supersedes_one_that_was_not_sent(mine: Tenant):
    first = await mine.wish(True)
    second = await mine.wish(False)

    assert (await mine.change(first)).status is ChangeStatus.SUPERSEDED
    assert await mine.start(first) is Start.NOT_OPEN
    assert await mine.start(second) is Start.SEND


async def test_a_wish_that_was_sent_keeps_its_own_outcome_and_two_in_flight_must_be_read(mine: Tenant):
    first = await mine.wish(True)
    await mine.start(first)
    second = await mine.wish(False)
    await mine.start(second, now=1150)

    assert await mine.applied(first) is Settled.CONTESTED
    since = await mine.store.revision(mine.id)
    assert await mine.applied(second, "off", since=since) is Settled.DONE
    assert await mine.start(first, now=1300) is Start.SUPERSEDED
    assert (await mine.cell()).state is State.OFF


async def test_a_read_does_not_touch_a_toggle_with_an_open_wish(mine: Tenant):
    await mine.saw("off")
    await mine.wish()

    assert await mine.saw("on") == []
    assert (await mine.cell()).state is State.OFF


async def test_a_read_that_began_before_a_write_does_not_undo_it(mine: Tenant):
    await mine.saw("off")
    since = await mine.store.revision(mine.id)
    wish = await mine.wish()
    await mine.start(wish)
    await mine.applied(wish)

    assert await mine.saw("off", at=9_000, since=since) == []
    assert (await mine.cell()).state is State.ON


async def test_of_two_reads_the_one_that_began_earlier_does_not_undo_the_later(mine: Tenant):
    await mine.saw("off")
    since = await mine.store.revision(mine.id)
    await mine.saw("on", at=700)

    await mine.saw("off", at=600, since=since)

    assert (await mine.cell()).state is State.ON


async def test_a_difference_nobody_wished_becomes_a_journal_line(mine: Tenant):
    first = await mine.saw("off")
    found = await mine.saw("on", at=800)
    same = await mine.saw("on", at=900)

    assert first == [] and same == []
    assert [(one.from_state, one.to_state, one.status) for one in found] == [
        (State.OFF, State.ON, ChangeStatus.OBSERVED)
    ]
    cell = await mine.cell()
    assert cell.change == found[0] and cell.seen_at == 900


async def test_another_spelling_is_no_change_and_another_finer_value_is_one(mine: Tenant):
    await mine.saw("lossless", toggle=POLISH)

    assert await mine.saw("LOSSLESS", toggle=POLISH, at=600) == []
    assert len(await mine.saw("lossy", toggle=POLISH, at=700)) == 1
    assert (await mine.cell(POLISH)).last_on == "lossy"


async def test_the_finer_value_is_remembered_while_it_is_off(mine: Tenant):
    await mine.saw("lossy", toggle=POLISH)
    await mine.saw("off", toggle=POLISH, at=600)

    cell = await mine.cell(POLISH)
    assert (cell.state, cell.last_on, cell.last_off) == (State.OFF, "lossy", "off")


async def test_ages_never_run_backwards(mine: Tenant):
    await mine.saw("on", at=900)
    await mine.saw("on", at=400)

    assert (await mine.cell()).seen_at == 900


async def test_a_page_holds_what_changed_after_a_revision(mine: Tenant):
    seen = [Observation(toggle.id, toggle.off, 100) for toggle in TOGGLES]
    await mine.store.observe(mine.id, seen, since=1, now=100)
    since = await mine.store.revision(mine.id)
    await mine.wish()

    whole, part = await mine.store.page(mine.id), await mine.store.page(mine.id, since)

    assert len(whole.cells) == 50 and set(part.cells) == {ROCKET.id}
    assert part.customer.revision > since
    assert not (await mine.store.page(mine.id, part.customer.revision)).cells


async def test_a_wish_can_be_taken_back_until_it_is_sent(mine: Tenant):
    first = await mine.wish()
    assert await mine.store.cancel(mine.id, ROCKET.id, now=1050)
    second = await mine.wish()
    await mine.start(second)

    assert not await mine.store.cancel(mine.id, ROCKET.id, now=1150)
    assert (await mine.change(first)).error == "cancelled"
    assert (await mine.change(second)).is_open


async def test_a_failure_stands_until_it_was_seen(mine: Tenant):
    wish = await mine.wish()
    await mine.start(wish)
    await mine.store.settle_failed(mine.id, wish.id, Reason.PERMISSION, now=1200, detail="Zone WAF")
    before = await mine.cell()

    assert await mine.store.mark_seen(mine.id, ROCKET.id, now=1300)

    after = await mine.cell()
    assert before.change and (before.change.error, before.change.detail) == ("permission", "Zone WAF")
    assert before.change.seen_at is None and after.change and after.change.seen_at == 1300


async def test_a_queued_wish_says_when_and_is_not_at_cloudflare(mine: Tenant):
    wish = await mine.wish()
    await mine.start(wish)

    held = await mine.store.queue(mine.id, wish.id, now=1200, eta=9000, owner="w", lease_until=20_000)

    change = (await mine.cell()).change
    assert held and change and (change.eta_at, change.sent_at) == (9000, None)
    assert not await mine.store.queue(mine.id, wish.id, now=1, eta=1, owner="thief", lease_until=1)


async def test_a_lease_holds_against_others_until_it_runs_out(mine: Tenant):
    wish = await mine.wish(now=1000, owner="dead")

    assert await mine.start(wish, now=2000, owner="other") is Start.NOT_OPEN
    assert await mine.store.adopt(now=2000, owner="other", lease_until=3000, limit=10) == []
    adopted = await mine.store.adopt(now=1000 + LEASE + 1, owner="other", lease_until=99_999, limit=10)

    assert [one.id for one in adopted] == [wish.id]
    assert await mine.start(wish, now=20_000, owner="other") is Start.SEND
    assert not await mine.store.extend(wish.id, owner="dead", lease_until=1)


async def test_two_workers_never_adopt_the_same(mine: Tenant, other: Tenant):
    for _ in range(5):
        await mine.wish(owner="dead")
        first = await mine.store.adopt(now=1, owner="x", lease_until=0, limit=0)
        assert first == []
    toggles = TOGGLES[:20]
    for number, toggle in enumerate(toggles):
        intent = Intent(
            toggle.id, State.ON, "on", Actor(ActorKind.MERCHANT, "o", other.id), Source.PAGE, f"x{number}"
        )
        await other.store.open_intent(other.id, intent, now=1, owner="dead", lease_until=2)

    async def adopt(owner: str) -> list[Change]:
        return await mine.store.adopt(now=50_000, owner=owner, lease_until=99_999, limit=8)

    taken = await asyncio.gather(*(adopt(f"w{number}") for number in range(4)))

    ids = [change.id for batch in taken for change in batch]
    assert len(ids) == len(set(ids)) == 21


async def test_many_wishes_at_once_leave_exactly_one_newest(mine: Tenant):
    changes = await asyncio.gather(*(mine.wish(bool(number % 2)) for number in range(20)))

    open_ones = [one for one in await mine.store.history(mine.id, 100) if one.is_open]
    assert [one.id for one in open_ones] == [max(change.id for change in changes)]
    assert (await mine.cell()).change == open_ones[0]


async def test_silence_is_remembered_since_its_beginning_and_ends_with_an_answer(mine: Tenant):
    await mine.store.zone_silent(mine.id, now=100, due=200)
    await mine.store.zone_silent(mine.id, now=300, due=400)
    silent = (await mine.store.page(mine.id)).customer.silent_since
    await mine.saw("on")

    assert silent == 100
    assert (await mine.store.page(mine.id)).customer.silent_since is None


async def test_the_stalest_zone_comes_first_and_paused_ones_never(mine: Tenant, other: Tenant):
    third = await tenant(mine.store, "third", "c")
    await mine.saw("on", at=5_000)
    for one in (mine, other):
        await mine.store.zone_answered(one.id, now=5_000, full_read=True)

    assert await mine.store.across_tenants_stalest(10) == [third.id, other.id, mine.id]
    await mine.store.set_status(other.id, ZoneStatus.TOKEN_REFUSED, now=6_000)
    assert await mine.store.across_tenants_stalest(10) == [third.id, mine.id]


async def test_a_shop_and_a_zone_belong_to_one_customer(mine: Tenant, other: Tenant):
    for shop, zone in (("mine.myshopify.com", "d" * 32), ("new.myshopify.com", "a" * 32)):
        with pytest.raises(Refused):
            await mine.store.add_customer(shop, ZoneId(zone), FACTS, Topology.O2O, None, now=1)


async def test_credentials_are_kept_sealed(mine: Tenant):
    await mine.store.add_credential(CredentialId("c"), b"\x00sealed", "token", now=1)

    assert await mine.store.sealed_token(CredentialId("c")) == b"\x00sealed"
    with pytest.raises(NotFound):
        await mine.store.sealed_token(CredentialId("none"))


async def test_nobody_reads_or_settles_anothers_rows(mine: Tenant, other: Tenant):
    wish = await mine.wish()
    before = await other.store.page(other.id)

    assert await other.start(wish) is Start.NOT_OPEN
    assert await other.applied(wish) is Settled.NOT_OPEN
    ended = await other.store.settle_failed(other.id, wish.id, Reason.OTHER, now=1)
    assert ended is Settled.NOT_OPEN
    assert not await other.store.cancel(other.id, ROCKET.id, now=1)
    assert not await other.store.queue(other.id, wish.id, now=1, eta=1, owner="w", lease_until=1)
    assert await other.store.history(other.id, 10) == []
    assert (await mine.change(wish)).is_open
    after = await other.store.page(other.id)
    assert {id_: cell.value for id_, cell in after.cells.items()} == {
        id_: cell.value for id_, cell in before.cells.items()
    }


async def test_a_customer_that_does_not_exist_is_not_found(store: SqlStore):
    nobody = CustomerId(99)
    with pytest.raises(NotFound):
        await store.page(nobody)
    with pytest.raises(NotFound):
        await store.customer_of_shop("nobody.myshopify.com")
    with pytest.raises(NotFound):
        await store.observe(nobody, [Observation(ROCKET.id, "on", 1)], since=0, now=1)
