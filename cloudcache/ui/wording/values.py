"""Values of a setting that are finer than on and off, as Cloudflare's dashboard calls them, in lower case."""

from __future__ import annotations

from collections.abc import Mapping

from cloudcache.domain.catalog.model import Reading, State, Toggle
from cloudcache.domain.ids import ToggleId

LONGEST_HEADLINE = 38
"""Of the first line of a row's slot."""
LONGEST_VALUE = 24
UNKNOWN_VALUE = "another value"

_NAMES: Mapping[str, Mapping[str, str]] = {
    "block_ai_bots": {
        "block": "search engines blocked",
        "disabled": "off",
        "disallow": "in robots.txt",
        "not_published": "not in robots.txt",
        "old_setting": "by the old setting",
        "only_on_ad_pages": "blocked on ad pages",
    },
    "bot_fight_mode": {
        "block": "bots blocked",
        "left_over": "left from the Free plan",
        "managed_challenge": "bots challenged",
        "only_likely": "likely bots only",
        "verified_bots_blocked": "search engines blocked",
    },
    "h2_prioritization": {"on": "standard"},
    "ignore_query_string": {
        "aggressive": "standard",
        "basic": "basic",
        "simplified": "ignore query string",
    },
    "image_resizing": {"on": "this domain", "open": "any origin"},
    "modern_tls_only": {"1.0": "TLS 1.0", "1.1": "TLS 1.1", "1.2": "TLS 1.2", "1.3": "TLS 1.3"},
    "pseudo_ipv4": {"add_header": "add header", "overwrite_header": "overwrite"},
    "strict_ssl": {
        "off": "no encryption",
        "origin_pull": "origin pull",
        "strict": "full (strict)",
    },
    "tls_1_3": {"on": "without 0-RTT", "zrt": "with 0-RTT"},
    "web_analytics": {"on": "automatic"},
}
_ALWAYS_NAMED: Mapping[ToggleId, State] = {ToggleId("strict_ssl"): State.OFF}
"""Positions that would be misread without the value: Full (strict) SSL is off while SSL itself is on."""


def name(toggle: ToggleId, value: str) -> str:
    """Return what to call a value of this toggle; one that nobody knows is shown as it is, in short."""
    known = _NAMES.get(toggle, {}).get(value)
    if known is not None:
        return known
    plain = "".join(one for one in value.replace("_", " ") if one.isprintable())
    if not plain.strip() or plain[0] in "{[":
        return UNKNOWN_VALUE
    return plain if len(plain) <= LONGEST_VALUE else f"{plain[: LONGEST_VALUE - 1]}…"


def is_always_named(toggle: ToggleId) -> bool:
    """Whether turning this toggle on or off would be misread without its values."""
    return toggle in _ALWAYS_NAMED


def finer(toggle: Toggle, reading: Reading, value: str) -> str:
    """Return what stands behind "On" or "Off", or nothing where the position alone says it."""
    is_plain = not reading.detail and _ALWAYS_NAMED.get(toggle.id) is not reading.state
    return "" if is_plain else name(toggle.id, value)


def changed(toggle: ToggleId, before: str, after: str) -> str:
    """A change between two values of the same position, made outside this app."""
    old, new = name(toggle, before), name(toggle, after)
    both = f"Changed from {old} to {new}"
    return both if len(both) <= LONGEST_HEADLINE else f"Changed to {new}"


def changing_back(toggle: ToggleId, after: str) -> str:
    """Such a change while it is made here: only a revert makes one."""
    return f"Changing back to {name(toggle, after)}"


def waiting(toggle: ToggleId, after: str) -> str:
    """Such a change while it waits to be sent."""
    return f"Waiting to go back to {name(toggle, after)}"


def not_changed_back(toggle: ToggleId, after: str) -> str:
    """Such a change that failed."""
    return f"Couldn’t change back to {name(toggle, after)}"


def reported(toggle: ToggleId, after: str) -> str:
    """Such a change that so far only the audit log tells of."""
    return f"Changed to {name(toggle, after)}, per audit log"
