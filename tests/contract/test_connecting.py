"""Connecting a shop to its zone on both databases: what is tried, found, kept, refused, and taken off again."""

from __future__ import annotations

from typing import NoReturn

import pytest
from sqlalchemy import select

from cloudcache.adapters.db.models import metadata
from cloudcache.domain.access import SYSTEM
from cloudcache.domain.catalog import State, Topology, find
from cloudcache.domain.customers import ZoneStatus
from cloudcache.domain.errors import NotAllowed, Reason, Refused, Throttled, Unauthorized
from cloudcache.domain.events import Source
from cloudcache.domain.ids import ToggleId
from cloudcache.emulator.dns import DnsRecord
from cloudcache.emulator.world import Fault
from cloudcache.local import PERMISSIONS
from cloudcache.ports import Intent
from cloudcache.services.suspensions import Suspensions, Verdict
from tests.support.house import KITE, KITE_TOKEN, KITE_ZONE, VIEWER, House, agree, everything


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


@pytest.mark.parametrize(
    "text",
    [
        f"Bearer {KITE_TOKEN}",
        f"\ufeff\u201c{KITE_TOKEN}\u201d,",
        f"`{KITE_TOKEN}`",
        f"curl https://api.cloudflare.com/client/v4/user -H 'Authorization: Bearer {KITE_TOKEN}'",
        f'export CLOUDFLARE_API_TOKEN="{KITE_TOKEN}"',
    ],
)
async def test_pasted_token_is_checked_whatever_the_copy_brought_along(house: House, text: str):
    actor = await house.merchant()

    checked = await house.connecting.check(actor, text)

    assert (checked.last_four, len(checked.zones)) == (KITE_TOKEN[-4:], 1)


@pytest.mark.parametrize(
    "text", ["", "Bearer", "two words", f"{KITE_TOKEN}\u00e9", "\0", "\udcff", None, 7, {"a": 1}]
)
async def test_unreadable_token_is_not_sent_to_cloudflare(house: House, text: object):
    actor = await house.merchant()
    before = len(house.rig.world.requests())

    with pytest.raises(Refused) as caught:
        await house.connecting.check(actor, text)

    assert caught.value.reason is Reason.WRONG_VALUE
    assert len(house.rig.world.requests()) == before


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
    with pytest.raises(Refused, match="another store"):
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


async def test_an_account_without_a_zone_of_ours_is_forgotten(house: House):
    actor, token = await house.connected(), "cfat_second_0123456789abcdef"
    house.rig.world.add_account("second", "Ann Else's account")
    house.rig.world.add_zone("0" * 31 + "c", "second.example", "second", "free")
    house.rig.world.add_token(
        token, kind="account", accounts=("second",), zones=None, permissions=PERMISSIONS
    )
    assert "'kite'" in await everything(house.store)

    checked = await house.connecting.check(actor, token)
    await house.connecting.connect(actor, checked.sealed, "0" * 31 + "c")

    kept = await everything(house.store)
    assert "'kite'" not in kept and "Ann Else" in kept


async def test_disconnecting_deletes_the_credential_and_stops_all_calls(house: House):
    actor = await house.connected()
    assert actor.customer is not None
    intent = Intent(ToggleId("polish"), State.ON, "lossless", actor, Source.PAGE, "r-open")
    await house.store.open_intent(actor.customer, intent, now=1, owner="w", lease_until=2**50)
    await house.connecting.disconnect(actor)

    (ended,) = await house.store.history(actor.customer, 5)
    assert (ended.status.value, ended.error) == ("failed", "not_connected")
    assert (await house.store.trail(actor.customer, 5))[1].outcome == "failed: not_connected"
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


async def test_check_again_resumes_a_suspended_zone_that_answers(house: House):
    actor = await house.connected()
    assert actor.customer is not None
    world, engine = house.rig.world, house.process.engine
    world.inject(Fault("status", zone_id=KITE_ZONE, status=404, code=1001, times=None))
    await engine.look_now(actor.customer)
    suspended = await house.connecting.connected(actor)
    with pytest.raises(Refused) as flip:
        await house.process.toggles.flip(actor, actor.customer, "rocket_loader", True, request_id="r")
    with pytest.raises(Refused) as still:
        await house.connecting.look_again(actor)

    world.clear_faults()
    resumed = await house.connecting.look_again(actor)
    look = await engine.look_now(actor.customer)

    assert suspended and suspended.status is ZoneStatus.GONE
    assert {flip.value.reason, still.value.reason} == {Reason.ZONE_GONE}
    assert resumed.status is ZoneStatus.ACTIVE and look and not look.failed


async def test_check_again_suspends_a_zone_that_cloudflare_refuses(house: House):
    actor = await house.connected()
    house.rig.world.inject(Fault("status", zone_id=KITE_ZONE, status=404, code=1001, times=None))

    with pytest.raises(Refused):
        await house.connecting.look_again(actor)

    customer = await house.connecting.connected(actor)
    assert customer and customer.status is ZoneStatus.GONE


async def test_authorization_that_cannot_be_renewed_is_confirmed_before_it_is_suspended(house: House):
    actor = await house.merchant()
    state, nonce, code = await agree(house, actor)
    await house.connecting.finish(state, nonce, code)
    customer = await house.connecting.connect(actor, (await house.connecting.agreed(actor)).sealed, KITE_ZONE)
    refusal = Refused(Reason.TOKEN_REFUSED, "Cloudflare didn't take it")
    suspensions = Suspensions(
        house.store,
        house.rig.gateway,
        house.credentials,
        house.rig.budget,
        house.rig.bus,
        house.rig.clock,
        lambda: None,
        jitter=lambda: 0.5,
    )

    async def refuse(_: object) -> NoReturn:
        raise refusal

    house.credentials.access = refuse
    works_still = await suspensions.judge(customer, refusal)
    house.rig.clock.ms += 2 * 3_600_000
    has_run_out = await suspensions.judge(customer, refusal)

    assert (works_still, has_run_out) == (Verdict.UNSURE, Verdict.SUSPENDED)


async def test_check_of_a_blocked_token_is_refused_at_once_with_the_wait(house: House):
    actor = await house.merchant()
    checked = await house.connecting.check(actor, KITE_TOKEN)
    await house.connecting.connect(actor, checked.sealed, checked.zones[0].id)
    customer = await house.store.customer_of_shop(KITE)
    access = await house.rig.credentials.access(customer)
    house.rig.budget.block(access.credential, 300)
    before = len(house.rig.world.requests())

    with pytest.raises(Throttled) as refused:
        await house.connecting.look_again(actor)
    with pytest.raises(Throttled):
        await house.connecting.check(actor, KITE_TOKEN)

    assert 200 < refused.value.after_s <= 310
    assert len(house.rig.world.requests()) == before
