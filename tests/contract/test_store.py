"""The store's promises about wishes, on SQLite and on a real Postgres: stored, sent, and settled exactly once."""

from __future__ import annotations

import asyncio

import pytest

from cloudcache.adapters.db.store import SqlStore
from cloudcache.domain.catalog import TOGGLES, State, find
from cloudcache.domain.errors import NotFound, Reason, Refused
from cloudcache.domain.events import Change, ChangeStatus
from cloudcache.domain.ids import ChangeId, CustomerId
from cloudcache.domain.toggle import ConfirmedBy
from cloudcache.ports import Settled, Start, Store
from tests.support.tenants import LEASE, ROCKET, Tenant


async def test_a_wish_is_pending_then_applied_with_its_value(mine: Tenant):
    await mine.saw("off")
    wish = await mine.wish()
    pending = await mine.cell()

    assert await mine.start(wish) is Start.SEND
    assert await mine.applied(wish) is Settled.DONE

    cell = await mine.cell()
    assert pending.state is State.OFF and pending.shown_state() is State.ON
    assert (cell.state, cell.value, cell.confirmed_by) == (State.ON, "on", ConfirmedBy.WRITE)
    assert (cell.seen_at, cell.last_on, cell.last_off) == (1150, "on", "off")
    change = cell.change
    assert change and (change.status, change.sent_at, change.settled_at) == (ChangeStatus.APPLIED, 1100, 1200)
    assert change.ray_id == "ray"


async def test_a_wish_remembers_what_was_there_before_it(mine: Tenant):
    unread = await mine.wish()
    await mine.store.cancel(mine.id, ROCKET.id, now=1000)
    await mine.saw("off")

    read = await mine.wish()

    assert (unread.from_state, unread.from_value) == (None, None)
    assert (read.from_state, read.from_value, read.to_value) == (State.OFF, "off", "on")
    assert read.id > unread.id


async def test_a_wish_for_a_toggle_never_read_makes_a_row_without_a_value(mine: Tenant):
    wish = await mine.wish()

    cell = await mine.cell()

    assert (cell.state, cell.value, cell.seen_at, cell.change) == (None, None, None, wish)


async def test_an_outcome_is_written_once(mine: Tenant):
    wish = await mine.sent()
    await mine.applied(wish)

    second = await mine.store.settle_failed(mine.id, wish.id, Reason.NO_ANSWER, now=1300)
    third = await mine.store.settle_superseded(mine.id, wish.id, now=1300)

    assert (second, third) == (Settled.NOT_OPEN, Settled.NOT_OPEN)
    assert await mine.applied(wish, "off") is Settled.NOT_OPEN
    assert (await mine.change(wish)).status is ChangeStatus.APPLIED
    assert (await mine.cell()).state is State.ON


async def test_a_settled_wish_is_not_open_even_if_another_was_in_flight_with_it(mine: Tenant):
    first, second = await mine.sent(True), await mine.sent(False)
    await mine.store.settle_failed(mine.id, first.id, Reason.PERMISSION, now=1200)

    assert await mine.applied(first) is Settled.NOT_OPEN
    assert (await mine.change(second)).is_open


async def test_the_same_request_twice_is_one_change_and_another_wish_under_its_id_is_refused(mine: Tenant):
    first = await mine.wish(request_id="r")
    await mine.start(first)
    again = await mine.wish(request_id="r", now=5000)

    with pytest.raises(Refused) as refusal:
        await mine.wish(False, request_id="r")

    assert refusal.value.reason is Reason.CONFLICT
    assert again == await mine.change(first)
    assert len(await mine.store.history(mine.id, 10)) == 1


async def test_a_request_id_belongs_to_one_customer(mine: Tenant, other: Tenant):
    ours, theirs = await mine.wish(request_id="r"), await other.wish(False, request_id="r")

    assert ours.id != theirs.id
    assert (await mine.change(ours)).is_open and (await other.change(theirs)).is_open


@pytest.mark.parametrize("unfit", ["x" * 81, "a\0b", "half \ud83d"], ids=["long", "nul", "half a character"])
async def test_a_request_id_that_cannot_be_kept_is_refused_and_nothing_stored(mine: Tenant, unfit: str):
    with pytest.raises(Refused):
        await mine.wish(request_id=unfit)

    assert await mine.store.history(mine.id, 10) == []


async def test_a_newer_wish_supersedes_one_that_was_not_sent(mine: Tenant):
    first = await mine.wish(True)
    second = await mine.wish(False, now=1050)

    ended = await mine.change(first)
    assert (ended.status, ended.settled_at, ended.error) == (ChangeStatus.SUPERSEDED, 1050, "")
    assert await mine.start(first) is Start.NOT_OPEN
    assert await mine.start(second) is Start.SEND


