"""The pages; `add_to` is all the app module needs to know of them."""

from __future__ import annotations

import reflex as rx

from cloudcache.ui import wording
from cloudcache.ui.pages.connect import connect
from cloudcache.ui.pages.grid import Local, grid
from cloudcache.ui.pages.history import history
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

    def title(words: str) -> str:
        return f"{words} · {wording.APP}"

    app.add_page(lambda: grid(local), route="/", title=title(wording.TITLE), on_load=Grid.load)
    app.add_page(lambda: connect(local), route="/connect", title=title(wording.CONNECT), on_load=Connect.load)
    app.add_page(lambda: history(local), route="/history", title=title(wording.HISTORY), on_load=History.load)
    app.add_page(
        lambda: staff(local, staff_sign_in), route="/staff", title=title(wording.STAFF), on_load=Staff.load
    )
    app.add_page(
        customer, route="/staff/customers/[customer]", title=title(wording.STAFF), on_load=Grid.load_view
    )
    if local is not None:
        app.add_page(
            lambda: signin(local), route="/signin", title=title(wording.SIGN_IN), on_load=Signin.load
        )
