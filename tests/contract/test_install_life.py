"""The life of an installation on both databases: first visit, tokens, connection, uninstall, erasure, return."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import func, insert, select

from cloudcache.adapters.db.models import metadata
from cloudcache.domain.access import SYSTEM
from cloudcache.domain.audit import AuditAction, Deed
from cloudcache.domain.catalog import State
from cloudcache.domain.customers import ZoneStatus
from cloudcache.domain.errors import NotFound, Refused, TryLater
from cloudcache.domain.events import Uninstalled
from cloudcache.domain.shopify import Forged
from cloudcache.domain.shops import DAY_MS, ShopStatus
from cloudcache.ports import Imported
from tests.support.house import KITE, KITE_ZONE, VIEWER, House, everything


async def post(house: House, topic: str, shop: str = KITE, **more: object) -> bool:
    headers, body = house.world.webhook(topic, shop, more or None)
    return await house.webhooks.receive(list(headers.items()), body)


# -- first visit and tokens --------------------------------------------------------------------


async def test_the_first_valid_token_installs_and_learns_the_domains(house: House):
    actor = await house.merchant()

    held = await house.store.installation(KITE)
    assert actor.shop == KITE and actor.customer is None
    assert held.status is ShopStatus.INSTALLED
    assert held.domains[0] == "www.paperkite.example"
    assert "shpat_" not in await everything(house.store)


async def test_an_access_token_is_renewed_once_however_many_ask(house: House):
    await house.merchant()
    first = await house.merchants.access_token(KITE)
    house.rig.clock.ms += 58 * 60_000

    async def ask() -> object:
        try:
            return await house.merchants.access_token(KITE)
        except TryLater as later:
            return later

    asked = await asyncio.gather(*(ask() for _ in range(5)))
    renewed = {one for one in asked if not isinstance(one, TryLater)}

    assert len(renewed) == 1 and first not in renewed
    assert await house.merchants.access_token(KITE) in renewed
    assert len(house.world.shops[KITE].refresh) == 2, "one exchange and one renewal"


async def test_a_shop_silent_for_ninety_days_waits_for_its_merchant(house: House):
    await house.merchant()
    house.rig.clock.ms += 91 * DAY_MS

    with pytest.raises(Refused):
        await house.merchants.access_token(KITE)
    await house.merchant()

    assert await house.merchants.access_token(KITE)


# -- webhooks and erasure ----------------------------------------------------------------------


async def test_a_delivery_is_answered_once_and_done_later(house: House):
    await house.connected()
    headers, body = house.world.webhook("app/uninstalled", KITE)

    first = await house.webhooks.receive(list(headers.items()), body)
    again = await house.webhooks.receive(list(headers.items()), body)
    before = (await house.store.installation(KITE)).status
    done = await house.webhooks.work()

    assert (first, again, done) == (True, False, 1)
    assert before is ShopStatus.INSTALLED
    assert (await house.store.installation(KITE)).status is ShopStatus.UNINSTALLED
    assert await house.webhooks.work() == 0


async def test_an_uninstallation_takes_all_tokens_and_leaves_the_settings(house: House):
    actor = await house.connected()
    at_cloudflare = house.rig.world.held(KITE_ZONE)
    house.rig.clock.ms += 1_000
    let_go: list[str] = []
    house.rig.bus.listen(Uninstalled, lambda news: let_go.append(news.shop))
    await post(house, "app/uninstalled")
    await house.webhooks.work()

    held = await house.store.installation(KITE)
    customer = await house.store.customer_of_shop(KITE)

    assert held.access is None and held.refresh is None
    assert let_go == [KITE], "its sockets are nobody's"
    assert customer.status is ZoneStatus.DISCONNECTED and customer.credential is None
    assert house.rig.world.held(KITE_ZONE) == at_cloudflare
    assert await house.scripts.actor_of("cct_" + "0" * 12 + "_" + "a" * 43) is None
    assert actor.customer == customer.id


IMPERSONAL = {"staff", "audit_heads", "erasures", "rollouts", "circuit_breakers", "sealed_keys"}
"""Tables that know no shop and no customer's person. Every other one must be filled by the erasure test."""


async def of_kite(house: House, customer: int, credential: str) -> set[str]:
    """The tables that hold something of the shop, by its number, its name or its credential's."""
    found = set()
    async with house.store.database.reading("*") as connection:
        for table in metadata.sorted_tables:
            for row in await connection.execute(select(table)):
                told = row._mapping
                of_its_own = told.get("customer_id", told.get("chain")) == customer
                of_its_own |= told.get("subject") == str(customer)
                if of_its_own or "paper-kite" in repr(tuple(row)) or credential in repr(tuple(row)):
                    found.add(table.name)
    return found


