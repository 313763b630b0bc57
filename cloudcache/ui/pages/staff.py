"""The staff's console: find a customer, give a reason, look. Pages of their own, framed by nobody."""

from __future__ import annotations

import reflex as rx

from cloudcache.domain.customers import ZoneStatus
from cloudcache.ui import wording
from cloudcache.ui.components.banners import lost
from cloudcache.ui.components.elements import age, plain_form, problem
from cloudcache.ui.components.icons import icon
from cloudcache.ui.components.navigation import staff_bar
from cloudcache.ui.components.shell import back, notice, shell
from cloudcache.ui.pages.grid import Local, settings
from cloudcache.ui.states.grid import Grid
from cloudcache.ui.states.staff import Staff

_STATES = (
    (ZoneStatus.ACTIVE, "ok", "check", wording.connect.CONNECTED),
    (ZoneStatus.TOKEN_REFUSED, "bad", "cross", wording.staff.TOKEN_NOT_WORKING),
    (ZoneStatus.GONE, "bad", "cross", wording.staff.ZONE_NOT_FOUND),
    (ZoneStatus.DISCONNECTED, "", "none", wording.status.NOT_CONNECTED),
)
"""How each status of a zone is shown in the list of customers."""


def staff(local: Local | None, sign_in: str | None) -> rx.Component:
    """The search. `sign_in` is where OIDC begins, if it is configured."""
    return rx.match(
        Staff.phase,
        ("s", _search()),
        (
            "n",
            _message(
                wording.staff.STAFF_NO_ROLE,
                rx.fragment(wording.staff.STAFF_NO_ROLE_MORE, rx.el.code(Staff.subject)),
            ),
        ),
        ("o", _message(wording.staff.STAFF_SIGNED_OUT, rx.fragment(), _sign_in(local, sign_in))),
        ("d", _message(wording.staff.STAFF_UNAVAILABLE, rx.fragment())),
        shell(
            rx.el.div(rx.el.h1(wording.staff.CUSTOMERS), class_name="head"),
            class_name="page wide",
            bar=staff_bar(),
        ),
    )


def customer() -> rx.Component:
    """One customer, read only, after a reason was given."""
    bar = rx.el.header(
        rx.el.div(
            icon("eye"),
            rx.el.div(
                rx.el.b(wording.staff.VIEW_BANNER),
                rx.el.span(wording.staff.VIEW_ENDS, " ", age(at=Grid.until, says="clock"), "."),
                rx.cond(Grid.waits, rx.el.span(wording.staff.VIEW_WAITS), rx.fragment()),
                class_name="words",
            ),
            rx.el.button(wording.staff.VIEW_STOP, type="button", class_name="btn", on_click=Grid.end_view),
            class_name="bar-in",
        ),
        class_name="bar viewas",
    )
    sign_in = rx.el.a(wording.common.SIGN_IN, href="/staff", class_name="btn primary")
    asked = rx.match(
        Grid.status,
        (
            "",
            shell(
                rx.el.div(rx.el.h1(rx.State.customer), class_name="head"),
                class_name="page narrow",
                bar=staff_bar(),
            ),
        ),
        ("o", _message(wording.staff.STAFF_SIGNED_OUT, rx.fragment(), sign_in)),
        ("d", _message(wording.staff.STAFF_UNAVAILABLE, rx.fragment())),
        _reason(),
    )
    return rx.cond(Grid.reads_only, settings(rx.fragment(), bar), asked)


