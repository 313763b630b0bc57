"""Journeys of people: a new shop installs the app and connects; support finds a shop and looks."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.async_api import Browser, Frame, Page, expect

from cloudcache.local import NEW_TOKEN
from cloudcache.ui import wording
from tests.browser.conftest import PICTURES, Demo, new_context

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

ADMIN = "/shopify/store/paper-kite"


async def opened(browser: Browser, demo: Demo, *, width: int = 1280, theme: str = "light") -> Page:
    context = await new_context(
        browser, base_url=demo.url, viewport={"width": width, "height": 900}, color_scheme=theme
    )
    return await context.new_page()


async def framed(page: Page) -> Frame:
    """The app inside the admin."""
    await page.goto(ADMIN)
    content = await (await page.wait_for_selector("iframe")).content_frame()
    assert content is not None
    return content


@pytest.fixture
def errors() -> Iterator[list[str]]:
    """What the pages' scripts stumbled over; nothing, at the end."""
    seen: list[str] = []
    yield seen
    assert seen == []


async def test_a_new_shop_installs_connects_flips_and_disconnects(
    demo: Demo, browser: Browser, errors: list[str]
):
    page = await opened(browser, demo)
    page.on("pageerror", lambda error: errors.append(str(error)))
    app = await framed(page)
    await expect(app.get_by_label(wording.connect.TOKEN_LABEL)).to_be_visible()
    await expect(app.locator("a.back")).to_have_count(0)  # it would lead back to here

    await app.get_by_label("Cloudflare API token").fill("cfat_not_a_good_one_0123456789")
    await app.get_by_role("button", name="Check").click()
    await expect(app.get_by_role("alert").filter(has_text="doesn’t accept")).to_be_visible()
    await app.get_by_label("Cloudflare API token").fill(f" “Bearer {NEW_TOKEN.reveal()}” ")
    await app.get_by_role("button", name="Check").click()
    await expect(app.get_by_text("Proxied through Shopify (O2O)")).to_be_visible()
    assert NEW_TOKEN.reveal() not in await app.content()
    await page.screenshot(path=PICTURES / "connect.png", full_page=True)
    await app.get_by_role("button", name="Connect paperkite.example").click()

    switch = app.get_by_role("switch", name="Early Hints")
    await expect(switch).to_have_attribute("aria-disabled", "false")
    await expect(app.get_by_text(wording.status.FULL_CHECK)).to_be_visible()  # a later read says "Checked"
    was = await switch.get_attribute("aria-checked")
    await switch.click()
    await expect(app.locator("#s-early_hints")).to_contain_text("Confirmed")
    assert await switch.get_attribute("aria-checked") != was

    navigation = page.get_by_role("navigation", name="cloudcache")
    await navigation.get_by_role("button", name="History").click()
    await expect(app.get_by_text("Connected to Cloudflare")).to_be_visible()
    await expect(app.get_by_text("Early Hints turned")).to_be_visible()
    await navigation.get_by_role("button", name="Connection").click()
    await app.get_by_label("Name").fill("nightly")
    await app.get_by_role("button", name="Create token").click()
    await expect(app.locator("#made")).to_contain_text("cct_")
    assert await demo.axe(page) == []
    await app.get_by_role("button", name="Disconnect").click()
    await app.get_by_role("alertdialog").get_by_role("button", name="Disconnect").click()
    await expect(app.get_by_label("Cloudflare API token")).to_be_visible()


async def test_support_finds_a_shop_gives_a_reason_and_changes_nothing(
    demo: Demo, browser: Browser, errors: list[str]
):
    page = await opened(browser, demo, theme="dark")
    page.on("pageerror", lambda error: errors.append(str(error)))
    await page.goto("/signin")
    await page.get_by_role("button", name="Support, viewer").click()
    await expect(page.get_by_text("at least 2 characters")).to_be_visible()
    await page.get_by_placeholder("Search by store name, domain, or zone ID").fill("maple")
    await page.get_by_role("link", name="maple-lane").click()
    await page.get_by_label("Why do you need access?").fill("odd")
    await page.get_by_role("button", name="View settings").click()
    await expect(page.get_by_role("alert").filter(has_text="reason")).to_be_visible()
    await page.get_by_label("Why do you need access?").fill("ticket 4711: prices look odd")
    await page.get_by_role("button", name="View settings").dblclick()

    await expect(page.get_by_text("Viewing as support (read only)")).to_be_visible()
    await expect(page).to_have_title(re.compile("^maple-lane"))  # tells one customer's tab from another's
    await expect(page.get_by_role("button", name="Refresh all")).to_have_count(0)
    switch = page.get_by_role("switch", name="Early Hints")
    await expect(switch).to_have_attribute("aria-disabled", "true")
    before = await switch.get_attribute("aria-checked")
    await switch.click(force=True)
    await expect(switch).to_have_attribute("aria-checked", str(before))
    assert await demo.axe(page) == []
    await page.screenshot(path=PICTURES / "staff-customer.png")
    await page.get_by_role("button", name="End session").click()
    await expect(page.get_by_placeholder("Search by store name, domain, or zone ID")).to_be_visible()

    owner = await demo.open(browser, "maple-lane", width=390)
    await owner.get_by_role("link", name="History").click()
    lines = owner.get_by_role("region", name="History").get_by_role("listitem")
    looks = lines.filter(has_text=wording.history.SUPPORT_VIEWED)
    await expect(looks).to_have_count(1)
    await expect(looks).to_contain_text("ticket 4711: prices look odd")
    await owner.screenshot(path=PICTURES / "history-phone.png")
    await owner.get_by_role("link", name="Cloudflare settings").click()
    await owner.get_by_role("link", name="Connection").click()
    await expect(owner.get_by_role("region", name="Connected")).to_contain_text(
        "maplelane.example is proxied through Shopify"
    )


async def test_a_page_outside_the_admin_says_where_to_open_it(demo: Demo, browser: Browser):
    page = await opened(browser, demo, width=390)
    await page.goto(
        "/?embedded=1&shop=paper-kite.myshopify.com&host=YWRtaW4uc2hvcGlmeS5jb20vc3RvcmUvcGFwZXIta2l0ZQ"
    )

    await expect(page.get_by_text("Open this app from your Shopify admin")).to_be_visible()
    assert await demo.axe(page) == []


async def test_permissions_of_a_token_that_nobody_tried_are_not_said_to_work(demo: Demo, browser: Browser):
    page = await demo.open(browser, "birch-and-salt")
    await page.get_by_role("link", name="Connection").click()
    dns, waf = (page.get_by_role("listitem").filter(has_text=name) for name in ("DNS: Read", "Zone WAF"))
    await expect(dns).to_contain_text("Not checked")

    await page.get_by_role("button", name="Check again").click()

    for permission in (dns, waf):
        await expect(permission).to_contain_text("Granted")
