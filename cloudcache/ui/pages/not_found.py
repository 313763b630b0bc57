"""The page for an address that does not exist."""

from __future__ import annotations

import reflex as rx

from cloudcache.ui import wording
from cloudcache.ui.components.shell import shell


def not_found() -> rx.Component:
    """Say that there is no such page, and lead back; it shows nothing of any store."""
    return shell(
        rx.el.section(
            rx.el.div(
                rx.el.h1(wording.common.NOT_FOUND),
                rx.el.p(wording.common.NOT_FOUND_MORE),
                rx.el.a(wording.common.BACK, href="/", class_name="btn primary"),
                class_name="empty lines",
            ),
            class_name="card",
            aria_label=wording.common.NOT_FOUND,
        ),
        class_name="page narrow",
    )
