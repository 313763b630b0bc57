"""The local sign-in: choose a demo shop."""

from __future__ import annotations

import reflex as rx

from cloudcache.ui import wording
from cloudcache.ui.components.elements import plain_form
from cloudcache.ui.components.icons import icon, mark
from cloudcache.ui.components.shell import shell
from cloudcache.ui.pages.grid import Local, _dashboard
from cloudcache.ui.states.signin import Signin


def signin(local: Local) -> rx.Component:
    """One form with a button per shop; the browser posts it, so it works before any socket does."""
    return shell(
        rx.el.div(
            rx.el.div(
                rx.el.p(mark(), wording.common.APP, class_name="mark"),
                rx.el.h1(wording.signin.SIGNIN_TITLE),
                rx.el.p(wording.signin.SIGNIN_TEXT, class_name="sub"),
            ),
            class_name="head",
        ),
        rx.el.section(
            plain_form(
                rx.el.ul(rx.foreach(Signin.choices, _choice), class_name="rows"),
                rx.cond(
                    Signin.loaded & (Signin.choices.length() == 0),
                    rx.el.p(wording.signin.NO_SHOPS, class_name="empty"),
                    rx.fragment(),
                ),
                rx.cond(
                    Signin.problem != "",
                    rx.el.p(Signin.problem, class_name="empty", role="status"),
                    rx.fragment(),
                ),
                method="post",
                action=f"{local.backend}/local/session",
            ),
            class_name="card",
            aria_label=wording.signin.SHOPS,
        ),
        rx.cond(Signin.has_more, _another(local), rx.fragment()),
        rx.el.section(
            plain_form(
                rx.el.ul(
                    *(_staff(role, note) for role, note in wording.signin.ROLES.items()), class_name="rows"
                ),
                method="post",
                action=f"{local.backend}/local/staff",
            ),
            class_name="card",
            aria_label=wording.staff.STAFF,
        ),
        rx.el.footer(
            _dashboard(local),
            rx.el.a(
                wording.signin.PRETEND_ADMIN,
                href=f"{local.backend}/shopify/",
                target="_blank",
                class_name="link",
            ),
            class_name="page-foot",
        ),
        class_name="page narrow",
    )


def _staff(role: str, note: str) -> rx.Component:
    return rx.el.li(
        rx.el.button(
            rx.el.span(
                rx.el.b(wording.signin.SUPPORT_ROLE.format(role=role)),
                rx.el.span(note, class_name="small quiet"),
                class_name="two",
            ),
            rx.el.span(),
            icon("right", "icon quiet"),
            type="submit",
            name="role",
            value=role,
            class_name="choice",
        )
    )


def _another(local: Local) -> rx.Component:
    """Any shop by its name, where there are more than the page can list."""
    return rx.el.section(
        plain_form(
            rx.el.label(
                rx.el.span(wording.signin.ANOTHER_SHOP, class_name="sr"),
                rx.el.input(
                    name="shop",
                    required=True,
                    placeholder=wording.signin.ANOTHER_SHOP_HINT,
                    auto_complete="off",
                ),
                class_name="field",
            ),
            rx.el.button(wording.common.SIGN_IN, type="submit", class_name="btn"),
            method="post",
            action=f"{local.backend}/local/session",
            class_name="side-by-side",
        ),
        class_name="card padded-card",
        aria_label=wording.signin.ANOTHER_SHOP,
    )


def _choice(one: rx.Var[dict[str, str]]) -> rx.Component:
    count = rx.cond(one["on_count"] != "", one["on_count"] + " " + wording.signin.ON_COUNT, "")
    return rx.el.li(
        rx.el.button(
            rx.el.span(
                rx.el.b(one["handle"]), rx.el.span(one["note"], class_name="small quiet"), class_name="two"
            ),
            rx.el.span(count, class_name="quiet small num"),
            icon("right", "icon quiet"),
            type="submit",
            name="shop",
            value=one["shop"],
            class_name="choice",
        )
    )
