"""What is read out of an answer: values, times, ids, and nothing that is not there."""

from __future__ import annotations

import httpx
import pytest

from cloudcache.domain.catalog import TOGGLES, ZonePlan, find, read_for
from cloudcache.domain.errors import CloudcacheError
from cloudcache.domain.events import Observation
from cloudcache.domain.ids import JSON
from cloudcache.domain.secret import Token
from cloudcache.ports import TokenFacts, ZoneFacts
from tests.unit.adapters.cloudflare.stage import (
    ACCESS,
    BATCH,
    BOTS,
    POLISH,
    ROCKET,
    SECRET,
    START_MS,
    ZONE,
    always,
    body_of,
    client_of,
    failure,
    named,
    setting,
    steady_clock,
    success,
)

DEVELOPMENT, NEL, BOT_READ = find("development_mode"), find("nel"), read_for(BOTS)
ZONE_RESULT: JSON = {
    "id": ZONE,
    "name": "shop.example",
    "plan": {"id": "x", "legacy_id": "business"},
    "account": {"id": "acc", "name": "Shop"},
}


async def read_one(toggle_id: str, result: JSON, headers: dict[str, str] | None = None) -> Observation:
    read = read_for(find(toggle_id))
    (seen,) = await client_of(always(success(result, headers))).read(ACCESS, read)
    return seen


async def test_an_observation_holds_all_that_was_told():
    result = setting("polish", "lossy", editable=False, modified_on="2026-11-01T10:00:00.000000Z")

    seen = await read_one("polish", result, {"cf-ray": "a23c92d51bc8a952-DTW", "cf-auditlog-id": "other"})

    assert seen == Observation(
        POLISH.id,
        "lossy",
        START_MS,
        editable=False,
        modified_on="2026-11-01T10:00:00.000000Z",
        ray_id="a23c92d51bc8a952",
    )


async def test_the_time_is_that_before_the_call_began():
    clock = steady_clock()

    def slow(request: httpx.Request) -> httpx.Response:
        clock.ms += 5_000
        return success(setting("polish", "off"))

    client = client_of(slow, clock=clock)

    assert (await client.write(ACCESS, POLISH, "off")).at == START_MS


@pytest.mark.parametrize(
    "date", [None, "0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000000Z", 7, "", "x" * 41]
)
async def test_a_date_that_is_none_is_none(date: JSON):
    assert (await read_one("nel", setting("nel", {"enabled": True}, modified_on=date))).modified_on is None


@pytest.mark.parametrize(
    ("left", "ends_in_ms"),
    [
        (10_800, 10_800_000),
        (0.5, 500),
        *((nothing, None) for nothing in (0, -5, False, True, "9", 10**30, None)),
    ],
)
async def test_a_countdown_becomes_the_moment_of_its_end(left: JSON, ends_in_ms: int | None):
    seen = await read_one("development_mode", setting("development_mode", "on", time_remaining=left))

    assert seen.ends_at == (None if ends_in_ms is None else START_MS + ends_in_ms)


@pytest.mark.parametrize("editable", [None, "yes", 1])
async def test_what_may_be_edited_is_unknown_unless_it_is_said(editable: JSON):
    assert (await read_one("polish", setting("polish", "off", editable=editable))).editable is None


@pytest.mark.parametrize(
    "value", ["experimental_7", {"deep": [1, {"er": None}]}, 0, False, "", ["on"], 1e300]
)
async def test_a_value_nobody_knows_is_passed_through(value: JSON):
    assert (await read_one("polish", setting("polish", value))).value == value


@pytest.mark.parametrize("ray", ["", "-", "a b", "x" * 40, "<script>", "8f-xx"])
async def test_a_ray_that_is_none_is_left_out(ray: str):
    assert (await read_one("polish", setting("polish", "on"), {"cf-ray": ray})).ray_id == ""


# -- many at once ------------------------------------------------------------------------------
async def test_the_batch_skips_strange_entries_and_leaves_out_missing_toggles():
    result: JSON = [
        setting("rocket_loader", "on"),
        setting("long_lived_grpc", "on"),
        {"id": 7, "value": "on"},
        {"value": "on"},
        {"id": "polish"},
        "what?",
        None,
    ]

    seen = await client_of(always(success(result))).read(ACCESS, BATCH)

    assert [(one.toggle, one.value) for one in seen] == [("rocket_loader", "on")]


async def test_the_whole_batch_is_one_call_for_33_toggles():
    paths: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        paths.append(request.url.path)
        return success([setting(toggle.setting or "", "on") for toggle in TOGGLES if toggle.in_batch])

    seen = await client_of(answer).read(ACCESS, BATCH)

    assert paths == [f"/client/v4/zones/{ZONE}/settings"]
    assert len(seen) == 33


async def test_one_read_of_the_bot_settings_tells_three_toggles():
    result: JSON = {
        "fight_mode": True,
        "ai_bots_protection": "block",
        "crawler_protection": "enabled",
        "new": 1,
    }

    seen = await client_of(always(success(result))).read(ACCESS, BOT_READ)

    assert [one.value for one in seen] == [
        {"fight_mode": True},
        {"ai_bots_protection": "block"},
        {"crawler_protection": "enabled"},
    ]
    assert {one.editable for one in seen} == {None}


