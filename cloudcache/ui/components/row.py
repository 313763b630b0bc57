"""One setting's row: title and meaning, the slot of two fixed lines, the switch.

Whatever can change while the page is open is in the slot, so nothing ever moves. The words and icons per letter
exist once, in `slot` and `switch`; each row gives them its seven characters.
"""

from __future__ import annotations

import reflex as rx
from reflex_components_core.core.banner import has_connection_errors

from cloudcache.domain.catalog import Effect, Toggle, Topology
from cloudcache.domain.catalog.rules import DEPENDENCY_OF, Dependency
from cloudcache.domain.ids import ToggleId
from cloudcache.ui import wording
from cloudcache.ui.components.elements import TOKEN, age, press, unsent
from cloudcache.ui.components.icons import icon
from cloudcache.ui.states.grid import Grid
from cloudcache.ui.states.rows import NUMBER

_JUDGED = (Grid.topology == "o2o") | (Grid.topology == "unknown")
"""Whether the verdicts behind Shopify hold."""


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
                    rx.el.span(toggle.title, id=f"t-{toggle.id}"),
                    _badges(toggle, lock),
                    class_name="row-title",
                ),
                rx.el.p(toggle.description, class_name="row-text"),
                rx.el.div(_notes(toggle, lock), id=f"n-{toggle.id}"),
                _why(toggle),
            ),
            slot(
                cell=cell,
                word=Grid.words[toggle.id].to(str),
                name=toggle.id,
                title=toggle.title,
                acts=_actions(lock),
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


@rx.memo
def slot(
    cell: rx.Var[str], word: rx.Var[str], name: rx.Var[str], title: rx.Var[str], acts: rx.Var[str]
) -> rx.Component:
    """Two lines: the state in words; its age, its reason, and the one action it offers."""
    letter, at = cell[0:1].lower(), cell[1:]
    on = cell[0:1] == cell[0:1].upper()
    look = rx.match(
        letter,
        ("p", "slot live-now"),
        ("q", "slot live-now"),
        ("f", "slot bad"),
        ("k", "slot bad"),
        ("o", "slot warn"),
        ("x", "slot warn"),
        ("h", "slot warn"),
        ("s", "slot warn"),
        ("m", "slot warn"),
        ("d", "slot live-now"),
        rx.cond(on, "slot", "slot is-off"),
    )
    picture = rx.match(
        letter,
        ("p", icon("sync", "icon spin")),
        ("q", icon("clock")),
        ("f", icon("cross")),
        ("k", icon("cross")),
        ("o", icon("out")),
        ("x", icon("out")),
        ("h", icon("out")),
        ("s", icon("stale")),
        ("m", icon("stale")),
        ("d", icon("clock")),
        ("e", icon("clock")),
        rx.fragment(),
    )
    return rx.cond(
        cell == "",
        _skeleton(),
        rx.el.div(
            picture,
            rx.el.span(_state(letter, on, at, word), class_name="words"),
            rx.el.span(
                unsent(toggle=name, sending=wording.rows.SENDING, unsent=wording.rows.UNSENT),
                _age(letter, at, word),
                _action(letter, name, title, acts),
                class_name="more",
            ),
            class_name=look,
            id="s-" + name,
        ),
    )


def _state(letter: rx.Var[str], on: rx.Var[bool], at: rx.Var[str], word: rx.Var[str]) -> rx.Component:
    onoff = rx.cond(on, wording.rows.ON, wording.rows.OFF)
    lines = _lines(word)

    def said(line: int, otherwise: str | rx.Component | rx.Var[str]) -> rx.Var[str]:
        """The headline that the row brings, else what its letter says."""
        return rx.cond(lines[line], lines[line], otherwise)

    finer = rx.cond(word, onoff + " (" + word + ")", onoff)
    words = rx.match(
        letter,
        ("p", said(3, rx.cond(on, wording.rows.TURNING_ON, wording.rows.TURNING_OFF))),
        ("q", said(3, rx.cond(on, wording.rows.WAITING_ON, wording.rows.WAITING_OFF))),
        ("f", said(1, rx.cond(on, wording.rows.STILL_ON, wording.rows.STILL_OFF))),
        ("k", said(1, rx.cond(on, wording.rows.STILL_ON, wording.rows.STILL_OFF))),
        ("o", said(2, rx.cond(on, wording.rows.OUTSIDE_ON, wording.rows.OUTSIDE_OFF))),
        ("x", said(2, wording.rows.OUTSIDE_CHANGED)),
        ("h", said(2, rx.cond(on, wording.rows.REPORTED_ON, wording.rows.REPORTED_OFF))),
        ("s", rx.cond(on, wording.rows.STALE_ON, wording.rows.STALE_OFF)),
        ("u", wording.rows.UNREAD),
        ("n", wording.rows.NOT_AVAILABLE),
        ("m", rx.cond(word, word, onoff + " · " + wording.rows.NOT_REPORTED)),
        ("d", wording.rows.ENDED),
        ("e", wording.rows.ON_UNTIL + " "),
        finer,
    )
    return rx.fragment(words, rx.cond(letter == "e", age(at=at, says="clock"), rx.fragment()))


def _lines(word: rx.Var[str]) -> rx.Var[list[str]]:
    """The words of a row, a line each; see `states/rows.py`."""
    return rx.Var(f"({word!s} ?? '').split('\\n')", _var_data=word._get_all_var_data()).to(list[str])


def _age(letter: rx.Var[str], at: rx.Var[str], word: rx.Var[str]) -> rx.Component:
    lines = _lines(word)
    made, who = lines[0], lines[1]
    noticed_alone, noticed_after_name = wording.rows.NOTICED

    def by(*when: object) -> rx.Component:
        """Who, and when; a long name is cut, so that the time stays whole."""
        named = rx.el.span(rx.el.bdi(who, class_name="cut"), rx.el.span(", ", *when), class_name="who")
        return rx.cond(who, named, rx.el.span(*when))

    noticed = rx.cond(
        who,
        by(noticed_after_name, " ", age(at=at, says="ago")),
        rx.el.span(noticed_alone, " ", age(at=at, says="ago")),
    )
    outside = rx.cond(made, by(age(at=made, says="ago")), noticed)

    def ago(before: str) -> rx.Component:
        return rx.el.span(before, " ", age(at=at, says="ago"))

    return rx.match(
        letter,
        ("c", ago(wording.rows.CONFIRMED)),
        ("p", ago(wording.rows.SENT)),
        ("q", rx.el.span(age(at=at, says="in"))),
        ("f", rx.el.span(lines[0])),
        ("k", rx.el.span(lines[0])),
        ("o", outside),
        ("x", outside),
        ("h", by(age(at=at, says="ago"))),
        ("s", ago(wording.rows.LAST_CHECKED)),
        ("u", rx.el.span(wording.rows.UNREAD_MORE)),
        ("m", rx.cond(word, rx.fragment(), ago(wording.rows.LAST_CHECKED))),
        ("d", ago(wording.rows.ENDED_AGO)),
        (
            "e",
            rx.el.span(rx.cond(lines[1], lines[1], wording.rows.CHECKED), " ", age(at=lines[0], says="ago")),
        ),
        ago(wording.rows.CHECKED),
    )


def _actions(lock: rx.Var[str]) -> rx.Var[str]:
    """What can be done in a row: "a" all, "r" cancel and read again, "c" cancel, "" nothing."""
    connected = (Grid.status == "l") | (Grid.status == "w")
    return rx.cond(Grid.reads_only, "", rx.cond(connected, rx.cond(lock == "-", "a", "r"), "c"))


def _action(letter: rx.Var[str], name: rx.Var[str], title: rx.Var[str], acts: rx.Var[str]) -> rx.Component:
    """The action of this letter, unless it is known to fail here."""
    writes, reads = acts == "a", (acts == "a") | (acts == "r")

    def act(words: str, what: str) -> rx.Component:
        return rx.el.button(
            words,
            type="button",
            class_name="link",
            aria_label=f"{words}: " + title,
            id=f"a-{what}-" + name,
            custom_attrs={"data-then": "w-" + name},
            on_click=Grid.act(what, name, TOKEN, press(f"a-{what}-" + name)),
        )

    return rx.match(
        letter,
        ("q", rx.cond(acts != "", act(wording.rows.CANCEL_CHANGE, "cancel"))),
        ("f", rx.cond(writes, act(wording.rows.TRY_AGAIN, "retry"))),
        ("k", rx.cond(writes, act(wording.rows.TRY_AGAIN, "retry"))),
        ("o", rx.cond(writes, act(wording.rows.REVERT, "revert"))),
        ("x", rx.cond(writes, act(wording.rows.REVERT, "revert"))),
        ("h", rx.cond(reads, act(wording.rows.REFRESH, "check"))),
        ("s", rx.cond(reads, act(wording.rows.REFRESH, "check"))),
        ("m", rx.cond(reads, act(wording.rows.REFRESH, "check"))),
        rx.fragment(),
    )


def _skeleton() -> rx.Component:
    bars = [rx.el.span(class_name="skel", style={"width": width}) for width in ("28px", "104px")]
    return rx.el.div(*bars, class_name="slot loading", aria_hidden="true")


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
        wording.rows.ZONE_PLAN[0],
        " ",
        Grid.plan,
        " ",
        wording.rows.ZONE_PLAN[1],
    )
    free = [_risk(toggle)]
    rule = DEPENDENCY_OF.get(toggle.id)
    if rule and rule.other != "development_mode":
        free.append(_dependency(rule))
    return rx.match(
        lock,
        ("-", rx.fragment(*free)),
        ("x", _note(wording.rows.NOT_EDITABLE_NOTE)),
        ("n", _note(wording.rows.NOT_AVAILABLE_NOTE)),
        ("a", _note(wording.rows.needs_permission(toggle.permission))),
        rx.fragment(locked),
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
    return f" {wording.rows.ASKS}" if toggle.asks(topology) else ""


def _why(toggle: Toggle) -> rx.Component:
    """On demand: the reason if the row doesn't show it, what it rests on, and how to check it. Its room is kept where
    it isn't shown, so that nothing moves when the topology becomes known."""
    verdict = toggle.verdict(Topology.O2O)
    shown = verdict.reason if verdict.effect is Effect.WORKS else ""
    texts = (shown, wording.verdicts.basis(verdict), wording.verdicts.how_to_check(verdict))
    return rx.el.details(
        rx.el.summary(wording.verdicts.WHY, aria_label=f"{wording.verdicts.WHY} {toggle.title}"),
        *(rx.el.p(text) for text in texts if text),
        class_name=rx.cond(_JUDGED, "row-why", "row-why off"),
    )


def _dependency(rule: Dependency) -> rx.Component:
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
