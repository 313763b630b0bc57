"""A shop that the rollout lets wait, as its merchant, its scripts and the support see it while it changes."""

from __future__ import annotations

import httpx
import pytest
from playwright.async_api import Browser, Page, expect

from cloudcache.config import PRETEND_SHOPIFY, load
from cloudcache.shopify_emulator.world import ShopifyWorld
from cloudcache.ui import wording
from tests.browser.conftest import Demo, new_context, picture
from tests.browser.page_states import rollout
from tests.support.waiting import http_client, until_true

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

SHOP = "red-lantern-books"
STAY = "Coming soon to your store"


async def asked(demo: Demo, method: str, handle: str = SHOP) -> httpx.Response:
    """What the REST API answers this shop."""
    settings = load({"CLOUDCACHE_DATA_DIR": str(demo.app.data_dir)})
    world = ShopifyWorld(PRETEND_SHOPIFY, settings.shopify_secrets[0])
    world.add_shop(f"{handle}.myshopify.com", [])
    token = world.id_token(f"{handle}.myshopify.com")
    async with http_client() as client:
        return await client.request(
            method,
            f"{demo.url}/api/v1/optimizations/early-hints",
            headers={"Authorization": f"Bearer {token}"},
            json={"enabled": True} if method == "POST" else None,
        )


async def erased(demo: Demo, page: Page, handle: str) -> None:
    """The shop as one that never came, whatever other tests did with it."""
    await page.goto(f"/shopify/store/{handle}")
    await page.get_by_role("button", name="Request erasure").click()

    async def is_erased() -> bool:
        return (await asked(demo, "GET", handle)).status_code == 409  # not connected

    await until_true(is_erased)


async def looks(page: Page, demo: Demo, name: str) -> None:
    """In both widths and both themes, nothing to find fault with."""
    for width in (1280, 390):
        for theme in ("light", "dark"):
            await page.set_viewport_size({"width": width, "height": 900})
            await page.emulate_media(color_scheme=theme, reduced_motion="reduce")
            assert await demo.axe(page) == []
            assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
            await picture(page, f"{name}-{width}-{theme}")


async def test_an_open_page_follows_the_rollout_down_and_up_by_itself(demo: Demo, browser: Browser):
    page, other = await demo.open(browser, SHOP), await demo.open(browser, "maple-lane")
    await page.evaluate("window.notReloaded = true")
    switch = page.get_by_role("switch", name="Early Hints", exact=True)
    await expect(switch).to_have_attribute("aria-disabled", "false")
    before = await demo.value(SHOP, "early_hints")

    await rollout(demo, "remove", SHOP)
    await expect(page.get_by_role("heading", name=STAY)).to_be_visible()
    await expect(switch).to_have_count(0)
    reading, writing = await asked(demo, "GET"), await asked(demo, "POST")
    await looks(page, demo, "waiting")
    await page.goto("/history")
    await expect(page.get_by_role("heading", name=STAY)).to_be_visible()
    await page.evaluate("window.notReloaded = true")
    await rollout(demo, "forget", SHOP)

    await expect(switch).to_have_attribute("aria-disabled", "false")
    assert await page.evaluate("window.notReloaded") is True
    assert [(one.status_code, one.json()["code"]) for one in (reading, writing)] == [
        (403, "not-rolled-out")
    ] * 2
    assert reading.headers["content-type"] == "application/problem+json"
    assert await demo.value(SHOP, "early_hints") == before
    assert (await asked(demo, "GET")).status_code == 200
    await expect(other.get_by_role("switch", name="Early Hints", exact=True)).to_be_visible()


async def test_connection_of_a_store_that_waits_says_the_same_and_can_only_be_ended(
    demo: Demo, browser: Browser
):
    page = await demo.open(browser, SHOP)
    await demo.settled(page)
    await page.goto("/connect")
    again = page.get_by_role("button", name=wording.connect.LOOK_AGAIN, exact=True)
    await expect(again).to_be_visible()
    await page.evaluate("window.notReloaded = true")

    await rollout(demo, "remove", SHOP)
    await expect(page.get_by_text(wording.rollout.WAITING, exact=True)).to_be_visible()
    await expect(page.get_by_text(wording.rollout.WAITING_MORE)).to_be_visible()
    await expect(again).to_have_count(0)
    await expect(page.get_by_role("button", name=wording.connect.REPLACE, exact=True)).to_have_count(0)
    await expect(page.get_by_role("button", name=wording.connect.DISCONNECT, exact=True)).to_be_visible()
    await rollout(demo, "forget", SHOP)

    await expect(again).to_be_visible()
    await expect(page.get_by_text(wording.rollout.WAITING, exact=True)).to_have_count(0)
    assert await page.evaluate("window.notReloaded") is True


async def test_support_still_looks_at_a_shop_that_waits_and_is_told_so(demo: Demo, browser: Browser):
    await rollout(demo, "remove", SHOP)
    context = await new_context(browser, base_url=demo.url, viewport={"width": 1280, "height": 900})
    page = await context.new_page()
    await page.goto("/signin")
    await page.get_by_role("button", name="Support, viewer").click()
    await expect(page.get_by_role("searchbox")).to_be_visible()
    await page.goto(f"/staff/customers/{SHOP}.myshopify.com")
    await page.get_by_label("Why do you need access?").fill("ticket 12: why does it wait")
    await page.get_by_role("button", name="View settings").click()

    await expect(page.get_by_text("The rollout doesn’t include this store")).to_be_visible()
    await expect(page.get_by_role("switch", name="Early Hints", exact=True)).to_be_visible()
    await picture(page, "waiting-staff")
    await rollout(demo, "forget", SHOP)
    await expect(page.get_by_text("The rollout doesn’t include this store")).to_be_hidden()


async def test_a_shop_without_a_zone_waits_and_then_is_told_that_it_is_its_turn(demo: Demo, browser: Browser):
    page = await (await new_context(browser, base_url=demo.url)).new_page()
    await erased(demo, page, "paper-kite")
    await rollout(demo, "remove", "paper-kite")
    await page.goto("/shopify/store/paper-kite")
    app = await (await page.wait_for_selector("iframe")).content_frame()
    assert app is not None
    await expect(app.get_by_role("heading", name=STAY)).to_be_visible()

    await rollout(demo, "forget", "paper-kite")

    await expect(
        app.get_by_role("heading", name="Cloudflare settings are ready for your store")
    ).to_be_visible()
    await app.get_by_role("link", name="Connect Cloudflare").click()
    await expect(app.get_by_label("Cloudflare API token")).to_be_visible()
