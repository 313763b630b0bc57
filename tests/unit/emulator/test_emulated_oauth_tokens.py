"""`/oauth2/token` and `/oauth2/revoke`: from the code to the token, how tokens end, every refusal."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from cloudcache.emulator.oauth import Grant, challenge_of
from cloudcache.emulator.options import Options
from cloudcache.emulator.world import World
from tests.support.fake_clock import FakeClock
from tests.unit.emulator.oauth_stage import (
    BACK,
    BACK_WITH_QUERY,
    SCOPE,
    SECRET,
    VERIFIER,
    assert_refused,
    code,
    opened,
    redeem,
    refresh,
    register,
    revoke,
    status,
    tokens,
)
from tests.unit.emulator.stage import FOREIGN, PRO, Caller, populate


@pytest.fixture
async def client(world: World) -> AsyncIterator[httpx.AsyncClient]:
    register(world)
    async with opened(world) as client:
        yield client


async def test_a_code_becomes_a_token_for_the_chosen_account(client: httpx.AsyncClient, world: World) -> None:
    reply = await redeem(client, await code(client))
    answer = reply.json()
    caller = Caller(world, answer["access_token"])

    assert reply.headers["cache-control"] == "no-store"
    assert answer.keys() == {"access_token", "refresh_token", "token_type", "expires_in", "scope"}
    assert answer["access_token"].startswith("cfoat_")
    assert (answer["token_type"], answer["expires_in"], answer["scope"]) == ("bearer", 3600, SCOPE)
    assert caller.set("polish", "lossy").status == 200
    assert len(caller.get("/zones").results) == 4
    assert caller.get("/user/tokens/verify").result["status"] == "active"


async def test_a_token_has_no_more_than_it_was_given(client: httpx.AsyncClient, world: World) -> None:
    caller = Caller(world, (await tokens(client, scope="zone.settings.read"))["access_token"])

    assert caller.get(f"/zones/{PRO}/settings/ssl").status == 200
    assert caller.set("polish", "lossy").codes == [10000]
    assert caller.get(f"/zones/{PRO}/dns_records").codes == [10000]
    assert caller.get(f"/zones/{FOREIGN}/settings/ssl").codes == [9109]


async def test_a_client_may_authenticate_by_header(client: httpx.AsyncClient) -> None:
    form = {
        "grant_type": "authorization_code",
        "code": await code(client),
        "redirect_uri": BACK,
        "code_verifier": VERIFIER,
    }
    pair = b64encode(b"cloudcache:the+secret+%2F+of%3A+the+tests").decode()
    reply = await client.post("/oauth2/token", data=form, headers={"Authorization": f"Basic {pair}"})

    assert reply.status_code == 200


async def test_a_code_works_once(client: httpx.AsyncClient) -> None:
    given = await code(client)

    assert (await redeem(client, given)).status_code == 200
    assert_refused(await redeem(client, given), "invalid_grant")


async def test_a_code_works_for_a_minute(client: httpx.AsyncClient, clock: FakeClock) -> None:
    early, late = await code(client), await code(client)
    clock.move_s(59)
    assert (await redeem(client, early)).status_code == 200
    clock.move_s(1)
    assert_refused(await redeem(client, late), "invalid_grant")


@pytest.mark.parametrize(
    "changes",
    [
        {"code_verifier": "w" * 64},
        {"code_verifier": challenge_of(VERIFIER)},
        {"code_verifier": "\N{SNOWMAN}" * 64},
        {"redirect_uri": BACK_WITH_QUERY},
        {"client_id": "other", "client_secret": "other secret"},
    ],
)
async def test_a_code_is_bound_and_a_wrong_try_spends_it(
    client: httpx.AsyncClient, changes: dict[str, str]
) -> None:
    given = await code(client)

    assert_refused(await redeem(client, given, **changes), "invalid_grant")
    assert_refused(await redeem(client, given), "invalid_grant")


@pytest.mark.parametrize(
    ("changes", "error", "status"),
    [
        ({"code": "cfoac_made-up"}, "invalid_grant", 400),
        ({"code": ""}, "invalid_request", 400),
        ({"code_verifier": ""}, "invalid_request", 400),
        ({"redirect_uri": ""}, "invalid_request", 400),
        ({"grant_type": ""}, "invalid_request", 400),
        ({"grant_type": "client_credentials"}, "unsupported_grant_type", 400),
        ({"client_secret": "guessed"}, "invalid_client", 401),
        ({"client_secret": "\N{SNOWMAN}"}, "invalid_client", 401),
        ({"client_id": "nobody"}, "invalid_client", 401),
        ({"client_id": ""}, "invalid_client", 401),
    ],
)
async def test_refusals_of_the_token_endpoint_do_not_spend_the_code(
    client: httpx.AsyncClient, changes: dict[str, str], error: str, status: int
) -> None:
    given = await code(client)

    assert_refused(await redeem(client, **({"given": given} | changes)), error, status)
    assert (await redeem(client, given)).status_code == 200


@pytest.mark.parametrize("header", ["Basic", "Basic !!", "Basic w6", "Bearer Y2xvdWRjYWNoZTp4", "Basic /w=="])
async def test_odd_headers_authenticate_nobody(client: httpx.AsyncClient, header: str) -> None:
    reply = await client.post(
        "/oauth2/token", data={"grant_type": "refresh_token"}, headers={"Authorization": header}
    )

    assert_refused(reply, "invalid_client", 401)
    assert reply.headers["www-authenticate"].startswith("Basic ")


async def test_two_ways_to_authenticate_are_one_too_many(client: httpx.AsyncClient) -> None:
    reply = await client.post(
        "/oauth2/token", data={"client_secret": SECRET}, headers={"Authorization": "Basic Y2xvdWRjYWNoZTp4"}
    )

    assert_refused(reply, "invalid_request")


async def test_an_access_token_ends_after_an_hour(
    client: httpx.AsyncClient, world: World, clock: FakeClock
) -> None:
    given = await tokens(client)
    clock.move_s(3599)
    assert status(world, given["access_token"]) == 200
    clock.move_s(1)

    caller = Caller(world, given["access_token"])
    assert caller.get(f"/zones/{PRO}").codes == [9109]
    assert caller.get("/user/tokens/verify").status == 401
    fresh = (await refresh(client, given["refresh_token"])).json()
    assert status(world, fresh["access_token"]) == 200
    assert fresh["scope"] == SCOPE


async def test_the_old_refresh_token_works_until_the_new_one_is_used(client: httpx.AsyncClient) -> None:
    first = (await tokens(client))["refresh_token"]
    lost, second = [(await refresh(client, first)).json()["refresh_token"] for _ in range(2)]
    assert len({first, lost, second}) == 3

    third = (await refresh(client, second)).json()["refresh_token"]

    for old in (first, lost):
        assert_refused(await refresh(client, old), "invalid_grant")
    assert (await refresh(client, second)).status_code == 200
    assert (await refresh(client, third)).status_code == 200
    assert_refused(await refresh(client, second), "invalid_grant")


async def test_a_refresh_token_belongs_to_its_client(client: httpx.AsyncClient) -> None:
    token = (await tokens(client))["refresh_token"]
    other = {"client_id": "other", "client_secret": "other secret"}

    assert_refused(await refresh(client, token, **other), "invalid_grant")
    assert_refused(await refresh(client, "cfort_made-up"), "invalid_grant")
    assert_refused(await refresh(client, ""), "invalid_request")
    assert (await refresh(client, token)).status_code == 200


async def test_revoking_a_refresh_token_ends_everything_it_gave(
    client: httpx.AsyncClient, world: World
) -> None:
    first, untouched = await tokens(client), await tokens(client)
    second = (await refresh(client, first["refresh_token"])).json()

    assert (await revoke(client, second["refresh_token"])).status_code == 200

    for given in (first, second):
        assert status(world, given["access_token"]) == 403
        assert_refused(await refresh(client, given["refresh_token"]), "invalid_grant")
    assert status(world, untouched["access_token"]) == 200


async def test_revoking_an_access_token_ends_only_that(client: httpx.AsyncClient, world: World) -> None:
    given = await tokens(client)

    assert (await revoke(client, given["access_token"])).status_code == 200

    assert status(world, given["access_token"]) == 403
    assert (await refresh(client, given["refresh_token"])).status_code == 200


async def test_nobody_revokes_what_belongs_to_others(client: httpx.AsyncClient, world: World) -> None:
    given = await tokens(client)
    other = {"client_id": "other", "client_secret": "other secret"}
    world.add_token("cfut_plain", kind="user")

    for token in (given["access_token"], given["refresh_token"], "cfut_plain", "made up"):
        assert (await revoke(client, token, **other)).status_code == 200
        assert_refused(await revoke(client, token, client_secret="guessed"), "invalid_client", 401)
    assert_refused(await revoke(client, ""), "invalid_request")

    assert status(world, given["access_token"]) == status(world, "cfut_plain") == 200
    assert (await refresh(client, given["refresh_token"])).status_code == 200


def everything_in(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.iterdir())


async def test_grants_survive_a_restart_and_no_token_is_written_down(
    tmp_path: Path, clock: FakeClock
) -> None:
    path = tmp_path / "state.db"
    world = World(Options(accounts=0, address_per_second=0), clock=clock.now_s, path=path)
    populate(world)
    register(world)
    async with opened(world) as client:
        given, ended = await tokens(client), await tokens(client)
        await revoke(client, ended["refresh_token"])
    world.close()
    written = everything_in(tmp_path)

    again = World(Options(accounts=0, address_per_second=0), clock=clock.now_s, path=path)
    register(again)
    async with opened(again) as client:
        assert status(again, given["access_token"]) == 200
        assert status(again, ended["access_token"]) == 403
        assert (await refresh(client, given["refresh_token"])).status_code == 200
        assert_refused(await refresh(client, ended["refresh_token"]), "invalid_grant")
        clock.move_s(3600)
        assert status(again, given["access_token"]) == 403
    again.close()
    for secret in (given["access_token"], given["refresh_token"], SECRET):
        assert secret.encode() not in written


def test_grants_that_are_none_are_not_believed() -> None:
    with pytest.raises(ValueError, match="not a grant"):
        Grant.from_record({"fresh": "all"})
