"""The top of the page: whose settings these are, whether they are live, and what is odd about them."""

from __future__ import annotations

import reflex as rx
from reflex_components_core.core.banner import has_connection_errors

from cloudcache.ui import wording
from cloudcache.ui.components.banners import HAS_PROBLEM, IS_FIRST_READ, banner, lost
from cloudcache.ui.components.elements import age, explained
from cloudcache.ui.components.icons import icon
from cloudcache.ui.states.grid import Grid

LOOK = Grid.tally[0] + Grid.tally[1] + Grid.tally[2] + Grid.tally[3] + Grid.tally[4]
"""How many settings need a look."""
KNOWN = (Grid.status != "") & (Grid.status != "d")
"""Whether the store's settings were read; without a database nothing is known of a page that opens."""
_CAN_CHECK = (Grid.status == "l") | (Grid.status == "w")


def head() -> rx.Component:
    """The title with shop, domain, plan and topology below it, in lines of a height that no name changes."""
    link = rx.match(
        Grid.status,
        ("n", rx.el.span(wording.status.NOT_CONNECTED_TO)),
        ("r", rx.fragment()),
        ("g", rx.fragment()),  # paused, as the banner says, is neither
        rx.el.span(wording.status.CONNECTED_TO),
    )
    known = rx.fragment(
        rx.el.div(rx.el.bdi(Grid.shop, class_name="cut")),
        rx.el.div(
            link,
            rx.cond(Grid.domain != "", rx.el.bdi(Grid.domain, class_name="cut"), rx.fragment()),
        ),
        rx.el.div(
            rx.el.span(Grid.plan, " ", wording.status.PLAN),
            rx.match(
                Grid.topology,
                ("o2o", explained(wording.status.O2O, wording.status.O2O_MEANS, "o2o", "badge explained")),
                ("dns_only", rx.el.span(wording.status.DNS_ONLY, class_name="badge")),
                ("no_zone", rx.el.span(wording.status.NO_ZONE, class_name="badge")),
                rx.fragment(),
            ),
        ),
    )
    return rx.el.div(
        rx.el.h1(wording.common.TITLE),
        rx.el.div(
            rx.cond(Grid.shop, known, rx.el.div(rx.el.span(class_name="skel"))), class_name="sub facts"
        ),
        class_name="head",
    )


def status() -> rx.Component:
    """Live, waiting or not connected, in words with a mark of its own; below it the one problem that there is, else
    what has no effect or is risky. Neither line changes its height."""
    return rx.el.section(
        rx.el.div(
            _standing(status=rx.cond(Grid.limited, "limited", Grid.status)),
            rx.el.div(_last_check(), _latest_news(), class_name="news"),
            rx.cond(
                _CAN_CHECK & Grid.may_check,
                rx.el.button(
                    wording.status.CHECK_ALL, type="button", class_name="link", on_click=Grid.check_all
                ),
            ),
            class_name="line-1",
        ),
        rx.el.div(
            lost(),
            rx.cond(HAS_PROBLEM, banner(), rx.el.div(_second_line(), _review(), class_name="calm")),
            class_name="line-2",
        ),
        class_name="card status",
        aria_label=wording.status.STATUS,
    )


def _review() -> rx.Component:
    return rx.cond(
        LOOK > 0,
        rx.el.button(
            wording.status.REVIEW[0],
            " ",
            LOOK,
            " ",
            rx.cond(LOOK == 1, wording.status.REVIEW[1], wording.status.REVIEW[2]),
            type="button",
            class_name="link",
            on_click=Grid.show("look"),
        ),
    )


