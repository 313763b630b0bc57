"""What a person does, in a real browser against the production build; each journey ends at what is then true.

Pictures of the page in its states are written to `.screenshots/` (or `CLOUDCACHE_SCREENSHOTS`).
"""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Browser, Page, expect

from cloudcache.domain.catalog import TOGGLES
from tests.browser.conftest import SHOPS, Demo, new_context, picture

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

ROCKET = "Rocket Loader"


def switch(page: Page, name: str):
    return page.get_by_role("switch", name=name, exact=True)


def row(page: Page, name: str):
    return page.get_by_role("article", name=name, exact=True)


async def test_a_flip_is_confirmed_and_a_second_tab_shows_it_without_reload(demo: Demo, browser: Browser):
    one, two = await demo.open(browser, "birch-and-salt"), await demo.open(browser, "birch-and-salt")
    before = await switch(one, ROCKET).get_attribute("aria-checked")
    after = "false" if before == "true" else "true"
    await two.evaluate("window.notReloaded = true")

    await switch(one, ROCKET).click()

    await expect(switch(one, ROCKET)).to_have_attribute("aria-checked", after)
    await expect(row(one, ROCKET)).to_contain_text(re.compile("Confirmed"))
    await expect(switch(two, ROCKET)).to_have_attribute("aria-checked", after)
    await expect(row(two, ROCKET)).to_contain_text(re.compile("Confirmed"))
    assert await two.evaluate("window.notReloaded") is True
    assert await demo.value("birch-and-salt", "rocket_loader") == ("on" if after == "true" else "off")


async def test_a_change_in_cloudflares_dashboard_appears_by_itself(demo: Demo, browser: Browser):
    page = await demo.open(browser, "maple-lane")
    await demo.settled(page)
    await page.evaluate("window.notReloaded = true")
    now = await demo.value("maple-lane", "early_hints")

    await demo.dashboard("maple-lane", "early_hints", "off" if now == "on" else "on")

    await expect(row(page, "Early Hints")).to_contain_text(re.compile("outside this app"))
    assert await page.evaluate("window.notReloaded") is True
    await picture(page, "outside")


async def test_a_refusal_rolls_back_and_keeps_its_reason(demo: Demo, browser: Browser):
    page = await demo.open(browser, "maple-lane")
    await demo.settled(page)
    name = "Leaked password detection"
    before = await switch(page, name).get_attribute("aria-checked")

    await switch(page, name).click()

    await expect(row(page, name)).to_contain_text(re.compile("Couldn’t turn"))
    await expect(switch(page, name)).to_have_attribute("aria-checked", before or "")
    await page.reload()
    await expect(row(page, name)).to_contain_text(re.compile("Couldn’t turn"))
    await expect(page.get_by_role("button", name=f"Try again: {name}")).to_be_visible()
    await picture(page, "failed")


async def test_a_risky_setting_asks_first_and_escape_is_the_safe_answer(demo: Demo, browser: Browser):
    page = await demo.open(browser, "birch-and-salt")
    await demo.settled(page)
    name = "Ignore query strings in the cache"
    await demo.dashboard("birch-and-salt", "cache_level", "aggressive")
    if await switch(page, name).get_attribute("aria-checked") == "true":
        await switch(page, name).click()
        await expect(row(page, name)).to_contain_text(re.compile("Confirmed"))

    await switch(page, name).click()
    dialog = page.get_by_role("alertdialog")
    await expect(dialog).to_be_visible()
    await picture(page, "confirm")
    await page.keyboard.press("Escape")

    await expect(dialog).to_be_hidden()
    await expect(switch(page, name)).to_have_attribute("aria-checked", "false")
    await expect(switch(page, name)).to_be_focused()
    assert await demo.value("birch-and-salt", "cache_level") == "aggressive"


