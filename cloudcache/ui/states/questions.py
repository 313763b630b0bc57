"""Which change a page asks about, as its state holds it: the toggle's id, and " off" when it is to be turned off."""

from __future__ import annotations

from cloudcache.domain.catalog import Toggle

_OFF = " off"


def asked(toggle: Toggle, on: bool) -> str:
    """The state of a page that asks whether to turn this on or off."""
    return toggle.id if on else f"{toggle.id}{_OFF}"


def question(asking: str) -> tuple[str, bool]:
    """The toggle's id, and whether it is to be turned on."""
    return asking.removesuffix(_OFF), not asking.endswith(_OFF)
