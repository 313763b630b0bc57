"""The icons: one sprite in the page, used by name. They are never the only carrier of a meaning."""

from __future__ import annotations

import reflex as rx

_PATHS = {
    "sync": "M13 8a5 5 0 1 1-1.5-3.5M12 2v3H9",
    "clock": "M13.5 8a5.5 5.5 0 1 1-11 0 5.5 5.5 0 0 1 11 0M8 5v3l2 1.5",
    "alert": "M8 2.5 14 13H2zM8 6.5v3M8 11.3v.1",
    "cross": "M13.5 8a5.5 5.5 0 1 1-11 0 5.5 5.5 0 0 1 11 0m-7.500-2 4 4m0-4-4 4",
    "lock": "M3.5 7h9v6h-9zM5.5 7V5.200a2.500 2.500 0 0 1 5 0V7",
    "out": "M9 3h4v4M13 3 7.500 8.500M11 9.500V13H3V5h3.500",
    "info": "M13.5 8a5.5 5.5 0 1 1-11 0 5.5 5.5 0 0 1 11 0M8 7.500v3M8 5.400v.1",
    "none": "M13.5 8a5.5 5.5 0 1 1-11 0 5.5 5.5 0 0 1 11 0m-9.300 3.800 7.600-7.600",
    "ring": "M13.5 8a5.5 5.5 0 1 1-11 0 5.5 5.5 0 0 1 11 0",
    "search": "M11.5 7a4.500 4.500 0 1 1-9 0 4.500 4.500 0 0 1 9 0m-1 3.500 3 3",
    "check": "m3.500 8.500 3 3 6-7",
    "left": "M12.500 8h-9M7 4 3 8l4 4",
    "right": "m6.500 4.500 3.500 3.500-3.500 3.500",
    "eye": (
        "M1.800 8S4 4 8 4s6.200 4 6.200 4-2.200 4-6.200 4-6.200-4-6.200-4"
        "M9.800 8a1.800 1.800 0 1 1-3.600 0 1.800 1.800 0 0 1 3.600 0"
    ),
    "stale": (
        "M8 2.5A5.5 5.5 0 0 1 11.9 4.1M13.5 8a5.5 5.5 0 0 1-1.6 3.9M8 13.5a5.5 5.5 0 0 1-3.9-1.6"
        "M2.5 8a5.5 5.5 0 0 1 1.6-3.9M8 5v3l2 1.5"
    ),
}


def sprite() -> rx.Component:
    """Every icon once, invisible."""
    symbols = [
        rx.el.svg.symbol(rx.el.path(d=path), id=f"i-{name}", view_box="0 0 16 16")
        for name, path in _PATHS.items()
    ]
    return rx.el.svg(*symbols, width="0", height="0", class_name="sprite", aria_hidden="true")


def icon(name: str | rx.Var[str], class_name: str | rx.Var[str] = "icon") -> rx.Component:
    """One icon by its name."""
    href = f"#i-{name}" if isinstance(name, str) else "#i-" + name
    return rx.el.svg(rx.el.svg.use(href=href), class_name=class_name, aria_hidden="true")


def mark() -> rx.Component:
    """The app's own sign: a switch that is on."""
    return rx.el.svg(
        rx.el.path(d="M6 5h6a4 4 0 0 1 0 8H6a4 4 0 0 1 0-8", fill="none", stroke="currentColor"),
        rx.el.path(d="M14 9a2 2 0 1 1-4 0 2 2 0 0 1 4 0", fill="currentColor", stroke="none"),
        view_box="0 0 18 18",
        stroke_width="1.6",
        aria_hidden="true",
    )
