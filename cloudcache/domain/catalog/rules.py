"""How toggles hang together: what one needs from another, and the two combinations nobody may make.

A `Dependency` is a note beside the row; the merchant may flip regardless. A conflict is refused before
anything is sent, because Cloudflare would accept it and shoppers would be locked out.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from cloudcache.domain.catalog import BY_ID
from cloudcache.domain.catalog.model import State, Toggle, ZonePlan
from cloudcache.domain.errors import Reason, Refused
from cloudcache.domain.ids import JSON, ToggleId


@dataclass(frozen=True, slots=True)
class Dependency:
    """`toggle` is only of use while `other` is in position `needs`; `note` says so, without a full stop."""

    toggle: ToggleId
    other: ToggleId
    needs: State
    note: str


def _needs(toggle: str, other: str, note: str, needs: State = State.ON) -> Dependency:
    return Dependency(ToggleId(toggle), ToggleId(other), needs, note)


DEPENDENCIES: tuple[Dependency, ...] = (
    _needs("webp", "polish", "Works with Polish"),
    _needs("smart_tiered_cache", "tiered_caching", "Requires Tiered Cache"),
    _needs("h2_prioritization", "http2", "Requires HTTP/2"),
    _needs("early_hints", "http2", "Requires HTTP/2"),
    _needs("0rtt", "tls_1_3", "Requires TLS 1.3"),
    _needs("pseudo_ipv4", "ipv6", "Only useful with IPv6"),
    _needs("strict_ssl", "ssl_automatic_mode", "Can be changed by Automatic SSL/TLS", State.OFF),
    _needs("speed_brain", "development_mode", "Pauses during development mode", State.OFF),
    _needs("polish", "development_mode", "Pauses during development mode", State.OFF),
    _needs("tiered_caching", "development_mode", "Pauses during development mode", State.OFF),
)
DEPENDENCY_OF: dict[ToggleId, Dependency] = {rule.toggle: rule for rule in DEPENDENCIES}


TLS_1_3 = ToggleId("tls_1_3")
MIN_TLS = ToggleId("modern_tls_only")
BOT_FIGHT_MODE = ToggleId("bot_fight_mode")

RELATED: dict[ToggleId, ToggleId | None] = {TLS_1_3: MIN_TLS, MIN_TLS: TLS_1_3, BOT_FIGHT_MODE: None}
"""The toggles that a rule is about, each with the one whose values the rule looks at."""


def conflict(
    toggle: Toggle, wanted: State, plan: ZonePlan, value_of: Callable[[ToggleId], JSON]
) -> str | None:
    """Why this change must not be sent, in one short sentence, or None.

    `value_of` gives the wire value of another toggle, None when it was never read.
    """
    if toggle.id == TLS_1_3 and wanted is State.OFF and _accepts_only_1_3(value_of(MIN_TLS)):
        return "Only TLS 1.3 is allowed"
    if toggle.id == BOT_FIGHT_MODE and wanted is State.ON and plan > ZonePlan.FREE:
        return "Paid plans use Super Bot Fight Mode"
    return None


def permitted_value(
    toggle: Toggle, wanted: State, value: JSON, plan: ZonePlan, related: Collection[JSON]
) -> JSON:
    """Return the value that may be sent for this change; raise `Refused` when none may.

    `related` holds every value that the related toggle (`RELATED`) has or may soon have: the cached one, and those of
    its open changes, since either of two open changes may be carried out first.
    """
    reasons = (_conflict_with(other, toggle, wanted, plan) for other in related or (None,))
    if why := next(filter(None, reasons), None):
        raise Refused(Reason.CONFLICT, why)
    if toggle.id == MIN_TLS and _accepts_only_1_3(value) and any(map(_is_tls_1_3_off, related)):
        return toggle.on
    return value


def _conflict_with(other: JSON, toggle: Toggle, wanted: State, plan: ZonePlan) -> str | None:
    return conflict(toggle, wanted, plan, lambda _: other)


def _accepts_only_1_3(value: JSON) -> bool:
    return value is not None and BY_ID[MIN_TLS].read(value).detail == "1.3"


def _is_tls_1_3_off(value: JSON) -> bool:
    return value is not None and BY_ID[TLS_1_3].read(value).state is State.OFF
