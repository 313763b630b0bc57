"""The page for an address that does not exist."""

from __future__ import annotations

import reflex as rx

from cloudcache.ui import wording
from cloudcache.ui.components.shell import notice, shell


def not_found() -> rx.Component:
    """Say that there is no such page, and lead back; it shows nothing of any store."""
    return shell(
        notice(
            "search",
            wording.common.NOT_FOUND,
            rx.el.p(wording.common.NOT_FOUND_MORE),
            rx.el.a(wording.common.BACK, href="/", class_name="btn primary"),
        ),
        class_name="page narrow alone",
    )
