"""What people paste, type, and do that nobody expects: shown as text, found where it can be, and harmless."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Browser, Page, expect

from cloudcache.ui import wording
from tests.browser.conftest import Demo
from tests.browser.page_states import support
from tests.browser.sockets import Socket

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

SHOP = "birch-and-salt"
LONG = "n" * 200
RIGHT_TO_LEFT = "\u05db\u05e8\u05d8\u05d9\u05e1 4711 \u202e\u05d7\u05e0\u05d5\u05ea"
MARKUP = "<img src=x onerror=\"document.title='gone'\"> & <b>bold</b>"


async def is_whole(page: Page) -> bool:
    """Nothing scrolls sideways, and no markup became an element."""
    fits = await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    return fits and await page.locator("main img, main p b b").count() == 0 and await page.title() != "gone"


@pytest.mark.parametrize(
    "text", ["https://maple-lane.myshopify.com/admin?x=1", "rocket*", "%", MARKUP[:60], LONG]
)
async def test_search_that_finds_nothing_says_so_and_can_be_cleared(demo: Demo, browser: Browser, text: str):
    page = await demo.open(browser, SHOP, width=390)
    await demo.settled(page)

    await page.get_by_role("searchbox").fill(text)

    await expect(page.get_by_text(wording.grid.NOTHING_FOUND)).to_be_visible()
    await expect(page.get_by_text(f"“{text[:60].strip()}”")).to_be_visible()
    assert await is_whole(page)
    await page.get_by_role("button", name=wording.grid.CLEAR_SEARCH).click()
    await expect(page.get_by_role("article")).to_have_count(50)


async def test_search_overlooks_characters_that_are_not_seen(demo: Demo, browser: Browser):
    page = await demo.open(browser, SHOP)
    await demo.settled(page)

    await page.get_by_role("searchbox").fill("rock\u200bet\ufeff")

    await expect(page.get_by_role("article")).to_have_count(1)
    await expect(page.get_by_role("article", name="Rocket Loader", exact=True)).to_be_visible()


async def test_support_finds_a_store_by_what_is_pasted(demo: Demo, browser: Browser):
    page = await support(demo, browser)
    found = page.get_by_role("link", name=SHOP)
    for text in (
        f"https://{SHOP}.myshopify.com/admin/apps?x=1",
        f"https://admin.shopify.com/store/{SHOP}",
        f" {SHOP.upper()}\u200b ",
        "www.birchandsalt.example",
    ):
        await page.get_by_role("searchbox").fill("")
        await expect(page.get_by_text(wording.staff.STAFF_BEGIN)).to_be_visible()
        await page.get_by_role("searchbox").fill(text)
        await expect(found).to_be_visible()


@pytest.mark.parametrize("text", ["birch*", "%%", "__", "b%t", MARKUP, LONG, RIGHT_TO_LEFT])
async def test_support_search_takes_no_wildcard_and_no_markup(demo: Demo, browser: Browser, text: str):
    page = await support(demo, browser)
    await page.set_viewport_size({"width": 390, "height": 900})

    await page.get_by_role("searchbox").fill(text)

    await expect(page.get_by_text(wording.staff.STAFF_NOBODY)).to_be_visible()
    assert await is_whole(page)


@pytest.mark.parametrize("reason", [LONG, RIGHT_TO_LEFT, MARKUP])
async def test_reason_of_support_is_shown_to_the_merchant_as_text(demo: Demo, browser: Browser, reason: str):
    owner = await demo.open(browser, SHOP, width=390)
    await demo.settled(owner)
    await owner.goto("/history")
    views = (
        owner.get_by_role("region", name=wording.common.HISTORY)
        .get_by_role("listitem")
        .filter(has_text=wording.history.SUPPORT_VIEWED)
    )
    await expect(owner.get_by_role("heading", name=wording.common.HISTORY)).to_be_visible()
    page = await support(demo, browser)
    await page.goto(f"/staff/customers/{SHOP}")
    form, view = page.get_by_label(wording.staff.VIEW_REASON), page.get_by_text(wording.staff.VIEW_BANNER)
    await expect(form.or_(view)).to_be_visible()
    await form.fill(reason)
    await page.get_by_role("button", name=wording.staff.VIEW_START).click()
    await expect(view).to_be_visible()
    await page.get_by_role("button", name=wording.staff.VIEW_STOP).click()
    await owner.reload()

    await expect(views.first).to_contain_text(reason.replace("\u202e", "?")[:40])
    assert await is_whole(owner)


@pytest.mark.parametrize("name", ["n" * 60, RIGHT_TO_LEFT, MARKUP[:60]])
async def test_name_of_an_api_token_is_shown_as_text(demo: Demo, browser: Browser, name: str):
    page = await demo.open(browser, SHOP, width=390)
    await demo.settled(page)
    await page.goto("/connect")

    await page.get_by_label(wording.api_tokens.NAME).fill(name)
    await page.get_by_role("button", name=wording.api_tokens.MAKE).click()

    listed = page.get_by_role("listitem").filter(
        has=page.get_by_role("button", name=wording.api_tokens.REVOKE)
    )
    await expect(listed.filter(has_text=re.compile(re.escape(name[:12])))).not_to_have_count(0)
    assert await is_whole(page)


async def test_back_and_forward_show_each_page_as_it_is(demo: Demo, browser: Browser):
    page = await demo.open(browser, SHOP)
    await demo.settled(page)
    switch = page.get_by_role("switch", name="Early Hints", exact=True)
    before = await switch.get_attribute("aria-checked")
    await page.goto("/history")
    await expect(page.get_by_role("heading", name=wording.common.HISTORY)).to_be_visible()
    await page.goto("/connect")
    await expect(page.get_by_role("region", name=wording.connect.CONNECTED, exact=True)).to_be_visible()
    value = await demo.value(SHOP, "early_hints")
    await demo.dashboard(SHOP, "early_hints", "off" if value == "on" else "on")

    await page.go_back()
    lines = page.get_by_role("region", name=wording.common.HISTORY).get_by_role("listitem")
    await expect(lines.first).to_contain_text("Early Hints")
    await page.go_back()

    await expect(switch).to_have_attribute("aria-checked", "false" if before == "true" else "true")
    await page.go_forward()
    await expect(page.get_by_role("heading", name=wording.common.HISTORY)).to_be_visible()
    await page.go_forward()
    await expect(page.get_by_role("region", name=wording.connect.CONNECTED, exact=True)).to_be_visible()


async def test_tab_that_slept_for_an_hour_shows_what_changed_meanwhile(demo: Demo, browser: Browser):
    page, socket = await demo.open(browser, SHOP), Socket()
    await socket.route(page)
    await page.clock.install()
    await page.reload()
    await demo.settled(page)
    await expect(page.get_by_text(wording.status.LIVE, exact=True)).to_be_visible()
    switch = page.get_by_role("switch", name="HTTP/3 (QUIC)", exact=True)
    before = await switch.get_attribute("aria-checked")
    socket.cut_off()
    await demo.dashboard(SHOP, "http3", "off" if before == "true" else "on")

    await page.clock.fast_forward(3_600_000)

    await expect(switch).to_have_attribute("aria-checked", "false" if before == "true" else "true")
    await expect(page.get_by_text(wording.status.LIVE, exact=True)).to_be_visible()
    await expect(page.get_by_text(wording.problems.LOST)).to_have_count(0)
