"""How the pages look, measured in a browser: the font, what moves while a page loads, what is cut or too wide."""

from __future__ import annotations

import asyncio
import re

import pytest
from playwright.async_api import Browser, Route, expect

from cloudcache.local import DEMO_SHOPS
from cloudcache.ui import wording
from tests.browser.conftest import Demo, new_context

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


SHIFTS = """
window.shifts = [];
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) {
    if (!entry.hadRecentInput) window.shifts.push([entry.value, ...entry.sources.map((one) => one.node?.className)]);
  }
}).observe({ type: "layout-shift", buffered: true });
"""
MOST_SHIFT = 0.02


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("handle", [demo.handle for demo in DEMO_SHOPS])
async def test_nothing_moves_while_the_settings_load(demo: Demo, browser: Browser, handle: str, width: int):
    page = await demo.open(browser, handle, width=width)
    await page.context.add_init_script(SHIFTS)

    await page.goto("/")
    await expect(page.get_by_text(f"{handle}.myshopify.com")).to_be_visible()
    await expect(page.locator(".slot.loading, .skel")).to_have_count(0)
    await page.evaluate("document.fonts.ready.then(() => new Promise(requestAnimationFrame))")

    shifts = await page.evaluate("window.shifts")
    assert sum(value for value, *_ in shifts) <= MOST_SHIFT, shifts


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize(
    ("path", "last"), [("/history", wording.history.HISTORY_TEXT), ("/connect", wording.connect.LOOK_AGAIN)]
)
async def test_nothing_moves_while_another_page_loads(
    demo: Demo, browser: Browser, path: str, last: str, width: int
):
    page = await demo.open(browser, "maple-lane", width=width)
    await page.context.add_init_script(SHIFTS)

    await page.goto(path)
    await expect(page.get_by_text(last)).to_be_visible()
    await expect(page.locator(".skel")).to_have_count(0)
    await page.evaluate("document.fonts.ready.then(() => new Promise(requestAnimationFrame))")

    shifts = await page.evaluate("window.shifts")
    assert sum(value for value, *_ in shifts) <= MOST_SHIFT, shifts


async def test_a_late_font_moves_nothing(demo: Demo, browser: Browser):
    page = await demo.open(browser, "maple-lane", width=390)
    arrives = asyncio.Event()

    async def held(route: Route) -> None:
        await arrives.wait()
        await route.continue_()

    await page.context.route("**/inter.woff2", held)
    await page.context.add_init_script(SHIFTS)
    await page.goto("/", wait_until="commit")
    await expect(page.get_by_text("maple-lane.myshopify.com")).to_be_visible()
    await expect(page.locator(".slot.loading, .skel")).to_have_count(0)
    heights = "[...document.querySelectorAll('.head, .status, .toolbar')].map((one) => one.offsetHeight)"
    before = await page.evaluate(heights)

    arrives.set()
    await page.evaluate("document.fonts.ready.then(() => new Promise(requestAnimationFrame))")

    assert await page.evaluate("document.fonts.check('550 13px Inter')")
    assert await page.evaluate(heights) == before


@pytest.mark.parametrize("width", [390, 1280])
async def test_names_of_any_length_and_direction_change_no_height(demo: Demo, browser: Browser, width: int):
    page = await demo.open(browser, "maple-lane", width=width)
    await demo.settled(page)
    height = "document.querySelector('.head').offsetHeight"
    before = await page.evaluate(height)

    for name in ("a" * 200, "متجر الورود " * 17, "<b>&amp;</b>" * 17):
        await page.locator(".facts bdi").evaluate_all(
            "(all, name) => all.forEach((one) => one.textContent = name)", name
        )

        assert await page.evaluate(height) == before
        assert await page.evaluate("document.documentElement.scrollWidth") == width
        cut = page.locator(".facts bdi").last
        assert await cut.evaluate(
            "(one) => one.scrollWidth > one.clientWidth && getComputedStyle(one).textOverflow === 'ellipsis'"
        )


@pytest.mark.parametrize("name", ["n" * 200, "\u05d9\u05d5\u05e1\u05d9" * 50, "<b onclick=x>ann</b>" * 9])
async def test_long_name_in_a_row_is_cut_and_its_time_is_whole(demo: Demo, browser: Browser, name: str):
    page = await demo.open(browser, "birch-and-salt")
    await demo.settled(page)
    now = await demo.value("birch-and-salt", "early_hints")

    await demo.dashboard("birch-and-salt", "early_hints", "off" if now == "on" else "on", person=name)

    who = page.locator("#s-early_hints .who")
    await expect(who).to_contain_text(name[:20])
    await expect(who).to_contain_text("…")
    await expect(who.locator("cc-age")).to_have_text(re.compile("ago|now"))
    is_whole = "(one) => one.scrollWidth <= one.offsetWidth"
    assert await who.evaluate(is_whole)
    assert await who.locator("> span").evaluate(is_whole)


async def test_status_says_nothing_after_its_mark_while_nothing_is_known(demo: Demo, browser: Browser):
    page = await demo.open(browser, "maple-lane")
    await page.route_web_socket("**/_event/**", lambda socket: None)  # answers nothing
    await page.goto("/")

    await expect(page.get_by_text(wording.status.CONNECTING)).to_be_visible()
    after = await page.locator(".news").evaluate("(one) => getComputedStyle(one, '::before').content")

    assert after == "none"


