"""The pages; `add_to` is all the app module needs to know of them."""

from __future__ import annotations

import reflex as rx

from cloudcache.ui import wording
from cloudcache.ui.pages.grid import Local, grid
from cloudcache.ui.pages.signin import signin
from cloudcache.ui.states.grid import Grid
from cloudcache.ui.states.signin import Signin

__all__ = ["Local", "add_to"]


def add_to(app: rx.App, local: Local | None) -> None:
    """Add every page; the local sign-in only where it exists."""
    app.add_page(lambda: grid(local), route="/", title=f"{wording.TITLE} · {wording.APP}", on_load=Grid.load)
    if local is not None:
        title = f"{wording.SIGN_IN} · {wording.APP}"
        app.add_page(lambda: signin(local), route="/signin", title=title, on_load=Signin.load)
