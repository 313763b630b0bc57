"""`/oauth2/auth`: what a person is asked, and how the answer gets back to the app."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from html import unescape

import httpx
import pytest

from cloudcache.emulator.options import Options
from cloudcache.emulator.world import World
from tests.support.fake_clock import FakeClock
from tests.unit.emulator.oauth_stage import (
    BACK,
    BACK_WITH_QUERY,
    CLIENT,
    SECRET,
    WISH,
    assert_refused,
    decide,
    opened,
    register,
    told,
)
from tests.unit.emulator.stage import ACCOUNT, OTHER_ACCOUNT


@pytest.fixture
async def client(world: World) -> AsyncIterator[httpx.AsyncClient]:
    register(world)
    async with opened(world) as client:
        yield client


async def test_the_page_asks_and_its_form_leads_back_with_a_code(client: httpx.AsyncClient) -> None:
    page = await client.get("/oauth2/auth", params=WISH)

    assert page.status_code == 200
    assert "Zone Settings Write" in page.text
    assert re.findall(r"type='radio' name='account' value='(\w+)'", page.text) == [ACCOUNT, OTHER_ACCOUNT]
    fields = re.findall(r"type='hidden' name='(\w+)' value='([^']*)'", page.text)
    form = {name: unescape(value) for name, value in fields}
    assert form == WISH
    reply = await client.post("/oauth2/auth", data=form | {"account": ACCOUNT, "decision": "allow"})
    assert reply.headers["location"].startswith(f"{BACK}?")
    assert told(reply).keys() == {"code", "state"}
    assert told(reply)["state"] == "a state"


async def test_the_page_offers_fifty_accounts_and_takes_any(clock: FakeClock) -> None:
    world = World(Options(zones=80, accounts=80, address_per_second=0), clock=clock.now_s)
    register(world)
    last = world.directory.generated.account_id(79)
    async with opened(world) as client:
        page = await client.get("/oauth2/auth", params=WISH)

        assert page.text.count("type='radio'") == 50
        assert "code" in told(await decide(client, account=last))


async def test_what_is_shown_is_escaped(client: httpx.AsyncClient, world: World) -> None:
    world.add_account("c" * 32, "<script>alert('account')</script>")
    page = await client.get("/oauth2/auth", params=WISH | {"state": "'><script>alert('state')</script>"})

    assert page.status_code == 200
    assert "<script" not in page.text
    assert "form-action" not in page.headers["content-security-policy"]


async def test_a_person_may_say_no(client: httpx.AsyncClient) -> None:
    assert told(await decide(client, "deny"))["error"] == "access_denied"
    assert told(await decide(client, "deny"))["state"] == "a state"
    assert told(await decide(client, "deny", state="")).keys() == {"error", "error_description"}


async def test_an_address_keeps_its_own_query(client: httpx.AsyncClient) -> None:
    assert told(await decide(client, redirect_uri=BACK_WITH_QUERY))["from"] == "cloudflare"


@pytest.mark.parametrize(
    "changes",
    [
        {"client_id": "nobody"},
        {"client_id": ""},
        {"redirect_uri": ""},
        {"redirect_uri": f"{BACK}/"},
        {"redirect_uri": f"{BACK}?more=1"},
        {"redirect_uri": "https://evil.example/oauth/callback"},
        {"client_id": "other", "redirect_uri": BACK_WITH_QUERY},
    ],
)
async def test_nobody_is_sent_to_an_unregistered_address(
    client: httpx.AsyncClient, changes: dict[str, str]
) -> None:
    asked = await client.get("/oauth2/auth", params=WISH | changes)
    replies = [asked, await decide(client, **changes), await decide(client, "deny", **changes)]

    for reply in replies:
        assert reply.status_code == 400
        assert "location" not in reply.headers


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"code_challenge": ""}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"scope": "zone.read zone.eat"}, "invalid_scope"),
        ({"scope": ""}, "invalid_scope"),
    ],
)
async def test_other_mistakes_go_back_to_the_app(
    client: httpx.AsyncClient, changes: dict[str, str], error: str
) -> None:
    for reply in (
        await client.get("/oauth2/auth", params=WISH | changes),
        await decide(client, **changes),
    ):
        assert told(reply)["error"] == error
        assert told(reply)["state"] == "a state"


async def test_no_decision_and_no_account_ask_again(client: httpx.AsyncClient) -> None:
    for reply in (await decide(client, "perhaps"), await decide(client, account="0" * 32)):
        assert reply.status_code == 400
        assert "role='alert'" in reply.text
        assert "type='radio'" in reply.text


async def test_a_foreign_page_cannot_answer(client: httpx.AsyncClient) -> None:
    form = WISH | {"decision": "allow", "account": ACCOUNT}
    reply = await client.post("/oauth2/auth", data=form, headers={"Origin": "https://evil.example"})

    assert reply.status_code == 403


async def test_what_is_far_too_long_is_refused(client: httpx.AsyncClient) -> None:
    body = b"state=" + b"x" * 2_000_000

    assert (await client.post("/oauth2/auth", content=body)).status_code == 400
    assert_refused(await client.post("/oauth2/token", content=body), "invalid_request")
    assert_refused(await client.post("/oauth2/revoke", content=body), "invalid_request")


@pytest.mark.parametrize("address", ["app.example", "javascript:alert(1)", "https:///x", f"{BACK}#part"])
def test_odd_addresses_cannot_be_registered(world: World, address: str) -> None:
    with pytest.raises(ValueError, match="send anybody back"):
        world.add_oauth_client(CLIENT, SECRET, [BACK, address])