async def test_skip_link_leads_past_the_navigation(demo: Demo, browser: Browser):
    page = await demo.open(browser, "maple-lane")
    await demo.settled(page)

    await page.keyboard.press("Tab")
    await expect(page.get_by_role("link", name=wording.common.SKIP)).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("main")).to_be_focused()
    await page.keyboard.press("Tab")

    assert await page.evaluate("document.activeElement.closest('main') !== null")
    assert await page.evaluate("document.activeElement.closest('.bar')") is None


async def test_what_words_mean_is_told_by_key_and_touch(demo: Demo, browser: Browser):
    page = await demo.open(browser, "maple-lane")
    words, meaning = (
        page.get_by_role("button", name=wording.status.O2O),
        page.get_by_text(wording.status.O2O_MEANS),
    )
    await expect(meaning).to_be_hidden()

    await words.focus()
    await page.keyboard.press("Enter")
    await expect(meaning).to_be_visible()
    place, below = await meaning.bounding_box(), await words.bounding_box()
    assert place and below and 0 <= place["y"] - below["y"] - below["height"] < 20
    await page.keyboard.press("Escape")
    await expect(meaning).to_be_hidden()
    await expect(words).to_be_focused()

    assert await page.locator("main [title]").count() == 0


async def test_a_focused_switch_is_never_under_the_bar_that_stays(demo: Demo, browser: Browser):
    for width in (390, 1280):
        page = await demo.open(browser, "maple-lane", width=width)
        await demo.settled(page)
        await page.locator("#w-hsts").focus()
        hidden = []
        for _ in range(12):
            await page.keyboard.press("Shift+Tab")
            hidden += await page.evaluate(
                """() => {
                    const bar = document.querySelector(".toolbar").getBoundingClientRect();
                    const at = document.activeElement.getBoundingClientRect();
                    return at.top < bar.bottom && at.bottom > bar.top ? [document.activeElement.id] : [];
                }"""
            )
        assert hidden == []


async def test_first_card_stays_in_place_when_a_filter_hides_the_first_section(demo: Demo, browser: Browser):
    page = await demo.open(browser, "maple-lane")
    await demo.settled(page)
    top = """[...document.querySelectorAll(".cards > .card")]
        .find((one) => one.offsetHeight).getBoundingClientRect().top"""
    before = await page.evaluate(top)

    await page.get_by_role("button", name="Images").click()
    await expect(page.get_by_role("heading", name="Page loading")).to_be_hidden()

    assert await page.evaluate(top) == before


@pytest.mark.parametrize(
    ("locale", "clock"), [("ar-EG", "12"), ("ja-JP", "24"), ("fr-FR", "24"), ("de-DE", "24")]
)
async def test_times_are_in_the_language_of_the_page(demo: Demo, browser: Browser, locale: str, clock: str):
    context = await new_context(browser, base_url=demo.url, locale=locale)
    page = await context.new_page()
    await page.goto("/signin")
    yesterday = "Math.floor(Date.now() / 1000 - 86400).toString(36)"

    text = await page.evaluate(
        f"""() => {{
            const age = document.createElement("cc-age");
            age.setAttribute("says", "clock");
            age.setAttribute("at", {yesterday});
            document.body.append(age);
            return age.textContent;
        }}"""
    )

    day = "(Mon|Tue|Wed|Thu|Fri|Sat|Sun)"
    time = r"[0-9]{1,2}:[0-9]{2}\s[AP]M" if clock == "12" else "[0-9]{2}:[0-9]{2}"
    assert re.fullmatch(f"{day} {time}", text), text


async def test_system_colors_keep_every_mark(demo: Demo, browser: Browser):
    page = await demo.open(browser, "maple-lane")
    await demo.settled(page)
    await page.emulate_media(forced_colors="active", reduced_motion="reduce")  # no color is on its way

    shown = await page.evaluate(
        """() => {
            const style = (selector) => getComputedStyle(document.querySelector(selector));
            const differs = (selector) => style(`${selector} i`).backgroundColor !== style(selector).backgroundColor;
            return {
                live: style(".live i").backgroundColor !== style("body").backgroundColor,
                chip: style('.chip[aria-pressed="true"]').backgroundColor
                    !== style('.chip[aria-pressed="false"]').backgroundColor,
                knobs: ["true", "false"].every((on) => ["true", "false"].every((dead) => {
                    const kind = `.switch[aria-checked="${on}"][aria-disabled="${dead}"]`;
                    return !document.querySelector(kind) || differs(kind);
                })),
                card: parseFloat(style(".card").borderTopWidth) >= 1,
                control: parseFloat(style(".switch").borderTopWidth) >= 1,
            };
        }"""
    )

    assert all(shown.values()), shown


async def test_locked_switch_that_is_on_looks_on(demo: Demo, browser: Browser):
    page = await demo.open(browser, "olive-press")
    await page.emulate_media(reduced_motion="reduce")  # no color is on its way
    contrast = await page.locator('.switch[aria-disabled="true"][aria-checked="true"]').first.evaluate(
        """(one) => {
            const parts = (color) => color.match(/[0-9.]+/g).map(Number);
            const card = parts(getComputedStyle(one.closest(".card")).backgroundColor);
            const light = (color) => {
                const [r, g, b, alpha = 1] = parts(color);
                const [red, green, blue] = [r, g, b].map((part, place) => {
                    const value = (part * alpha + card[place] * (1 - alpha)) / 255;
                    return value <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
                });
                return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
            };
            const ratio = (a, b) => (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
            const track = light(getComputedStyle(one).backgroundColor);
            const knob = light(getComputedStyle(one.firstElementChild).backgroundColor);
            return [ratio(track, knob), ratio(track, light(`rgb(${card})`))];
        }"""
    )

    assert min(contrast) >= 3