def _search() -> rx.Component:
    table = rx.el.div(
        rx.el.table(
            rx.el.thead(rx.el.tr(*(rx.el.th(words, scope="col") for words in wording.staff.COLUMNS))),
            rx.el.tbody(rx.foreach(Staff.found, _found)),
        ),
        class_name="scroll-x",
        role="region",
        tab_index=0,
        aria_label=wording.staff.CUSTOMERS,
    )
    nobody = rx.el.p(
        rx.cond(Staff.searched, wording.staff.STAFF_NOBODY, wording.staff.STAFF_BEGIN),
        class_name="empty",
        role="status",
    )
    return shell(
        lost(),
        rx.el.div(rx.el.h1(wording.staff.CUSTOMERS), class_name="head"),
        rx.el.section(
            rx.el.div(
                rx.el.label(
                    icon("search"),
                    rx.el.span(wording.staff.STAFF_SEARCH, class_name="sr"),
                    rx.el.input(
                        id="find",
                        type="search",
                        placeholder=wording.staff.STAFF_SEARCH,
                        auto_complete="off",
                        max_length=500,
                        on_change=Staff.search.debounce(150),
                    ),
                    class_name="field",
                ),
                class_name="filters",
            ),
            problem(Staff.problem),
            rx.cond(Staff.found.length() > 0, table, rx.cond(Staff.problem == "", nobody, rx.fragment())),
            class_name="card",
            aria_label=wording.staff.CUSTOMERS,
        ),
        class_name="page wide",
        bar=staff_bar(rx.el.span(rx.el.bdi(Staff.who), " (", Staff.role, ")", class_name="who quiet cut")),
    )


def _found(one: rx.Var[dict[str, str]]) -> rx.Component:
    return rx.el.tr(
        rx.el.td(
            rx.el.a(rx.el.bdi(one["shop"]), href="/staff/customers/" + one["shop"], class_name="main"),
            rx.el.bdi(one["domain"], class_name="small quiet"),
        ),
        rx.el.td(one["plan"]),
        rx.el.td(
            rx.match(
                one["status"],
                *((status.label, _state(tone, picture, words)) for status, tone, picture, words in _STATES),
                rx.el.span(one["status"]),
            )
        ),
    )


def _state(tone: str, picture: str, words: str) -> rx.Component:
    return rx.el.span(icon(picture), words, class_name=f"stateword {tone}")


def _reason() -> rx.Component:
    ended = rx.el.p(rx.cond(Grid.status == "e", wording.staff.VIEW_ENDED, ""), role="status")
    form = rx.el.form(
        ended,
        rx.el.label(wording.staff.VIEW_REASON, html_for="reason", class_name="label"),
        rx.el.div(
            rx.el.input(
                id="reason",
                name="reason",
                auto_complete="off",
                max_length=200,
                aria_describedby="reason-text",
            ),
            class_name="field",
        ),
        rx.el.p(Grid.said, class_name="wrong", role="alert"),
        rx.el.p(wording.staff.VIEW_TEXT, id="reason-text", class_name="small quiet"),
        rx.el.div(
            rx.el.a(wording.common.CANCEL, href="/staff", class_name="btn"),
            rx.el.button(wording.staff.VIEW_START, type="submit", class_name="btn primary"),
            class_name="foot",
        ),
        on_submit=Grid.start_view,
    )
    return shell(
        lost(),
        back(wording.staff.CUSTOMERS, "/staff"),
        rx.el.div(rx.el.h1(rx.State.customer), class_name="head"),
        rx.el.section(
            rx.el.div(form, class_name="card-body"), class_name="card", aria_label=wording.staff.REASON
        ),
        class_name="page narrow",
        bar=staff_bar(),
    )


def _message(title: str, more: rx.Component, *actions: rx.Component) -> rx.Component:
    return shell(lost(), notice("lock", title, rx.el.p(more), *actions), class_name="page narrow alone")


def _sign_in(local: Local | None, sign_in: str | None) -> rx.Component:
    if local is not None:
        return rx.el.a(wording.common.SIGN_IN, href="/signin", class_name="btn")
    if sign_in is None:
        return rx.fragment()
    return plain_form(
        rx.el.button(wording.common.SIGN_IN, type="submit", class_name="btn primary"),
        method="post",
        action=sign_in,
    )
