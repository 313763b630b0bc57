"""The way between the app's pages: Shopify's admin draws it beside the app, and outside of it the page does.

`s-app-nav` is what App Bridge reads. It hands a press back as an event on the link that stands here, and the script
presses our own link of that address, so that both ways are the same. In the admin the bar is hidden.
"""

from __future__ import annotations

import reflex as rx

from cloudcache.ui import wording
from cloudcache.ui.components.elements import Plain, plain_form
from cloudcache.ui.components.icons import mark

PAGES = (
    ("/", wording.common.SETTINGS),
    ("/history", wording.common.HISTORY),
    ("/connect", wording.common.CONNECTION_TAB),
)


class AppNav(Plain):
    """Shopify's navigation; it shows nothing by itself."""

    tag = '"s-app-nav"'


class AppLink(Plain):
    """One page in it; the one with `rel="home"` is the app's name, which is not shown twice."""

    tag = '"s-link"'
    href: rx.Var[str]
    rel: rx.Var[str]


def merchant_bar(page: str, sign_out: str | None, is_led: rx.Var[bool] | bool = True) -> rx.Component:
    """The pages of a merchant, with `page` as the one that is open; `sign_out` is where a local session ends.

    Without `is_led` only the bar itself stands there: there is no other page to go to yet."""
    links = [_tab(words, href, is_open=href == page) for href, words in PAGES]
    named = [
        AppLink.create(words, href=href, **({"rel": "home"} if href == "/" else {})) for href, words in PAGES
    ]
    return rx.fragment(
        rx.cond(is_led, AppNav.create(*named), rx.fragment()),
        _bar(
            rx.cond(
                is_led,
                rx.el.nav(*links, class_name="tabs", aria_label=wording.common.APP),
                rx.fragment(),
            ),
            _sign_out(sign_out, "_top") if sign_out is not None else rx.fragment(),
        ),
    )


def staff_bar(who: rx.Component | None = None) -> rx.Component:
    """The pages of the staff, and who is signed in."""
    tabs = rx.el.nav(
        _tab(wording.staff.CUSTOMERS, "/staff", is_open=True),
        class_name="tabs",
        aria_label=wording.staff.STAFF,
    )
    if who is None:
        return _bar(tabs, rx.fragment())
    return _bar(tabs, rx.fragment(who, _sign_out("/auth/staff/signout", None)))


def _bar(tabs: rx.Component, end: rx.Component) -> rx.Component:
    return rx.el.header(
        rx.el.div(
            rx.el.span(mark(), rx.el.span(wording.common.APP), class_name="mark"),
            tabs,
            rx.el.div(end, class_name="end"),
            class_name="bar-in",
        ),
        class_name="bar",
    )


def _tab(words: str, href: str, *, is_open: bool) -> rx.Component:
    current = {"aria_current": "page"} if is_open else {}
    return rx.el.a(words, href=href, **current)


def _sign_out(action: str, target: str | None) -> rx.Component:
    return plain_form(
        rx.el.button(wording.common.SIGN_OUT, type="submit", class_name="link"),
        method="post",
        action=action,
        **({"target": target} if target else {}),  # a sign-in is framed by nobody
    )
