"""Budgets per user and per account token, the five-minute block, and the limit per address."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cloudcache.emulator.budget import AddressGate, Bucket
from cloudcache.emulator.wire import Refusal
from cloudcache.emulator.world import World
from tests.support.fake_clock import FakeClock
from tests.unit.emulator.stage import ACCOUNT, PRO, TOKEN, Caller


def spend(caller: Caller, calls: int) -> None:
    for _ in range(calls):
        assert caller.get(f"/zones/{PRO}").status == 200


def test_the_bucket_refills_at_four_a_second(caller: Caller, clock: FakeClock) -> None:
    spend(caller, 40)
    clock.move_s(5)

    reply = caller.get(f"/zones/{PRO}")

    assert reply.headers["ratelimit"] == '"default";r=1179;t=6'


def test_a_breach_blocks_everything_for_five_minutes(world: World, caller: Caller, clock: FakeClock) -> None:
    spend(caller, 1200)

    breach = caller.get(f"/zones/{PRO}")
    assert (breach.status, breach.codes, breach.headers["retry-after"]) == (429, [971], "300")
    assert breach.headers["ratelimit"] == '"default";r=0;t=300'
    assert breach.body["result"] is None

    clock.move_s(299)
    assert caller.get("/zones").headers["retry-after"] == "1"

    clock.move_s(1)
    assert caller.get(f"/zones/{PRO}").headers["ratelimit"] == '"default";r=1199;t=1'


def test_refused_calls_cost_as_much_as_granted_ones(caller: Caller) -> None:
    caller.get("/zones/nonsense")
    caller.set("ssl", "perhaps")

    assert caller.get(f"/zones/{PRO}").headers["ratelimit"] == '"default";r=1197;t=1'


def test_account_tokens_have_budgets_of_their_own(world: World, caller: Caller) -> None:
    world.add_token("cfat_second", kind="account", accounts=[ACCOUNT])
    spend(caller, 10)

    reply = Caller(world, "cfat_second").get(f"/zones/{PRO}")

    assert reply.headers["ratelimit"] == '"default";r=1199;t=1'


def test_all_tokens_of_a_user_share_one_budget_and_so_does_the_dashboard(world: World) -> None:
    for token in ("cfut_one", "cfut_two"):
        world.add_token(token, kind="user", user_id="mia", accounts=[ACCOUNT])
    spend(Caller(world, "cfut_one"), 10)
    world.dashboard_change(PRO, "rocket_loader", "on", actor_email="mia@example.com", user_id="mia")
    world.dashboard_change(PRO, "rocket_loader", "off", actor_email="mia@example.com")

    reply = Caller(world, "cfut_two").get(f"/zones/{PRO}")

    assert reply.headers["ratelimit"] == '"default";r=1188;t=3'


def test_a_poller_can_lock_its_user_out_of_the_dashboard(world: World) -> None:
    world.add_token("cfut_poller", kind="user", user_id="mia", accounts=[ACCOUNT], remaining=3)
    poller = Caller(world, "cfut_poller")
    spend(poller, 3)
    assert poller.get(f"/zones/{PRO}").status == 429

    with pytest.raises(Refusal) as refused:
        world.dashboard_change(PRO, "rocket_loader", "on", actor_email="mia@example.com", user_id="mia")

    assert refused.value.retry_after == 300
    assert world.value(PRO, "rocket_loader") == "off"


def test_a_budget_can_be_made_small_and_a_block_be_ended(world: World, caller: Caller) -> None:
    world.set_budget(TOKEN, remaining=1, capacity=8)
    spend(caller, 1)
    assert caller.get(f"/zones/{PRO}").headers["ratelimit-policy"] == '"default";q=8;w=300'
    assert caller.get(f"/zones/{PRO}").status == 429

    world.set_budget(TOKEN, remaining=8)

    spend(caller, 8)


def test_the_options_set_the_size_of_budgets_and_blocks(
    world: World, caller: Caller, clock: FakeClock
) -> None:
    world.adopt(replace(world.options, token_budget=2, window_seconds=10, block_seconds=7))
    spend(caller, 2)
    assert caller.get(f"/zones/{PRO}").headers["retry-after"] == "7"

    clock.move_s(7)

    spend(caller, 1)


def test_other_options_leave_a_block_standing(world: World, caller: Caller) -> None:
    world.set_budget(TOKEN, remaining=0)
    assert caller.get(f"/zones/{PRO}").status == 429

    world.adopt(replace(world.options, audit_delay=5))

    assert caller.get(f"/zones/{PRO}").status == 429


def test_an_unknown_token_pays_nothing(world: World) -> None:
    stranger = Caller(world, "cfut_nobody")

    assert [stranger.get("/zones").headers["ratelimit"] for _ in range(3)] == ['"default";r=1200;t=0'] * 3


def test_an_address_gets_200_calls_a_second(world: World, caller: Caller, clock: FakeClock) -> None:
    world.adopt(replace(world.options, address_per_second=200))
    for _ in range(200):
        assert caller.get(f"/zones/{PRO}", address="192.0.2.1").status == 200

    refused = caller.get(f"/zones/{PRO}", address="192.0.2.1")
    assert (refused.status, refused.codes, refused.headers["retry-after"]) == (429, [971], "1")
    assert caller.get(f"/zones/{PRO}", address="192.0.2.2").status == 200

    clock.move_s(1)
    assert caller.get(f"/zones/{PRO}", address="192.0.2.1").status == 200


def test_a_block_empties_the_bucket() -> None:
    bucket = Bucket(capacity=100, window_seconds=100, block_seconds=5, left=100, refilled_at=0)

    bucket.block(0)

    assert (bucket.meter(0), bucket.meter(5)) == ((0, 5), (5, 95))


def test_the_gate_counts_any_second_not_only_whole_ones() -> None:
    gate = AddressGate()
    admitted = [gate.admit("x", at / 8, 4) for at in range(16)]

    assert admitted == [True] * 4 + [False] * 4 + [True] * 4 + [False] * 4


def test_the_gate_forgets_addresses_that_fell_silent() -> None:
    gate = AddressGate()
    for number in range(3 * AddressGate.MOST_ADDRESSES):
        gate.admit(f"address {number}", float(number), 5)

    assert len(gate._seen) <= AddressGate.MOST_ADDRESSES
