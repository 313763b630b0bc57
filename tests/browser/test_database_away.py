"""One table that a page needs is gone, and comes back: each page says so in a sentence and recovers by itself."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.async_api import Browser, Page, expect

from cloudcache.ui import wording
from tests.browser.conftest import Demo, new_context
from tests.browser.page_states import support
from tests.support.server import running_app
from tests.support.waiting import http_client, until_true

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

SHOP = "birch-and-salt"
CUSTOMERS = "customer_zones"


@pytest.fixture(scope="module")
def own() -> Iterator[Demo]:
    """A demo whose database this file may break."""
    with running_app({"CLOUDCACHE_WATCH_SECONDS": "3600"}) as app:
        yield Demo(app)


async def merchant(demo: Demo, browser: Browser, path: str) -> Page:
    page = await demo.open(browser, SHOP)
    await demo.settled(page)
    await page.goto(path)
    return page


async def test_connect_offers_no_token_form_and_comes_back(own: Demo, browser: Browser):
    page = await merchant(own, browser, "/history")
    with own.without(CUSTOMERS):
        await page.goto("/connect")
        await expect(page.get_by_text(wording.problems.NO_DATABASE)).to_be_visible()
        await page.evaluate("window.notReloaded = true")
        await expect(page.get_by_label(wording.connect.TOKEN_LABEL)).to_have_count(0)

    await expect(page.get_by_role("region", name=wording.connect.CONNECTED, exact=True)).to_be_visible()
    await expect(page.get_by_text(wording.problems.NO_DATABASE)).to_have_count(0)
    assert await page.evaluate("window.notReloaded") is True


async def test_connection_is_shown_while_its_api_tokens_cannot_be_read(own: Demo, browser: Browser):
    page = await merchant(own, browser, "/history")
    with own.without("api_tokens"):
        await page.goto("/connect")
        await expect(page.get_by_text(wording.api_tokens.API_TOKENS_UNAVAILABLE)).to_be_visible()
        await expect(page.get_by_role("region", name=wording.connect.CONNECTED, exact=True)).to_be_visible()
        await expect(page.get_by_text(wording.api_tokens.NO_SCRIPTS)).to_have_count(0)

    await expect(page.get_by_text(wording.api_tokens.NO_SCRIPTS)).to_be_visible()
    await expect(page.get_by_text(wording.api_tokens.API_TOKENS_UNAVAILABLE)).to_have_count(0)


async def test_history_says_so_and_comes_back(own: Demo, browser: Browser):
    page = await merchant(own, browser, "/connect")
    with own.without("audit_log"):
        await page.goto("/history")
        await expect(page.get_by_text(wording.history.HISTORY_UNAVAILABLE)).to_be_visible()
        await expect(page.get_by_text(wording.history.NO_HISTORY)).to_have_count(0)

    await expect(page.get_by_text(wording.history.HISTORY_UNAVAILABLE)).to_have_count(0)
    await expect(page.get_by_role("region", name=wording.common.HISTORY)).to_be_visible()


async def test_search_of_the_staff_shows_no_stale_customers_and_comes_back(own: Demo, browser: Browser):
    page = await support(own, browser)
    await page.evaluate("window.notReloaded = true")
    search, found = page.get_by_role("searchbox"), page.get_by_role("link", name=SHOP)
    await search.fill("birch")
    await expect(found).to_be_visible()
    with own.without(CUSTOMERS):
        await search.fill("birch-and")
        await expect(page.get_by_text(wording.staff.STAFF_UNAVAILABLE)).to_be_visible()
        await expect(found).to_have_count(0)
        await expect(page.get_by_text(wording.problems.NO_DATABASE)).to_have_count(0)

    await expect(found).to_be_visible()
    await expect(page.get_by_text(wording.staff.STAFF_UNAVAILABLE)).to_have_count(0)
    assert await page.evaluate("window.notReloaded") is True


async def test_support_view_is_not_said_to_have_ended(own: Demo, browser: Browser):
    page = await support(own, browser)
    await page.goto(f"/staff/customers/{SHOP}")
    await page.get_by_label(wording.staff.VIEW_REASON).fill("ticket 4711: database")
    await page.get_by_role("button", name=wording.staff.VIEW_START).click()
    await expect(page.get_by_text(wording.staff.VIEW_BANNER)).to_be_visible()
    with own.without("staff_views"):
        await page.reload()
        await expect(page.get_by_text(wording.problems.NO_DATABASE)).to_be_visible()
        await expect(page.get_by_text(wording.staff.VIEW_ENDED)).to_have_count(0)

    await expect(page.get_by_text(wording.problems.NO_DATABASE)).to_have_count(0)
    await expect(page.get_by_text(wording.staff.VIEW_BANNER)).to_be_visible()


async def test_sign_in_says_so_and_lists_the_shops_afterwards(own: Demo, browser: Browser):
    page = await (await new_context(browser, base_url=own.url)).new_page()
    with own.without(CUSTOMERS):
        await page.goto("/signin")
        await expect(page.get_by_text(wording.signin.SIGNIN_UNAVAILABLE)).to_be_visible()

    await expect(page.get_by_role("button", name=SHOP)).to_be_visible()
    await expect(page.get_by_text(wording.signin.SIGNIN_UNAVAILABLE)).to_have_count(0)


async def test_page_in_the_admin_says_so_before_it_knows_the_store(own: Demo, browser: Browser):
    page = await (await new_context(browser, base_url=own.url)).new_page()
    with own.without("shops"):
        await page.goto("/shopify/store/paper-kite")
        app = await (await page.wait_for_selector("iframe")).content_frame()
        assert app is not None
        await expect(app.get_by_text(wording.problems.NO_DATABASE)).to_be_visible()
        await expect(app.get_by_text(wording.common.SIGNED_OUT)).to_have_count(0)

    await expect(app.get_by_label(wording.connect.TOKEN_LABEL)).to_be_visible()
    await expect(app.get_by_text(wording.problems.NO_DATABASE)).to_have_count(0)


async def test_readiness_names_the_missing_table_and_comes_back(own: Demo):
    async with http_client(base_url=own.url) as client:

        async def is_ready() -> bool:
            return (await client.get("/readyz")).status_code == 200

        async def names_it() -> bool:
            answer = await client.get("/readyz")
            return answer.status_code == 503 and CUSTOMERS in answer.json()["database"]

        with own.without(CUSTOMERS):
            await until_true(names_it)
        await until_true(is_ready)
