"""The page on which a person plays Cloudflare's own dashboard."""

from __future__ import annotations

from collections.abc import AsyncIterator
from html.parser import HTMLParser

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from cloudcache.emulator.app import create_app
from cloudcache.emulator.catalogue import SETTINGS
from cloudcache.emulator.world import World
from tests.unit.emulator.stage import ACCOUNT, ENTERPRISE, FREE, PRO

PAGE = "/cloudflare/_emulator/dashboard"


class Forms(HTMLParser):
    """The controls of a page: which have labels, and what they offer."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.labelled: set[str] = set()
        self.controls: set[str] = set()
        self.actions: set[str] = set()
        self.scripts = 0
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "label":
            self.labelled.add(given["for"])
        elif tag == "select" or (tag == "input" and given.get("type") != "hidden"):
            self.controls.add(given["id"])
        elif tag == "form":
            self.actions.add(given["action"])
        elif tag == "script":
            self.scripts += 1


@pytest.fixture
async def client(world: World) -> AsyncIterator[httpx.AsyncClient]:
    app = Starlette(routes=[Mount("/cloudflare", app=create_app(world))])
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://emulator") as opened:
        yield opened


async def test_every_control_has_a_label_and_forms_are_relative(client: httpx.AsyncClient) -> None:
    page = Forms((await client.get(PAGE, params={"zone": ENTERPRISE})).text)

    assert page.controls == page.labelled
    assert {f"value-{name}" for name in SETTINGS} <= page.controls
    assert page.actions == {"dashboard"}
    assert page.scripts == 0


async def test_a_saved_form_changes_the_setting_and_comes_back(
    client: httpx.AsyncClient, world: World
) -> None:
    form = {"zone": PRO, "as": "mia@example.com", "setting": "polish", "value": '"lossy"'}

    reply = await client.post(PAGE, data=form, headers={"Origin": "http://emulator"})
    back = await client.get(reply.url.join(reply.headers["location"]))

    assert reply.status_code == 303
    assert back.url.path == PAGE
    assert "Polish is now <b>lossy</b>" in back.text
    assert world.value(PRO, "polish") == "lossy"
    assert [deed.actor.email for deed in world.trail] == ["mia@example.com"]


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("tiered_caching", '"on"'),
        ("leaked_credential_checks", "false"),
        ("page_shield", "true"),
        ("bot_management.fight_mode", "true"),
        ("browser_cache_ttl", "60"),
        ("nel", '{"enabled": false}'),
        ("rum", '"manual"'),
    ],
)
async def test_all_kinds_of_settings_can_be_saved(
    client: httpx.AsyncClient, world: World, setting: str, value: str
) -> None:
    before = world.value(FREE, setting)

    reply = await client.post(PAGE, data={"zone": FREE, "setting": setting, "value": value})

    assert reply.status_code == 303
    assert world.value(FREE, setting) != before


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"zone": FREE},
        {"zone": "nowhere", "setting": "ssl", "value": '"off"'},
        {"zone": FREE, "setting": "ssl", "value": "off"},
        {"zone": FREE, "setting": "ssl", "value": '"perhaps"'},
        {"zone": FREE, "setting": "http2", "value": '"off"'},
        {"zone": FREE, "setting": "<script>", "value": '"off"'},
    ],
)
async def test_what_cannot_be_saved_is_said_on_the_page(
    client: httpx.AsyncClient, world: World, form: dict[str, str]
) -> None:
    reply = await client.post(PAGE, data=form, headers={"Content-Type": "application/x-www-form-urlencoded"})

    assert reply.status_code == 400
    assert "role='alert'>Not saved" in reply.text
    assert "<script>" not in reply.text
    assert list(world.trail) == []


async def test_everything_shown_is_escaped(client: httpx.AsyncClient, world: World) -> None:
    nasty = "<script>alert('x')</script>"
    held = {"transformations_allowed_origins": nasty, "polish": nasty, "ciphers": [nasty]}
    world.add_zone("c" * 32, nasty, ACCOUNT, "enterprise", held)

    for query in ({"zone": "c" * 32}, {"as": nasty, "find": nasty}, {"zone": nasty}, {"named": nasty}):
        text = (await client.get(PAGE, params=query)).text
        assert nasty not in text


async def test_a_zone_is_found_by_domain_or_id(client: httpx.AsyncClient) -> None:
    for named in ("pro.example", PRO, " Pro.Example "):
        assert "<h2>pro.example</h2>" in (await client.get(PAGE, params={"named": named, "zone": FREE})).text

    assert "Zone not found" in (await client.get(PAGE, params={"named": "nowhere.example"})).text


async def test_settings_can_be_searched(client: httpx.AsyncClient) -> None:
    page = Forms((await client.get(PAGE, params={"zone": PRO, "find": "TLS"})).text)

    assert {"value-tls_1_3", "value-min_tls_version"} <= page.controls
    assert "value-polish" not in page.controls


async def test_what_the_plan_forbids_cannot_be_changed(client: httpx.AsyncClient) -> None:
    text = (await client.get(PAGE, params={"zone": FREE, "find": "polish"})).text

    assert "requires Pro" in text
    assert "disabled" in text


async def test_the_page_may_not_be_stored_and_runs_no_scripts(client: httpx.AsyncClient) -> None:
    headers = (await client.get(PAGE)).headers

    assert headers["cache-control"] == "no-store"
    assert "default-src 'none'" in headers["content-security-policy"]


async def test_an_empty_cloudflare_has_a_page_too() -> None:
    transport = httpx.ASGITransport(app=create_app(World()))

    async with httpx.AsyncClient(transport=transport, base_url="http://emulator") as client:
        reply = await client.get("/_emulator/dashboard")

    assert reply.status_code == 200
    assert "Zone not found" in reply.text
