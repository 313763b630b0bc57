"""What every page has: the icons, a way past the head of the page, and the script's clock."""

from __future__ import annotations

import reflex as rx

from cloudcache.ui import wording
from cloudcache.ui.components.icons import sprite


def shell(*content: rx.Component, class_name: str = "page") -> rx.Component:
    """A page's frame."""
    return rx.fragment(
        sprite(),
        rx.el.a(wording.common.SKIP, href="#main", class_name="skip"),
        rx.el.main(*content, id="main", class_name=class_name),
    )
