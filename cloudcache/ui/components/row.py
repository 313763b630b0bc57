"""One setting's row: title and meaning, the slot of two fixed lines, the switch.

Whatever can change while the page is open is in the slot, so nothing ever moves. The words and icons per letter
exist once, in `slot` and `switch`; each row gives them its seven characters.
"""

from __future__ import annotations

import reflex as rx
from reflex_components_core.core.banner import has_connection_errors

from cloudcache.domain.catalog import Effect, Toggle, Topology, ZonePlan
from cloudcache.domain.catalog.rules import Kind, Relation, dependents, relations_of
from cloudcache.domain.ids import ToggleId
from cloudcache.ui import wording
from cloudcache.ui.components.elements import TOKEN, press
from cloudcache.ui.components.icons import icon
from cloudcache.ui.components.sighting import sighting
from cloudcache.ui.components.slot import actions, slot
from cloudcache.ui.states.grid import Grid
from cloudcache.ui.states.rows import NUMBER

_JUDGED = (Grid.topology == "o2o") | (Grid.topology == "unknown")
"""Whether the verdicts behind Shopify hold."""


DASHBOARD = "https://dash.cloudflare.com/?to=/:account/:zone"
"""Cloudflare asks for the account and the zone, and opens that zone."""
PLANS = "https://www.cloudflare.com/plans/"


def title(toggle: Toggle) -> str | rx.Var[str]:
    """What the row is called; some settings have another name on paid plans."""
    if not toggle.paid_title:
        return toggle.title
    return rx.cond(Grid.plan == ZonePlan.FREE.title, toggle.title, toggle.paid_title)


def cell_of(toggle_id: ToggleId) -> rx.Var[str]:
    """The seven characters of a setting, as the page sees them."""
    cell: rx.Var[str] = getattr(Grid, f"r{NUMBER[toggle_id]}")
    return cell


def row(toggle: Toggle) -> rx.Component:
    """The row of one setting; not shown while the search or a chip leaves it out."""
    number = NUMBER[toggle.id]
    cell, lock = cell_of(toggle.id), Grid.locks[number]
    return rx.el.li(
        rx.el.article(
            rx.el.div(
                rx.el.h3(
                    rx.el.span(title(toggle), id=f"t-{toggle.id}"),
                    _badges(toggle, lock),
                    class_name="row-title",
                ),
                rx.el.p(toggle.description, class_name="row-text"),
                rx.el.div(_notes(toggle, lock), id=f"n-{toggle.id}"),
                sighting(toggle, cell, lock),
                _why(toggle),
            ),
            slot(
                cell=cell,
                word=Grid.words[toggle.id].to(str),
                name=toggle.id,
                title=title(toggle),
                acts=actions(lock),
            ),
            switch(cell=cell, lock=lock, status=rx.cond(Grid.reads_only, "v", Grid.status), name=toggle.id),
            class_name="row",
            aria_labelledby=f"t-{toggle.id}",
        ),
        hidden=(Grid.shown != "") & (Grid.shown[number] == "0"),
    )


@rx.memo
def switch(cell: rx.Var[str], lock: rx.Var[str], status: rx.Var[str], name: rx.Var[str]) -> rx.Component:
    """The switch. A locked one stays in the tab order, so that its reason can be read."""
    letter = cell[0:1]
    on = (cell != "") & (letter == letter.upper())
    waits = (letter.lower() == "p") | (letter.lower() == "q")
    connected = ((status == "l") | (status == "w")) & ~has_connection_errors
    free = (lock == "-") & connected & _is_known(letter)
    return rx.el.button(
        rx.el.i(),
        type="button",
        role="switch",
        class_name=rx.cond(_is_known(letter), rx.cond(waits, "switch waits", "switch"), "switch loading"),
        aria_checked=rx.cond(on, "true", "false"),
        aria_disabled=rx.cond(free, "false", "true"),
        aria_labelledby="t-" + name,
        aria_describedby="s-" + name + " n-" + name,
        on_click=Grid.flip(name, ~on, TOKEN, press("w-" + name, ~on)),
        id="w-" + name,
    )


def _badge(words: str, picture: str, class_name: str = "badge") -> rx.Component:
    return rx.el.span(icon(picture), words, class_name=class_name)


def _badges(toggle: Toggle, lock: rx.Var[str]) -> rx.Component:
    """What is known when the page loads: the plan it needs, and what it does behind Shopify."""
    plan = _badge(toggle.min_plan.title, "lock")
    locked = rx.match(
        lock,
        ("-", rx.fragment()),
        ("x", _badge(wording.rows.LOCKED, "lock")),
        ("a", _badge(wording.rows.LOCKED, "lock")),
        ("n", _badge(wording.rows.LOCKED, "lock")),
        ("d", _badge(wording.rows.LOCKED, "lock")),
        plan,
    )
    effect = toggle.behind_shopify.effect
    if effect is Effect.NO_EFFECT:
        return rx.fragment(locked, rx.cond(_JUDGED, _badge(wording.rows.NO_EFFECT, "none")))
    if effect is Effect.UNSAFE:
        risky = _badge(wording.rows.RISKY, "alert", "badge warn")
        return rx.fragment(locked, rx.cond(_JUDGED, risky))
    return locked


