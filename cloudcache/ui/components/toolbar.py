"""Search and the chips of the sections; they stay at the top while the page scrolls."""

from __future__ import annotations

import reflex as rx

from cloudcache.domain.catalog import SECTIONS
from cloudcache.ui import wording
from cloudcache.ui.components.elements import search_sync
from cloudcache.ui.components.head import KNOWN, LOOK
from cloudcache.ui.components.icons import icon
from cloudcache.ui.states.grid import Grid


def toolbar() -> rx.Component:
    """The search field and one chip per section, with how many settings each holds."""
    chips = [
        _chip("all", wording.grid.ALL, 50),
        _chip("look", wording.grid.NEEDS_A_LOOK, rx.cond(KNOWN, LOOK.to(str), "–"), icon("alert")),
        *(_chip(section.name, section.value, len(rows)) for section, rows in SECTIONS.items()),
    ]
    return rx.el.div(
        rx.el.div(
            rx.el.label(
                icon("search"),
                rx.el.span(wording.grid.SEARCH, class_name="sr"),
                rx.el.input(
                    id="find",
                    type="search",
                    placeholder=wording.grid.SEARCH_HINT,
                    auto_complete="off",
                    max_length=60,
                    on_change=Grid.search.debounce(120),
                ),
                rx.el.kbd("/", aria_hidden="true"),
                class_name="field",
            ),
            class_name="line",
        ),
        rx.cond(rx.State.is_hydrated, search_sync(query=Grid.query, on_text=Grid.search), rx.fragment()),
        rx.el.div(*chips, class_name="chips", role="group", aria_label=wording.grid.SECTIONS),
        class_name="toolbar",
    )


def _chip(
    key: str, words: str, count: int | rx.Var[str], picture: rx.Component | None = None
) -> rx.Component:
    return rx.el.button(
        picture or rx.fragment(),
        words,
        " ",
        rx.el.span(count),
        type="button",
        class_name="chip",
        id=f"chip-{key}",
        aria_pressed=rx.cond(Grid.chip == key, "true", "false"),
        on_click=Grid.show(key),
    )
