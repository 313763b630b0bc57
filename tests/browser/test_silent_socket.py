"""A socket that stays open while nothing passes through it, as after a laptop has slept."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Browser, Page, expect

from cloudcache.ui import wording
from tests.browser.conftest import Demo
from tests.browser.sockets import Socket
from tests.support.waiting import until_true

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

NAME = "Rocket Loader"


def switch(page: Page):
    return page.get_by_role("switch", name=NAME, exact=True)


def row(page: Page):
    return page.get_by_role("article", name=NAME, exact=True)


async def opposite(page: Page) -> str:
    """The position that the next press brings the switch to."""
    return "false" if await switch(page).get_attribute("aria-checked") == "true" else "true"


async def opened(demo: Demo, browser: Browser) -> tuple[Page, Socket]:
    """A page of birch-and-salt at rest, and its sockets."""
    page = await demo.open(browser, "birch-and-salt")
    socket = Socket()
    await socket.route(page)
    await page.reload()
    await demo.settled(page)
    await expect(switch(page)).to_have_attribute("aria-disabled", "false")
    return page, socket


async def flips(demo: Demo) -> int:
    """How often Rocket Loader was written at Cloudflare."""
    return len([one for one in await demo.writes() if one.endswith("/rocket_loader")])


CUTS = {
    "both ways": {"to_server": True, "to_page": True},
    "to the page": {"to_server": False, "to_page": True},
    "to the server": {"to_server": True, "to_page": False},
}


@pytest.mark.parametrize("cut", CUTS)
async def test_press_whose_frames_are_dropped_is_carried_out_exactly_once(
    demo: Demo, browser: Browser, cut: str
):
    page, socket = await opened(demo, browser)
    before, wanted = await flips(demo), await opposite(page)
    socket.cut_off(**CUTS[cut])

    await switch(page).click()

    await expect(row(page)).to_contain_text(wording.rows.SENDING)
    await expect(row(page)).not_to_contain_text(wording.rows.SENDING)
    await expect(switch(page)).to_have_attribute("aria-checked", wanted)
    await expect(row(page)).to_contain_text(wording.rows.CONFIRMED)
    assert socket.opened == socket.cut + 1
    assert await flips(demo) == before + 1


async def test_second_press_on_a_silent_socket_ends_where_cloudflare_does(demo: Demo, browser: Browser):
    page, socket = await opened(demo, browser)
    wanted = await opposite(page)
    socket.cut_off()

    await switch(page).click()
    await switch(page).click()

    await expect(row(page)).to_contain_text(wording.rows.SENDING)
    await expect(row(page)).not_to_contain_text(wording.rows.SENDING)
    await expect(switch(page)).to_have_attribute("aria-checked", wanted)
    await expect(row(page)).to_contain_text(wording.rows.CONFIRMED)  # not of the change before this one
    assert await demo.value("birch-and-salt", "rocket_loader") == ("on" if wanted == "true" else "off")


async def test_presses_while_offline_change_nothing_then_or_afterwards(demo: Demo, browser: Browser):
    page, socket = await opened(demo, browser)
    before, position = await flips(demo), await switch(page).get_attribute("aria-checked")
    await socket.disconnect()
    await expect(page.get_by_text(wording.problems.LOST)).to_be_visible()

    for _ in range(2):
        await switch(page).click(force=True)  # a switch that reports that it is disabled
    await page.get_by_role("button", name=re.compile("^Images ")).click()
    socket.refuses = False
    await expect(page.get_by_text(wording.problems.LOST)).to_have_count(0)
    await demo.settled(page)

    await expect(page.get_by_role("article")).to_have_count(50)
    await expect(switch(page)).to_have_attribute("aria-checked", position or "")
    assert await flips(demo) == before

    async def is_written() -> bool:
        return await flips(demo) == before + 1

    await switch(page).click()
    await until_true(is_written)


async def test_silent_socket_takes_live_away_within_ten_seconds(demo: Demo, browser: Browser):
    page, socket = await opened(demo, browser)
    await page.clock.install()
    await page.reload()
    await demo.settled(page)
    await expect(page.get_by_text("Live", exact=True)).to_be_visible()
    socket.refuses = True
    socket.cut_off()

    await page.clock.fast_forward(10_000)

    await expect(page.get_by_text("Offline", exact=True)).to_be_visible()
    await expect(page.get_by_text("Live", exact=True)).to_have_count(0)
    await expect(switch(page)).to_have_attribute("aria-disabled", "true")
    socket.refuses = False
    await page.clock.fast_forward(10_000)
    await expect(page.get_by_text("Live", exact=True)).to_be_visible()