def _notes(toggle: Toggle, lock: rx.Var[str]) -> rx.Component:
    """Lines under the meaning; none of them comes or goes with a flip."""
    is_on = _is_on(cell_of(toggle.id)[0:1])
    locked = _note(
        rx.cond(
            is_on,
            wording.rows.needs_plan_to_turn_off(toggle.min_plan),
            wording.rows.needs_plan(toggle.min_plan),
        ),
        " ",
        _outside(wording.rows.PLANS_LINK, PLANS),
    )
    return rx.match(
        lock,
        ("-", rx.fragment(_risk(toggle), *_relations(toggle))),
        ("x", _note(wording.rows.NOT_EDITABLE_NOTE, " ", _dashboard_link())),
        ("n", _note(wording.rows.NOT_AVAILABLE_NOTE, " ", _dashboard_link())),
        ("d", _note(wording.rows.DASHBOARD_NOTE, " ", _dashboard_link())),
        ("a", _note(wording.rows.needs_permission(toggle.permission), " ", _connection_link())),
        locked,
    )


def _outside(words: str, href: str) -> rx.Component:
    """A link out of the app; it says that it opens a new tab."""
    hint = rx.el.span(f" {wording.rows.NEW_TAB}", class_name="sr")
    return rx.el.a(words, hint, href=href, target="_blank", rel="noopener noreferrer", class_name="link")


def _dashboard_link() -> rx.Component:
    return _outside(wording.rows.DASHBOARD_LINK, DASHBOARD)


def _connection_link() -> rx.Component:
    return rx.cond(
        Grid.reads_only,
        rx.fragment(),
        rx.el.a(wording.rows.CONNECTION_LINK, href="/connect", class_name="link"),
    )


def _risk(toggle: Toggle) -> rx.Component:
    """The verdict behind Shopify if it is a warning, else the caution that holds everywhere."""
    verdict, elsewhere = toggle.verdict(Topology.O2O), toggle.caution
    warns = verdict.effect is Effect.UNSAFE
    behind = elsewhere if verdict.effect is Effect.WORKS else verdict.reason
    asks = _asks(toggle, Topology.O2O)
    o2o = _note(behind + asks, warn=warns) if behind else rx.fragment()
    asks_elsewhere = _asks(toggle, Topology.PROXIED)
    other = _note(elsewhere + asks_elsewhere) if elsewhere else rx.fragment()
    if behind + asks == elsewhere + asks_elsewhere and not warns:
        return other
    return rx.cond(_JUDGED, o2o, other)


def _asks(toggle: Toggle, topology: Topology) -> str:
    """What follows a note that warns of turning the setting on."""
    return f" {wording.rows.ASKS}" if toggle.asks(topology, on=()) else ""


def _why(toggle: Toggle) -> rx.Component:
    """On demand: the reason if the row doesn't show it, what it rests on, and how to check it. Its room is kept where
    it isn't shown, so that nothing moves when the topology becomes known."""
    verdict = toggle.verdict(Topology.O2O)
    shown = verdict.reason if verdict.effect is Effect.WORKS else ""
    texts = (shown, wording.verdicts.basis(verdict), wording.verdicts.how_to_check(verdict))
    return rx.el.details(
        rx.el.summary(wording.verdicts.WHY, aria_label=wording.verdicts.WHY + " " + title(toggle)),
        *(rx.el.p(text) for text in texts if text),
        class_name=rx.cond(_JUDGED, "row-why", "row-why off"),
    )


def _relations(toggle: Toggle) -> list[rx.Component]:
    """What it depends on, with how that stands now, and what depends on it."""
    notes = [_relation(rule) for rule in relations_of(toggle.id) if rule.kind is not Kind.PAUSED_BY]
    for kind, say in wording.rows.DEPENDENTS.items():
        if names := [one.title for one in dependents(toggle.id, kind)]:
            notes.append(_note(say.format(names=wording.common.listed(names))))
    return notes


def _relation(rule: Relation) -> rx.Component:
    letter = cell_of(rule.other)[0:1]
    known = rx.cond(letter == letter.upper(), wording.rows.DEPENDS_ON[0], wording.rows.DEPENDS_ON[1])
    return _note(rule.note, rx.cond(_is_known(letter), known, ""))


def _is_on(letter: rx.Var[str]) -> rx.Var[bool]:
    """Whether a row that begins with this letter shows its switch as on."""
    return (letter != "") & (letter == letter.upper())


def _is_known(letter: rx.Var[str]) -> rx.Var[bool]:
    """Whether a row that begins with this letter shows a value that Cloudflare reported."""
    return (letter != "") & (letter != "u")


def _note(*words: object, warn: bool = False) -> rx.Component:
    return rx.el.p(
        icon("alert") if warn else rx.fragment(),
        rx.el.span(*words),
        class_name="row-note warn" if warn else "row-note",
    )
