"""The life of an installation on both databases: first visit, tokens, connection, uninstall, erasure, return."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import func, select

from cloudcache.adapters.db.models import metadata
from cloudcache.adapters.db.store import SqlStore
from cloudcache.domain.access import SYSTEM
from cloudcache.domain.catalog import Topology, find
from cloudcache.domain.customers import ZoneStatus
from cloudcache.domain.errors import NotAllowed, NotFound, Refused, TryLater, Unauthorized
from cloudcache.domain.shopify import Forged
from cloudcache.domain.shops import DAY_MS, ShopStatus
from cloudcache.emulator.dns import DnsRecord
from cloudcache.local import PERMISSIONS
from tests.support.house import KITE, KITE_TOKEN, KITE_ZONE, VIEWER, House, build_house


@pytest.fixture
async def house(store: SqlStore) -> AsyncIterator[House]:
    made = await build_house(store)
    yield made
    await made.close()


async def everything(store: SqlStore) -> str:
    """All that the database keeps, as one text; sealed bytes as they are."""
    kept: list[str] = []
    async with store.database.reading("*") as connection:
        for table in metadata.sorted_tables:
            for row in await connection.execute(select(table)):
                kept.append(repr(tuple(row)))
    return "\n".join(kept)


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


# -- connecting --------------------------------------------------------------------------------


async def test_connecting_finds_the_zone_the_way_and_what_the_token_may_do(house: House):
    actor = await house.merchant()

    checked = await house.connecting.check(actor, f"  {KITE_TOKEN}\n")
    (zone,) = checked.zones
    looked = await house.connecting.look(actor, checked.sealed, zone.id)
    customer = await house.connecting.connect(actor, checked.sealed, zone.id)

    assert zone.is_proposed and zone.name == "paperkite.example"
    assert looked.missing == frozenset() and looked.reads_feed and looked.reads_dns
    assert looked.way.topology is Topology.O2O and looked.way.verdicts["rocket_loader"] == "no_effect"
    assert customer.topology is Topology.O2O and customer.hostname == "www.paperkite.example"
    kept = await everything(house.store)
    assert KITE_TOKEN not in kept and KITE_TOKEN[5:20] not in kept


async def test_a_probe_for_permissions_changes_nothing_at_cloudflare(house: House):
    actor = await house.merchant()
    before = [one.path for one in house.rig.world.requests() if one.method != "GET" and one.status == 200]

    checked = await house.connecting.check(actor, KITE_TOKEN)
    await house.connecting.look(actor, checked.sealed, KITE_ZONE)

    after = [one.path for one in house.rig.world.requests() if one.method != "GET" and one.status == 200]
    assert after == before


async def test_a_missing_permission_locks_its_toggles_and_says_which(house: House):
    limited = "cfat_limited_0123456789abcdef"
    house.rig.world.add_token(
        limited,
        kind="account",
        accounts=("kite",),
        zones=None,
        permissions=PERMISSIONS - {"Zone WAF Write", "DNS Read", "Account Settings Read"},
    )
    actor = await house.merchant()
    checked = await house.connecting.check(actor, limited)
    looked = await house.connecting.look(actor, checked.sealed, KITE_ZONE)
    customer = await house.connecting.connect(actor, checked.sealed, KITE_ZONE)
    actor = await house.merchant()

    assert looked.missing == {"Zone WAF"} and not looked.reads_feed and not looked.reads_dns
    assert customer.topology is Topology.UNKNOWN
    with pytest.raises(Unauthorized, match="Zone WAF"):
        await house.process.toggles.flip(actor, customer.id, "leaked_credential_checks", True, request_id="r")
    assert await house.process.toggles.flip(actor, customer.id, "rocket_loader", True, request_id="r2")


@pytest.mark.parametrize(
    ("records", "topology"),
    [
        ([], Topology.NO_ZONE),
        ([("CNAME", "shops.myshopify.com", False)], Topology.DNS_ONLY),
        ([("A", "23.227.38.65", True)], Topology.PROXIED),
        ([("CNAME", "paper-kite.myshopify.com", True)], Topology.PROXIED),
        ([("CNAME", "Shops.MyShopify.com.", True)], Topology.O2O),
        ([("TXT", "x", False)], Topology.NO_ZONE),
    ],
)
async def test_the_way_is_read_from_the_records(house: House, records: list, topology: Topology):
    name = "www.paperkite.example"
    made = [DnsRecord(name, kind, content, proxied) for kind, content, proxied in records]
    house.rig.world.set_dns(KITE_ZONE, made or [DnsRecord("paperkite.example", "TXT", "x", False)])
    actor = await house.merchant()

    checked = await house.connecting.check(actor, KITE_TOKEN)
    looked = await house.connecting.look(actor, checked.sealed, KITE_ZONE)

    assert looked.way.topology is topology


@pytest.mark.parametrize(
    "text", ["", "  ", "no such token", "ä", "x" * 300, None, 7, '{"access":"x"}', "cfat_x"]
)
async def test_what_is_no_token_or_not_a_good_one_is_refused(house: House, text: object):
    actor = await house.merchant()

    with pytest.raises(Refused):
        await house.connecting.check(actor, text)


async def test_a_sealed_token_opens_for_its_own_shop_only(house: House):
    actor = await house.merchant()
    other = await house.merchant("shop.myshopify.com")
    checked = await house.connecting.check(actor, KITE_TOKEN)

    with pytest.raises(Refused):
        await house.connecting.look(other, checked.sealed, KITE_ZONE)
    with pytest.raises(Refused):
        await house.connecting.connect(other, checked.sealed, KITE_ZONE)


async def test_a_zone_belongs_to_one_shop_until_it_is_disconnected(house: House):
    first = await house.connected()
    other = await house.merchant("shop.myshopify.com")
    checked = await house.connecting.check(other, KITE_TOKEN)
    with pytest.raises(Refused, match="another shop"):
        await house.connecting.connect(other, checked.sealed, KITE_ZONE)

    await house.connecting.disconnect(first)
    taken = await house.connecting.connect(other, checked.sealed, KITE_ZONE)

    assert taken.shop == "shop.myshopify.com" and taken.zone_name == "paperkite.example"


async def test_another_zone_forgets_the_values_of_the_one_before(house: House):
    actor = await house.connected()
    assert actor.customer is not None
    await house.process.reconciler.toggle(actor.customer, find("polish"), 1)
    house.rig.world.add_zone("0" * 31 + "c", "second.example", "kite", "free")
    assert (await house.store.page(actor.customer)).cells

    checked = await house.connecting.check(actor, KITE_TOKEN)
    await house.connecting.connect(actor, checked.sealed, "0" * 31 + "c")

    page = await house.store.page(actor.customer)
    assert page.customer.zone_name == "second.example" and not page.cells


async def test_disconnecting_deletes_the_credential_and_stops_all_calls(house: House):
    actor = await house.connected()
    assert actor.customer is not None
    await house.connecting.disconnect(actor)

    customer = await house.store.customer_of_shop(KITE)
    async with house.store.database.reading("*") as connection:
        table = metadata.tables["credentials"]
        kinds = (await connection.execute(select(table.c.credential_id))).scalars().all()

    assert customer.status is ZoneStatus.DISCONNECTED and customer.credential is None
    assert kinds == ["c1"], "only the other shop's"
    with pytest.raises(Refused):
        await house.credentials.access(customer)  # and not with the platform's token instead
    with pytest.raises(Refused):
        await house.process.toggles.flip(actor, actor.customer, "rocket_loader", True, request_id="r")


async def test_a_revoked_token_is_replaced_and_the_zone_goes_on(house: House):
    actor = await house.connected()
    assert actor.customer is not None
    await house.store.set_status(actor.customer, ZoneStatus.TOKEN_REFUSED, now=house.rig.clock.ms)
    house.rig.world.add_token(
        "cfat_new_0123456789abcdef", kind="account", accounts=("kite",), zones=None, permissions=PERMISSIONS
    )

    checked = await house.connecting.check(actor, "cfat_new_0123456789abcdef")
    customer = await house.connecting.connect(actor, checked.sealed, KITE_ZONE)

    assert customer.status is ZoneStatus.ACTIVE and customer.id == actor.customer


async def test_nobody_but_the_merchant_connects(house: House):
    for actor in (VIEWER, SYSTEM):
        with pytest.raises(NotAllowed):
            await house.connecting.check(actor, KITE_TOKEN)
        with pytest.raises(NotAllowed):
            await house.connecting.disconnect(actor)


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
    house.webhooks.when_uninstalled.append(let_go.append)
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


async def test_an_erasure_leaves_nothing_that_names_the_shop_or_a_person(house: House):
    actor = await house.connected()
    assert actor.customer is not None
    await house.process.toggles.flip(actor, actor.customer, "rocket_loader", True, request_id="r-77")
    await house.process.tasks.idle()
    token, _ = await house.scripts.make(actor, "nightly job", "write")
    await house.scripts.claim(actor, "key-zulu", b"x")
    view = await house.support.start_view(VIEWER, KITE, "ticket zulu, odd page")
    await house.support.end_view(VIEWER, actor.customer, view.id)
    house.rig.clock.ms += 1_000
    await post(house, "app/uninstalled")
    await house.webhooks.work()
    house.rig.clock.ms += 2 * DAY_MS
    await post(house, "shop/redact")
    await house.webhooks.work()

    kept = await everything(house.store)
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


async def test_every_table_is_looked_at_by_the_erasure_test(house: House):
    """A table added later must be erased too, or be named here as one that knows no shop."""
    impersonal = {"accounts", "staff", "audit_heads", "erasures"}
    personal = {
        "customer_zones", "customer_toggles", "changes", "feed_entries", "credentials", "shops",
        "webhook_receipts", "audit_log", "api_tokens", "api_answers", "staff_views",
    }  # fmt: skip

    assert set(metadata.tables) == impersonal | personal


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
