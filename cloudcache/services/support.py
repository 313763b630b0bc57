"""Support staff: who they are to us, whom they find, and the looks they may take.

A role comes from the settings or the database and is asked for anew every minute. A look at a customer needs a
reason, lasts half an hour, reads only, and stands in the customer's own history.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from secrets import token_hex

from cloudcache.domain.access import Action, Actor, ActorKind, Principal, Role, require_administrator
from cloudcache.domain.audit import AuditAction, Deed
from cloudcache.domain.customers import Customer
from cloudcache.domain.errors import NotAllowed
from cloudcache.domain.ids import CustomerId
from cloudcache.domain.shops import View
from cloudcache.domain.typed_names import meanings
from cloudcache.ports import AuditTrail, Clock, People, Store
from cloudcache.services.naming import customer_named

VIEW_MS = 30 * 60_000
ROLE_KEPT_MS = 60_000
SHORTEST_REASON, LONGEST_REASON = 8, 200
MOST_FOUND = 20
SHORTEST_SEARCH, LONGEST_SEARCH = 2, 100


@dataclass(frozen=True, slots=True)
class Found:
    """A customer as a search shows it."""

    shop: str
    domain: str
    plan: str
    status: str


class Support:
    """What staff may do."""

    def __init__(
        self, store: Store, people: People, audit: AuditTrail, clock: Clock, roles: Mapping[str, Role]
    ) -> None:
        self._store = store
        self._people = people
        self._audit = audit
        self._clock = clock
        self._roles = roles
        self._known: dict[str, tuple[int, Role | None]] = {}

    async def actor(self, principal: Principal | None) -> Actor | None:
        """The member of staff behind a verified identity, with the role of this minute; None without one."""
        if principal is None or principal.actor.kind is not ActorKind.STAFF:
            return None
        if principal.expires_at <= self._clock.now_ms():
            return None
        role = await self._role(principal.actor.id)
        return replace(principal.actor, role=role, customer=None) if role is not None else None

    async def find(self, actor: Actor, text: object) -> Sequence[Found]:
        """Customers whose shop, domain or zone ID begins with what the text means or, where there are none, contains
        it; nothing for fewer than two characters."""
        require_administrator(actor, Action.SEARCH)
        wanted = meanings(text) if isinstance(text, str) else ()
        customers = await self._first_found(
            [one[:LONGEST_SEARCH] for one in wanted if len(one) >= SHORTEST_SEARCH]
        )
        return [Found(one.shop, one.zone_name, one.plan.title, one.condition) for one in customers]

    async def start_view(self, actor: Actor, shop: object, reason: object) -> View:
        """A look at one customer; `ValueError` says what is wrong with the reason."""
        require_administrator(actor, Action.VIEW)
        why = " ".join(reason.split()) if isinstance(reason, str) else ""
        if not SHORTEST_REASON <= len(why) <= LONGEST_REASON:
            raise ValueError(f"give a reason of {SHORTEST_REASON} to {LONGEST_REASON} characters")
        customer = await self._customer(shop)
        now = self._clock.now_ms()
        view = View(token_hex(16), actor.id, customer.id, why, now, now + VIEW_MS)
        role = actor.role.name.lower() if actor.role else ""
        detail = {"reason": why, "role": role, "shop": customer.shop}
        await self._people.start_view(view, Deed(actor, AuditAction.VIEW_STARTED, detail=detail))
        return view

    async def open_view(self, actor: Actor, shop: object) -> View | None:
        """Find this person's open view of a customer; a reason was given for it, in whichever tab it began."""
        require_administrator(actor, Action.VIEW)
        customer = await self._customer(shop)
        return await self._people.open_view(customer.id, actor.id, now=self._clock.now_ms())

    async def viewing(self, actor: Actor, customer: CustomerId, view: str) -> Actor:
        """The same person, bound to the customer of an open view; `NotAllowed` when there is none."""
        require_administrator(actor, Action.VIEW)
        held = await self._people.view(customer, view)
        if held is None or held.staff != actor.id or not held.is_open(self._clock.now_ms()):
            raise NotAllowed("this view has ended")
        return replace(actor, customer=customer)

    async def end_view(self, actor: Actor, customer: CustomerId, view: str) -> None:
        """Stop looking."""
        require_administrator(actor, Action.VIEW)
        held = await self._people.view(customer, view)
        if held is not None and held.staff == actor.id:
            deed = Deed(actor, AuditAction.VIEW_ENDED)
            await self._people.end_view(held, deed, now=self._clock.now_ms())

    async def set_role(self, actor: Actor, staff: str, role: Role | None) -> None:
        """Give a person a role in the database, or take it away."""
        require_administrator(actor)
        now = self._clock.now_ms()
        await self._people.set_staff_role(staff.strip(), role, now=now)
        self._known.pop(staff.strip(), None)
        given = role.name.lower() if role else "none"
        deed = Deed(actor, AuditAction.ROLE_CHANGED, given, detail={"staff": staff})
        await self._audit.record(None, deed, now=now)

    async def deny(self, who: Actor | None, what: str) -> None:
        """Remember an attempt that was refused."""
        by = who or Actor(ActorKind.OUTSIDE, "")
        await self._audit.record(
            None, Deed(by, AuditAction.DENIED, "staff", detail={"what": what}), now=self._clock.now_ms()
        )

    async def _first_found(self, wanted: Sequence[str]) -> Sequence[Customer]:
        """What the likeliest meaning finds; the next one only where that finds nothing."""
        for find in (self._people.across_tenants_find, self._people.across_tenants_containing):
            for one in wanted:
                customers = await find(one, MOST_FOUND)
                if customers:
                    return customers
        return []

    async def _customer(self, shop: object) -> Customer:
        return await customer_named(self._store, self._people, shop if isinstance(shop, str) else "")

    async def _role(self, staff: str) -> Role | None:
        now = self._clock.now_ms()
        at, role = self._known.get(staff, (0, None))
        if at > now - ROLE_KEPT_MS:
            return role
        role = self._roles.get(staff)
        if role is None:
            role = await self._people.staff_role(staff)
        self._known[staff] = (now, role)
        return role
