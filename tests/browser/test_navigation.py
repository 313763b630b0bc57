"""The way between the pages: Shopify's admin draws it beside the app, and outside of it the page does."""

from __future__ import annotations

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Frame, Page, expect

from cloudcache.ui.wording import common, signin
from tests.browser.conftest import Demo, new_context
from tests.browser.page_states import rollout
from tests.support.server import running_app

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

OTHERS = (common.HISTORY, common.CONNECTION_TAB)


async def in_the_admin(demo: Demo, browser: Browser, handle: str) -> tuple[Page, Frame]:
    page = await (await new_context(browser, base_url=demo.url)).new_page()
    await page.goto(f"/shopify/store/{handle}")
    app = await (await page.wait_for_selector("iframe")).content_frame()
    assert app is not None
    return page, app


async def test_admin_draws_the_navigation_and_leads_without_a_reload(demo: Demo, browser: Browser):
    page, app = await in_the_admin(demo, browser, "maple-lane")
    await expect(app.get_by_role("heading", name=common.TITLE)).to_be_visible()
    navigation = page.get_by_role("navigation", name=common.APP)
    await expect(navigation.get_by_role("button")).to_have_text([common.APP, *OTHERS])
    await expect(app.get_by_role("navigation")).to_have_count(0)
    await app.evaluate("window.notReloaded = true")

    for name in OTHERS:
        await navigation.get_by_role("button", name=name).click()
        await expect(app.get_by_role("heading", level=1)).to_contain_text(name, ignore_case=True)
        await expect(navigation.get_by_role("button", name=name)).to_have_attribute("aria-current", "page")
    await navigation.get_by_role("button", name=common.APP).click()
    await expect(app.get_by_role("heading", name=common.TITLE)).to_be_visible()

    assert await app.evaluate("window.notReloaded") is True


async def test_axe_finds_nothing_in_the_frame(demo: Demo, browser: Browser):
    _, app = await in_the_admin(demo, browser, "maple-lane")
    await expect(app.get_by_role("heading", name=common.TITLE)).to_be_visible()
    await expect(app.locator(".skel")).to_have_count(0)

    found = (await Axe().run(app)).response["violations"]

    assert [(one["id"], one["nodes"][0]["html"]) for one in found] == []


async def test_sign_out_of_a_page_in_the_admin_leaves_the_frame(demo: Demo, browser: Browser):
    """The sign-in refuses to be framed: in the frame its address would be a page that cannot be shown."""
    page, app = await in_the_admin(demo, browser, "red-lantern-books")
    await expect(app.get_by_role("heading", name=common.TITLE)).to_be_visible()
    await expect(app.get_by_role("button", name=common.SIGN_OUT)).to_have_count(0)
    await rollout(demo, "remove", "red-lantern-books")
    try:
        await app.get_by_role("button", name=common.SIGN_OUT).click()

        await expect(page.get_by_role("heading", name=signin.SIGNIN_TITLE)).to_be_visible()
        await expect(page.locator("iframe")).to_have_count(0)
    finally:
        await rollout(demo, "forget", "red-lantern-books")


async def test_page_has_the_same_navigation_outside_of_the_admin(demo: Demo, browser: Browser):
    page = await demo.open(browser, "maple-lane")
    navigation = page.get_by_role("navigation", name=common.APP)
    await expect(navigation.get_by_role("link")).to_have_text([common.SETTINGS, *OTHERS])
    await expect(page.get_by_role("link", name=common.CONNECT)).to_have_count(0)  # it is connected

    for name in OTHERS:
        await navigation.get_by_role("link", name=name).click()
        await expect(page.get_by_role("heading", level=1)).to_contain_text(name, ignore_case=True)
        await expect(navigation.locator("[aria-current=page]")).to_have_text(name)
    await expect(page.get_by_role("main").get_by_role("link", name=common.HISTORY)).to_have_count(0)


async def test_store_that_has_no_settings_yet_is_led_nowhere(browser: Browser):
    with running_app() as own:  # another test connects the store of the shared one
        page, app = await in_the_admin(Demo(own), browser, "paper-kite")
        await expect(app.get_by_role("heading", name=common.CONNECT)).to_be_visible()

        await expect(page.get_by_role("navigation", name=common.APP).get_by_role("button")).to_have_count(0)
        await expect(app.get_by_role("link", name=common.BACK)).to_have_count(0)