async def test_an_erasure_leaves_nothing_that_names_the_shop_or_a_person(house: House):
    actor = await house.connected()
    assert actor.customer is not None
    credential = str((await house.store.customer_of_shop(KITE)).credential)
    await house.process.toggles.flip(actor, actor.customer, "rocket_loader", True, request_id="r-77")
    await house.process.tasks.idle()
    token, _ = await house.scripts.make(actor, "nightly job", "write")
    await house.scripts.claim(actor, "key-zulu", b"x")
    view = await house.support.start_view(VIEWER, KITE, "ticket zulu, odd page")
    await house.support.end_view(VIEWER, actor.customer, view.id)
    async with house.store.database.writing("*") as connection:
        entry = {"account_id": "kite", "entry_id": "e", "customer_id": actor.customer, "person": "user 42"}
        entry |= {"toggles": "polish", "at": 1, "first_seen_at": 1, "is_open": True}
        await connection.execute(insert(metadata.tables["feed_entries"]).values(entry))
        refusal = {"customer_id": actor.customer, "credential_id": credential, "refused_at": 1}
        await connection.execute(insert(metadata.tables["batch_refusals"]).values(refusal))
        suspended = {"kind": "zone", "subject": str(actor.customer), "since": 1, "attempts": 0, "due_at": 1}
        await connection.execute(insert(metadata.tables["suspensions"]).values(suspended))
    await house.rig.rollouts.name(SYSTEM, KITE, is_served=True)
    imported = Imported("export-zulu.ndjson", State.ON, State.OFF, None, house.rig.clock.ms)
    deed = Deed(SYSTEM, AuditAction.IMPORTED, detail={"from": "export-zulu.ndjson"})
    await house.store.keep_import(actor.customer, imported, deed)
    house.rig.clock.ms += 1_000
    await post(house, "app/uninstalled")
    filled = await of_kite(house, actor.customer, credential)
    assert filled >= set(metadata.tables) - IMPERSONAL, "a new table is filled here, or knows nobody"
    await house.webhooks.work()
    house.rig.clock.ms += 2 * DAY_MS
    await post(house, "shop/redact")
    await house.webhooks.work()

    kept = await everything(house.store)
    assert await of_kite(house, actor.customer, credential) <= {"audit_log", "audit_heads", "erasures"}, (
        "receipts only"
    )
    traces = (
        "paper-kite",
        "paperkite",
        KITE_ZONE,
        "nightly",
        "zulu",
        "ticket",
        "Kim",
        "sub-viewer",
        "user 42",
    )
    assert [trace for trace in traces if trace in kept] == []
    assert token.id not in kept and "r-77" not in kept
    with pytest.raises(NotFound):
        await house.store.customer_of_shop(KITE)
    assert (await house.auditing.verify(SYSTEM)).problems == (), "what is left still proves itself"
    assert await house.store.customer_of_shop("shop.myshopify.com"), "the other shop is as it was"


async def test_a_shop_that_came_back_keeps_what_it_made_since(house: House):
    await house.connected()
    house.rig.clock.ms += 1_000
    await post(house, "app/uninstalled")
    await house.webhooks.work()
    headers, body = house.world.webhook("shop/redact", KITE)
    await house.webhooks.receive(list(headers.items()), body)
    house.rig.clock.ms += 1_000
    again = await house.connected()
    assert again.customer is not None
    await house.scripts.make(again, "new job", "read")

    await house.webhooks.work()

    customer = await house.store.customer_of_shop(KITE)
    assert customer.status is ZoneStatus.ACTIVE
    assert [one.name for one in await house.scripts.all(again)] == ["new job"]
    assert (await house.store.installation(KITE)).status is ShopStatus.INSTALLED
    assert (await house.auditing.verify(SYSTEM)).problems == ()


async def test_a_late_uninstallation_does_not_undo_a_new_installation(house: House):
    await house.merchant()
    headers, body = house.world.webhook("app/uninstalled", KITE)
    await house.webhooks.receive(list(headers.items()), body)
    await house.store.uninstall(KITE, before=house.rig.clock.ms, now=house.rig.clock.ms, erase_at=1)
    house.rig.clock.ms += 5_000
    await house.merchant()

    await house.webhooks.work()

    assert (await house.store.installation(KITE)).status is ShopStatus.INSTALLED


async def test_a_shop_that_is_never_ordered_to_be_erased_is_erased_after_thirty_days(house: House):
    await house.connected()
    house.rig.clock.ms += 1_000
    await post(house, "app/uninstalled")
    await house.webhooks.work()
    house.rig.clock.ms += 31 * DAY_MS

    await house.webhooks.work()

    assert "paper-kite" not in await everything(house.store)


@pytest.mark.parametrize("topic", ["customers/data_request", "customers/redact"])
async def test_questions_about_buyers_are_answered_with_nothing_held(house: House, topic: str):
    await house.connected()
    shop = {"shop_id": 1, "shop_domain": KITE, "customer": {"email": "buyer@example.com"}}
    await post(house, topic, **shop)
    await house.webhooks.work()

    assert "buyer@example.com" not in await everything(house.store)


async def test_a_forged_delivery_is_kept_nowhere(house: House):
    headers, body = house.world.webhook("shop/redact", KITE)
    with pytest.raises(Forged):
        await house.webhooks.receive(list(headers.items()), body + b" ")

    async with house.store.database.reading("*") as connection:
        table = metadata.tables["webhook_receipts"]
        assert (await connection.execute(select(func.count()).select_from(table))).scalar_one() == 0
