"""Asks before a risky change: what it breaks or weakens, the way back, and for the worst the store's name.

The browser's own dialog keeps the focus inside, closes on Escape with the safe answer, and gives the focus back
to the switch that opened it; the script opens it when the page holds one to open.
"""

from __future__ import annotations

import reflex as rx

from cloudcache.domain.catalog import TOGGLES, Confirmation, State, Toggle
from cloudcache.ui import wording
from cloudcache.ui.components.elements import TOKEN
from cloudcache.ui.components.row import title
from cloudcache.ui.states.grid import Grid
from cloudcache.ui.states.questions import asked

_IRREVERSIBLE = frozenset({"hsts"})
"""What browsers remember after it was turned off here; red is for nothing else."""


def confirm() -> rx.Component:
    """The dialog of the setting that is being asked about, if any."""
    asking = [
        (toggle, state is State.ON, asks)
        for toggle in TOGGLES
        for state, asks in ((State.ON, toggle.confirmation), (State.OFF, toggle.confirmation_off))
        if asks
    ]
    return rx.match(
        Grid.asking,
        *((asked(toggle, on), _dialog(toggle, on, asks)) for toggle, on, asks in asking),
        rx.fragment(),
    )


def _dialog(toggle: Toggle, on: bool, asks: Confirmation) -> rx.Component:
    change, keep = wording.rows.ASKED[on]
    return rx.el.dialog(
        rx.el.form(
            rx.el.header(rx.el.h2(f"{change} ", title(toggle), "?", id="ask-head")),
            rx.el.div(
                rx.el.p(asks.breaks, id="ask-text"),
                rx.el.p(asks.way_back, class_name="quiet"),
                _typed() if asks.type_shop else rx.fragment(),
                class_name="in",
            ),
            rx.el.footer(
                rx.el.button(
                    keep,
                    type="button",
                    class_name="btn",
                    custom_attrs={"data-safe": ""},
                    on_click=Grid.dismiss,
                ),
                _for_an_hour() if asks.for_an_hour else rx.fragment(),
                rx.el.button(
                    change,
                    type="submit",
                    class_name="btn critical" if on and toggle.id in _IRREVERSIBLE else "btn primary",
                    custom_attrs={"data-writes": ""},
                ),
            ),
            on_submit=lambda form: Grid.confirm(form, TOKEN),
        ),
        class_name="dialog",
        role="alertdialog",
        aria_labelledby="ask-head",
        aria_describedby="ask-text",
        custom_attrs={"data-opener": f"w-{toggle.id}"},
    )


def _for_an_hour() -> rx.Component:
    return rx.el.button(
        wording.rows.FOR_AN_HOUR,
        type="button",
        class_name="btn",
        id="ask-hour",
        custom_attrs={"data-writes": ""},
        on_click=Grid.confirm({"hour": "1"}, TOKEN),
    )


def _typed() -> rx.Component:
    handle = Grid.shop.split(".")[0]
    return rx.el.div(
        rx.el.label(
            rx.fragment(wording.rows.TYPE_NAME[0], " ", rx.el.b(handle), " ", wording.rows.TYPE_NAME[1]),
            html_for="typed",
            class_name="label",
        ),
        rx.el.div(
            rx.el.input(
                id="typed",
                name="shop",
                auto_complete="off",
                spell_check=False,
                aria_invalid=rx.cond(Grid.wrong, "true", "false"),
                aria_describedby="typed-wrong",
            ),
            class_name="field",
        ),
        rx.el.p(
            rx.cond(Grid.wrong, wording.rows.NOT_THE_NAME, ""),
            id="typed-wrong",
            class_name="wrong",
            role="alert",
        ),
    )
