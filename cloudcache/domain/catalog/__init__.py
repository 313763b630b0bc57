"""The catalogue: the 50 toggles in the order of the page, how to find one, and the calls that read them.

A zone is read with 16 calls while the batch call exists (one for 33 toggles, ten settings and five endpoints
of their own) and with 48 without it; one of the five, `bot_management`, carries three toggles.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from cloudcache.domain.catalog.entries import (
    bots,
    caching,
    connections,
    https,
    images,
    network,
    page_loading,
    security,
)
from cloudcache.domain.catalog.model import (
    Confirmation,
    Effect,
    Evidence,
    Reading,
    Section,
    State,
    Toggle,
    Topology,
    Verdict,
    ZonePlan,
)
from cloudcache.domain.errors import NotFound
from cloudcache.domain.ids import ToggleId

__all__ = [
    "BY_ID",
    "SECTIONS",
    "TOGGLES",
    "Confirmation",
    "Effect",
    "Evidence",
    "Read",
    "Reading",
    "Section",
    "State",
    "Toggle",
    "Topology",
    "Verdict",
    "ZonePlan",
    "find",
    "read_for",
    "reads",
]

SECTIONS: dict[Section, tuple[Toggle, ...]] = {
    Section.PAGE_LOADING: page_loading.TOGGLES,
    Section.IMAGES: images.TOGGLES,
    Section.CONNECTIONS: connections.TOGGLES,
    Section.CACHING: caching.TOGGLES,
    Section.SECURITY: security.TOGGLES,
    Section.HTTPS: https.TOGGLES,
    Section.BOTS: bots.TOGGLES,
    Section.NETWORK: network.TOGGLES,
}
TOGGLES: tuple[Toggle, ...] = tuple(toggle for rows in SECTIONS.values() for toggle in rows)
BY_ID: dict[ToggleId, Toggle] = {toggle.id: toggle for toggle in TOGGLES}

_ID = re.compile(r"[a-z0-9_-]{1,40}")


def find(toggle_id: object) -> Toggle:
    """The toggle of an id as anybody may write it (`rocket-loader` too); `NotFound` for anything else."""
    if isinstance(toggle_id, str) and _ID.fullmatch(toggle_id):
        toggle = BY_ID.get(ToggleId(toggle_id.replace("-", "_")))
        if toggle:
            return toggle
    raise NotFound("no such setting")


@dataclass(frozen=True, slots=True)
class Read:
    """One call that refreshes one or several toggles."""

    path: str
    toggles: tuple[Toggle, ...]
    batch: bool = False


@cache
def reads(batch: bool) -> tuple[Read, ...]:
    """The calls that refresh a whole zone, the one that tells most first: 16 with the batch call, else 48."""
    whole = tuple(toggle for toggle in TOGGLES if toggle.in_batch) if batch else ()
    single: dict[str, list[Toggle]] = {}
    for toggle in TOGGLES:
        if toggle not in whole:
            single.setdefault(toggle.path, []).append(toggle)
    first = (Read("/settings", whole, batch=True),) if whole else ()
    return first + tuple(Read(path, tuple(toggles)) for path, toggles in single.items())


def read_for(toggle: Toggle) -> Read:
    """The single call that refreshes this toggle (and those that share its endpoint)."""
    return _READ_FOR[toggle.id]


_READ_FOR = {toggle.id: read for read in reads(batch=False) for toggle in read.toggles}
