"""The shop's history: its lines of the audit log, newest first."""

from __future__ import annotations

import reflex as rx

from cloudcache.ui import wording
from cloudcache.ui.components.banners import lost
from cloudcache.ui.components.elements import age, day, problem
from cloudcache.ui.components.navigation import merchant_bar
from cloudcache.ui.components.shell import back, shell
from cloudcache.ui.pages.grid import Local, gate, sign_out_of, signed_out, unless_unavailable
from cloudcache.ui.states.history import History
from cloudcache.ui.states.session import Session


def history(local: Local | None) -> rx.Component:
    """The page; without a merchant it shows nothing."""
    gone = ~History.loaded & (Session.gate == "refused")
    page = rx.cond(gone, signed_out(local), _page(local))
    return rx.fragment(gate(), unless_unavailable(~History.loaded, page))


def _page(local: Local | None) -> rx.Component:
    empty = rx.el.p(rx.cond(History.loaded, wording.history.NO_HISTORY, ""), class_name="empty")
    return shell(
        lost(),
        back(wording.common.BACK, "/"),
        rx.el.div(
            rx.el.h1(wording.common.HISTORY),
            rx.el.p(wording.history.HISTORY_TEXT, class_name="sub"),
            class_name="head",
        ),
        rx.el.section(
            rx.cond(
                History.lines.length() > 0,
                rx.el.ol(rx.foreach(History.lines, _line), class_name="log"),
                empty,
            ),
            problem(History.problem),
            rx.cond(
                History.has_more,
                rx.el.p(
                    rx.el.button(
                        wording.history.MORE, type="button", class_name="link", on_click=History.more
                    ),
                    class_name="foot-line",
                ),
                rx.fragment(),
            ),
            class_name="card",
            aria_label=wording.common.HISTORY,
        ),
        class_name="page",
        bar=merchant_bar("/history", sign_out_of(local)),
    )


def _line(one: rx.Var[dict[str, str]], place: rx.Var[int]) -> rx.Component:
    """One line under the day it is of, which only the first line of a day names."""
    newer = rx.cond(place > 0, History.lines[place - 1]["at"], "")
    return rx.el.li(
        day(at=one["at"], newer=newer, class_name="day"),
        rx.el.div(
            rx.el.span(age(at=one["at"], says="time"), class_name="quiet num"),
            rx.el.div(
                rx.el.p(one["what"], class_name="what", dir="auto"),
                rx.cond(
                    one["more"] != "",
                    rx.el.p(one["more"], class_name="small quiet", dir="auto"),
                    rx.fragment(),
                ),
            ),
            rx.el.span(one["before"], age(at=one["at"], says="ago"), class_name="quiet small num"),
            class_name="entry",
        ),
    )
