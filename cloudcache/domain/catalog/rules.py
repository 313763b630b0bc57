"""How toggles hang together: what one needs from another, and the two combinations nobody may make.

A `Dependency` is a note beside the row; the merchant may flip regardless. A conflict is refused before
anything is sent, because Cloudflare would accept it and shoppers would be locked out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from cloudcache.domain.catalog.model import State, Toggle, ZonePlan
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
    _needs("webp", "polish", "Works together with Polish"),
    _needs("smart_tiered_cache", "tiered_caching", "Needs Tiered Cache"),
    _needs("h2_prioritization", "http2", "Needs HTTP/2"),
    _needs("early_hints", "http2", "Needs HTTP/2"),
    _needs("0rtt", "tls_1_3", "Needs TLS 1.3"),
    _needs("pseudo_ipv4", "ipv6", "Only of use with IPv6"),
    _needs("hsts", "always_use_https", "Best together with Always Use HTTPS"),
    _needs("strict_ssl", "ssl_automatic_mode", "May be changed by Automatic SSL/TLS", State.OFF),
    _needs("speed_brain", "development_mode", "Pauses during development mode", State.OFF),
    _needs("polish", "development_mode", "Pauses during development mode", State.OFF),
    _needs("tiered_caching", "development_mode", "Pauses during development mode", State.OFF),
)
DEPENDENCY_OF: dict[ToggleId, Dependency] = {rule.toggle: rule for rule in DEPENDENCIES}


def conflict(
    toggle: Toggle, wanted: State, plan: ZonePlan, value_of: Callable[[ToggleId], JSON]
) -> str | None:
    """Why this flip must not be sent, in one short sentence, or None.

    `value_of` gives the cached wire value of another toggle, None when it was never read.
    """
    if toggle.id == "tls_1_3" and wanted is State.OFF and value_of(ToggleId("modern_tls_only")) == "1.3":
        return "Only TLS 1.3 is allowed"
    if toggle.id == "bot_fight_mode" and wanted is State.ON and plan > ZonePlan.FREE:
        return "Paid plans use Super Bot Fight Mode"
    return None
