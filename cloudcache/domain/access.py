"""Who may do what: one table, asked by every service before it acts.

An actor comes from the session on the server, never from an argument of the browser. A merchant acts on the
own customer only; staff may look at any; the system (jobs, recovery) may do what the services need.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from cloudcache.domain.errors import NotAllowed
from cloudcache.domain.ids import CustomerId


class ActorKind(StrEnum):
    """The sorts of people and processes that act; `OUTSIDE` is whoever changed a setting at Cloudflare."""

    MERCHANT = "merchant"
    STAFF = "staff"
    SYSTEM = "system"
    OUTSIDE = "cloudflare"


class Action(StrEnum):
    """What can be asked of a service."""

    VIEW = "view"
    FLIP = "flip"
    REFRESH = "refresh"
    ADMINISTER = "administer"


@dataclass(frozen=True, slots=True)
class Actor:
    """Somebody who acts; `customer` is set for merchants and binds them to their own shop."""

    kind: ActorKind
    id: str
    customer: CustomerId | None = None


SYSTEM = Actor(ActorKind.SYSTEM, "cloudcache")

_TABLE: dict[ActorKind, frozenset[Action]] = {
    ActorKind.MERCHANT: frozenset({Action.VIEW, Action.FLIP, Action.REFRESH}),
    ActorKind.STAFF: frozenset({Action.VIEW, Action.REFRESH}),
    ActorKind.SYSTEM: frozenset(Action),
    ActorKind.OUTSIDE: frozenset(),
}


def may(actor: Actor, action: Action, customer: CustomerId) -> bool:
    """Whether the table allows it; a merchant without a customer may nothing."""
    if action not in _TABLE[actor.kind]:
        return False
    return actor.kind is not ActorKind.MERCHANT or actor.customer == customer


def require(actor: Actor, action: Action, customer: CustomerId) -> None:
    """Raise `NotAllowed` unless `may` says yes."""
    if not may(actor, action, customer):
        raise NotAllowed(f"{actor.kind.value} may not {action.value} this customer")


def require_administrator(actor: Actor, action: Action = Action.ADMINISTER) -> None:
    """Raise `NotAllowed` unless this actor may do it to everybody's zones."""
    if actor.kind is ActorKind.MERCHANT or action not in _TABLE[actor.kind]:
        raise NotAllowed(f"{actor.kind.value} may not {action.value}")


@dataclass(frozen=True, slots=True)
class Principal:
    """A verified identity, as a session carries it: who acts, and until when that is believed.

    `subject` is unique per person and shop; a session is bound to it and is emptied when it changes.
    """

    subject: str
    actor: Actor
    expires_at: int
