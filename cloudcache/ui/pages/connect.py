"""Connect Cloudflare: a token, a zone, what was found, and only then the button that keeps it."""

from __future__ import annotations

import reflex as rx

from cloudcache.ui import wording
from cloudcache.ui.components.banners import held_back, lost, of_storefront, unavailable, unused
from cloudcache.ui.components.card import card
from cloudcache.ui.components.elements import TOKEN, problem
from cloudcache.ui.components.icons import icon
from cloudcache.ui.components.navigation import merchant_bar
from cloudcache.ui.components.shell import back, shell
from cloudcache.ui.pages.api_tokens import api_tokens
from cloudcache.ui.pages.grid import Local, gate, sign_out_of, signed_out, unless_unavailable
from cloudcache.ui.states.connect import Connect
from cloudcache.ui.states.session import Session


def connect(local: Local | None) -> rx.Component:
    """The page; without a merchant it shows nothing."""
    gone = (Connect.phase == "o") | ((Connect.phase == "") & (Session.gate == "refused"))
    unknown = (Connect.phase == "") | (Connect.phase == "o")
    return rx.fragment(gate(), unless_unavailable(unknown, rx.cond(gone, signed_out(local), _page(local))))


def _page(local: Local | None) -> rx.Component:
    return shell(
        lost(),
        rx.cond(Connect.has_page, back(wording.common.BACK, "/"), rx.fragment()),
        rx.el.div(
            rx.el.div(
                rx.el.h1(
                    rx.cond(
                        (Connect.phase == "c") | (Connect.phase == "d"),
                        wording.common.CONNECTION,
                        wording.common.CONNECT,
                    )
                ),
                rx.el.p(wording.connect.CONNECT_TEXT, class_name="sub"),
            ),
            class_name="head",
        ),
        rx.match(
            Connect.phase,
            ("", _loading()),
            ("d", unavailable()),
            ("c", rx.fragment(_waiting(), _connected(), rx.cond(Connect.waits, rx.fragment(), api_tokens()))),
            rx.fragment(
                _token(),
                rx.cond(Connect.phase == "z", rx.fragment(_zones(), _found()), rx.fragment()),
            ),
        ),
        rx.cond(Connect.asks, _ask(), rx.fragment()),
        class_name="page narrow",
        bar=merchant_bar("/connect", sign_out_of(local), Connect.has_page),
    )


def _loading() -> rx.Component:
    bars = [rx.el.span(class_name="skel", style={"width": width}) for width in ("180px", "320px", "240px")]
    return rx.el.section(
        rx.el.div(*bars, class_name="card-body lines"), class_name="card", aria_hidden="true"
    )


def _token() -> rx.Component:
    asking = Connect.busy == "token"
    form = rx.el.form(
        rx.el.label(wording.connect.TOKEN_LABEL, html_for="cf-token", class_name="label"),
        rx.el.div(
            rx.el.div(
                rx.el.input(
                    id="cf-token",
                    name="token",
                    type="password",
                    auto_complete="off",
                    spell_check=False,
                    aria_describedby="cf-token-how",
                ),
                class_name="field grow",
            ),
            rx.el.button(
                rx.cond(asking, wording.connect.CHECKING_TOKEN, wording.connect.CHECK),
                type="submit",
                class_name="btn",
                disabled=asking,
                custom_attrs={"data-writes": ""},
            ),
            class_name="side-by-side",
        ),
        problem(rx.cond(Connect.zones.length() == 0, Connect.problem, "")),
        rx.el.p(wording.connect.TOKEN_HOW, id="cf-token-how", class_name="small quiet"),
        on_submit=lambda form: Connect.check(form, TOKEN),
    )
    return card(
        wording.connect.STEP_TOKEN, _replacing(), rx.cond(Connect.offers_oauth, _oauth(), rx.fragment()), form
    )


def _replacing() -> rx.Component:
    """Which zone is connected while another token is asked for, and the way back to it."""
    return rx.cond(
        Connect.connected_zone != "",
        rx.el.div(
            rx.el.p(wording.connect.CONNECTED_NOW, " ", rx.el.b(Connect.connected_zone)),
            rx.el.button(wording.common.CANCEL, type="button", class_name="btn", on_click=Connect.load),
            class_name="side-by-side",
        ),
        rx.fragment(),
    )


