"""The pages; `add_to` is all the app module needs to know of them."""

from __future__ import annotations

from collections.abc import Callable

import reflex as rx
from reflex.event import EventType

from cloudcache.ui import theme, wording
from cloudcache.ui.pages.connect import connect
from cloudcache.ui.pages.grid import Local, grid
from cloudcache.ui.pages.history import history
from cloudcache.ui.pages.not_found import not_found
from cloudcache.ui.pages.signin import signin
from cloudcache.ui.pages.staff import customer, staff
from cloudcache.ui.states.connect import Connect
from cloudcache.ui.states.grid import Grid
from cloudcache.ui.states.history import History
from cloudcache.ui.states.signin import Signin
from cloudcache.ui.states.staff import Staff

__all__ = ["Local", "add_to"]


def add_to(app: rx.App, local: Local | None, staff_sign_in: str | None) -> None:
    """Add every page; the local sign-in only where it exists."""

    def add(page: Callable[[], rx.Component], route: str, words: str, load: EventType[()] | None) -> None:
        app.add_page(
            page, route=route, title=f"{words} · {wording.common.APP}", image=theme.PICTURE, on_load=load
        )

    add(lambda: grid(local), "/", wording.common.TITLE, Grid.load)
    add(lambda: connect(local), "/connect", wording.common.CONNECT, Connect.load)
    add(lambda: history(local), "/history", wording.common.HISTORY, History.load)
    add(lambda: staff(local, staff_sign_in), "/staff", wording.staff.STAFF, Staff.load)
    app.add_page(
        customer,
        route="/staff/customers/[customer]",
        title=rx.cond(Grid.shop, Grid.shop.to(str) + " · ", "")
        + f"{wording.staff.STAFF} · {wording.common.APP}",
        image=theme.PICTURE,
        on_load=Grid.load_view,
    )
    add(not_found, "404", wording.common.NOT_FOUND, None)
    if local is not None:
        add(lambda: signin(local), "/signin", wording.common.SIGN_IN, Signin.load)
