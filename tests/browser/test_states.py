"""What the page says in each state a person can meet, as a table; `make screenshots` keeps pictures of them all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from playwright.async_api import Browser, expect

from cloudcache.ui.wording import common, grid, problems, rollout, rows, staff, status
from tests.browser import page_states
from tests.browser.conftest import Demo, pictures
from tests.support.server import running_app

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

HTTP2 = "HTTP/2"
REFRESHED = status.check_again(60_000).partition(".")[0]
CUT = """
() => [...document.querySelectorAll("main .status *, main .head *, main .banner *")]
  .filter((one) => one.checkVisibility() && one.getBoundingClientRect().right > innerWidth)
  .map((one) => one.textContent)
"""
"""What stands beyond the edge of a phone."""

MARKS = (status.LIVE, status.OFFLINE, status.PAUSED, status.CONNECTING, status.UNAVAILABLE, status.LIMITED)


@dataclass(frozen=True)
class Says:
    """What stands on the page, and which mark. No other mark does, nor what would be untrue."""

    sentences: tuple[str, ...]
    mark: str | None = None
    not_said: tuple[str, ...] = ()


UNREAD = (status.FULL_CHECK, status.NOTHING_ODD, *(f"{HTTP2}{on}" for on in rows.DEPENDS_ON))
"""What nobody can know before Cloudflare was read."""

UNKNOWN = (*UNREAD, status.NEVER_CHECKED, f"{grid.NEEDS_A_LOOK} 0")
"""What nobody can know before the database was read either."""

STATES: dict[str, Says] = {
    "signed_out": Says((common.SIGNED_OUT, common.SIGNED_OUT_MORE), not_said=(status.CONNECTED_TO,)),
    "loading": Says((), status.CONNECTING, UNKNOWN),
    "first_read": Says((status.CHECKING, rows.UNREAD_MORE), status.LIVE, UNREAD),
    "live": Says((status.CONNECTED_TO, status.FULL_CHECK), status.LIVE, (status.CHECKING, problems.LOST)),
    "offline": Says((problems.LOST, problems.LOST_MORE), status.OFFLINE),
    "half_dead_socket": Says((problems.LOST, rows.UNSENT), status.OFFLINE),
    "database_away": Says((problems.NO_DATABASE, problems.NO_DATABASE_MORE), status.UNAVAILABLE, UNKNOWN),
    "cloudflare_silent": Says((problems.SILENT, problems.SILENT_MORE, status.SILENT_MARK)),
    "token_refused": Says(
        (problems.TOKEN_REFUSED, problems.TOKEN_REFUSED_MORE), status.PAUSED, (status.CONNECTED_TO,)
    ),
    "zone_gone": Says(
        (problems.ZONE_GONE, problems.ZONE_GONE_MORE), status.PAUSED, (status.CONNECTED_TO, REFRESHED)
    ),
    "blocked": Says((status.LIMITED_MEANS[0], rows.CANCEL_CHANGE), status.LIMITED),
    "held_back": Says((rollout.WAITING, rollout.WAITING_MORE), not_said=(status.CONNECTED_TO,)),
    "staff_view_ended": Says((staff.VIEW_ENDED, staff.VIEW_REASON), not_said=(staff.VIEW_BANNER,)),
}


@pytest.fixture(scope="module")
def own() -> Iterator[Demo]:
    """A demo that this file may break."""
    with running_app({"CLOUDCACHE_WATCH_SECONDS": "5", "CLOUDCACHE_AUDIT_LOG_SECONDS": "2"}) as app:
        yield Demo(app)


@pytest.mark.parametrize("name", STATES)
async def test_page_says_what_is_true_in_each_state(own: Demo, browser: Browser, name: str):
    says = STATES[name]
    async with getattr(page_states, name)(own, browser) as page:
        for sentence in says.sentences:
            await expect(page.get_by_text(sentence).filter(visible=True).first).to_be_visible()
        for mark in MARKS:
            seen = page.get_by_text(mark, exact=True).filter(visible=True)
            await expect(seen).to_have_count(1 if mark == says.mark else 0)
        for sentence in says.not_said:
            await expect(page.get_by_text(sentence).filter(visible=True)).to_have_count(0)

        await pictures(page, f"state-{name.replace('_', '-')}")
        assert await page.evaluate(CUT) == []