@rx.memo
def _standing(status: rx.Var[str]) -> rx.Component:
    """The mark; the browser alone knows that its socket is lost."""
    return rx.cond(
        has_connection_errors,
        _mark("live wait", wording.status.OFFLINE),
        rx.match(
            status,
            ("l", _mark("live", wording.status.LIVE)),
            ("r", _mark("live off", wording.status.PAUSED)),
            ("g", _mark("live off", wording.status.PAUSED)),
            ("n", _mark("live off", wording.status.NOT_CONNECTED)),
            ("d", _mark("live off", wording.status.UNAVAILABLE)),
            ("w", _mark("live wait", wording.status.SILENT_MARK)),
            ("limited", _mark("live wait", wording.status.LIMITED)),
            _mark("live wait", wording.status.CONNECTING),
        ),
    )


def _last_check() -> rx.Component:
    """When everything was last read; while that goes on because somebody asked, how far it is."""
    checking = rx.cond(
        Grid.progress.length() > 0,
        rx.fragment(wording.status.REFRESHING, " (", Grid.progress[0], " of ", Grid.progress[1], ")"),
        rx.fragment(wording.status.FULL_CHECK, " ", age(at=Grid.checked, says="ago")),
    )
    return rx.cond(
        Grid.checked,
        rx.el.span(checking),
        rx.cond(KNOWN, rx.el.span(wording.status.NEVER_CHECKED), rx.fragment()),
    )


def _latest_news() -> rx.Component:
    """One more thing on how current the page is, the most pressing: when all can be refreshed again, that the zone
    could not be read in full since, or until when Cloudflare's log of changes was read."""
    incomplete = explained(
        rx.fragment(wording.status.NOT_READ_IN_FULL, " ", age(at=Grid.unread, says="ago")),
        wording.status.NOT_READ_IN_FULL_MEANS,
        "incomplete",
    )
    return rx.fragment(
        rx.el.span(rx.cond(_CAN_CHECK, Grid.check_again, ""), role="status"),
        rx.cond(
            _CAN_CHECK & (Grid.check_again != ""),
            rx.fragment(),
            rx.cond(Grid.unread, incomplete, _change_log()),
        ),
    )


def _change_log() -> rx.Component:
    """Whether, and until when, Cloudflare's log of changes was read."""
    read = explained(
        rx.fragment(wording.status.FOLLOWED, " ", age(at=Grid.followed, says="ago")),
        wording.status.FOLLOWED_MEANS,
        "followed",
    )
    none = explained(wording.status.NOT_FOLLOWED, wording.status.NOT_FOLLOWED_MEANS, "followed")
    said = rx.match(Grid.followed, ("", rx.fragment()), ("-", none), read)
    return rx.cond(_CAN_CHECK, said, rx.fragment())


def _second_line() -> rx.Component:
    """That the token is limited, else the progress of the first read, else what needs attention."""
    reading = rx.fragment(
        rx.el.progress(
            value=Grid.progress[0].to(str), max=Grid.progress[1].to(str), aria_label=wording.status.CHECKING
        ),
        rx.el.span(
            wording.status.CHECKING,
            " (",
            Grid.progress[0],
            " of ",
            Grid.progress[1],
            ")",
            class_name="num",
        ),
    )
    calm = rx.cond(LOOK > 0, rx.fragment(*_what_to_look_at()), wording.status.NOTHING_ODD)
    until, then = wording.status.LIMITED_MEANS
    limited = rx.el.span(until, " ", age(at=Grid.limited, says="clock"), then, class_name="tally")
    known = rx.fragment(icon("info"), rx.el.span(calm, class_name="tally"))
    return rx.cond(
        Grid.limited,
        rx.fragment(icon("clock"), limited),
        rx.cond(IS_FIRST_READ, reading, rx.cond(KNOWN, known, rx.fragment())),
    )


def _what_to_look_at() -> list[rx.Component]:
    """The counts that are not zero, with their words; the style sheet parts them."""
    return [
        rx.cond(
            Grid.tally[place] > 0,
            rx.el.span(
                Grid.tally[place], " ", rx.cond(Grid.tally[place] == 1, one, several), class_name="part"
            ),
        )
        for place, (one, several) in enumerate(wording.status.TALLY)
    ]


def _mark(class_name: str, words: str) -> rx.Component:
    return rx.el.span(rx.el.i(), words, class_name=class_name)
