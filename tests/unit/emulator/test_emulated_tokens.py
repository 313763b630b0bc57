"""Tokens: verifying them, their kinds and states, and the generated ones."""

from __future__ import annotations

import pytest

from cloudcache.emulator.generated import PLATFORM, TokenKind
from cloudcache.emulator.options import Options
from cloudcache.emulator.tokens import token_id_of
from cloudcache.emulator.world import World
from tests.support.fake_clock import FakeClock
from tests.unit.emulator.stage import ACCOUNT, OTHER_ACCOUNT, PRO, TOKEN, Caller


@pytest.mark.parametrize("status", ["active", "disabled", "expired"])
def test_verifying_tells_the_state_of_both_kinds(world: World, status: str) -> None:
    world.add_token("cfut_user", kind="user", user_id="mia", accounts=[ACCOUNT], status=status)
    world.add_token("cfat_account", kind="account", accounts=[ACCOUNT], status=status)

    user = Caller(world, "cfut_user").get("/user/tokens/verify")
    account = Caller(world, "cfat_account").get(f"/accounts/{ACCOUNT}/tokens/verify")

    assert user.result == {"id": token_id_of("cfut_user"), "status": status}
    assert account.result == {"id": token_id_of("cfat_account"), "status": status}


@pytest.mark.parametrize("status", ["disabled", "expired"])
def test_a_token_that_is_not_active_does_nothing_else(world: World, status: str) -> None:
    world.add_token("cfut_user", kind="user", user_id="mia", accounts=[ACCOUNT], status=status)

    reply = Caller(world, "cfut_user").get(f"/zones/{PRO}")

    assert (reply.status, reply.codes) == (403, [9109])


def test_each_kind_is_unknown_where_the_other_is_verified(world: World, caller: Caller) -> None:
    world.add_token("cfut_user", kind="user", user_id="mia", accounts=[ACCOUNT])
    user = Caller(world, "cfut_user")

    for reply in (
        caller.get("/user/tokens/verify"),
        user.get(f"/accounts/{ACCOUNT}/tokens/verify"),
        caller.get(f"/accounts/{OTHER_ACCOUNT}/tokens/verify"),
    ):
        assert (reply.status, reply.codes) == (401, [1000])


def test_a_revoked_token_is_unknown(world: World, caller: Caller) -> None:
    world.revoke_token(TOKEN)

    assert caller.get(f"/accounts/{ACCOUNT}/tokens/verify").codes == [1000]
    assert caller.get(f"/zones/{PRO}").codes == [9109]


def test_a_token_can_come_back(world: World, caller: Caller) -> None:
    world.set_token_status(TOKEN, "disabled")
    assert caller.get(f"/zones/{PRO}").status == 403

    world.set_token_status(TOKEN, "active")

    assert caller.get(f"/zones/{PRO}").status == 200


def test_states_and_tokens_that_do_not_exist_are_refused(world: World) -> None:
    with pytest.raises(ValueError, match="unknown token status"):
        world.set_token_status(TOKEN, "asleep")
    with pytest.raises(ValueError, match="no such token"):
        world.revoke_token("cfat_nobody")
    with pytest.raises(ValueError, match="no such token"):
        world.set_budget("cfat_nobody", remaining=1)


def test_a_token_that_is_added_again_stays_as_it_was(world: World) -> None:
    world.revoke_token(TOKEN)

    world.add_token(TOKEN, kind="account", accounts=[ACCOUNT])

    assert world.token(TOKEN) is None


def test_a_token_may_start_with_few_calls_left(world: World) -> None:
    world.add_token("cfat_tired", kind="account", accounts=[ACCOUNT], remaining=2)
    caller = Caller(world, "cfat_tired")

    assert [caller.get(f"/zones/{PRO}").status for _ in range(3)] == [200, 200, 429]


@pytest.mark.parametrize("kind", ["user", "account"])
def test_generated_tokens_reach_their_account_only(clock: FakeClock, kind: TokenKind) -> None:
    world = World(Options(zones=10, accounts=5, address_per_second=0), clock=clock.now_s)
    generated = world.directory.generated
    caller = Caller(world, generated.token(kind, 2))

    assert caller.get(f"/zones/{generated.zone_id(7)}/settings/ssl").status == 200
    assert caller.get(f"/zones/{generated.zone_id(8)}/settings/ssl").codes == [9109]
    assert len(caller.get("/zones").results) == 2


def test_a_generated_user_shares_the_budget_with_nobody_else(clock: FakeClock) -> None:
    world = World(Options(zones=10, accounts=5, address_per_second=0), clock=clock.now_s)
    generated = world.directory.generated
    tokens = [generated.token("user", 2), generated.token("account", 2), generated.token("user", PLATFORM)]

    left = [
        Caller(world, token).get(f"/zones/{generated.zone_id(2)}").headers["ratelimit"] for token in tokens
    ]

    assert left == ['"default";r=1199;t=1'] * 3


def test_a_made_up_token_in_the_generated_shape_is_unknown(clock: FakeClock) -> None:
    world = World(Options(zones=10, accounts=5), clock=clock.now_s)
    generated = world.directory.generated
    good = generated.token("account", 2)
    beyond = generated.token("account", 5)
    platform_account = generated.token("account", PLATFORM)

    made_up = [
        good[:-1] + ("0" if good[-1] != "0" else "1"),
        good.replace("cfat", "cfut"),
        beyond,
        platform_account,
    ]

    assert world.token(good) is not None
    assert [world.token(token) for token in [*made_up, "cfat_" + "z" * 48, ""]] == [None] * 6


def test_a_generated_token_can_be_revoked(clock: FakeClock) -> None:
    world = World(Options(zones=10, accounts=5), clock=clock.now_s)
    token = world.directory.generated.token("account", 2)

    world.revoke_token(token)

    assert world.token(token) is None
