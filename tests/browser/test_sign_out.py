"""Signing out in one tab ends the other tabs of that sign-in, and no tab of another one."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser, BrowserContext, Page, expect

from cloudcache.ui import wording
from tests.browser.conftest import Demo, new_context

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


async def sign_out(context: BrowserContext, path: str) -> None:
    page = await context.new_page()
    await page.goto(path)
    await page.get_by_role("button", name=wording.common.SIGN_OUT).click()
    await expect(page.get_by_text(wording.common.SIGN_OUT)).to_have_count(0)


@pytest.mark.parametrize("path", ["/history", "/connect"])
async def test_page_of_a_merchant_ends_with_a_sign_out_in_another_tab(
    demo: Demo, browser: Browser, path: str
):
    page, other = await demo.open(browser, "maple-lane"), await demo.open(browser, "maple-lane")
    for one in (page, other):
        await one.goto(path)
        await expect(one.get_by_role("link", name=wording.common.BACK)).to_be_visible()

    await sign_out(page.context, "/")

    await expect(page.get_by_text(wording.signin.SIGNIN_TITLE)).to_be_visible()
    await expect(other.get_by_role("link", name=wording.common.BACK)).to_be_visible()


async def test_settings_are_gone_after_a_sign_out_in_another_tab(demo: Demo, browser: Browser):
    page, other = await demo.open(browser, "maple-lane"), await demo.open(browser, "maple-lane")
    switches = [one.get_by_role("switch", name="Early Hints", exact=True) for one in (page, other)]
    for one in switches:
        await expect(one).to_be_visible()

    await sign_out(page.context, "/")

    await expect(page.get_by_text(wording.common.SIGNED_OUT)).to_be_visible()
    await expect(switches[0]).to_have_count(0)
    await expect(switches[1]).to_be_visible()


async def staff(demo: Demo, browser: Browser) -> Page:
    page = await (await new_context(browser, base_url=demo.url)).new_page()
    await page.goto("/signin")
    await page.get_by_role("button", name="Support, viewer").click()
    await expect(page.get_by_role("searchbox")).to_be_visible()
    return page


async def test_search_of_the_staff_ends_with_a_sign_out_in_another_tab(demo: Demo, browser: Browser):
    page, other = await staff(demo, browser), await staff(demo, browser)

    await sign_out(page.context, "/staff")

    await expect(page.get_by_text(wording.staff.STAFF_SIGNED_OUT)).to_be_visible()
    await expect(page.get_by_role("searchbox")).to_have_count(0)
    await expect(other.get_by_role("searchbox")).to_be_visible()
