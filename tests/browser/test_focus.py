"""With the keyboard alone: where the focus goes when what was pressed is gone, and what a reload keeps."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser, Page, expect

from cloudcache.ui import wording
from tests.browser.conftest import Demo

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

SHOP, HINTS, HSTS = "maple-lane", "Early Hints", "HSTS"
TYPED = "Ignore query strings in the cache"


def switch(page: Page, name: str):
    return page.get_by_role("switch", name=name, exact=True)


def chip(page: Page, key: str):
    return page.locator(f"#chip-{key}")


async def opened(demo: Demo, browser: Browser) -> Page:
    page = await demo.open(browser, SHOP)
    await demo.settled(page)
    return page


async def change_outside(demo: Demo, page: Page) -> None:
    """Somebody turns Early Hints at Cloudflare, and the page shows it."""
    now = await demo.value(SHOP, "early_hints")
    await demo.dashboard(SHOP, "early_hints", "off" if now == "on" else "on")
    await expect(page.get_by_role("button", name=f"{wording.rows.REVERT}: {HINTS}")).to_be_visible()


async def test_focus_goes_to_the_switch_when_its_action_is_done(demo: Demo, browser: Browser):
    page = await opened(demo, browser)
    await change_outside(demo, page)

    await page.get_by_role("button", name=f"{wording.rows.REVERT}: {HINTS}").press("Enter")

    await expect(page.get_by_role("article", name=HINTS, exact=True)).to_contain_text(wording.rows.CONFIRMED)
    await expect(switch(page, HINTS)).to_be_focused()


async def test_focus_stays_on_the_page_when_lists_and_searches_are_left(demo: Demo, browser: Browser):
    page = await opened(demo, browser)
    await change_outside(demo, page)
    await chip(page, "look").press("Enter")
    await expect(chip(page, "look")).to_have_attribute("aria-pressed", "true")

    await page.get_by_role("button", name=wording.grid.SEEN_ALL).press("Enter")
    await expect(chip(page, "all")).to_be_focused()

    await page.locator("#find").fill("no such setting")
    await page.get_by_role("button", name=wording.grid.CLEAR_SEARCH).press("Enter")
    await expect(page.locator("#find")).to_be_focused()
    await expect(page.locator("#find")).to_have_value("")

    await chip(page, "IMAGES").press("Enter")
    await page.locator("#find").fill("hsts")
    await expect(page.get_by_text(f"{wording.grid.FOUND_IN} HTTPS.")).to_be_visible()
    await page.get_by_role("button", name=wording.grid.SEARCH_ALL).press("Enter")
    await expect(chip(page, "all")).to_be_focused()
    await expect(switch(page, HSTS)).to_be_visible()


async def test_list_of_what_needs_attention_is_live(demo: Demo, browser: Browser):
    page = await opened(demo, browser)
    await chip(page, "look").click()
    await expect(chip(page, "look")).to_have_attribute("aria-pressed", "true")

    await change_outside(demo, page)

    await expect(switch(page, HINTS)).to_be_visible()
    count = int(await chip(page, "look").locator("span").last.inner_text())
    await expect(page.locator("[role=switch]:visible")).to_have_count(count)


async def test_wrong_name_puts_the_focus_back_on_its_field_each_time(demo: Demo, browser: Browser):
    page = await opened(demo, browser)
    await demo.dashboard(SHOP, "cache_level", "aggressive")
    await expect(switch(page, TYPED)).to_have_attribute("aria-checked", "false")
    await switch(page, TYPED).press("Enter")
    dialog = page.get_by_role("alertdialog")
    await expect(dialog).to_be_visible()

    for _ in range(2):
        await dialog.locator("#typed").fill("another-store")
        await dialog.get_by_role("button", name=wording.rows.ASKED[True][0]).press("Enter")
        await expect(dialog.get_by_text(wording.rows.NOT_THE_NAME)).to_be_visible()
        await expect(dialog.locator("#typed")).to_be_focused()

    await page.reload()
    await expect(switch(page, TYPED)).to_be_enabled()
    await expect(page.get_by_text(wording.status.LIVE, exact=True)).to_be_visible()
    await expect(dialog).to_have_count(0)


async def test_shortcut_that_is_off_is_shown_as_off_after_a_reload(demo: Demo, browser: Browser):
    page = await opened(demo, browser)
    box, hint = page.get_by_label(wording.grid.SHORTCUT), page.locator(".toolbar kbd")
    await expect(hint).to_be_visible()

    await box.uncheck()
    await expect(hint).to_be_hidden()
    await page.reload()
    await expect(page.get_by_text(wording.status.LIVE, exact=True)).to_be_visible()

    await expect(box).not_to_be_checked()
    await expect(hint).to_be_hidden()
