"""The rollout on both databases: who passes, how other processes learn of it, and what a shop that waits keeps."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cloudcache.domain.access import SYSTEM, Actor
from cloudcache.domain.catalog import State
from cloudcache.domain.errors import NotAllowed, NotRolledOut
from cloudcache.domain.events import ChangeStatus
from cloudcache.domain.ids import CustomerId
from cloudcache.domain.rollout import Cohort
from cloudcache.services.rollouts import REMEMBERED_MS, Rollouts
from tests.contract.test_isolation import OF_A_CUSTOMER, OF_THE_OWN_SHOP
from tests.support.house import KITE, KITE_ZONE, VIEWER, House

LOOKED_AFTER = {"attention.opened", "auditing.history"}
"""A waiting shop's open page keeps its values fresh, and its history is its own."""

ALWAYS = {"connecting.connected", "connecting.disconnect", "connecting.begin"}
"""A shop may always see and end its connection; a ticket to agree at Cloudflare connects nothing."""

ALWAYS_SCRIPTS = {"scripts.all", "scripts.revoke", "scripts.claim", "scripts.keep", "scripts.release"}
"""Tokens may be seen and revoked; the answers to scripts concern calls that were let in."""


async def merchant(house: House) -> tuple[Actor, CustomerId]:
    actor = await house.connected()
    assert actor.customer is not None
    return actor, actor.customer


async def hold_back(house: House, shop: str = KITE) -> None:
    await house.rig.rollouts.name(SYSTEM, shop, is_served=False)


@pytest.mark.parametrize("name", sorted(set(OF_A_CUSTOMER) - LOOKED_AFTER))
async def test_whatever_a_waiting_shop_asks_for_is_refused_by_the_service(house: House, name: str):
    actor, customer = await merchant(house)
    before = await house.store.history(customer, 100)
    await hold_back(house)

    with pytest.raises(NotRolledOut):
        await OF_A_CUSTOMER[name](house, actor, customer)

    assert await house.store.history(customer, 100) == before


@pytest.mark.parametrize("name", sorted(set(OF_THE_OWN_SHOP) - ALWAYS - ALWAYS_SCRIPTS))
async def test_a_waiting_shop_connects_nothing_new(house: House, name: str):
    actor, customer = await merchant(house)
    await hold_back(house)

    with pytest.raises(NotRolledOut):
        await OF_THE_OWN_SHOP[name](house, actor, customer)


async def test_a_waiting_shop_may_still_take_its_zone_off(house: House):
    actor, customer = await merchant(house)
    await hold_back(house)

    await house.connecting.disconnect(actor)

    assert (await house.store.page(customer)).customer.credential is None


async def test_staff_and_the_system_look_at_a_waiting_shop_and_others_are_served(house: House):
    _, customer = await merchant(house)
    other = await house.merchant("shop.myshopify.com")
    assert other.customer is not None
    await hold_back(house)

    seen = await house.process.toggles.page(replace(VIEWER, customer=customer), customer)

    assert seen.customer.shop == KITE
    assert (await house.process.toggles.page(SYSTEM, customer)).customer.shop == KITE
    assert (await house.process.toggles.page(other, other.customer)).customer.shop == "shop.myshopify.com"


async def test_a_wish_under_way_is_settled_though_the_shop_waits_by_then(house: House):
    actor, customer = await merchant(house)
    asked = await house.process.toggles.flip(actor, customer, "rocket_loader", True, request_id="r")
    await hold_back(house)

    await house.process.tasks.idle()
    await house.process.settle()

    settled = next(one for one in await house.store.history(customer, 100) if one.id == asked.id)
    assert settled.status is ChangeStatus.APPLIED
    assert house.rig.world.value(KITE_ZONE, "rocket_loader") == "on"
    cell = (await house.store.page(customer)).cells[asked.toggle]
    assert cell.state is State.ON, "and its values go on to be read"