async def test_a_wish_that_was_sent_keeps_its_own_outcome_and_two_in_flight_must_be_read(mine: Tenant):
    first = await mine.sent(True)
    second = await mine.sent(False, now=1150)

    before = await mine.cell()
    assert await mine.applied(first) is Settled.CONTESTED
    assert await mine.applied(second, "off") is Settled.CONTESTED
    assert await mine.cell() == before

    since = await mine.store.revision(mine.id)
    assert await mine.applied(second, "off", since=since) is Settled.DONE
    assert await mine.start(first, now=1300) is Start.SUPERSEDED
    assert (await mine.cell()).state is State.OFF


async def test_a_wish_sent_after_another_was_settled_is_not_contested(mine: Tenant):
    first = await mine.sent(True, now=1100)
    await mine.applied(first, now=1200)
    second = await mine.sent(False, now=1201)

    assert await mine.applied(second, "off", now=1300) is Settled.DONE


async def test_wishes_for_different_toggles_do_not_contest_each_other(mine: Tenant):
    first = await mine.sent()
    second = await mine.wish(toggle=TOGGLES[5])
    await mine.start(second)

    assert await mine.applied(first) is Settled.DONE


async def test_a_verified_wish_is_applied_but_leaves_a_newer_value_alone(mine: Tenant):
    first = await mine.sent(True)
    since = await mine.store.revision(mine.id)
    second = await mine.sent(False)
    later = await mine.store.revision(mine.id)
    await mine.applied(second, "off", now=1300, since=later)

    settled = await mine.applied(first, "on", now=1400, since=since)

    cell = await mine.cell()
    assert settled is Settled.DONE
    assert (await mine.change(first)).status is ChangeStatus.APPLIED
    assert (cell.state, cell.seen_at, cell.change and cell.change.id) == (State.OFF, 1250, second.id)


async def test_a_wish_that_was_taken_back_does_not_stop_the_one_before_it(mine: Tenant):
    first = await mine.sent(True)
    await mine.wish(False)
    assert await mine.store.cancel(mine.id, ROCKET.id, now=1150)

    assert await mine.start(first, now=1200) is Start.SEND


async def test_a_wish_can_be_taken_back_until_it_is_sent(mine: Tenant):
    first = await mine.wish()
    assert await mine.store.cancel(mine.id, ROCKET.id, now=1050)
    second = await mine.sent()

    assert not await mine.store.cancel(mine.id, ROCKET.id, now=1150)
    ended = await mine.change(first)
    assert (ended.status, ended.settled_at, ended.error) == (ChangeStatus.SUPERSEDED, 1050, "cancelled")
    assert (await mine.change(second)).is_open


async def test_a_failure_stands_until_it_was_seen(mine: Tenant):
    wish = await mine.sent()
    await mine.store.settle_failed(mine.id, wish.id, Reason.PERMISSION, now=1200, detail="Zone WAF")
    before = (await mine.cell()).change

    assert await mine.store.mark_seen(mine.id, ROCKET.id, now=1300)
    assert not await mine.store.mark_seen(mine.id, ROCKET.id, now=1400)

    after = (await mine.cell()).change
    assert before and (before.error, before.detail, before.seen_at) == ("permission", "Zone WAF", None)
    assert after and after.seen_at == 1300


async def test_an_outside_change_can_be_seen_and_an_applied_one_needs_no_seeing(mine: Tenant):
    await mine.saw("off")
    await mine.saw("on", at=600)
    assert await mine.store.mark_seen(mine.id, ROCKET.id, now=700)

    await mine.applied(await mine.sent(False), "off")

    assert not await mine.store.mark_seen(mine.id, ROCKET.id, now=1300)


@pytest.mark.parametrize(
    "told", ["long " * 100, "nul \0 inside", "half \ud83d"], ids=["long", "nul", "half a character"]
)
async def test_whatever_cloudflare_tells_is_kept_as_far_as_it_fits(mine: Tenant, told: str):
    wish = await mine.sent()

    settled = await mine.store.settle_failed(mine.id, wish.id, Reason.OTHER, now=1200, detail=told)

    detail = (await mine.change(wish)).detail
    assert settled is Settled.DONE
    assert detail.startswith(told[:4]) and len(detail) <= 255


async def test_a_queued_wish_says_when_and_is_not_at_cloudflare(mine: Tenant):
    wish = await mine.sent()

    held = await mine.store.queue(mine.id, wish.id, now=1200, eta=9000, owner="w", lease_until=20_000)

    change = (await mine.cell()).change
    assert held and change and (change.eta_at, change.sent_at) == (9000, None)
    assert not await mine.store.queue(mine.id, wish.id, now=1, eta=1, owner="thief", lease_until=1)
    assert await mine.start(wish, now=9000) is Start.SEND
    sent = (await mine.cell()).change
    assert sent and (sent.eta_at, sent.sent_at) == (None, 9000)


