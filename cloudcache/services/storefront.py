"""Looks at a store's own pages and keeps what they show of its settings.

A person may ask for it, and an open page has it done at most once a day. Who looks is settled in the database first,
so that two processes never look at one store at once.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from secrets import token_hex

from cloudcache.domain.access import Action, Actor, require
from cloudcache.domain.catalog import Topology
from cloudcache.domain.customers import Customer, ZoneStatus
from cloudcache.domain.errors import NotFound
from cloudcache.domain.ids import CustomerId, ToggleId
from cloudcache.domain.storefront import (
    Answer,
    Outcome,
    Seen,
    StorefrontCheck,
    file_in,
    is_due,
    may_look,
    outcome_of,
    problem_of,
    redirect_of,
    sightings,
)
from cloudcache.domain.topology import hostnames, is_within
from cloudcache.ports import Bus, Clock, Shops, Store
from cloudcache.ports.storefront import NotPublic, Storefront, Unreachable
from cloudcache.services.rollouts import Rollouts
from cloudcache.services.tasks import Tasks

log = logging.getLogger("cloudcache.storefront")

NO_SHOPPERS = (Topology.DNS_ONLY, Topology.NO_ZONE)
"""Ways on which no setting of the zone reaches a page: there is nothing to see."""
PAGE = {"accept": "text/html"}
PREFETCH = {"accept": "text/html", "sec-purpose": "prefetch"}


class StorefrontChecks:
    """Checks stores, one request at a time."""

    def __init__(
        self,
        storefront: Storefront,
        store: Store,
        shops: Shops,
        bus: Bus,
        clock: Clock,
        tasks: Tasks,
        rollouts: Rollouts,
    ) -> None:
        self._rollouts = rollouts
        self._storefront = storefront
        self._store = store
        self._shops = shops
        self._bus = bus
        self._clock = clock
        self._tasks = tasks

    async def check(self, actor: Actor, customer: CustomerId) -> bool:
        """Start a check because a person asked; False when one was made a moment ago."""
        require(actor, Action.REFRESH, customer)
        await self._rollouts.admit(actor)
        return await self._start(customer, asked=True)

    async def opened(self, actor: Actor, customer: CustomerId) -> None:
        """A page opened: have the store checked if that was not done today."""
        require(actor, Action.VIEW, customer)
        await self._rollouts.admit(actor)
        await self._start(customer, asked=False)

    async def _start(self, customer: CustomerId, *, asked: bool) -> bool:
        head = (await self._store.heads([customer])).get(customer)
        now = self._clock.now_ms()
        if head is None or head.status is not ZoneStatus.ACTIVE or head.topology in NO_SHOPPERS:
            return False
        last = head.storefront
        outcome = last.outcome if last else None
        if not is_due(head.storefront_tried_at, now, asked=asked, outcome=outcome):
            return False
        if not await self._store.claim_storefront(customer, tried_at=head.storefront_tried_at, now=now):
            return False
        self._tasks.spawn(self._run(head), f"check the storefront of customer {customer}")
        return True

    async def _run(self, customer: Customer) -> None:
        names = await self._names(customer)
        outcome, seen = await self._looked(names)
        check = StorefrontCheck(self._clock.now_ms(), outcome, seen, names[0])
        log.info("the storefront of customer %s was checked: %s", customer.id, outcome.value)
        if await self._store.keep_storefront(customer.id, check, zone=customer.zone_id):
            self._bus.hint(customer.id)

    async def _names(self, customer: Customer) -> list[str]:
        """The store's own names, the likeliest first: the one that its topology was judged by, and its verified
        domains in this zone."""
        try:
            domains = (await self._shops.installation(customer.shop)).domains
        except NotFound:
            domains = ()
        own = hostnames(customer.zone_name, domains)
        judged = [customer.hostname] if is_within(customer.hostname, customer.zone_name) else []
        return list(dict.fromkeys([*judged, *own])) or [customer.zone_name]

    async def _looked(self, names: list[str]) -> tuple[Outcome, Mapping[ToggleId, Seen]]:
        try:
            return await self._answers(names)
        except NotPublic:
            return Outcome.NOT_PUBLIC, {}
        except Unreachable as error:
            log.info("the storefront %s does not answer: %s", names[0], error)
            return Outcome.UNREACHABLE, {}

    async def _answers(self, names: list[str]) -> tuple[Outcome, Mapping[ToggleId, Seen]]:
        """Ask for at most six pages; the first one that is not the storefront's own ends it."""
        base = f"https://{names[0]}"
        robots = await self._get(f"{base}/robots.txt?{token_hex(4)}")
        if not may_look(robots):
            return Outcome.ROBOTS, {}
        page = await self._get(f"{base}/?{token_hex(4)}", PAGE)
        target = redirect_of(page, names)
        if isinstance(target, Outcome):
            return target, {}
        if target is not None:
            page = await self._get(target, PAGE)
        if problem := problem_of(page):
            return problem, {}
        prefetched = await self._get(f"{page.url.partition('?')[0]}?{token_hex(4)}", PREFETCH)
        path, files = file_in(page), []
        if path is not None:
            origin = "/".join(page.url.split("/", 3)[:3])
            files = [await self._get(origin + path), await self._get(origin + path)]
        return outcome_of(page, self._clock.now_ms()), sightings(robots, page, prefetched, files)

    async def _get(self, url: str, headers: Mapping[str, str] | None = None) -> Answer:
        return await self._storefront.get(url, headers or {})
