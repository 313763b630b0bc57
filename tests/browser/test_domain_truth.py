"""What a setting does for this store, in a real browser: by plan, by direction, and as its own pages show it."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Browser, Page, expect

from cloudcache.ui import wording
from tests.browser.conftest import Demo

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

SHOP, FREE_SHOP = "maple-lane", "birch-and-salt"
AI, ATTACK, HTTP3 = "Block AI bots", "I’m Under Attack mode", "HTTP/3 (QUIC)"


def switch(page: Page, name: str):
    return page.get_by_role("switch", name=name, exact=True)


def row(page: Page, name: str):
    return page.get_by_role("article", name=name, exact=True)


async def test_ai_row_states_a_preference_and_shows_a_block_as_unsafe(demo: Demo, browser: Browser):
    page = await demo.open(browser, SHOP)
    await demo.settled(page)

    await switch(page, AI).click()
    await expect(row(page, AI)).to_contain_text(wording.rows.CONFIRMED)
    stated = (await demo.bots(SHOP))["ai_training"]
    await demo.dashboard(SHOP, "bot_management.ai_training", "block")

    await expect(row(page, AI)).to_contain_text("search engines blocked")
    assert stated == "disallow"
    await switch(page, AI).click()
    await expect(row(page, AI)).to_contain_text(wording.rows.CONFIRMED)
    assert (await demo.bots(SHOP))["ai_training"] == "disabled"


async def test_super_bot_fight_mode_on_pro_and_bot_fight_mode_on_free(demo: Demo, browser: Browser):
    free = await demo.open(browser, FREE_SHOP)
    await demo.settled(free)
    await expect(switch(free, "Bot Fight Mode")).to_be_visible()
    page = await demo.open(browser, SHOP)
    await demo.settled(page)

    await switch(page, "Super Bot Fight Mode").click()
    await page.get_by_role("alertdialog").get_by_role("button", name="Turn on", exact=True).click()

    await expect(row(page, "Super Bot Fight Mode")).to_contain_text(wording.rows.CONFIRMED)
    bots = await demo.bots(SHOP)
    assert (bots["sbfm_definitely_automated"], "fight_mode" in bots) == ("managed_challenge", False)


async def test_turning_off_what_protects_asks_and_turning_it_on_does_not(demo: Demo, browser: Browser):
    page = await demo.open(browser, SHOP)
    await demo.settled(page)

    await switch(page, "TLS 1.3").click()
    dialog = page.get_by_role("alertdialog")
    await expect(dialog).to_contain_text("Turn off TLS 1.3?")
    await dialog.get_by_role("button", name="Turn off").click()
    await expect(row(page, "TLS 1.3")).to_contain_text(wording.rows.CONFIRMED)
    await switch(page, "TLS 1.3").click()

    await expect(switch(page, "TLS 1.3")).to_have_attribute("aria-checked", "true")
    await expect(dialog).to_have_count(0)


async def test_under_attack_mode_for_one_hour_says_until_when(demo: Demo, browser: Browser):
    page = await demo.open(browser, SHOP)
    await demo.settled(page)

    await switch(page, ATTACK).click()
    await page.get_by_role("button", name=wording.rows.FOR_AN_HOUR).click()

    await expect(row(page, ATTACK)).to_contain_text(re.compile(r"On until \d{1,2}:\d\d"))
    await switch(page, ATTACK).click()
    await expect(row(page, ATTACK)).to_contain_text(wording.rows.CONFIRMED)


async def test_what_the_store_shows_appears_live_in_every_open_page(demo: Demo, browser: Browser):
    page, other = await demo.open(browser, SHOP), await demo.open(browser, SHOP)
    await demo.settled(page)
    line = "#v-http3"
    await expect(page.locator(line)).to_contain_text("seen in your store")  # looked at when the page opened
    demo.execute("UPDATE customer_zones SET storefront_tried_at = storefront_tried_at - 120000")
    await demo.dashboard(SHOP, "http3", "off")

    await page.locator(line).get_by_role("button", name=wording.storefront.CHECK_STORE).click()

    for one in (page, other):
        await expect(one.locator(line)).to_contain_text(wording.storefront.NOT_SEEN[1])
    await expect(row(page, HTTP3)).to_contain_text(re.compile(r"just now|\d+ s ago"))