async def test_a_queued_wish_gives_way_to_a_newer_one(mine: Tenant):
    first = await mine.sent(True)
    await mine.store.queue(mine.id, first.id, now=1200, eta=9000, owner="w", lease_until=20_000)

    second = await mine.wish(False)

    assert (await mine.change(first)).status is ChangeStatus.SUPERSEDED
    assert await mine.start(second) is Start.SEND
    assert await mine.applied(second, "off") is Settled.DONE


async def test_a_lease_holds_against_others_until_it_runs_out(mine: Tenant):
    wish = await mine.wish(now=1000, owner="dead")
    end = 1000 + LEASE

    assert await mine.start(wish, now=end, owner="other") is Start.NOT_OPEN
    assert await mine.store.adopt(now=end, owner="other", lease_until=3000, limit=10) == []
    adopted = await mine.store.adopt(now=end + 1, owner="other", lease_until=99_999, limit=10)

    assert adopted == [wish]
    assert await mine.start(wish, now=20_000, owner="dead") is Start.NOT_OPEN
    assert await mine.start(wish, now=20_000, owner="other") is Start.SEND
    assert not await mine.store.extend(wish.id, owner="dead", lease_until=1)
    assert await mine.store.extend(wish.id, owner="other", lease_until=1)


async def test_leases_are_kept_only_of_what_is_open_and_ours(mine: Tenant):
    theirs, over = await mine.wish(), await mine.wish(toggle=find("polish"))
    ours = await mine.wish(toggle=find("email_obfuscation"))
    await mine.store.adopt(now=90_000, owner="other", lease_until=99_000, limit=1)
    await mine.applied(over)

    await mine.store.keep([ours.id, theirs.id, over.id], owner="w", lease_until=200_000)

    left = await mine.store.adopt(now=150_000, owner="x", lease_until=999_999, limit=10)
    assert [one.id for one in left] == [theirs.id]


async def test_a_writer_may_start_what_another_let_lapse_without_adopting_it(mine: Tenant):
    wish = await mine.wish(now=1000, owner="dead")

    assert await mine.start(wish, now=1001 + LEASE, owner="other") is Start.SEND


async def test_the_oldest_orphans_are_adopted_first_and_settled_ones_never(mine: Tenant, other: Tenant):
    orphans = [await other.wish(toggle=toggle, now=1000 + n) for n, toggle in enumerate(TOGGLES[:5])]
    settled = await mine.sent()
    await mine.applied(settled)

    adopted = await mine.store.adopt(now=50_000, owner="x", lease_until=99_999, limit=3)

    assert adopted == orphans[:3]


async def test_two_workers_never_adopt_the_same(mine: Tenant, other: Tenant):
    for toggle in TOGGLES[:20]:
        await other.wish(toggle=toggle)
    await mine.wish()

    async def adopt(owner: str) -> list[Change]:
        return await mine.store.adopt(now=50_000, owner=owner, lease_until=99_999, limit=8)

    taken = [await adopt("first"), *await asyncio.gather(*(adopt(f"w{number}") for number in range(4)))]

    ids = [change.id for batch in taken for change in batch]
    assert len(ids) == len(set(ids)) == 21


async def test_many_wishes_at_once_leave_exactly_one_newest(mine: Tenant):
    changes = await asyncio.gather(*(mine.wish(bool(number % 2)) for number in range(20)))

    journal = await mine.store.history(mine.id, 100)
    open_ones = [one for one in journal if one.is_open]
    assert len({change.id for change in changes}) == len(journal) == 20
    assert [one.id for one in open_ones] == [max(change.id for change in changes)]
    assert (await mine.cell()).change == open_ones[0]


async def test_the_journal_is_told_newest_first_and_page_by_page(mine: Tenant):
    wishes = [await mine.wish(bool(number % 2)) for number in range(5)]

    first = await mine.store.history(mine.id, 3)
    rest = await mine.store.history(mine.id, 3, before=first[-1].id)

    assert [one.id for one in (*first, *rest)] == [one.id for one in reversed(wishes)]


async def test_what_does_not_exist_is_not_found_or_not_open(mine: Tenant, store: SqlStore):
    kept: Store = store
    nobody = Tenant(store, CustomerId(99))

    with pytest.raises(NotFound):
        await nobody.wish()
    with pytest.raises(NotFound):
        await kept.revision(nobody.id)
    assert await kept.settle_superseded(mine.id, ChangeId(99), now=1) is Settled.NOT_OPEN
    assert not await kept.cancel(mine.id, ROCKET.id, now=1)
    assert not await kept.mark_seen(mine.id, ROCKET.id, now=1)
