"""How toggles depend on each other: what one needs, what pauses or contradicts it, and what can't be combined.

A `Relation` is a note beside both rows; the merchant may flip regardless. A conflict is refused before anything is
sent, because Cloudflare would accept it and buyers would be locked out.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from cloudcache.domain.catalog import BY_ID
from cloudcache.domain.catalog.model import State, Toggle
from cloudcache.domain.errors import Reason, Refused
from cloudcache.domain.ids import JSON, ToggleId


class Kind(StrEnum):
    """How one toggle depends on another."""

    NEEDS = "needs"  # it does something only while the other is on
    PAUSED_BY = "paused_by"  # it does nothing while the other is on
    CHANGED_BY = "changed_by"  # the other may change it without a click
    CONTRADICTS = "contradicts"  # both may be on, and say the opposite


@dataclass(frozen=True, slots=True)
class Relation:
    """`toggle` depends on `other`; `note` says so beside the former, without a full stop."""

    toggle: ToggleId
    other: ToggleId
    kind: Kind
    note: str


def _relation(toggle: str, kind: Kind, other: str, note: str) -> Relation:
    return Relation(ToggleId(toggle), ToggleId(other), kind, note)


RELATIONS: tuple[Relation, ...] = (
    _relation("webp", Kind.NEEDS, "polish", "Works with Polish"),
    _relation("smart_tiered_cache", Kind.NEEDS, "tiered_caching", "Requires Tiered Cache"),
    _relation("h2_prioritization", Kind.NEEDS, "http2", "Requires HTTP/2"),
    _relation("early_hints", Kind.NEEDS, "http2", "Requires HTTP/2"),
    _relation("0rtt", Kind.NEEDS, "tls_1_3", "Requires TLS 1.3"),
    _relation("pseudo_ipv4", Kind.NEEDS, "ipv6", "Only useful with IPv6"),
    _relation("strict_ssl", Kind.CHANGED_BY, "ssl_automatic_mode", "Can be changed by Automatic SSL/TLS"),
    _relation("speed_brain", Kind.PAUSED_BY, "development_mode", "Pauses during development mode"),
    _relation("polish", Kind.PAUSED_BY, "development_mode", "Pauses during development mode"),
    _relation("tiered_caching", Kind.PAUSED_BY, "development_mode", "Pauses during development mode"),
    _relation("markdown_for_agents", Kind.CONTRADICTS, "block_ai_bots", "Says the opposite of Block AI bots"),
    _relation(
        "block_ai_bots", Kind.CONTRADICTS, "markdown_for_agents", "Markdown for AI agents says the opposite"
    ),
)


def relations_of(toggle: ToggleId) -> list[Relation]:
    """What this toggle depends on."""
    return [rule for rule in RELATIONS if rule.toggle == toggle]


def dependents(toggle: ToggleId, kind: Kind) -> list[Toggle]:
    """The toggles that depend on this one in that way."""
    return [BY_ID[rule.toggle] for rule in RELATIONS if rule.other == toggle and rule.kind is kind]


TLS_1_3 = ToggleId("tls_1_3")
MIN_TLS = ToggleId("modern_tls_only")

RELATED: dict[ToggleId, ToggleId] = {TLS_1_3: MIN_TLS, MIN_TLS: TLS_1_3}
"""The toggles that a conflict is about, each with the one whose values decide."""


def conflict(toggle: Toggle, wanted: State, related: JSON) -> str | None:
    """Why this change must not be sent while the related toggle has that value, in one short sentence, or None."""
    if toggle.id == TLS_1_3 and wanted is State.OFF and _accepts_only_1_3(related):
        return "Only TLS 1.3 is allowed"
    return None


def permitted_value(toggle: Toggle, wanted: State, value: JSON, related: Collection[JSON]) -> JSON:
    """Return the value that may be sent for this change; raise `Refused` when none may.

    `related` holds every value that the related toggle (`RELATED`) has or may soon have: the cached one, and those of
    its open changes, since either of two open changes may be carried out first.
    """
    if why := next(filter(None, (conflict(toggle, wanted, other) for other in related)), None):
        raise Refused(Reason.CONFLICT, why)
    if toggle.id == MIN_TLS and _accepts_only_1_3(value) and any(map(_is_tls_1_3_off, related)):
        return toggle.on
    return value


def _accepts_only_1_3(value: JSON) -> bool:
    return value is not None and BY_ID[MIN_TLS].read(value).detail == "1.3"


def _is_tls_1_3_off(value: JSON) -> bool:
    return value is not None and BY_ID[TLS_1_3].read(value).state is State.OFF
