"""What holds on every page: axe finds nothing, nothing scrolls sideways on the narrowest screen."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from playwright.async_api import Browser, Page, expect

from cloudcache.ui.wording import common, connect, history, staff
from tests.browser.conftest import Demo, new_context

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

MAPLE = "maple-lane.myshopify.com"
ALONE = {
    "/signin": "maple-lane",
    "/no/such/page": common.NOT_FOUND,
    "/staff": staff.STAFF_SIGNED_OUT,
    "/api/docs": "OpenAPI document",
    "/cloudflare/_emulator/dashboard": "Nothing here is real.",
    "/shopify/": MAPLE,
}
"""Pages for everybody, and what stands on them when they are there."""

OF_MERCHANTS = {"/": MAPLE, "/history": history.HISTORY_TEXT, "/connect": connect.LOOK_AGAIN}


@asynccontextmanager
async def opened(demo: Demo, browser: Browser, width: int, theme: str) -> AsyncIterator[Page]:
    context = await new_context(
        browser, base_url=demo.url, viewport={"width": width, "height": 900}, color_scheme=theme
    )
    yield await context.new_page()
    await context.close()


async def each_page(demo: Demo, browser: Browser, width: int, theme: str) -> AsyncIterator[tuple[str, Page]]:
    """Every page of the app, one after the other, once it says what it is for."""
    async with opened(demo, browser, width, theme) as page:
        for path, words in ALONE.items():
            await page.goto(path)
            await expect(page.get_by_text(words).first).to_be_visible()
            yield path, page
    page = await demo.open(browser, "maple-lane", width=width, theme=theme)
    for path, words in OF_MERCHANTS.items():
        await page.goto(path)
        await expect(page.get_by_text(words).first).to_be_visible()
        await expect(page.locator(".skel")).to_have_count(0)
        yield path, page
    async with opened(demo, browser, width, theme) as page:
        await page.goto("/signin")
        await page.get_by_role("button", name="Support, viewer").click()
        await expect(page.get_by_text(staff.STAFF_BEGIN).last).to_be_visible()
        yield "support", page
        await page.get_by_role("searchbox").fill("maple")
        await page.get_by_role("link", name=MAPLE).click()
        await expect(page.get_by_label(staff.VIEW_REASON)).to_be_visible()
        yield "reason", page
        await page.get_by_label(staff.VIEW_REASON).fill("ticket 4711: odd images")
        await page.get_by_role("button", name=staff.VIEW_START).click()
        await expect(page.get_by_text(staff.VIEW_BANNER)).to_be_visible()
        await expect(page.locator(".skel")).to_have_count(0)
        yield "view", page
        await page.get_by_role("button", name=staff.VIEW_STOP).click()
        await expect(page.get_by_role("searchbox")).to_be_visible()


@pytest.mark.parametrize(("width", "theme"), [(1280, "light"), (390, "dark")])
async def test_axe_finds_nothing_on_any_page(demo: Demo, browser: Browser, width: int, theme: str):
    found = {path: await demo.axe(page) async for path, page in each_page(demo, browser, width, theme)}

    assert len(found) == len(ALONE) + len(OF_MERCHANTS) + 3
    assert {path: what for path, what in found.items() if what} == {}


async def test_no_page_scrolls_sideways_on_the_narrowest_screen(demo: Demo, browser: Browser):
    wide = {}
    async for path, page in each_page(demo, browser, 320, "light"):
        width = await page.evaluate("document.documentElement.scrollWidth")
        if width > 320:
            wide[path] = width

    assert wide == {}


async def test_everything_to_press_is_large_enough_for_a_finger(demo: Demo, browser: Browser):
    small = {}
    async for path, page in each_page(demo, browser, 390, "light"):
        if path in ("/cloudflare/_emulator/dashboard", "/shopify/"):
            continue
        found = await page.evaluate(
            """() => [...document.querySelectorAll("button, a[href], select, .field input")]
                .filter((one) => one.checkVisibility() && !one.matches(".skip, p a"))
                .map((one) => {
                    const box = one.closest(".field")?.getBoundingClientRect() ?? one.getBoundingClientRect();
                    const more = ["::before", "::after"].map((part) => {
                        const style = getComputedStyle(one, part);
                        return style.position === "absolute" ? -2 * parseFloat(style.top) : 0;
                    });
                    return [one.textContent || one.id, Math.round(box.height + Math.max(0, ...more))];
                })
                .filter(([, height]) => height < 40)"""
        )
        if found:
            small[path] = found

    assert small == {}
