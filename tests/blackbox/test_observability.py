"""A web process as its operator sees it: the whole list, ids on answers, pages and requests counted."""

from __future__ import annotations

import re

import pytest

from cloudcache.adapters.telemetry import METRICS
from tests.blackbox.conftest import MAPLE, Target
from tests.support.page_socket import cookie_for, tab
from tests.support.waiting import http_client, until_true

pytestmark = pytest.mark.browser


async def scraped(target: Target) -> dict[str, float]:
    """Every series with its value."""
    async with http_client(base_url=target.url) as client:
        text = (await client.get("/metrics")).text
    found = (line.rpartition(" ") for line in text.splitlines() if not line.startswith("#"))
    return {series: float(value) for series, _, value in found}


async def test_a_web_process_tells_all_that_is_on_the_list(target: Target):
    expected = {one.name.removesuffix("_total"): one.kind.value for one in METRICS}
    async with http_client(base_url=target.url) as client:

        async def all_are_there() -> bool:
            """What the database does not give within two seconds is reported by a later scrape."""
            text = (await client.get("/metrics")).text
            reported = dict(re.findall(r"^# TYPE (cloudcache_\w+?)(?:_total)? (\w+)$", text, re.MULTILINE))
            assert reported.items() <= expected.items()
            return reported == expected

        await until_true(all_are_there)


async def test_a_request_is_counted_by_its_template_and_answered_with_its_id(target: Target):
    series = 'cloudcache_http_requests_total{route="/api/v1/optimizations/{toggle_id}",status="200"}'
    before = (await scraped(target)).get(series, 0)
    headers = {"Authorization": f"Bearer {target.token(MAPLE)}", "X-Request-Id": "proxy-0001"}
    async with http_client(base_url=target.url, headers=headers) as client:
        answer = await client.get("/api/v1/optimizations/polish")

    assert (answer.status_code, answer.headers["x-request-id"]) == (200, "proxy-0001")
    assert (await scraped(target))[series] == before + 1


async def test_an_open_page_and_its_flip_are_counted(target: Target):
    flips = 'cloudcache_page_event_seconds_count{handler="grid.flip"}'
    wishes = 'cloudcache_intents_total{source="page"}'
    before = await scraped(target)
    async with tab(target.url, await cookie_for(target.url, "maple-lane")) as page:
        during = await scraped(target)
        wanted = str(page.shown["r0"])[0] != "C"
        await page.send("flip", toggle_id="rocket_loader", on=wanted)
        await page.until("confirmed", lambda shown: str(shown["r0"])[0] == ("C" if wanted else "c"))
        after: dict[str, float] = {}

        async def is_counted() -> bool:
            """The page has the change a moment before it is counted that it has."""
            after.update(await scraped(target))
            pushes = "cloudcache_page_push_seconds_count"
            return all(after.get(name, 0) > before.get(name, 0) for name in (flips, pushes))

        await until_true(is_counted)

    assert during["cloudcache_pages_open"] >= 1 and during["cloudcache_sockets_open"] >= 1
    assert after[flips] == before.get(flips, 0) + 1
    assert after[wishes] == before.get(wishes, 0) + 1
