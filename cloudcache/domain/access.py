"""Who may do what: one table, asked by every service before it acts.

An actor comes from the session on the server, never from an argument of the browser. A merchant acts on the
own customer only; staff may look at the one customer they gave a reason for, and never write; the system (jobs,
recovery) may do what the services need.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum, StrEnum

from cloudcache.domain.errors import NotAllowed
from cloudcache.domain.ids import CustomerId


class ActorKind(StrEnum):
    """The sorts of people and processes that act; `OUTSIDE` is whoever changed a setting at Cloudflare."""

    MERCHANT = "merchant"
    STAFF = "staff"
    SYSTEM = "system"
    OUTSIDE = "cloudflare"


class Action(StrEnum):
    """What can be asked of a service. `VIEW` to `CONNECT` concern one customer; the others everybody."""

    VIEW = "view"
    FLIP = "flip"
    REFRESH = "refresh"
    CONNECT = "connect"
    SEARCH = "search"
    ADMINISTER = "administer"


class Role(IntEnum):
    """What a person of the staff may do, in rising order: look, have things read again, run the place."""

    VIEWER = 1
    OPERATOR = 2
    ADMIN = 3

    @classmethod
    def named(cls, name: str) -> Role | None:
        """The role of that name, in any case; None if there is none."""
        return cls.__members__.get(name.strip().upper())


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a request came from, for the audit log."""

    address: str = ""
    agent: str = ""
    session: str = ""


@dataclass(frozen=True, slots=True)
class Actor:
    """Somebody who acts. Merchants are bound to their `shop`, and to its `customer` once a zone is connected; staff
    have a `role`, and may look at the one `customer` for which they gave a reason. `reads_only` is a token for
    scripts that may not write. `name` is for people to read."""

    kind: ActorKind
    id: str
    customer: CustomerId | None = None
    shop: str = ""
    role: Role | None = None
    reads_only: bool = False
    name: str = field(default="", compare=False)
    origin: Origin | None = field(default=None, compare=False)


SYSTEM = Actor(ActorKind.SYSTEM, "cloudcache")

_OF_MERCHANT = frozenset({Action.VIEW, Action.FLIP, Action.REFRESH, Action.CONNECT})
_READING = frozenset({Action.VIEW})
_OF_STAFF: dict[Role | None, frozenset[Action]] = {
    None: frozenset(),
    Role.VIEWER: frozenset({Action.VIEW, Action.SEARCH}),
    Role.OPERATOR: frozenset({Action.VIEW, Action.SEARCH, Action.REFRESH}),
    Role.ADMIN: frozenset({Action.VIEW, Action.SEARCH, Action.REFRESH, Action.ADMINISTER}),
}


def allowed(actor: Actor) -> frozenset[Action]:
    """What the table gives this actor, before it is asked for whom."""
    if actor.kind is ActorKind.SYSTEM:
        return frozenset(Action)
    if actor.kind is ActorKind.STAFF:
        return _OF_STAFF[actor.role]
    if actor.kind is ActorKind.MERCHANT:
        return _READING if actor.reads_only else _OF_MERCHANT
    return frozenset()


def may(actor: Actor, action: Action, customer: CustomerId) -> bool:
    """Whether the table allows it; merchants and staff may nothing to a customer they are not bound to."""
    if action not in allowed(actor):
        return False
    return actor.kind is ActorKind.SYSTEM or (actor.customer is not None and actor.customer == customer)


def require(actor: Actor, action: Action, customer: CustomerId) -> None:
    """Raise `NotAllowed` unless `may` says yes."""
    if not may(actor, action, customer):
        raise NotAllowed(f"{actor.kind.value} can't {action.value} this customer")


def require_administrator(actor: Actor, action: Action = Action.ADMINISTER) -> None:
    """Raise `NotAllowed` unless this actor may do it to everybody's zones."""
    if actor.kind is ActorKind.MERCHANT or action not in allowed(actor):
        raise NotAllowed(f"{actor.kind.value} can't {action.value}")


def require_shop(actor: Actor) -> str:
    """The shop that a merchant may connect or disconnect; `NotAllowed` for everybody else."""
    if actor.kind is not ActorKind.MERCHANT or actor.reads_only or not actor.shop:
        raise NotAllowed(f"{actor.kind.value} can't {Action.CONNECT.value} a store")
    return actor.shop


@dataclass(frozen=True, slots=True)
class Principal:
    """A verified identity, as a session carries it: who acts, and until when that is believed.

    `subject` is unique per person and shop; a session is bound to it and is emptied when it changes.
    """

    subject: str
    actor: Actor
    expires_at: int
    sign_in: str = ""
    """Identifies the cookie that this came with; empty for one that cannot be signed out here."""
