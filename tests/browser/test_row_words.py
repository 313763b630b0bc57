"""What rows say of changes, in a real browser: the verb, the time, and who made them."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Browser, Page, expect

from cloudcache.ui import wording
from tests.browser.conftest import Demo

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

SHOP, POLISH = "maple-lane", "Polish"


def switch(page: Page, name: str):
    return page.get_by_role("switch", name=name, exact=True)


def row(page: Page, name: str):
    return page.get_by_role("article", name=name, exact=True)


async def test_change_of_a_finer_value_outside_names_both_and_is_changed_back(demo: Demo, browser: Browser):
    page = await demo.open(browser, SHOP)
    await demo.settled(page)
    await demo.dashboard(SHOP, "polish", "off")
    await expect(row(page, POLISH)).to_contain_text(wording.rows.OUTSIDE_OFF)
    await demo.dashboard(SHOP, "polish", "lossy")
    await expect(row(page, POLISH)).to_contain_text(wording.rows.OUTSIDE_ON)

    await demo.dashboard(SHOP, "polish", "lossless")

    await expect(row(page, POLISH)).to_contain_text("Changed from lossy to lossless")
    await expect(row(page, POLISH)).to_contain_text(re.compile(r"\d+ s ago|just now"))
    await expect(row(page, POLISH)).not_to_contain_text("Cloudflare dashboard")
    await page.get_by_role("button", name=f"Revert: {POLISH}").click()
    await expect(row(page, POLISH)).to_contain_text("On (lossy)")
    await expect(row(page, POLISH)).to_contain_text(wording.rows.CONFIRMED)
    assert await demo.value(SHOP, "polish") == "lossy"

    await page.goto("/history")
    await expect(page.get_by_text("Polish changed back to lossy by Store owner")).to_be_visible()
    await expect(page.get_by_text("Polish changed from lossy to lossless").first).to_be_visible()
