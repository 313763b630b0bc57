"""At most one banner, the worst first: token refused, zone gone, no database, silence, not proxied, offline.

On the settings page it takes the place of the status card's second line, so that nothing moves when it comes. The
last one is drawn by the browser alone, since the server cannot say that it is gone.
"""

from __future__ import annotations

from functools import reduce
from operator import or_

import reflex as rx
from reflex_components_core.core.banner import has_connection_errors

from cloudcache.ui import wording
from cloudcache.ui.components.elements import age
from cloudcache.ui.components.icons import icon
from cloudcache.ui.states.grid import Grid

IS_FIRST_READ = (Grid.progress.length() > 0) & (Grid.checked == "")
_IS_UNUSED = ((Grid.topology == "dns_only") | (Grid.topology == "no_zone")) & ~IS_FIRST_READ
_IS_STOPPED = (Grid.status != "") & (Grid.status != "l") & (Grid.status != "w")
_IS_ODD_STORE = (
    reduce(or_, (Grid.sight_problem == outcome for outcome in wording.storefront.BANNERS)) & ~IS_FIRST_READ
)
HAS_PROBLEM = _IS_STOPPED | ((Grid.limited == "") & ((Grid.status == "w") | _IS_UNUSED | _IS_ODD_STORE))
"""Whether there is a banner to show, apart from that of a lost socket."""


def banner() -> rx.Component:
    """The one that applies."""
    silent = rx.fragment(wording.problems.SILENT, " ", age(at=Grid.silent, says="clock"))
    return rx.match(
        Grid.status,
        (
            "r",
            notice(
                "bad",
                "alert",
                wording.problems.TOKEN_REFUSED,
                wording.problems.TOKEN_REFUSED_MORE,
                _connect(wording.problems.REPLACE_TOKEN),
            ),
        ),
        (
            "g",
            notice(
                "bad",
                "alert",
                wording.problems.ZONE_GONE,
                wording.problems.ZONE_GONE_MORE,
                _connect(wording.problems.CHECK_CONNECTION),
            ),
        ),
        (
            "n",
            notice(
                "warn",
                "alert",
                wording.problems.NOT_SET_UP,
                wording.problems.NOT_SET_UP_MORE,
                _connect(wording.common.CONNECT),
            ),
        ),
        ("d", unavailable()),
        ("w", notice("warn", "clock", silent, wording.problems.SILENT_MORE, _try_now())),
        rx.match(
            Grid.topology,
            *unused().items(),
            of_storefront(Grid.sight_problem),
        ),
    )


def of_storefront(problem: rx.Var[str]) -> rx.Component:
    """What the last look at the store's own pages found wrong."""
    found = [
        (outcome, notice("info" if outcome == "headless" else "warn", "alert", *words))
        for outcome, words in wording.storefront.BANNERS.items()
    ]
    return rx.match(problem, *found, rx.fragment())


def unused() -> dict[str, rx.Component]:
    """By topology, why no setting reaches the store."""
    return {
        "dns_only": notice("warn", "none", wording.status.DNS_ONLY, wording.status.DNS_ONLY_MEANS),
        "no_zone": notice("warn", "none", wording.status.NO_ZONE, wording.status.NO_ZONE_MEANS),
    }


def unavailable() -> rx.Component:
    """The database does not answer, so nothing of the store can be shown."""
    return notice("warn", "clock", wording.problems.NO_DATABASE, wording.problems.NO_DATABASE_MORE)


def held_back() -> rx.Component:
    """The rollout doesn't include the store yet."""
    return notice("info", "clock", wording.rollout.WAITING, wording.rollout.WAITING_MORE)


@rx.memo
def lost() -> rx.Component:
    """Shown while the socket is gone; the script pauses the switches for as long as it stands there."""
    words = rx.el.div(rx.el.b(wording.problems.LOST), rx.el.p(wording.problems.LOST_MORE))
    return rx.cond(
        has_connection_errors,
        rx.el.div(
            icon("clock"), words, class_name="banner warn lost", role="status", custom_attrs={"data-lost": ""}
        ),
        rx.fragment(),
    )


def _connect(words: str) -> rx.Component:
    return rx.cond(Grid.reads_only, rx.fragment(), rx.el.a(words, href="/connect", class_name="btn"))


def _try_now() -> rx.Component:
    return rx.el.button(wording.problems.TRY_NOW, type="button", class_name="btn", on_click=Grid.check_all)


def notice(
    tone: str, picture: str, head: str | rx.Component, more: str, action: rx.Component | None = None
) -> rx.Component:
    """A headline and what to do about it; `tone` is bad, warn or info."""
    return rx.el.div(
        icon(picture),
        rx.el.div(rx.el.b(head), rx.el.p(more)),
        action or rx.fragment(),
        class_name=f"banner {tone}",
        role="alert" if tone == "bad" else "status",
    )