def _oauth() -> rx.Component:
    begin = rx.el.button(
        wording.connect.OAUTH_BEGIN,
        type="button",
        class_name="btn primary",
        on_click=Connect.begin(TOKEN),
        custom_attrs={"data-writes": ""},
    )
    go_on = rx.fragment(
        rx.el.a(
            wording.connect.OAUTH_OPEN,
            href=Connect.oauth_link,
            target="_blank",
            rel="opener",
            class_name="btn primary",
        ),
        rx.el.button(
            wording.connect.OAUTH_GO_ON,
            type="button",
            class_name="btn",
            on_click=Connect.agreed(TOKEN),
            custom_attrs={"data-writes": ""},
        ),
    )
    return rx.el.div(
        rx.el.div(rx.cond(Connect.oauth_link != "", go_on, begin), class_name="side-by-side"),
        rx.el.p(wording.connect.OAUTH_OR, class_name="small quiet"),
        class_name="lines",
    )


def _zones() -> rx.Component:
    return rx.el.section(
        rx.el.div(
            rx.el.div(
                rx.el.h2(wording.connect.STEP_ZONE),
                rx.el.p(
                    wording.connect.ACCESS[0],
                    " ",
                    Connect.zones.length(),
                    " ",
                    rx.cond(
                        Connect.is_cut,
                        wording.connect.ACCESS[3],
                        rx.cond(
                            Connect.zones.length() == 1, wording.connect.ACCESS[1], wording.connect.ACCESS[2]
                        ),
                    ),
                ),
            ),
            class_name="card-head",
        ),
        rx.el.fieldset(
            rx.el.legend(wording.connect.ZONE, class_name="sr"),
            rx.foreach(Connect.zones, _zone),
            class_name="plain",
        ),
        class_name="card",
        aria_label=wording.connect.STEP_ZONE,
    )


def _zone(one: rx.Var[dict[str, str]]) -> rx.Component:
    return rx.el.label(
        rx.el.input(
            type="radio",
            name="zone",
            checked=Connect.chosen == one["id"],
            on_change=lambda _: Connect.choose(one["id"]),
        ),
        rx.el.span(
            rx.el.b(one["name"]),
            rx.el.span(one["plan"], " ", wording.status.PLAN, class_name="small quiet"),
            class_name="two",
        ),
        rx.cond(
            one["own"] != "", rx.el.span(wording.connect.OWN_DOMAIN, class_name="badge info"), rx.fragment()
        ),
        class_name="choice radio",
    )


def _found() -> rx.Component:
    ready = Connect.checks.length() > 0
    looked = rx.fragment(
        _way(),
        rx.el.ul(
            *(_count_line(place, picture) for place, picture in enumerate(("check", "none", "alert"))),
            class_name="checks",
        ),
        rx.el.h3(wording.connect.PERMISSIONS, class_name="label"),
        _checks(),
    )
    busy = Connect.busy == "connect"
    connect_button = rx.el.button(
        rx.cond(busy, wording.connect.CONNECTING_ZONE, wording.connect.CONNECT_ZONE + " " + Connect.domain),
        type="button",
        class_name="btn primary",
        disabled=busy | ~ready,
        on_click=Connect.connect(TOKEN),
        custom_attrs={"data-writes": ""},
    )
    return rx.fragment(
        rx.cond(
            ready | (Connect.problem == ""),
            card(
                wording.connect.STEP_TRAFFIC,
                rx.cond(
                    ready, looked, rx.el.p(wording.connect.CHECKING_TOKEN, class_name="quiet", role="status")
                ),
            ),
            rx.fragment(),
        ),
        problem(rx.cond(Connect.zones.length() > 0, Connect.problem, "")),
        rx.el.div(
            rx.el.button(wording.common.CANCEL, type="button", class_name="btn", on_click=Connect.load),
            rx.cond(Connect.chosen != "", connect_button, rx.fragment()),
            class_name="foot",
        ),
    )


def _way() -> rx.Component:
    ways = ((name, rx.el.span(words)) for name, words in wording.connect.WAYS.items())
    said = rx.el.p(rx.el.b(Connect.hostname), " ", rx.match(Connect.topology, *ways, rx.fragment()))
    return rx.fragment(
        said, rx.match(Connect.topology, *unused().items(), of_storefront(Connect.store_problem))
    )


