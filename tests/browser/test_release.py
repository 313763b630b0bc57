"""A release with another state schema, while pages of the one before are open."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, Request, Route, expect

from cloudcache.ui import wording
from tests.browser.conftest import Demo
from tests.support.proxy import Relay, relay
from tests.support.server import RunningApp, running_app

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

SHOP = "maple-lane"
SCHEMA = "f" * 32
OF_THE_NEW_RELEASE = f"""
from reflex.state import State
State._to_frontend_schema = classmethod(lambda cls: "{SCHEMA}")
"""
NEW = "-new"
MANIFEST = re.compile(r"manifest-[0-9a-f]+\.js")


def with_another_schema(web: Path) -> None:
    """Make the built pages those of the new release: another hash of the states, and other names for all scripts,
    since browsers keep the old ones."""
    assets = web / "build" / "client" / "assets"
    (context,) = assets.glob("context-*.js")
    (schema,) = set(re.findall(r"[`\"]([0-9a-f]{32})[`\"]", context.read_text()))
    renamed = {one.name: f"{one.stem}{NEW}.js" for one in assets.glob("*.js")}
    for file in [*assets.glob("*.js"), *assets.parent.rglob("*.html")]:
        text = file.read_text().replace(schema, SCHEMA)
        for old, new in renamed.items():
            text = text.replace(old, new)
        file.with_name(f"{file.name}.gz").unlink()
        changed = file.with_name(renamed.get(file.name, file.name))
        file.rename(changed).write_text(text)
        changed.with_name(f"{changed.name}.gz").write_bytes(gzip.compress(text.encode()))


@dataclass
class Roll:
    """Two releases that serve one database, and the address at which browsers find one of them."""

    line: Relay
    old: RunningApp
    new: RunningApp
    documents: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    async def open(self, browser: Browser) -> Page:
        """A page of the old release; what it loads and what its console says is noted."""
        self.line.turn_to(self.old.port)
        page = await Demo(
            RunningApp(self.line.port, self.line.port, 0, self.old.log, self.old.data_dir)
        ).open(browser, SHOP)
        page.on("request", self._note)
        page.on(
            "console",
            lambda message: self.complaints.append(message.text) if message.type == "error" else None,
        )
        return page

    def release(self) -> None:
        """Stop the old one: its sockets end, and the next lead to the new one."""
        self.line.turn_to(self.new.port)
        self.line.cut()

    def _note(self, request: Request) -> None:
        if request.is_navigation_request():
            self.documents.append(request.url)


@pytest.fixture
def roll(tmp_path: Path) -> Iterator[Roll]:
    env = {"CLOUDCACHE_DATA_DIR": str(tmp_path)}
    with (
        relay(0) as line,
        running_app(env, reached_at=line.port) as old,
        running_app(env, first=OF_THE_NEW_RELEASE, reached_at=line.port, alter=with_another_schema) as new,
    ):
        yield Roll(line, old, new)


def switches(page: Page):
    return page.get_by_role("switch")


def told(page: Page, words: str):
    return page.get_by_role("status").filter(has_text=words)


async def becomes_new(page: Page) -> None:
    """Wait until the page is one of the new release."""
    await expect(page.locator(f'head link[href*="{NEW}.js"]').first).to_be_attached()


async def test_page_is_loaded_anew_once_and_keeps_what_is_typed(roll: Roll, browser: Browser):
    page = await roll.open(browser)
    await page.get_by_role("searchbox").fill("cloudflare fonts")
    await expect(page.get_by_role("article")).to_have_count(1)
    await page.route(MANIFEST, answered_by_the_old_release)

    roll.release()
    await expect(told(page, wording.common.RELEASED)).to_be_visible()
    position = await switches(page).first.get_attribute("aria-checked")
    await switches(page).first.click()
    await expect(switches(page).first).to_have_attribute("aria-checked", position or "")
    await page.get_by_role("searchbox").focus()
    assert roll.documents == []

    await page.unroute(MANIFEST)
    await becomes_new(page)
    await expect(page.get_by_role("searchbox")).to_have_value("cloudflare fonts")
    await expect(page.get_by_role("searchbox")).to_be_focused()
    await expect(page.get_by_role("article")).to_have_count(1)
    await expect(page.get_by_text(wording.common.RELEASED)).to_have_count(0)
    await expect(page.locator("#reflex-new-version-banner")).to_have_count(0)
    assert len(roll.documents) == 1
    assert [one for one in roll.complaints if "Content Security Policy" in one] == []


async def answered_by_the_old_release(route: Route) -> None:
    """As a second process does, whose turn to be replaced comes later."""
    await (route.fulfill(status=200) if route.request.method == "HEAD" else route.fallback())


async def test_page_with_a_token_typed_in_waits_and_stores_no_secret(roll: Roll, browser: Browser):
    page = await roll.open(browser)
    await page.goto("/connect")
    await page.get_by_role("button", name=wording.connect.REPLACE).click()
    roll.documents.clear()
    field = page.get_by_label(wording.connect.TOKEN_LABEL)
    await field.fill("secret-of-the-merchant")

    roll.release()
    await expect(told(page, wording.common.RELEASED_WAITING)).to_be_visible()
    await expect(field).to_have_value("secret-of-the-merchant")
    assert roll.documents == []
    stored = await page.evaluate("JSON.stringify({...sessionStorage, ...localStorage})")
    assert "secret-of-the-merchant" not in stored

    await field.fill("")
    await becomes_new(page)
    assert len(roll.documents) == 1


async def test_page_that_was_loaded_anew_asks_before_it_is_again(roll: Roll, browser: Browser):
    page = await roll.open(browser)
    roll.release()
    await becomes_new(page)
    await expect(switches(page).first).to_have_attribute("aria-disabled", "false")

    roll.line.turn_to(roll.old.port)
    roll.line.cut()
    await expect(told(page, wording.common.RELEASED_WAITING)).to_be_visible()
    roll.line.turn_to(roll.new.port)
    roll.line.cut()
    await expect(page.get_by_text(wording.common.RELEASED_WAITING)).to_have_count(0)
    assert len(roll.documents) == 1


async def test_person_may_reload_at_once(roll: Roll, browser: Browser):
    page = await roll.open(browser)
    await page.route(MANIFEST, answered_by_the_old_release)
    roll.release()

    await page.get_by_role("button", name=wording.common.RELOAD_NOW).click()

    await becomes_new(page)
    assert len(roll.documents) == 1
