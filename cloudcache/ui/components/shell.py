"""What every page has: the icons, a way past the bar, the bar itself, and the page."""

from __future__ import annotations

import reflex as rx

from cloudcache.ui import wording
from cloudcache.ui.components.elements import plain_link, release
from cloudcache.ui.components.icons import icon, sprite


def shell(*content: rx.Component, class_name: str = "page", bar: rx.Component | None = None) -> rx.Component:
    """A page's frame; `bar` leads to the other pages."""
    return rx.fragment(
        sprite(),
        plain_link(wording.common.SKIP, href="#main", class_name="skip"),
        bar or rx.fragment(),
        rx.el.main(*content, id="main", class_name=class_name, tab_index=-1),
        release(
            reloading=wording.common.RELEASED,
            waiting=wording.common.RELEASED_WAITING,
            now=wording.common.RELOAD_NOW,
            class_name="release",
            custom_attrs={"role": "status"},
        ),
    )


def back(words: str, href: str) -> rx.Component:
    """The way back to the page above."""
    return rx.el.a(icon("left"), words, href=href, class_name="back")


def notice(picture: str, title: str | rx.Var[str], *content: rx.Component) -> rx.Component:
    """A card that says one thing instead of a page: its picture, its heading, and what to do."""
    return rx.el.section(
        rx.el.div(
            rx.el.span(icon(picture), class_name="picture"),
            rx.el.h1(title),
            *content,
            class_name="empty lines",
            role="status",
        ),
        class_name="card",
    )
