"""Elements that Reflex does not have: three of our own, and a form that the browser itself posts.

`cc-age` counts by itself: the server sends a second once, the browser keeps saying how long ago that is. It is
defined in `assets/cloudcache.js` and writes its own text, so React and the script never meet.
"""

from __future__ import annotations

import reflex as rx
from reflex_base.constants.compiler import MemoizationDisposition, MemoizationMode

from cloudcache.ui.components.icons import icon


class Plain(rx.Component):
    """An element by its own name. Reflex would wrap it in a function named after the tag, which is no name."""

    _memoization_mode = MemoizationMode(disposition=MemoizationDisposition.NEVER)


class Age(Plain):
    """`at` is a Unix second in base 36; `says` is `ago`, `in`, `clock`, or `time` for one whose day is known."""

    tag = '"cc-age"'
    at: rx.Var[str]
    says: rx.Var[str]


class Day(Plain):
    """The day of `at` as a heading, unless `newer`, the line above, is of the same."""

    tag = '"cc-day"'
    at: rx.Var[str]
    newer: rx.Var[str]


class Clock(Plain):
    """Tells the script what time the server had, so that a wrong clock does not make ages wrong."""

    tag = '"cc-clock"'
    now: rx.Var[str]


def _detail(event: rx.vars.ObjectVar) -> tuple[rx.Var[str]]:
    return (event.detail.to(str),)


class SessionGate(Plain):
    """Brings the page's ID token when it opens, and again while it is seen; `gate` says how it was taken."""

    tag = '"cc-session"'
    gate: rx.Var[str]
    on_token: rx.EventHandler[_detail]


class Presses(Plain):
    """Tells the script which press was acknowledged last, and that the page was loaded anew."""

    tag = '"cc-presses"'
    acknowledged: rx.Var[str]
    loaded: rx.Var[str]


class Unsent(Plain):
    """Says in a row's slot that a press is on its way to the server, or has not reached it; else it is empty."""

    tag = '"cc-unsent"'
    toggle: rx.Var[str]
    sending: rx.Var[str]
    unsent: rx.Var[str]


class Release(Plain):
    """Says that the page is of another version than its server, and when it will be loaded anew; else it is empty."""

    tag = '"cc-release"'
    reloading: rx.Var[str]
    waiting: rx.Var[str]
    now: rx.Var[str]


class SearchSync(Plain):
    """Brings what the search field holds when the page is filtered by something else, as after a reload."""

    tag = '"cc-search"'
    query: rx.Var[str]
    on_text: rx.EventHandler[_detail]


class PlainLink(Plain):
    """A link that the browser itself follows: Reflex's own would navigate, and leave the focus where it was."""

    tag = '"a"'
    href: rx.Var[str]


class PlainForm(Plain):
    """Reflex's own form would catch the submit and send an event instead."""

    tag = '"form"'
    method: rx.Var[str]
    action: rx.Var[str]
    target: rx.Var[str]


age = Age.create
day = Day.create
clock = Clock.create
presses = Presses.create
release = Release.create
unsent = Unsent.create
plain_form = PlainForm.create
plain_link = PlainLink.create
search_sync = SearchSync.create
session_gate = SessionGate.create


def problem(text: rx.Var[str]) -> rx.Component:
    """Say what went wrong, beside what it is about, until the next try."""
    return rx.el.p(rx.cond(text != "", icon("alert"), rx.fragment()), text, class_name="wrong", role="alert")


def explained(
    words: str | rx.Component, meaning: str, name: str, class_name: str | rx.Var[str] = "explained"
) -> rx.Component:
    """Words that say what they mean when they are pressed, by mouse, finger or key; the script puts it below them."""
    return rx.fragment(
        rx.el.button(
            words, type="button", class_name=class_name, custom_attrs={"popoverTarget": f"why-{name}"}
        ),
        rx.el.div(meaning, id=f"why-{name}", class_name="why", custom_attrs={"popover": "auto"}),
    )


TOKEN = rx.Var("ccToken()", _var_type=str)
"""The page's own ID token at the moment of a click; "" outside the admin."""


def press(control: rx.Var[str] | str, wanted: rx.Var[bool] | None = None) -> rx.Var[str]:
    """The request ID of a press on the control with this element ID. A press that is sent again keeps its own."""
    position = "null" if wanted is None else str(wanted)
    known = rx.vars.base.VarData.merge(
        control._get_all_var_data(), wanted._get_all_var_data() if wanted is not None else None
    )
    return rx.Var(f"ccPress({control!s}, {position})", _var_type=str, _var_data=known)
