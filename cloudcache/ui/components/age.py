"""A time that counts by itself: the server sends a second once, the browser keeps saying how long ago that is.

The element is defined in `assets/cloudcache.js`; it writes its own text, so React and the script never meet.
"""

from __future__ import annotations

import reflex as rx


class Age(rx.Component):
    """`at` is a Unix second in base 36; `says` is `ago`, `in` or `clock`."""

    tag = '"cc-age"'
    at: rx.Var[str]
    says: rx.Var[str]


class Clock(rx.Component):
    """Tells the script what time the server had, so that a wrong clock does not make ages wrong."""

    tag = '"cc-clock"'
    now: rx.Var[str]


age = Age.create
clock = Clock.create
