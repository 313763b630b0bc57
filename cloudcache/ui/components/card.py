"""A card with a heading."""

from __future__ import annotations

import reflex as rx


def card(title: str | rx.Var[str], *content: rx.Component, aside: rx.Component | None = None) -> rx.Component:
    """Show content under a heading, with something beside it."""
    return rx.el.section(
        rx.el.div(rx.el.h2(title), aside or rx.fragment(), class_name="card-head"),
        rx.el.div(*content, class_name="card-body"),
        class_name="card",
        aria_label=title,
    )
