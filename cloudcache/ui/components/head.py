"""The top of the page: whose settings these are, whether they are live, and what is odd about them."""

from __future__ import annotations

import reflex as rx
from reflex_components_core.core.banner import has_connection_errors

from cloudcache.ui import wording
from cloudcache.ui.components.elements import age
from cloudcache.ui.components.icons import icon
from cloudcache.ui.states.grid import Grid

LOOK = Grid.tally[0] + Grid.tally[1] + Grid.tally[2] + Grid.tally[3] + Grid.tally[4]
"""How many settings need a look."""
KNOWN = (Grid.status != "") & (Grid.status != "d")
"""Whether the store's settings were read; without a database nothing is known of a page that opens."""
_CAN_CHECK = (Grid.status == "l") | (Grid.status == "w")


def head(actions: rx.Component) -> rx.Component:
    """The title with shop, domain, plan and topology below it."""
    connected = rx.el.span(wording.status.CONNECTED_TO, class_name="dot-sep")
    not_connected = rx.el.span(wording.status.NOT_CONNECTED_TO, class_name="dot-sep")
    known = rx.fragment(
        rx.el.span(Grid.shop),
        rx.match(
            Grid.status, ("n", not_connected), ("r", rx.fragment()), ("g", rx.fragment()), connected
        ),  # paused, as the banner says, is neither
        rx.el.span(Grid.domain, class_name="dot-sep"),
        rx.el.span(Grid.plan, " ", wording.status.PLAN, class_name="dot-sep"),
        rx.match(
            Grid.topology,
            ("o2o", rx.el.span(wording.status.O2O, class_name="badge", title=wording.status.O2O_MEANS)),
            ("dns_only", rx.el.span(wording.status.DNS_ONLY, class_name="badge")),
            ("no_zone", rx.el.span(wording.status.NO_ZONE, class_name="badge")),
            rx.fragment(),
        ),
    )
    return rx.el.div(
        rx.el.div(
            rx.el.h1(wording.common.TITLE),
            rx.el.div(
                rx.cond(Grid.shop, known, rx.el.span(class_name="skel", style={"width": "320px"})),
                class_name="sub",
            ),
        ),
        rx.el.div(actions, class_name="actions"),
        class_name="head",
    )


def status() -> rx.Component:
    """Live, waiting or not connected, in words with a mark of its own; below it what has no effect or is risky."""
    return rx.el.section(
        rx.el.div(
            _standing(status=rx.cond(Grid.limited, "limited", Grid.status)),
            _last_check(),
            _incomplete_check(),
            rx.el.span(rx.cond(_CAN_CHECK, Grid.check_again, ""), role="status", class_name="quiet"),
            _change_log(),
        ),
        rx.el.div(
            rx.cond(
                _CAN_CHECK & Grid.may_check,
                rx.el.button(
                    wording.status.CHECK_ALL, type="button", class_name="link", on_click=Grid.check_all
                ),
            ),
            class_name="end",
        ),
        rx.el.div(_second_line()),
        rx.el.div(
            rx.cond(
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
            ),
            class_name="end",
        ),
        class_name="card status",
        aria_label=wording.status.STATUS,
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
        rx.el.span(checking, class_name="dot-sep quiet"),
        rx.cond(KNOWN, rx.el.span(wording.status.NEVER_CHECKED, class_name="dot-sep quiet"), rx.fragment()),
    )


def _incomplete_check() -> rx.Component:
    """When the zone could last not be read in full, while that is newer than the last full check."""
    said = rx.el.span(
        wording.status.NOT_READ_IN_FULL,
        " ",
        age(at=Grid.unread, says="ago"),
        title=wording.status.NOT_READ_IN_FULL_MEANS,
    )
    return rx.cond(Grid.unread, rx.el.span(said, class_name="dot-sep quiet"), rx.fragment())


def _change_log() -> rx.Component:
    """Whether, and until when, Cloudflare's log of changes was read."""
    read = rx.el.span(
        wording.status.FOLLOWED,
        " ",
        age(at=Grid.followed, says="ago"),
        class_name="quiet",
        title=wording.status.FOLLOWED_MEANS,
    )
    none = rx.el.span(
        wording.status.NOT_FOLLOWED, class_name="quiet", title=wording.status.NOT_FOLLOWED_MEANS
    )
    said = rx.match(
        Grid.followed,
        ("", rx.fragment()),
        ("-", rx.el.span(none, class_name="dot-sep")),
        rx.el.span(read, class_name="dot-sep"),
    )
    return rx.cond(_CAN_CHECK, said, rx.fragment())


def _second_line() -> rx.Component:
    """That the token is limited, else the progress of the first read, else what to know about this store; its height
    does not change."""
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
    dns_only = rx.fragment(icon("none"), rx.el.span(wording.status.DNS_ONLY_MEANS))
    calmly = rx.match(
        Grid.topology,
        ("dns_only", dns_only),
        ("no_zone", rx.fragment(icon("none"), rx.el.span(wording.status.NO_ZONE_MEANS))),
        rx.cond(KNOWN, rx.fragment(icon("info"), rx.el.span(calm)), rx.el.span("\u00a0")),
    )
    until, then = wording.status.LIMITED_MEANS
    limited = rx.el.span(until, " ", age(at=Grid.limited, says="clock"), then)
    return rx.cond(
        Grid.limited,
        rx.fragment(icon("clock"), limited),
        rx.cond((Grid.progress.length() > 0) & (Grid.checked == ""), reading, calmly),
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
