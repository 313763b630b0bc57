"""The staff's console: find a customer, give a reason, look. Pages of their own, framed by nobody."""

from __future__ import annotations

import reflex as rx

from cloudcache.ui import wording
from cloudcache.ui.components.banners import lost
from cloudcache.ui.components.elements import age, plain_form
from cloudcache.ui.components.icons import icon
from cloudcache.ui.components.shell import shell
from cloudcache.ui.pages.grid import Local, settings
from cloudcache.ui.states.grid import Grid
from cloudcache.ui.states.staff import Staff


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
        _message("", rx.fragment()),
    )


def customer() -> rx.Component:
    """One customer, read only, after a reason was given."""
    banner = rx.el.div(
        icon("info"),
        rx.el.div(
            rx.el.b(wording.staff.VIEW_BANNER),
            rx.el.p(wording.staff.VIEW_ENDS, " ", age(at=Grid.until, says="clock"), "."),
            rx.cond(Grid.waits, rx.el.p(wording.staff.VIEW_WAITS), rx.fragment()),
        ),
        rx.el.button(wording.staff.VIEW_STOP, type="button", class_name="btn", on_click=Grid.end_view),
        class_name="banner info",
        role="status",
    )
    sign_in = rx.el.a(wording.common.SIGN_IN, href="/staff", class_name="btn primary")
    asked = rx.match(
        Grid.status,
        ("", shell(rx.el.div(rx.el.h1(rx.State.customer), class_name="head"), class_name="page narrow")),
        ("o", _message(wording.staff.STAFF_SIGNED_OUT, rx.fragment(), sign_in)),
        ("d", _message(wording.staff.STAFF_UNAVAILABLE, rx.fragment())),
        _reason(),
    )
    return rx.cond(Grid.reads_only, settings(rx.fragment(), rx.fragment(), banner), asked)


def _search() -> rx.Component:
    table = rx.el.ul(rx.foreach(Staff.found, _found), class_name="rows")
    nobody = rx.el.p(
        rx.cond(Staff.searched, wording.staff.STAFF_NOBODY, wording.staff.STAFF_BEGIN),
        class_name="empty",
        role="status",
    )
    return shell(
        lost(),
        rx.el.div(
            rx.el.div(
                rx.el.h1(wording.staff.STAFF),
                rx.el.p(Staff.who, " (", Staff.role, ")", class_name="sub"),
            ),
            rx.el.div(_sign_out(), class_name="actions"),
            class_name="head",
        ),
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
            class_name="toolbar",
        ),
        rx.el.p(Staff.problem, class_name="wrong", role="alert"),
        rx.el.section(
            rx.cond(Staff.found.length() > 0, table, rx.cond(Staff.problem == "", nobody, rx.fragment())),
            class_name="card",
            aria_label=wording.staff.CUSTOMERS,
        ),
        class_name="page narrow",
    )


def _found(one: rx.Var[dict[str, str]]) -> rx.Component:
    return rx.el.li(
        rx.el.a(
            rx.el.span(
                rx.el.b(one["shop"]), rx.el.span(one["domain"], class_name="small quiet"), class_name="two"
            ),
            rx.el.span(one["plan"], ", ", one["status"], class_name="quiet small"),
            icon("right", "icon quiet"),
            href="/staff/customers/" + one["shop"],
            class_name="choice",
        )
    )


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
        rx.el.a(icon("right", "icon back-arrow"), wording.staff.STAFF, href="/staff", class_name="back"),
        rx.el.div(rx.el.h1(rx.State.customer), class_name="head"),
        rx.el.section(
            rx.el.div(form, class_name="card-body"), class_name="card", aria_label=wording.staff.REASON
        ),
        class_name="page narrow",
    )


def _message(title: str, more: rx.Component, *actions: rx.Component) -> rx.Component:
    return shell(
        lost(),
        rx.el.section(
            rx.el.div(rx.el.h1(title), rx.el.p(more), *actions, class_name="empty"), class_name="card"
        ),
        class_name="page narrow",
    )


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


def _sign_out() -> rx.Component:
    return plain_form(
        rx.el.button(wording.common.SIGN_OUT, type="submit", class_name="btn"),
        method="post",
        action="/auth/staff/signout",
    )
