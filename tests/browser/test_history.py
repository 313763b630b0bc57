"""The history in a real browser: it follows what happens, one line for each change, and takes any name."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Browser, Locator, Page, expect

from cloudcache.ui import wording
from tests.browser.conftest import Demo

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

SHOP = "birch-and-salt"
NAME = "Early Hints"


def lines(page: Page, name: str = NAME) -> Locator:
    return (
        page.get_by_role("region", name=wording.common.HISTORY).get_by_role("listitem").filter(has_text=name)
    )


async def history(demo: Demo, browser: Browser, *, width: int = 1280) -> Page:
    """A tab that shows the history, and no other of that store."""
    settings = await demo.open(browser, SHOP, width=width)
    await demo.settled(settings)
    page = await settings.context.new_page()
    await settings.close()
    await page.goto("/history")
    await expect(lines(page, "").first).to_be_visible()
    await page.evaluate("window.notReloaded = true")
    return page


async def test_flips_in_a_second_tab_appear_as_one_line_each(demo: Demo, browser: Browser):
    page, other = await history(demo, browser), await demo.open(browser, SHOP)
    await demo.settled(other)
    before = await lines(page).count()
    switch = other.get_by_role("switch", name=NAME, exact=True)
    row = other.get_by_role("article", name=NAME, exact=True)
    positions = []

    is_on = await switch.get_attribute("aria-checked") == "true"
    for _ in range(2):
        is_on = not is_on
        await switch.click()
        await expect(switch).to_have_attribute("aria-checked", "true" if is_on else "false")
        await expect(row).to_contain_text("Confirmed")
        positions.append("on" if is_on else "off")

    await expect(lines(page)).to_have_count(before + 2)
    for number, position in enumerate(reversed(positions)):
        said = f"{NAME} turned {position} by {wording.history.STORE_OWNER}"
        await expect(lines(page).nth(number)).to_contain_text(said)
    assert await page.evaluate("window.notReloaded") is True


async def test_change_made_outside_appears_by_itself(demo: Demo, browser: Browser):
    page = await history(demo, browser)
    before, now = await lines(page, "HTTP/3").count(), await demo.value(SHOP, "http3")

    await demo.dashboard(SHOP, "http3", "off" if now == "on" else "on")

    await expect(lines(page, "HTTP/3")).to_have_count(before + 1)
    await expect(lines(page, "HTTP/3").first).to_contain_text(wording.history.OUTSIDE)
    assert await page.evaluate("window.notReloaded") is True


@pytest.mark.parametrize(
    "name",
    ["n" * 200 + "@example.com", "\u05d9\u05d5\u05e1\u05d9@example.com", "<b onclick=x>ann</b>@example.com"],
)
async def test_any_name_of_a_person_is_shown_as_text(demo: Demo, browser: Browser, name: str):
    page = await history(demo, browser, width=390)
    now = await demo.value(SHOP, "early_hints")

    await demo.dashboard(SHOP, "early_hints", "off" if now == "on" else "on", person=name)

    line = lines(page, NAME).filter(has_text=name[:20])
    await expect(line).to_have_count(1)
    await expect(line).to_contain_text(re.compile(f"turned (on|off) by .{{0,1}}{re.escape(name[:20])}"))
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert await page.locator("main b[onclick]").count() == 0
