"""How a page comes into each state that a person can meet; each block holds it there, and mends what it broke."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from playwright.async_api import Browser, Page, expect

from cloudcache.ui import wording
from tests.browser.conftest import SHOPS, Demo, new_context
from tests.browser.sockets import Socket
from tests.support.held import held
from tests.support.server import ROOT
from tests.support.waiting import SAFETY_NET_S

State = Callable[[Demo, Browser], AbstractAsyncContextManager[Page]]
SHOP, OTHER, NEVER_READ = "maple-lane", "birch-and-salt", "red-lantern-books"
REFUSED, LIMITED = "olive-press", "harbour-candles"
SWITCH = "Rocket Loader"


@asynccontextmanager
async def signed_out(demo: Demo, browser: Browser) -> AsyncIterator[Page]:
    """Outside the Shopify admin, where no session token comes."""
    page = await (await new_context(browser, base_url=demo.url)).new_page()
    await page.goto(
        f"/?embedded=1&shop={SHOP}.myshopify.com&host=YWRtaW4uc2hvcGlmeS5jb20vc3RvcmUvbWFwbGUtbGFuZQ"
    )
    yield page


@asynccontextmanager
async def loading(demo: Demo, browser: Browser) -> AsyncIterator[Page]:
    """Connected to the server, of which nothing has come yet."""
    page, socket = await demo.open(browser, SHOP), Socket()
    socket.withholds_updates = True
    await socket.route(page)
    await page.reload()
    yield page


@asynccontextmanager
async def first_read(demo: Demo, browser: Browser) -> AsyncIterator[Page]:
    """A store whose settings are read for the first time."""
    with held(f"{demo.url}/cloudflare/_emulator", "GET"):
        page = await demo.open(browser, NEVER_READ)
        await expect(page.get_by_role("progressbar")).to_be_visible()
        yield page


@asynccontextmanager
async def live(demo: Demo, browser: Browser) -> AsyncIterator[Page]:
    """All is well."""
    page = await demo.open(browser, SHOP)
    await demo.settled(page)
    yield page


@asynccontextmanager
async def _with_socket(demo: Demo, browser: Browser) -> AsyncIterator[tuple[Page, Socket]]:
    page, socket = await demo.open(browser, SHOP), Socket()
    await demo.settled(page)
    await socket.route(page)
    await page.reload()
    await demo.settled(page)
    yield page, socket


@asynccontextmanager
async def offline(demo: Demo, browser: Browser) -> AsyncIterator[Page]:
    """The network is gone."""
    async with _with_socket(demo, browser) as (page, socket):
        await socket.disconnect()
        yield page


@asynccontextmanager
async def half_dead_socket(demo: Demo, browser: Browser) -> AsyncIterator[Page]:
    """The socket is open and silent, something was pressed, and no other socket can be opened."""
    async with _with_socket(demo, browser) as (page, socket):
        socket.cut_off()
        socket.refuses = True
        await page.get_by_role("switch", name=SWITCH, exact=True).click()
        yield page


@asynccontextmanager
async def database_away(demo: Demo, browser: Browser) -> AsyncIterator[Page]:
    """A tab that is opened while the customers' table is gone."""
    page = await demo.open(browser, SHOP)
    with demo.without("customer_zones"):
        other = await page.context.new_page()
        await other.goto("/")
        yield other


@asynccontextmanager
async def cloudflare_silent(demo: Demo, browser: Browser) -> AsyncIterator[Page]:
    """No call to Cloudflare gets through."""
    async with _refreshed(demo, browser, SHOP, {"kind": "refuse"}) as page:
        yield page


@asynccontextmanager
async def zone_gone(demo: Demo, browser: Browser) -> AsyncIterator[Page]:
    """Cloudflare does not know the zone any more."""
    async with _refreshed(demo, browser, OTHER, {"kind": "status", "status": 404, "code": 7003}) as page:
        yield page
    await page.goto("/connect")
    await page.get_by_role("button", name=wording.connect.LOOK_AGAIN).click()
    await expect(page.get_by_role("region", name=wording.connect.CONNECTED, exact=True)).to_be_visible()


@asynccontextmanager
async def _refreshed(
    demo: Demo, browser: Browser, handle: str, fault: dict[str, object]
) -> AsyncIterator[Page]:
    page = await demo.open(browser, handle)
    await demo.settled(page)
    await demo.faults({**fault, "zone_id": SHOPS[handle].zone_id, "times": None})
    try:
        await page.get_by_role("button", name=wording.status.CHECK_ALL).click()
        yield page
    finally:
        await demo.faults({"clear": True})


@asynccontextmanager
async def token_refused(demo: Demo, browser: Browser) -> AsyncIterator[Page]:
    """The store's token was revoked."""
    yield await demo.open(browser, REFUSED)


@asynccontextmanager
async def blocked(demo: Demo, browser: Browser) -> AsyncIterator[Page]:
    """Cloudflare refuses all calls of this token for five minutes, and something was pressed."""
    page = await demo.open(browser, LIMITED)
    await demo.settled(page)
    await demo.faults({"kind": "block", "zone_id": SHOPS[LIMITED].zone_id})
    await page.get_by_role("switch", name=SWITCH, exact=True).click()
    yield page
    await demo.faults({"clear": True})


@asynccontextmanager
async def held_back(demo: Demo, browser: Browser) -> AsyncIterator[Page]:
    """The rollout does not include the store."""
    page = await demo.open(browser, SHOP)
    await demo.settled(page)
    await rollout(demo, "remove", SHOP)
    try:
        yield page
    finally:
        await rollout(demo, "forget", SHOP)


async def rollout(demo: Demo, *words: str) -> None:
    """The command, in a process of its own beside the server."""
    env = {**os.environ, "CLOUDCACHE_DATA_DIR": str(demo.app.data_dir)}
    command = [sys.executable, "-m", "cloudcache", "rollout", *words]
    done = await asyncio.to_thread(
        subprocess.run, command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=SAFETY_NET_S
    )
    assert done.returncode == 0, done.stderr


@asynccontextmanager
async def staff_view_ended(demo: Demo, browser: Browser) -> AsyncIterator[Page]:
    """The time of a support session is over."""
    page = await support(demo, browser)
    await page.goto(f"/staff/customers/{SHOP}")
    await page.get_by_label(wording.staff.VIEW_REASON).fill("ticket 4711: prices look odd")
    await page.get_by_role("button", name=wording.staff.VIEW_START).click()
    await expect(page.get_by_text(wording.staff.VIEW_BANNER)).to_be_visible()
    demo.execute("UPDATE staff_views SET ends_at = started_at")
    await page.get_by_role("searchbox").fill("polish")
    yield page


async def support(demo: Demo, browser: Browser) -> Page:
    """A member of the support staff at the search."""
    page = await (await new_context(browser, base_url=demo.url)).new_page()
    await page.goto("/signin")
    await page.get_by_role("button", name="Support, viewer").click()
    await expect(page.get_by_text(wording.staff.STAFF_BEGIN)).to_be_visible()
    return page
