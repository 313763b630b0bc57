"""A running demo, a browser, and short words for what a test does with them."""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, BrowserContext, Page, async_playwright, expect

from cloudcache.local import DEMO_SHOPS
from tests.support.chromium import launch_options
from tests.support.server import RunningApp, running_app
from tests.support.waiting import SAFETY_NET_MS, SAFETY_NET_S, http_client

SHOPS = {demo.handle: demo for demo in DEMO_SHOPS}
expect.set_options(timeout=SAFETY_NET_MS)
PICTURES = Path(os.environ.get("CLOUDCACHE_SCREENSHOTS", ".screenshots"))


@dataclass(frozen=True)
class Demo:
    """The demo world on a port, and Cloudflare behind its back."""

    app: RunningApp

    @property
    def url(self) -> str:
        return f"http://localhost:{self.app.port}"

    async def open(self, browser: Browser, handle: str, *, width: int = 1280, theme: str = "light") -> Page:
        """A tab of its own browser session, signed in as the owner of a shop, with its values loaded."""
        context = await new_context(
            browser,
            base_url=self.url,
            viewport={"width": width, "height": 900},
            color_scheme=theme,
            device_scale_factor=2 if width < 500 else 1,
        )
        page = await context.new_page()
        await page.goto("/signin")
        await page.get_by_role("button", name=re.compile(f"^{handle}")).click()
        await expect(page.get_by_text(f"{handle}.myshopify.com")).to_be_visible()
        return page

    async def settled(self, page: Page) -> None:
        """The read that opening the page started has ended."""
        await expect(page.get_by_role("progressbar")).to_have_count(0)
        await expect(page.get_by_text("All settings checked")).to_be_visible()

    async def dashboard(self, handle: str, setting: str, value: str, *, person: str = "") -> None:
        """Somebody, with this e-mail address if any, changes a setting in Cloudflare's own dashboard."""
        body = {"zone_id": SHOPS[handle].zone_id, "setting": setting, "value": value}
        body |= {"actor_email": person} if person else {}
        async with http_client() as client:
            answer = await client.post(f"{self.url}/cloudflare/_emulator/dashboard", json=body)
        assert answer.status_code == 200, answer.text

    async def faults(self, what: dict[str, object]) -> None:
        """Script what goes wrong between us and Cloudflare."""
        async with http_client() as client:
            answer = await client.post(f"{self.url}/cloudflare/_emulator/faults", json=what)
        assert answer.status_code == 200, answer.text

    async def writes(self) -> list[str]:
        """The paths of the writes that have reached Cloudflare."""
        async with http_client() as client:
            log = (await client.get(f"{self.url}/cloudflare/_emulator/log")).json()
        return [record["path"] for record in log["requests"] if record["method"] != "GET"]

    async def value(self, handle: str, setting: str) -> object:
        """What Cloudflare really holds."""
        shop = SHOPS[handle]
        async with http_client() as client:
            answer = await client.get(
                f"{self.url}/cloudflare/client/v4/zones/{shop.zone_id}/settings/{setting}",
                headers={"Authorization": f"Bearer {shop.token.reveal()}"},
            )
        return answer.json()["result"]["value"]

    async def bots(self, handle: str) -> dict[str, object]:
        """What Cloudflare really holds of the bot settings."""
        shop = SHOPS[handle]
        async with http_client() as client:
            answer = await client.get(
                f"{self.url}/cloudflare/client/v4/zones/{shop.zone_id}/bot_management",
                headers={"Authorization": f"Bearer {shop.token.reveal()}"},
            )
        return answer.json()["result"]

    @contextmanager
    def without(self, table: str) -> Iterator[None]:
        """The database lacks this table meanwhile."""
        self.execute(f"ALTER TABLE {table} RENAME TO {table}_elsewhere")
        try:
            yield
        finally:
            self.execute(f"ALTER TABLE {table}_elsewhere RENAME TO {table}")

    def execute(self, statement: str) -> None:
        """Alter the database behind the server's back."""
        file = self.app.data_dir / "cloudcache.db"
        with closing(sqlite3.connect(file, timeout=SAFETY_NET_S, isolation_level=None)) as connection:
            connection.execute(statement)

    async def axe(self, page: Page) -> list[str]:
        """What axe finds, one line each."""
        results = await Axe().run(page)
        return [
            f"{found['id']} ({found['impact']}): {found['nodes'][0]['html'][:160]}"
            for found in results.response["violations"]
        ]


async def new_context(browser: Browser, **options: Any) -> BrowserContext:
    """A browser session of its own, whose actions have no timeout that a busy machine could reach."""
    context = await browser.new_context(**options)
    context.set_default_timeout(SAFETY_NET_MS)
    return context


async def picture(page: Page, name: str) -> None:
    """Keep a picture of the page as it is now."""
    await page.screenshot(path=PICTURES / f"{name}.png")


async def pictures(page: Page, name: str) -> None:
    """Keep four pictures of the page as it is now: on a desktop and a phone, light and dark."""
    for width in (1280, 390):
        for theme in ("light", "dark"):
            await page.set_viewport_size({"width": width, "height": 900})
            await page.emulate_media(color_scheme=theme, reduced_motion="reduce")
            await picture(page, f"{name}-{width}-{theme}")


@pytest.fixture(scope="session")
def demo() -> Iterator[Demo]:
    PICTURES.mkdir(exist_ok=True)
    with running_app({"CLOUDCACHE_WATCH_SECONDS": "5", "CLOUDCACHE_AUDIT_LOG_SECONDS": "2"}) as app:
        yield Demo(app)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def chromium() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        launched = await playwright.chromium.launch(**launch_options())
        yield launched
        await launched.close()


@pytest_asyncio.fixture(loop_scope="session")
async def browser(chromium: Browser) -> AsyncIterator[Browser]:
    """The browser; whatever tabs a test leaves open are closed, for each would live on and load the machine."""
    yield chromium
    for context in chromium.contexts:
        await context.close()
