"""How the pages look, measured in a browser: the font, what moves while a page loads, what is cut or too wide."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser, expect

from tests.browser.conftest import Demo

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


async def test_medium_weight_is_inters_own_and_not_bold(demo: Demo, browser: Browser):
    page = await demo.open(browser, "maple-lane")
    title = page.locator("#t-rocket_loader")
    await expect(title).to_be_visible()
    await page.evaluate("document.fonts.ready")

    client = await page.context.new_cdp_session(page)
    await client.send("DOM.enable")
    await client.send("CSS.enable")
    root = (await client.send("DOM.getDocument"))["root"]["nodeId"]
    node = await client.send("DOM.querySelector", {"nodeId": root, "selector": "#t-rocket_loader"})
    fonts = (await client.send("CSS.getPlatformFontsForNode", node))["fonts"]
    widths = await title.evaluate(
        """(element) => [450, 550, 700].map((weight) => {
            element.style.fontWeight = weight;
            return element.getBoundingClientRect().width;
        })"""
    )

    assert [(one["familyName"], one["isCustomFont"]) for one in fonts] == [("Inter", True)]
    assert widths == sorted(set(widths))
