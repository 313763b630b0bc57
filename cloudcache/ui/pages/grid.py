"""The merchant's page: 50 settings in eight cards, live."""

from __future__ import annotations

from dataclasses import dataclass

import reflex as rx

from cloudcache.domain.catalog import SECTIONS, TOGGLES, Section, Toggle
from cloudcache.ui import wording
from cloudcache.ui.components.banners import lost
from cloudcache.ui.components.confirm import confirm
from cloudcache.ui.components.elements import TOKEN, clock, plain_form, presses, session_gate
from cloudcache.ui.components.head import head, status
from cloudcache.ui.components.navigation import merchant_bar
from cloudcache.ui.components.row import cell_of, row
from cloudcache.ui.components.shell import notice, shell
from cloudcache.ui.components.toolbar import toolbar
from cloudcache.ui.states.filtering import ALL, LOOK
from cloudcache.ui.states.grid import Grid
from cloudcache.ui.states.session import Session


@dataclass(frozen=True, slots=True)
class Local:
    """What the page offers in the local environment only; `backend` is "" when both share one port."""

    backend: str


def grid(local: Local | None) -> rx.Component:
    """The page; without a session it shows no shop."""
    gone = (Grid.status == "o") | ((Grid.status == "") & (Session.gate == "refused"))
    shown = rx.match(
        Grid.status,
        ("h", _waiting(local)),
        ("c", _your_turn(local)),
        settings(_foot(local), merchant_bar("/", sign_out_of(local))),
    )
    unknown = (Grid.status == "") | (Grid.status == "o")
    return rx.fragment(gate(), unless_unavailable(unknown, rx.cond(gone, signed_out(local), shown)))


def settings(foot: rx.Component, bar: rx.Component) -> rx.Component:
    """The head, the eight cards and what stands below, under a bar that leads elsewhere."""
    sections = [_section(number, section, rows) for number, (section, rows) in enumerate(SECTIONS.items())]
    return shell(
        head(),
        status(),
        toolbar(),
        rx.el.div(*sections, _nothing_found(), class_name="cards"),
        foot,
        confirm(),
        clock(now=Grid.clock),
        presses(acknowledged=Grid.acknowledged, loaded=Grid.loaded),
        rx.el.p(Grid.said, class_name="sr", role="status", aria_live="polite"),
        bar=bar,
    )


def _section(number: int, section: Section, rows: tuple[Toggle, ...]) -> rx.Component:
    """One card; it goes when none of its rows is shown."""
    first = TOGGLES.index(rows[0])
    none_shown = Grid.shown[first : first + len(rows)] == "0" * len(rows)
    heading = f"sec-{number}"
    return rx.el.section(
        rx.el.div(
            rx.el.div(rx.el.h2(section.value, id=heading), rx.el.p(wording.grid.SECTION_TEXT[section])),
            rx.el.span(
                _on_count(rows), f" {wording.grid.OF} {len(rows)} {wording.grid.ARE_ON}", class_name="aside"
            ),
            class_name="card-head",
        ),
        rx.el.ul(*(row(toggle) for toggle in rows), class_name="rows"),
        class_name="card",
        aria_labelledby=heading,
        hidden=none_shown,
    )


def _on_count(rows: tuple[Toggle, ...]) -> rx.Var[str]:
    """How many rows begin with an upper-case letter; counted in the browser, so that a flip need not send it.

    A dash while one of them was never read: then nobody knows."""
    cells = [cell_of(toggle.id) for toggle in rows]
    known = rx.vars.base.VarData.merge(*(cell._get_all_var_data() for cell in cells))
    shown = f"[{', '.join(map(str, cells))}]"
    unread = rx.Var(f"{shown}.some((row) => !row || row[0] === 'u')", _var_data=known).to(bool)
    counted = rx.Var(f"{shown}.filter((row) => row < 'a').length", _var_data=known)
    return rx.cond(unread, "–", counted.to(str))


