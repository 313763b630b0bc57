"""Which shops the new path serves, one rule per environment: a percentage of all, and shops named one by one.

A shop's place is a hash of its name: it is the same in every process and at every time, so raising the percentage
only adds shops, and lowering it takes away those that came last. A shop that is named is served, or waits, whatever
the percentage says.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha256

from cloudcache.domain.token_text import shown

ENVIRONMENTS = ("local", "preview", "staging", "production")


class Cohort(StrEnum):
    """The two kinds of shops."""

    SERVED = "served"
    WAITING = "waiting"


def place_of(shop: str) -> float:
    """Where a shop stands between 0 and 100; below the percentage it is served."""
    digest = sha256(f"rollout {shop}".encode()).digest()
    return int.from_bytes(digest[:6], "big") / 2**48 * 100


@dataclass(frozen=True, slots=True)
class Rollout:
    """The rule of one environment at one revision. `named` says of single shops whether they are served."""

    environment: str
    percent: int = 100
    named: Mapping[str, bool] = field(default_factory=dict)
    revision: int = 0
    updated_at: int | None = None

    @property
    def is_complete(self) -> bool:
        """Whether every shop is served, so that none need be looked at."""
        return self.percent == 100 and all(self.named.values())

    def serves(self, shop: str) -> bool:
        """Whether the new path serves this shop. A shop without a name is served only when all are."""
        if self.is_complete:
            return True
        named = self.named.get(shop)
        return (bool(shop) and place_of(shop) < self.percent) if named is None else named

    def cohort(self, shop: str) -> Cohort:
        """The kind this shop is of."""
        return Cohort.SERVED if self.serves(shop) else Cohort.WAITING


def percentage(value: object) -> int:
    """A whole number from 0 to 100; ValueError if it is none."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 100:
        raise ValueError("the percentage is a whole number from 0 to 100")
    return value


def environment_named(text: str) -> str:
    """One of the four environments; ValueError if it is none."""
    if text not in ENVIRONMENTS:
        raise ValueError(f"no such environment: {shown(text)} (one of {', '.join(ENVIRONMENTS)})")
    return text