async def test_another_process_learns_of_it_within_a_second_of_its_clock(house: House):
    elsewhere = Rollouts(house.store, house.rig.clock, "local")
    assert await elsewhere.serves(KITE)
    await house.rig.rollouts.set_percent(SYSTEM, 0)

    assert await elsewhere.serves(KITE), "remembered for a second"
    house.rig.clock.ms += REMEMBERED_MS
    lowered = await elsewhere.serves(KITE)
    await house.rig.rollouts.set_percent(SYSTEM, 100)
    house.rig.clock.ms += REMEMBERED_MS

    assert not lowered
    assert await elsewhere.serves(KITE)


async def test_each_environment_has_a_rule_of_its_own(house: House):
    production = Rollouts(house.store, house.rig.clock, "production")

    await house.rig.rollouts.set_percent(SYSTEM, 0, "production")
    await house.rig.rollouts.name(SYSTEM, KITE, True, "production")

    assert await production.serves(KITE)
    assert not await production.serves("shop.myshopify.com")
    assert await house.rig.rollouts.serves("shop.myshopify.com")
    with pytest.raises(ValueError, match="environment"):
        await production.set_percent(SYSTEM, 5, "prod")


async def test_a_shop_that_is_forgotten_goes_by_the_percentage_again(house: House):
    rollouts = house.rig.rollouts
    await hold_back(house)
    assert not await rollouts.serves(KITE)

    await rollouts.name(SYSTEM, KITE, is_served=None)

    assert await rollouts.serves(KITE)
    assert (await rollouts.rule()).named == {}


async def test_the_cohorts_are_counted_with_what_became_of_their_wishes(house: House):
    actor, customer = await merchant(house)
    other = await house.merchant("shop.myshopify.com")
    assert other.customer is not None
    await house.process.toggles.flip(actor, customer, "rocket_loader", True, request_id="a")
    await house.process.tasks.idle()
    house.rig.world.revoke_token("cfat_rig_0123456789abcdef")
    await house.process.toggles.flip(other, other.customer, "rocket_loader", True, request_id="b")
    await house.process.tasks.idle()
    await hold_back(house)

    report = await house.rig.rollouts.report(SYSTEM)

    served, waiting = report.cohorts[Cohort.SERVED], report.cohorts[Cohort.WAITING]
    assert (served.customers, served.flips, served.failures, served.error_ratio) == (1, 1, 1, 1.0)
    assert (waiting.customers, waiting.flips, waiting.failures, waiting.error_ratio) == (1, 1, 0, 0.0)


async def test_a_change_of_the_rule_stands_in_the_log_of_whom_it_concerns(house: House):
    _, customer = await merchant(house)
    await house.rig.rollouts.set_percent(SYSTEM, 40)
    await house.rig.rollouts.name(SYSTEM, KITE, is_served=True)
    await house.rig.rollouts.name(SYSTEM, "not-here-yet", is_served=True)

    mine = (await house.store.trail(customer, 1))[0]
    nobodys = await house.store.across_tenants_links(0, 100, 0)

    assert (mine.action, mine.outcome) == ("rollout changed", "local: served")
    assert [one.outcome for one in nobodys[-2:]] == ["local: 40 %", "local: served"]
    assert "not-here-yet" not in repr(nobodys), "nobody's chain is never erased, so it names no shop"
    assert (await house.auditing.verify(SYSTEM)).problems == ()


async def test_a_refused_order_leaves_the_rule_as_it_was(house: House):
    actor, _ = await merchant(house)
    for who in (actor, VIEWER):
        with pytest.raises(NotAllowed):
            await house.rig.rollouts.set_percent(who, 0)
    with pytest.raises(ValueError, match="0 to 100"):
        await house.rig.rollouts.set_percent(SYSTEM, 101)
    with pytest.raises(ValueError, match="store name"):
        await house.rig.rollouts.name(SYSTEM, "no shop!", is_served=True)

    rule = await house.rig.rollouts.rule()
    assert (rule.percent, dict(rule.named), rule.revision) == (100, {}, 0)
