"""The card with the store's API tokens, on the page of its connection."""

from __future__ import annotations

import reflex as rx

from cloudcache.ui import wording
from cloudcache.ui.components.card import card
from cloudcache.ui.components.elements import TOKEN, age, problem
from cloudcache.ui.components.icons import icon
from cloudcache.ui.states.scripts import Scripts


def api_tokens() -> rx.Component:
    """The card: the tokens there are, and a form for another one."""
    form = rx.el.form(
        rx.el.label(wording.api_tokens.NAME, html_for="script-name", class_name="label"),
        rx.el.div(
            rx.el.div(
                rx.el.input(id="script-name", name="name", auto_complete="off", max_length=60),
                class_name="field grow",
            ),
            rx.el.select(
                *(rx.el.option(words, value=scope) for scope, words in wording.api_tokens.SCOPES.items()),
                name="scope",
                default_value="read",
                aria_label=wording.api_tokens.PERMISSION,
                class_name="plain",
            ),
            rx.el.button(
                wording.api_tokens.MAKE, type="submit", class_name="btn", custom_attrs={"data-writes": ""}
            ),
            class_name="side-by-side",
        ),
        on_submit=lambda form: Scripts.make(form, TOKEN),
        reset_on_submit=True,
    )
    made = rx.cond(
        Scripts.made != "",
        rx.el.div(
            rx.el.p(wording.api_tokens.SCRIPT_MADE, class_name="label"),
            rx.el.output(Scripts.made, id="made", class_name="secret"),
            class_name="lines",
            role="status",
        ),
        rx.fragment(),
    )
    listed = rx.cond(
        Scripts.tokens.length() > 0,
        rx.el.ul(rx.foreach(Scripts.tokens, _token), class_name="checks"),
        rx.cond(
            Scripts.problem == wording.api_tokens.API_TOKENS_UNAVAILABLE,
            rx.fragment(),
            rx.el.p(wording.api_tokens.NO_SCRIPTS, class_name="quiet"),
        ),
    )
    link = rx.el.a(
        wording.api_tokens.DOCS, href="/api/docs", target="_blank", rel="noopener", class_name="link"
    )
    return rx.el.div(
        card(
            wording.api_tokens.SCRIPTS,
            rx.el.p(wording.api_tokens.SCRIPTS_TEXT),
            made,
            listed,
            problem(Scripts.problem),
            form,
            aside=link,
        ),
        on_mount=Scripts.load,
    )


def _token(one: rx.Var[dict[str, str]]) -> rx.Component:
    used = rx.cond(
        one["used"] != "",
        rx.fragment(wording.api_tokens.USED, " ", age(at=one["used"], says="ago")),
        wording.api_tokens.NEVER_USED,
    )
    scope = rx.match(one["scope"], *wording.api_tokens.SCOPES.items(), one["scope"])
    return rx.el.li(
        icon("lock"),
        rx.el.div(
            rx.el.p(one["name"], " (", scope, ")"),
            rx.el.p(
                wording.api_tokens.ENDS_IN,
                " ",
                one["last_four"],
                ", ",
                wording.api_tokens.CREATED,
                " ",
                age(at=one["made"], says="ago"),
                ", ",
                used,
                class_name="small quiet",
            ),
        ),
        rx.el.button(
            wording.api_tokens.REVOKE,
            type="button",
            class_name="link",
            aria_label=f"{wording.api_tokens.REVOKE}: " + one["name"],
            on_click=Scripts.revoke(one["id"], TOKEN),
            custom_attrs={"data-writes": ""},
        ),
        class_name="none",
    )
