"""How shoppers reach a shop: worked out from the DNS records of its hostname in the merchant's zone.

no record in this zone            NO_ZONE    the zone's settings touch nobody
a record that is not proxied      DNS_ONLY   shoppers do not pass through Cloudflare
a proxied CNAME to Shopify        O2O        this zone acts first, then Shopify's own
proxied to anything else          PROXIED
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cloudcache.domain.catalog import TOGGLES, Effect, State, Topology, ZonePlan
from cloudcache.domain.ids import ToggleId

SHOPIFY = "shops.myshopify.com"
_TYPES = frozenset({"A", "AAAA", "CNAME"})


def is_within(hostname: str, zone: str) -> bool:
    """Whether a name belongs to a zone."""
    return hostname == zone or hostname.endswith(f".{zone}")


def hostnames(zone: str, domains: Iterable[str]) -> list[str]:
    """The names to look at, the likeliest first: the shop's own in this zone; where none is known, the usual two."""
    own = [one.lower() for one in domains if not one.lower().endswith(".myshopify.com")]
    within = [one for one in dict.fromkeys(own) if is_within(one, zone)]
    return within if own else [f"www.{zone}", zone]


def topology_of(records: Sequence[tuple[str, str, bool]]) -> Topology:
    """Of one name's records as (type, content, is proxied)."""
    leading = [one for one in records if one[0] in _TYPES]
    if not leading:
        return Topology.NO_ZONE
    proxied = [one for one in leading if one[2]]
    if not proxied:
        return Topology.DNS_ONLY
    to_shopify = any(kind == "CNAME" and content.rstrip(".") == SHOPIFY for kind, content, _ in proxied)
    return Topology.O2O if to_shopify else Topology.PROXIED


def verdicts(topology: Topology) -> dict[ToggleId, str]:
    """What each toggle does for shoppers on that way."""
    return {toggle.id: toggle.verdict(topology).effect.value for toggle in TOGGLES}


@dataclass(frozen=True, slots=True)
class EffectCounts:
    """How many toggles a store can use, how many have no effect there, and how many ask before a change."""

    usable: int
    without_effect: int
    asking: int


def effect_counts(topology: Topology, plan: ZonePlan) -> EffectCounts:
    """Count the toggles that this plan includes by what they do on this topology."""
    included = [toggle for toggle in TOGGLES if toggle.min_plan <= plan]
    effects = [toggle.verdict(topology).effect for toggle in included]
    without_effect = effects.count(Effect.NO_EFFECT)
    return EffectCounts(
        usable=len(included) - without_effect - effects.count(Effect.UNSAFE),
        without_effect=without_effect,
        asking=sum(
            any(toggle.asks(topology, state, on=()) is not None for state in State) for toggle in included
        ),
    )
