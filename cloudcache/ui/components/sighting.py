"""The line of a row that says what the store's own pages show of the setting, and has them looked at."""

from __future__ import annotations

import reflex as rx

from cloudcache.domain.catalog import Toggle
from cloudcache.ui import wording
from cloudcache.ui.components.elements import TOKEN, age, press
from cloudcache.ui.components.slot import actions
from cloudcache.ui.states.grid import Grid
from cloudcache.ui.states.sightings import PLACE


def sighting(toggle: Toggle, cell: rx.Var[str], lock: rx.Var[str]) -> rx.Component:
    """The line; nothing for a setting that no page shows. Its room is always kept."""
    if toggle.id not in PLACE:
        return rx.fragment()
    return _line(
        seen=Grid.sightings[PLACE[toggle.id]],
        on=(cell != "") & (cell[0:1] == cell[0:1].upper()),
        known=(cell != "") & (cell[0:1] != "u"),
        problem=Grid.sight_problem,
        at=Grid.sighted,
        name=toggle.id,
        acts=actions(lock),
    )


@rx.memo
def _line(
    seen: rx.Var[str],
    on: rx.Var[bool],
    known: rx.Var[bool],
    problem: rx.Var[str],
    at: rx.Var[str],
    name: rx.Var[str],
    acts: rx.Var[str],
) -> rx.Component:
    says = wording.storefront
    found = rx.match(
        seen,
        ("y", rx.cond(on, says.SEEN[0], says.SEEN[1])),
        ("n", rx.cond(on, says.NOT_SEEN[0], says.NOT_SEEN[1])),
        says.UNCLEAR,
    )
    told = rx.match(
        problem,
        (
            "",
            "certificate_ends",
            "too_soon",
            rx.cond(at == "", says.NOT_YET, rx.cond(known, found, says.NOT_YET)),
        ),
        *says.PROBLEMS.items(),
        says.PROBLEMS["unreachable"],
    )
    shows_age = (at != "") & (problem != "waiting")
    return rx.el.p(
        rx.el.span(told, rx.cond(shows_age, rx.el.span(", ", age(at=at, says="ago")), rx.fragment())),
        " ",
        rx.cond(
            (acts == "a") | (acts == "r"),
            rx.el.button(
                says.CHECK_STORE,
                type="button",
                class_name="link",
                id="a-storefront-" + name,
                on_click=Grid.act("storefront", name, TOKEN, press("a-storefront-" + name)),
            ),
            rx.fragment(),
        ),
        rx.cond(problem == "too_soon", rx.el.span(says.TOO_SOON), rx.fragment()),
        class_name="row-note row-seen",
        id="v-" + name,
    )