async def test_change_that_weakens_protection_asks_first_too(demo: Demo, browser: Browser):
    page = await demo.open(browser, "birch-and-salt")
    await demo.settled(page)
    name = "Full (strict) SSL"
    await demo.dashboard("birch-and-salt", "ssl", "strict")
    await expect(switch(page, name)).to_have_attribute("aria-checked", "true")

    await switch(page, name).click()
    dialog = page.get_by_role("alertdialog", name=f"Turn off {name}?")
    await dialog.get_by_role("button", name="Keep on").click()
    await expect(dialog).to_be_hidden()
    assert await demo.value("birch-and-salt", "ssl") == "strict"

    await switch(page, name).click()
    await dialog.get_by_role("button", name="Turn off").click()

    await expect(switch(page, name)).to_have_attribute("aria-checked", "false")
    await expect(row(page, name)).to_contain_text(re.compile("Confirmed"))
    assert await demo.value("birch-and-salt", "ssl") == "full"


async def test_row_says_on_demand_what_its_verdict_rests_on(demo: Demo, browser: Browser):
    page = await demo.open(browser, "maple-lane")
    await demo.settled(page)
    why = row(page, "Speed Brain").get_by_text("Why?")
    reason = row(page, "Speed Brain").get_by_text("Neither Cloudflare nor Shopify says this clearly.")
    await expect(reason).to_be_hidden()

    await why.click()

    await expect(reason).to_be_visible()
    await expect(row(page, "Speed Brain")).to_contain_text("cf-speculation-refused")
    await picture(page, "why")


async def test_question_is_not_asked_again_after_a_reload(demo: Demo, browser: Browser):
    page = await demo.open(browser, "birch-and-salt")
    await demo.settled(page)
    name = "Ignore query strings in the cache"
    await demo.dashboard("birch-and-salt", "cache_level", "aggressive")
    await expect(switch(page, name)).to_have_attribute("aria-checked", "false")
    await switch(page, name).click()
    await expect(page.get_by_role("alertdialog")).to_be_visible()

    await page.reload()
    await demo.settled(page)

    await expect(switch(page, name)).to_be_visible()
    await expect(page.get_by_role("alertdialog")).to_have_count(0)


async def test_a_risky_setting_turns_on_once_the_shops_name_is_typed(demo: Demo, browser: Browser):
    page = await demo.open(browser, "birch-and-salt")
    await demo.settled(page)
    name = "Ignore query strings in the cache"
    await demo.dashboard("birch-and-salt", "cache_level", "aggressive")
    if await switch(page, name).get_attribute("aria-checked") == "true":
        await switch(page, name).click()
        await expect(row(page, name)).to_contain_text(re.compile("Confirmed"))

    await switch(page, name).click()
    dialog = page.get_by_role("alertdialog")
    await dialog.get_by_role("textbox").fill("birch-and-salt")
    await dialog.get_by_role("button", name="Turn on").click()

    await expect(switch(page, name)).to_have_attribute("aria-checked", "true")
    await expect(row(page, name)).to_contain_text(re.compile("Confirmed"))


async def test_search_finds_by_words_and_says_when_nothing_matches(demo: Demo, browser: Browser):
    page = await demo.open(browser, "maple-lane")
    await page.keyboard.press("/")
    search = page.get_by_role("searchbox")
    await expect(search).to_be_focused()

    await search.fill("rocket")
    await expect(row(page, "Early Hints")).to_be_hidden()
    await expect(row(page, ROCKET)).to_be_visible()
    await search.fill("brotli")
    await expect(page.get_by_text("No settings match")).to_be_visible()
    await picture(page, "empty")
    await page.get_by_role("button", name="Clear search").click()

    await expect(row(page, "Early Hints")).to_be_visible()


async def test_everything_can_be_done_with_the_keyboard(demo: Demo, browser: Browser):
    page = await demo.open(browser, "birch-and-salt")
    await demo.settled(page)
    await switch(page, "Early Hints").focus()
    before = await switch(page, "Early Hints").get_attribute("aria-checked")

    await page.keyboard.press("Space")

    await expect(switch(page, "Early Hints")).not_to_have_attribute("aria-checked", before or "")
    await expect(switch(page, "Early Hints")).to_be_focused()
    await expect(row(page, "Early Hints")).to_contain_text(re.compile("Confirmed"))
    await expect(switch(page, "Early Hints")).to_be_focused()