async def test_a_bot_setting_this_plan_lacks_is_left_out():
    seen = await client_of(always(success({"ai_bots_protection": "disabled"}))).read(ACCESS, BOT_READ)

    assert [one.toggle for one in seen] == ["block_ai_bots"]


@pytest.mark.parametrize("toggle", TOGGLES, ids=lambda toggle: toggle.id)
async def test_every_toggle_is_written_with_its_own_verb_path_and_body(toggle):
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        body = body_of(request)
        return success({**body, "id": toggle.setting or "x"} if isinstance(body, dict) else body)

    seen = await client_of(answer).write(ACCESS, toggle, toggle.on)

    assert asked[0].method == toggle.method
    assert asked[0].url.path == f"/client/v4/zones/{ZONE}{toggle.path}"
    assert body_of(asked[0]) == toggle.body(toggle.on)
    assert seen.value == toggle.on


async def test_the_answer_to_a_write_is_the_truth_even_if_it_is_not_what_was_sent():
    client = client_of(always(success(setting("rocket_loader", "off", modified_on="2026-11-01T10:00:00Z"))))

    seen = await client.write(ACCESS, ROCKET, "on")

    assert (seen.value, seen.modified_on) == ("off", "2026-11-01T10:00:00Z")


# -- zones and tokens --------------------------------------------------------------------------
async def test_a_zone_tells_its_name_plan_and_account():
    facts = await client_of(always(success(ZONE_RESULT))).zone(ACCESS)

    assert facts == ZoneFacts("shop.example", ZonePlan.BUSINESS, "acc", "Shop")


@pytest.mark.parametrize("missing", ["name", "plan", "account"])
async def test_a_zone_without_its_facts_is_not_believed(missing: str):
    assert isinstance(ZONE_RESULT, dict)
    partial = {name: value for name, value in ZONE_RESULT.items() if name != missing}

    assert await _failed(client_of(always(success(partial))).zone(ACCESS)) == "TryLater 5"
    assert await _failed(client_of(always(success([partial]))).zone(ACCESS)) == "TryLater 5"


async def test_a_zone_id_never_leaves_its_place_in_the_path():
    paths: list[bytes] = []

    def answer(request: httpx.Request) -> httpx.Response:
        paths.append(request.url.raw_path)
        return success(ZONE_RESULT)

    odd = type(ACCESS)(type(ZONE)("a/../b?c#d"), ACCESS.credential, ACCESS.token)
    await client_of(answer).zone(odd)

    assert paths == [b"/client/v4/zones/a%2F..%2Fb%3Fc%23d"]


@pytest.mark.parametrize("status", ["active", "disabled", "expired", "something new"])
async def test_a_users_token_is_verified_with_one_call(status: str):
    client = client_of(always(success({"id": "t1", "status": status})))

    assert await client.verify(Token(SECRET)) == TokenFacts(status, "t1")


def accounts_only(zones: httpx.Response, account: httpx.Response | None = None):
    """A Cloudflare that does not know the token as a user's."""

    def answer(request: httpx.Request) -> httpx.Response:
        path = request.url.path.removeprefix("/client/v4")
        if path == "/user/tokens/verify":
            return failure(401, 1000)
        if path == "/zones":
            return always(zones)(request)
        assert path == "/accounts/acc/tokens/verify"
        return always(account or failure(401, 1000))(request)

    return answer


async def test_an_accounts_token_is_verified_at_its_account():
    told = success({"id": "t2", "status": "active"})
    client = client_of(accounts_only(success([ZONE_RESULT]), told))

    assert await client.verify(Token(SECRET)) == TokenFacts("active", "t2")


@pytest.mark.parametrize(
    "zones", [[ZONE_RESULT], []], ids=["its account does not know it", "it sees no zone"]
)
async def test_a_token_that_is_answered_is_alive_even_if_nobody_tells_its_id(zones: JSON):
    client = client_of(accounts_only(success(zones)))

    assert await client.verify(Token(SECRET)) == TokenFacts("active", "")


@pytest.mark.parametrize(
    ("zones", "outcome"),
    [
        (failure(403, 9109), "Unauthorized token_refused"),
        (failure(403, 10000), "Unauthorized permission"),
        (failure(503, 1005), "TryLater 5"),
        (success({"not": "a list"}), "TryLater 5"),
    ],
)
async def test_a_token_nobody_answers_is_not_verified(zones: httpx.Response, outcome: str):
    assert await _failed(client_of(accounts_only(zones)).verify(Token(SECRET))) == outcome


@pytest.mark.parametrize("result", [{"id": "t1"}, {"status": 7}, [], None])
async def test_a_verification_without_a_status_is_not_believed(result: JSON):
    assert await _failed(client_of(always(success(result))).verify(Token(SECRET))) == "TryLater 5"


async def _failed(call) -> str:
    try:
        return str(await call)
    except CloudcacheError as error:
        return named(error)