def _nothing_found() -> rx.Component:
    is_calm = (Grid.chip == LOOK) & (Grid.query == "")
    calm = _empty(
        wording.status.NOTHING_ODD,
        wording.grid.NOTHING_TO_LOOK_AT,
        _leave(wording.grid.SHOW_ALL, Grid.clear, then="chip-all"),
    )
    elsewhere = _empty(
        rx.fragment(wording.grid.NOTHING_FOUND, " “", Grid.query, "” ", wording.grid.HERE),
        rx.fragment(wording.grid.FOUND_IN, " ", Grid.elsewhere, "."),
        _leave(wording.grid.SEARCH_ALL, Grid.show(ALL), then="chip-all"),
    )
    nowhere = _empty(
        rx.fragment(wording.grid.NOTHING_FOUND, " “", Grid.query, "”"),
        wording.grid.NOTHING_FOUND_WHY,
        _leave(wording.grid.CLEAR_SEARCH, Grid.clear, then="find"),
    )
    card = rx.el.section(
        rx.cond(is_calm, calm, rx.cond(Grid.elsewhere, elsewhere, nowhere)),
        class_name="card",
        role="status",
    )
    some = rx.cond(
        (Grid.chip == LOOK) & ~Grid.reads_only & Grid.reviewable,
        rx.el.p(
            rx.el.button(
                wording.grid.SEEN_ALL,
                type="button",
                class_name="link",
                on_click=Grid.seen_all(TOKEN),
                custom_attrs={"data-then": "chip-all"},
            ),
            class_name="foot-line",
        ),
        rx.fragment(),
    )
    return rx.cond(Grid.shown == "0" * len(TOGGLES), card, some)


def _empty(head: str | rx.Component, more: str | rx.Component, button: rx.Component) -> rx.Component:
    return rx.el.div(rx.el.h2(head), rx.el.p(more), button, class_name="empty")


def _leave(words: str, on_click: rx.event.EventType[()], *, then: str) -> rx.Component:
    """A button that is gone once it is pressed; the focus goes to the element with the ID `then`."""
    return rx.el.button(
        words, type="button", class_name="link", on_click=on_click, custom_attrs={"data-then": then}
    )


def _foot(local: Local | None) -> rx.Component:
    """The keyboard shortcut's switch and, locally, the way to the pretend dashboard."""
    shortcut = rx.el.label(
        rx.el.input(id="shortcut", type="checkbox", default_checked=True),
        wording.grid.SHORTCUT,
        class_name="check",
    )
    if local is None:
        return rx.el.footer(shortcut, class_name="page-foot")
    return rx.el.footer(shortcut, _dashboard(local), class_name="page-foot")


def _dashboard(local: Local) -> rx.Component:
    return rx.el.a(
        wording.grid.DASHBOARD,
        href=f"{local.backend}/cloudflare/_emulator/dashboard",
        target="_blank",
        rel="noopener",
    )


def gate() -> rx.Component:
    """Brings the ID token of a page in the admin.

    Made once the socket is there: React forgets the listeners of own events when it takes over prerendered HTML."""
    return rx.cond(
        rx.State.is_hydrated, session_gate(gate=Session.gate, on_token=Session.present), rx.fragment()
    )


def unless_unavailable(unknown: rx.Var[bool], page: rx.Component) -> rx.Component:
    """The page, unless nobody is known in it because who they are cannot be read."""
    notice_ = _card(wording.problems.NO_DATABASE, rx.el.p(wording.problems.NO_DATABASE_MORE))
    return rx.cond(unknown & (Session.gate == "unavailable"), notice_, page)


def sign_out_of(local: Local | None) -> str | None:
    """Where a local session ends; one in the admin has no end of its own."""
    return f"{local.backend}/local/signout" if local else None


def _sign_out(local: Local) -> rx.Component:
    return plain_form(
        rx.el.button(wording.common.SIGN_OUT, type="submit", class_name="btn"),
        method="post",
        action=sign_out_of(local),
        target="_top",  # the sign-in is framed by nobody
    )


def _waiting(local: Local | None) -> rx.Component:
    """The rollout does not serve this shop: what that means, and that nothing is asked of anybody."""
    link = rx.el.a(wording.common.CONTACT_SUPPORT, href=Grid.support, class_name="link")
    help_ = rx.cond(Grid.support != "", rx.el.p(wording.rollout.WAITING_HELP, " ", link), rx.fragment())
    return _card(
        wording.rollout.WAITING,
        rx.el.p(wording.rollout.WAITING_MORE),
        help_,
        _sign_out(local) if local else rx.fragment(),
    )


def _your_turn(local: Local | None) -> rx.Component:
    """The rollout has come to a shop that has no zone yet, while its page stood open."""
    connect = rx.el.a(wording.common.CONNECT, href="/connect", class_name="btn primary")
    return _card(wording.rollout.YOUR_TURN, rx.el.p(wording.rollout.YOUR_TURN_MORE), connect)


def _card(title: str, *content: rx.Component) -> rx.Component:
    return shell(lost(), notice("clock", title, *content), class_name="page narrow alone")


def signed_out(local: Local | None) -> rx.Component:
    """Nobody is known here, so nothing of any shop is shown."""
    link = rx.el.a(wording.common.SIGN_IN, href="/signin", class_name="btn") if local else rx.fragment()
    return shell(
        notice("lock", wording.common.SIGNED_OUT, rx.el.p(wording.common.SIGNED_OUT_MORE), link),
        class_name="page narrow alone",
    )