async def test_a_refused_token_pauses_the_switches_and_says_so(demo: Demo, browser: Browser):
    page = await demo.open(browser, "olive-press")

    await expect(page.get_by_text(re.compile("stopped working"))).to_be_visible()
    await expect(switch(page, ROCKET)).to_have_attribute("aria-disabled", "true")
    await picture(page, "token-refused")


async def test_while_cloudflare_is_silent_values_stay_and_changes_wait_for_it(demo: Demo, browser: Browser):
    page = await demo.open(browser, "red-lantern-books")
    await demo.settled(page)
    before = await switch(page, ROCKET).get_attribute("aria-checked")
    await demo.faults({"kind": "refuse", "zone_id": SHOPS["red-lantern-books"].zone_id, "times": None})

    await page.get_by_role("button", name="Refresh all").click()
    await expect(page.get_by_text("Cloudflare hasn’t responded since")).to_be_visible()
    await expect(row(page, "Early Hints")).to_contain_text("Checked")
    await switch(page, ROCKET).click()
    await expect(row(page, ROCKET)).to_contain_text("Waiting to turn")
    await picture(page, "silent")
    await demo.faults({"clear": True})

    await expect(row(page, ROCKET)).to_contain_text("Confirmed")
    await expect(page.get_by_text("Cloudflare hasn’t responded since")).to_be_hidden()
    await expect(switch(page, ROCKET)).not_to_have_attribute("aria-checked", before or "")


async def test_a_plan_that_is_too_low_locks_the_switch_and_names_the_plan(demo: Demo, browser: Browser):
    page = await demo.open(browser, "maple-lane")

    await expect(switch(page, "URL prefetching")).to_have_attribute("aria-disabled", "true")
    await expect(row(page, "URL prefetching")).to_contain_text(
        "Requires the Enterprise plan. Compare plans"
    )


async def test_nobody_signed_in_sees_no_shop(demo: Demo, browser: Browser):
    context = await new_context(browser, base_url=demo.url)
    page = await context.new_page()
    await page.goto("/")

    await expect(page.get_by_text("Choose a demo store")).to_be_visible()
    await picture(page, "signin")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
async def test_no_serious_axe_finding_and_nothing_scrolls_sideways(
    demo: Demo, browser: Browser, theme: str, width: int
):
    page = await demo.open(browser, "maple-lane", width=width, theme=theme)
    await demo.settled(page)

    findings = await demo.axe(page)
    sideways = await page.evaluate("document.documentElement.scrollWidth > window.innerWidth")
    await picture(page, f"grid-{theme}-{width}")

    assert not findings
    assert not sideways


@pytest.mark.parametrize("chip", ["All", "Images"])
async def test_page_that_is_opened_again_is_filtered_by_what_its_search_field_holds(
    demo: Demo, browser: Browser, chip: str
):
    page = await demo.open(browser, "maple-lane")
    await demo.settled(page)
    await page.get_by_role("button", name=re.compile(f"^{chip} ")).click()
    await page.get_by_role("searchbox").fill("polish")
    await expect(page.get_by_role("article", name="Early Hints")).to_be_hidden()

    await page.get_by_role("link", name="History").click()
    await page.get_by_role("link", name="Cloudflare settings").click()
    await demo.settled(page)
    await page.get_by_role("button", name=re.compile("^All ")).click()

    await expect(page.get_by_role("searchbox")).to_have_value("")
    await expect(page.get_by_role("article")).to_have_count(50)


async def test_changes_wait_where_the_demo_promises_it(demo: Demo, browser: Browser):
    page = await demo.open(browser, "harbour-candles")
    await demo.settled(page)
    waiting = page.get_by_text("Waiting to turn")

    for toggle in TOGGLES:
        if toggle.confirmation or toggle.confirmation_off or await waiting.count():
            continue
        one = switch(page, toggle.title)
        if await one.get_attribute("aria-disabled") == "false":
            before = await one.get_attribute("aria-checked")
            await one.click()
            await expect(one).not_to_have_attribute("aria-checked", before or "")

    await expect(waiting.first).to_be_visible()