def _count_line(place: int, picture: str) -> rx.Component:
    count, (one, several) = Connect.counts[place], wording.connect.COUNTS[place]
    return rx.el.li(
        icon(picture),
        rx.el.p(count, " ", rx.cond(count == 1, one, several)),
        class_name="" if picture == "check" else "none",
    )


def _checks() -> rx.Component:
    return rx.el.ul(rx.foreach(Connect.checks, _check), class_name="checks")


def _check(one: rx.Var[dict[str, str]]) -> rx.Component:
    works = one["works"]
    words = rx.match(
        works, ("yes", wording.connect.WORKS), ("no", wording.connect.MISSING), wording.connect.NOT_TRIED
    )
    return rx.el.li(
        rx.match(works, ("yes", icon("check")), ("no", icon("cross")), icon("ring")),
        rx.el.div(rx.el.p(one["name"]), rx.el.p(one["means"], class_name="small quiet")),
        rx.el.span(words, class_name="res"),
        class_name=rx.match(works, ("yes", ""), ("no", "bad"), "none"),
    )


def _suspended(what: str, more: str) -> rx.Component:
    return rx.fragment(
        rx.el.p(icon("alert"), what, class_name="wrong"), rx.el.p(more, class_name="small quiet")
    )


def _waiting() -> rx.Component:
    return rx.cond(Connect.waits, held_back(), rx.fragment())


def _renewing() -> rx.Component:
    again = Connect.busy == "again"
    return rx.fragment(
        rx.el.button(
            rx.cond(again, wording.connect.CHECKING_TOKEN, wording.connect.LOOK_AGAIN),
            type="button",
            class_name="btn",
            disabled=again,
            on_click=Connect.look_again(TOKEN),
            custom_attrs={"data-writes": ""},
        ),
        rx.el.button(wording.connect.REPLACE, type="button", class_name="btn", on_click=Connect.replace),
    )


def _connected() -> rx.Component:
    suspended = rx.match(
        Connect.status,
        ("token_refused", _suspended(wording.problems.TOKEN_REFUSED, wording.connect.TOKEN_SUSPENDED)),
        ("gone", _suspended(wording.problems.ZONE_GONE, wording.connect.ZONE_SUSPENDED)),
        rx.fragment(),
    )
    return card(
        rx.match(
            Connect.status,
            ("token_refused", wording.status.PAUSED),
            ("gone", wording.status.PAUSED),
            wording.connect.CONNECTED,
        ),
        suspended,
        rx.cond(
            Connect.hostname == Connect.domain, rx.fragment(), rx.el.p(rx.el.b(rx.el.bdi(Connect.domain)))
        ),
        _way(),
        _checks(),
        problem(Connect.problem),
        rx.el.div(
            rx.cond(Connect.waits, rx.fragment(), _renewing()),
            rx.el.button(
                wording.connect.DISCONNECT,
                type="button",
                id="disconnect",
                class_name="btn critical-plain",
                on_click=Connect.ask(True),
            ),
            class_name="side-by-side",
        ),
        aside=rx.el.span(Connect.plan, " ", wording.status.PLAN, class_name="aside"),
    )


def _ask() -> rx.Component:
    return rx.el.dialog(
        rx.el.header(rx.el.h2(wording.connect.DISCONNECT_ASK, id="ask-head")),
        rx.el.div(rx.el.p(wording.connect.DISCONNECT_MORE, id="ask-text"), class_name="in"),
        rx.el.footer(
            rx.el.button(
                wording.connect.KEEP_CONNECTED,
                type="button",
                class_name="btn",
                custom_attrs={"data-safe": ""},
                on_click=Connect.ask(False),
            ),
            rx.el.button(
                wording.connect.DISCONNECT,
                type="button",
                class_name="btn critical",
                on_click=Connect.disconnect(TOKEN),
                custom_attrs={"data-writes": ""},
            ),
        ),
        class_name="dialog",
        role="alertdialog",
        aria_labelledby="ask-head",
        aria_describedby="ask-text",
        custom_attrs={"data-opener": "disconnect"},
    )
