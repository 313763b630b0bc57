"""The two fixed lines of a row: the state in words; its age, its reason, and the one action it offers.

Whatever can change while the page is open is in here, so nothing ever moves.
"""

from __future__ import annotations

import reflex as rx

from cloudcache.ui import wording
from cloudcache.ui.components.elements import TOKEN, age, press, unsent
from cloudcache.ui.components.icons import icon
from cloudcache.ui.states.grid import Grid


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
        ("b", "slot warn"),
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
        ("b", icon("alert")),
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


def actions(lock: rx.Var[str]) -> rx.Var[str]:
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
