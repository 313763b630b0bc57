"""The gradual rollout: which shops the new path serves, asked at every call and changed while all runs.

A process remembers the rule for a second; after that the number of its last change is asked for, and the rule is read
again only when that has risen. A shop that waits loses nothing: what it wished for is still settled, its values
are kept fresh, staff may look. Only its own people and scripts are told to come back later.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field

from cloudcache.domain.access import Actor, ActorKind, require_administrator
from cloudcache.domain.audit import AuditAction, Deed
from cloudcache.domain.customers import shop_name
from cloudcache.domain.errors import NotRolledOut
from cloudcache.domain.events import ChangeStatus
from cloudcache.domain.freshness import DAY_MS
from cloudcache.domain.ids import CustomerId
from cloudcache.domain.rollout import Cohort, Rollout, environment_named, percentage
from cloudcache.ports import Clock, RolloutBook

CALLERS = ("person", "script")
"""Who is told apart when calls are refused."""

REMEMBERED_MS = 1_000
A_PAGE = 1_000
"""Customers told apart at once: 5,000 held the event loop up for 26 ms."""
NEWEST_LINES = 20_000
"""The journal has no index by time; its newest lines are found by their numbers, however long it is."""


@dataclass
class CohortCounts:
    """A cohort: its customers, and what became of the wishes of the last day."""

    customers: int = 0
    wishes: Counter[ChangeStatus] = field(default_factory=Counter)

    @property
    def flips(self) -> int:
        """Wishes that were not taken back or overtaken by a newer one."""
        return self.wishes.total() - self.wishes[ChangeStatus.SUPERSEDED]

    @property
    def failures(self) -> int:
        """Those that failed."""
        return self.wishes[ChangeStatus.FAILED]

    @property
    def error_ratio(self) -> float | None:
        """The part that failed of what has ended; None while nothing has."""
        ended = self.failures + self.wishes[ChangeStatus.APPLIED]
        return self.failures / ended if ended else None


@dataclass(frozen=True, slots=True)
class RolloutReport:
    """A rule and its cohorts at one moment."""

    at: int
    rollout: Rollout
    cohorts: dict[Cohort, CohortCounts]


class Rollouts:
    """Knows and changes who is served. One per process, for the environment that this installation is."""

    def __init__(self, book: RolloutBook, clock: Clock, environment: str) -> None:
        self._book = book
        self._clock = clock
        self._environment = environment
        self._rule: Rollout | None = None
        self._asked_at = 0
        self._asking: asyncio.Task[Rollout] | None = None
        self.refused: Counter[str] = Counter()
        """How many calls this process refused to shops that wait, by kind of caller."""

    @property
    def environment(self) -> str:
        """The environment that this installation is."""
        return self._environment

    # -- asked at every call -------------------------------------------------------------------
    async def rule(self) -> Rollout:
        """The rule, at most a second old. However many ask at once, the database is asked once, and when it is away
        all of them hear so together."""
        if self._rule is not None and 0 <= self._clock.now_ms() - self._asked_at < REMEMBERED_MS:
            return self._rule
        if self._asking is None:
            self._asking = asyncio.create_task(self._ask(), name="the rollout's rule")
            self._asking.add_done_callback(self._has_asked)
        return await asyncio.shield(self._asking)

    async def serves(self, shop: str) -> bool:
        """Whether this shop is served."""
        return (await self.rule()).serves(shop)

    async def admit(self, who: Actor) -> None:
        """Let everybody pass but the people and scripts of a shop that waits: `NotRolledOut`."""
        if who.kind is ActorKind.MERCHANT and not await self.serves(who.shop):
            self.refused[CALLERS[who.id.startswith("script ")]] += 1
            raise NotRolledOut("the new path doesn't serve this shop yet")

    # -- looked at and changed by administrators -----------------------------------------------
    async def report(self, actor: Actor, environment: str | None = None) -> RolloutReport:
        """The rule and its cohorts. All shops are gone through, some thousand at a time."""
        require_administrator(actor)
        rule = await self._book.across_tenants_rollout(self._named(environment))
        now = self._clock.now_ms()
        cohorts = {cohort: CohortCounts() for cohort in Cohort}
        cohort_of: dict[CustomerId, Cohort] = {}
        after: CustomerId | None = None
        while page := await self._book.across_tenants_shop_names(A_PAGE, after):
            cohort_of.update((customer, rule.cohort(shop)) for customer, shop in page)
            after = page[-1][0]
        for cohort, customers in Counter(cohort_of.values()).items():
            cohorts[cohort].customers = customers
        for one in await self._book.across_tenants_wishes(now - DAY_MS, NEWEST_LINES):
            if one.customer in cohort_of:
                cohorts[cohort_of[one.customer]].wishes[one.status] += one.count
        return RolloutReport(now, rule, cohorts)

    async def set_percent(self, actor: Actor, percent: object, environment: str | None = None) -> None:
        """Serve this percentage of the shops; ValueError when it is none."""
        require_administrator(actor)
        where, wanted = self._named(environment), percentage(percent)
        deed = Deed(actor, AuditAction.ROLLOUT_CHANGED, f"{where}: {wanted} %")
        await self._book.set_rollout_percent(where, wanted, deed, now=self._clock.now_ms())
        self._rule = None

    async def name(
        self, actor: Actor, shop: str, is_served: bool | None, environment: str | None = None
    ) -> str:
        """Serve one shop, or let it wait, whatever the percentage says; None leaves it to that again. The shop need
        not be a customer yet. Returns its full name."""
        require_administrator(actor)
        where, full = self._named(environment), shop_name(shop)
        said = {True: "served", False: "waits", None: "by percentage"}[is_served]
        deed = Deed(actor, AuditAction.ROLLOUT_CHANGED, f"{where}: {said}")
        await self._book.name_in_rollout(where, full, is_served, deed, now=self._clock.now_ms())
        self._rule = None
        return full

    async def _ask(self) -> Rollout:
        now, rule = self._clock.now_ms(), self._rule
        newest = await self._book.rollout_revision(self._environment)
        if rule is None or rule.revision != newest:
            rule = await self._book.across_tenants_rollout(self._environment)
        self._rule, self._asked_at = rule, now
        return rule

    def _has_asked(self, task: asyncio.Task[Rollout]) -> None:
        self._asking = None
        if not task.cancelled():
            task.exception()  # heard by those who wait; if nobody does any more, it is nobody's

    def _named(self, environment: str | None) -> str:
        return self._environment if environment is None else environment_named(environment)
