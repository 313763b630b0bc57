"""The store's promises about customers: their pages, their zones, their credentials, and whose turn it is."""

from __future__ import annotations

import pytest

from cloudcache.adapters.db.store import SqlStore
from cloudcache.domain.catalog import TOGGLES, Topology, ZonePlan
from cloudcache.domain.customers import ZoneStatus
from cloudcache.domain.errors import NotFound, Refused
from cloudcache.domain.events import Observation
from cloudcache.domain.ids import CredentialId, CustomerId, ZoneId
from cloudcache.ports import ZoneFacts
from tests.support.tenants import FACTS, ROCKET, Tenant


async def test_a_page_holds_what_changed_after_a_revision(mine: Tenant):
    seen = [Observation(toggle.id, toggle.off, 100) for toggle in TOGGLES]
    await mine.store.observe(mine.id, seen, since=1, now=100)
    since = await mine.store.revision(mine.id)
    await mine.wish()

    whole, part = await mine.store.page(mine.id), await mine.store.page(mine.id, since)

    assert len(whole.cells) == 50 and set(part.cells) == {ROCKET.id}
    assert part.customer.revision > since
    assert not (await mine.store.page(mine.id, part.customer.revision)).cells


async def test_everything_that_happens_to_a_wish_reaches_a_page_that_asks_for_what_is_new(mine: Tenant):
    wish = await mine.wish()
    store, id_ = mine.store, mine.id
    steps = (
        lambda: mine.start(wish),
        lambda: store.queue(id_, wish.id, now=1200, eta=1300, owner="w", lease_until=20_000),
        lambda: mine.start(wish),
        lambda: mine.applied(wish),
        lambda: mine.saw("off", at=2_000),
        lambda: store.mark_seen(id_, ROCKET.id, now=2_100),
        lambda: mine.wish(now=3_000),
        lambda: store.cancel(id_, ROCKET.id, now=3_100),
    )

    for step in steps:
        since = await store.revision(id_)
        await step()
        assert set((await store.page(id_, since)).cells) == {ROCKET.id}


async def test_a_customer_is_what_was_registered(store: SqlStore):
    await store.add_credential(CredentialId("c"), b"sealed", "token", now=1)
    facts = ZoneFacts("shop.example", ZonePlan.BUSINESS, "acc", "Account")

    added = await store.add_customer(
        "new.myshopify.com", ZoneId("e" * 32), facts, Topology.DNS_ONLY, CredentialId("c"), now=7
    )

    assert added == await store.customer_of_shop("new.myshopify.com")
    assert (await store.page(added.id)).customer == added
    assert (added.plan, added.topology, added.credential) == (ZonePlan.BUSINESS, Topology.DNS_ONLY, "c")
    assert (added.status, added.full_read_at, added.silent_since) == (ZoneStatus.ACTIVE, None, None)


async def test_customers_are_listed_in_the_order_of_their_ids(mine: Tenant, other: Tenant):
    everybody = await mine.store.across_tenants_customers(10)

    assert [one.id for one in everybody] == [mine.id, other.id]
    assert await mine.store.across_tenants_customers(1) == everybody[:1]
    assert await mine.store.across_tenants_customers(10, after=mine.id) == everybody[1:]


@pytest.mark.parametrize(
    ("shop", "digit"), [("mine.myshopify.com", "d"), ("new.myshopify.com", "a"), ("mine.myshopify.com", "a")]
)
async def test_a_shop_and_a_zone_belong_to_one_customer(mine: Tenant, other: Tenant, shop: str, digit: str):
    with pytest.raises(Refused):
        await mine.store.add_customer(shop, ZoneId(digit * 32), FACTS, Topology.O2O, None, now=1)

    assert len(await mine.store.across_tenants_customers(10)) == 2


async def test_a_customer_cannot_be_given_a_credential_that_does_not_exist(store: SqlStore):
    with pytest.raises(NotFound):
        await store.add_customer(
            "a.myshopify.com", ZoneId("a" * 32), FACTS, Topology.O2O, CredentialId("none"), now=1
        )


async def test_credentials_are_kept_sealed_and_can_be_sealed_anew(store: SqlStore):
    await store.add_credential(CredentialId("c"), b"\x00sealed", "token", now=1)
    first = await store.sealed_token(CredentialId("c"))
    await store.add_credential(CredentialId("c"), b"\x01other", "token", now=2)

    assert first == b"\x00sealed"
    assert await store.sealed_token(CredentialId("c")) == b"\x01other"
    with pytest.raises(NotFound):
        await store.sealed_token(CredentialId("none"))


async def test_silence_is_remembered_since_its_beginning_and_ends_with_an_answer(mine: Tenant):
    await mine.store.zone_silent(mine.id, now=100)
    await mine.store.zone_silent(mine.id, now=300)
    silent = (await mine.store.page(mine.id)).customer.silent_since
    await mine.saw("on")

    assert silent == 100
    assert (await mine.store.page(mine.id)).customer.silent_since is None


async def test_an_answer_to_a_write_ends_the_silence_too(mine: Tenant):
    wish = await mine.sent()
    await mine.store.zone_silent(mine.id, now=1150)

    await mine.applied(wish)

    assert (await mine.store.page(mine.id)).customer.silent_since is None


async def test_a_page_opened_and_a_status_changed_leave_the_cells_alone(mine: Tenant, other: Tenant):
    before = await other.store.page(other.id)

    await other.store.watch([other.id], until=200, now=100)
    await other.store.set_status(other.id, ZoneStatus.GONE, now=100)

    after = await other.store.page(other.id)
    assert after.cells == before.cells
    assert after.customer.status is ZoneStatus.GONE
    assert after.customer.revision == before.customer.revision + 1


async def test_nobody_is_found_who_does_not_exist(store: SqlStore):
    with pytest.raises(NotFound):
        await store.page(CustomerId(99))
    with pytest.raises(NotFound):
        await store.customer_of_shop("nobody.myshopify.com")
    with pytest.raises(NotFound):
        await store.set_status(CustomerId(99), ZoneStatus.GONE, now=1)
