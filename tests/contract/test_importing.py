"""Bringing the predecessor's values over, on both databases, against the pretend Cloudflare."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cloudcache.domain.access import SYSTEM, Actor
from cloudcache.domain.catalog import State
from cloudcache.domain.events import ChangeStatus, Source
from cloudcache.domain.ids import CustomerId, ZoneId
from cloudcache.domain.predecessor import KEY, Namespace, Record
from cloudcache.domain.secret import Token
from cloudcache.emulator.faults import Fault
from cloudcache.services.importing import Order, Result, Verdict
from tests.support.house import KITE, KITE_TOKEN, KITE_ZONE, House, everything

ROCKET = "rocket_loader"
KV_TOKEN = Token("cfat_kv_0123456789abcdef")
NAMESPACE = "e" * 32


async def customer(house: House) -> tuple[Actor, CustomerId]:
    actor = await house.connected()
    assert actor.customer is not None
    return actor, actor.customer


async def bring(
    house: House,
    order: Order,
    told: State | Namespace = State.ON,
    zone: str = KITE_ZONE,
    token: Token | None = None,
    again: bool = False,
) -> Result:
    record = Record(3, ZoneId(zone), told)
    brought = await house.importing.bring(SYSTEM, record, "old.ndjson", order, token=token, again=again)
    await house.process.tasks.idle()
    return await house.importing.settled(SYSTEM, brought)


def calls(house: House) -> int:
    return len(house.rig.world.requests())


async def test_a_look_changes_nothing_here_and_nothing_there(house: House):
    await customer(house)
    kept, there = await everything(house.store), house.rig.world.held(KITE_ZONE)

    result = await bring(house, Order.LOOK)

    assert (result.verdict, result.told, result.found) == (Verdict.DIFFERS, State.ON, State.OFF)
    assert (result.line, result.shop, result.change) == (3, KITE, None)
    assert await everything(house.store) == kept
    assert house.rig.world.held(KITE_ZONE) == there


async def test_what_is_kept_is_cloudflares_value_and_where_the_other_came_from(house: House):
    _, mine = await customer(house)

    result = await bring(house, Order.KEEP)

    cell = (await house.store.page(mine)).cells[ROCKET]
    line = (await house.store.trail(mine, 1))[0]
    assert result.verdict is Verdict.DIFFERS and cell.state is State.OFF
    assert (line.action, line.outcome, line.toggle) == ("imported", "differs", ROCKET)
    assert line.told["from"] == f"{KEY} of old.ndjson"
    assert (line.told["told"], line.told["found"]) == ("on", "off")
    assert house.rig.world.value(KITE_ZONE, ROCKET) == "off", "the predecessor's value went nowhere"
    assert await house.store.history(mine, 10) == []


@pytest.mark.parametrize("order", [Order.KEEP, Order.WRITE])
async def test_a_second_run_changes_nothing_and_asks_nothing(house: House, order: Order):
    await customer(house)
    first = await bring(house, order)
    kept, asked = await everything(house.store), calls(house)

    second = await bring(house, order)

    assert second.is_earlier and (second.verdict, second.found) == (first.verdict, first.found)
    assert await everything(house.store) == kept
    assert calls(house) == asked


async def test_an_order_to_write_goes_through_the_journal_and_names_its_origin(house: House):
    _, mine = await customer(house)
    await bring(house, Order.KEEP)

    result = await bring(house, Order.WRITE)

    assert result.change is not None and result.change.status is ChangeStatus.APPLIED
    line = (await house.store.history(mine, 10))[0]
    assert (line.source, line.actor.id) == (Source.IMPORT, "kv-import of old.ndjson")
    assert house.rig.world.value(KITE_ZONE, ROCKET) == "on"
    assert (await house.auditing.verify(SYSTEM)).problems == ()


async def test_a_wish_made_here_since_is_not_overwritten(house: House):
    actor, mine = await customer(house)
    await house.process.toggles.flip(actor, mine, ROCKET, False, request_id="own")
    await house.process.tasks.idle()

    result = await bring(house, Order.WRITE)

    assert result.change is None and "it was changed here since" in result.why
    assert house.rig.world.value(KITE_ZONE, ROCKET) == "off"


async def test_a_run_cut_off_between_the_wish_and_its_note_makes_no_second_wish(house: House):
    _, mine = await customer(house)
    first = await bring(house, Order.WRITE)
    async with house.store.database.writing(mine) as connection:
        await connection.exec_driver_sql("DELETE FROM kv_imports")
    house.rig.world.dashboard_change(KITE_ZONE, ROCKET, "off", actor_email="x@example.com")

    second = await bring(house, Order.WRITE)

    assert first.change is not None and second.change is not None
    assert second.change.id == first.change.id
    assert house.rig.world.value(KITE_ZONE, ROCKET) == "off", "what somebody did since stays"


async def test_another_value_from_the_predecessor_is_looked_at_anew(house: House):
    await customer(house)
    await bring(house, Order.KEEP, State.ON)

    other = await bring(house, Order.KEEP, State.OFF)
    again = await bring(house, Order.KEEP, State.OFF, again=True)

    assert not other.is_earlier and other.verdict is Verdict.SAME
    assert not again.is_earlier and again.verdict is Verdict.SAME


async def test_an_unknown_zone_is_told_and_not_made(house: House):
    before = await everything(house.store)

    result = await bring(house, Order.WRITE, zone="f" * 32)

    assert result.verdict is Verdict.UNKNOWN_ZONE
    assert await everything(house.store) == before


async def test_a_zone_taken_off_is_not_asked_about(house: House):
    actor, _ = await customer(house)
    await house.connecting.disconnect(actor)
    asked = calls(house)

    result = await bring(house, Order.KEEP)

    assert result.verdict is Verdict.UNREADABLE and "disconnected" in result.why
    assert calls(house) == asked


async def test_cloudflare_is_asked_three_times_and_then_it_is_said(house: House):
    await customer(house)
    house.rig.world.inject(Fault(kind="status", status=503, times=None))

    result = await bring(house, Order.KEEP)

    assert result.verdict is Verdict.UNREADABLE and "doesn't respond" in result.why


async def test_a_block_is_waited_for(house: House):
    await customer(house)
    house.rig.world.inject(Fault(kind="block", times=1))

    result = await bring(house, Order.LOOK)

    assert result.verdict is Verdict.DIFFERS


# -- through the API ---------------------------------------------------------------------------


def keep_in_kv(house: House, value: str, key: str = KEY) -> Namespace:
    house.rig.world.add_token(
        KV_TOKEN.reveal(), kind="account", accounts=["kite"], permissions=["Workers KV Storage Read"]
    )
    house.rig.world.kv.put("kite", NAMESPACE, {key: value})
    return Namespace("kite", NAMESPACE)


@pytest.mark.parametrize(("value", "told"), [("on", State.ON), ('{"enabled":false}', State.OFF)])
async def test_a_value_is_read_from_its_namespace(house: House, value: str, told: State):
    await customer(house)

    result = await bring(house, Order.LOOK, keep_in_kv(house, value), token=KV_TOKEN)

    assert result.told is told and result.found is State.OFF


async def test_the_customers_own_token_reads_it_if_it_may(house: House):
    await customer(house)
    where = keep_in_kv(house, "on")
    own = house.rig.world.token(KITE_TOKEN)
    assert own is not None

    refused = await bring(house, Order.LOOK, where)
    house.rig.world.registry.keep(replace(own, permissions=own.permissions | {"Workers KV Storage Read"}))
    read = await bring(house, Order.LOOK, where)

    assert refused.verdict is Verdict.UNREADABLE and "Workers KV Storage" in refused.why
    assert read.told is State.ON


@pytest.mark.parametrize(
    ("key", "value", "namespace", "why"),
    [
        ("settings:polish", "on", NAMESPACE, "no key settings:rocket_loader"),
        (KEY, "maybe", NAMESPACE, "neither on nor off"),
        (KEY, "on", "d" * 32, "no such account or namespace"),
    ],
)
async def test_what_kv_does_not_tell_is_unreadable(
    house: House, key: str, value: str, namespace: str, why: str
):
    await customer(house)
    keep_in_kv(house, value, key)

    result = await bring(house, Order.KEEP, Namespace("kite", namespace), token=KV_TOKEN)

    assert result.verdict is Verdict.UNREADABLE and why in result.why
