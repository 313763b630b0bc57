"""Suspends zones and tokens that Cloudflare refuses, and resumes them when it answers again.

    refusal  ->  a second, different call  ->  suspended  ->  examined again, later and later  ->  resumed

No single answer suspends anything. A refused token is asked about itself; a refused zone is asked about itself with
a token that works. What cannot be asked right now is neither suspended nor resumed.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable
from enum import Enum, auto

from cloudcache.domain.budget import CallClass, Lane
from cloudcache.domain.catalog import find, read_for
from cloudcache.domain.customers import Customer, ZoneStatus
from cloudcache.domain.errors import (
    CloudcacheError,
    NotFound,
    Reason,
    Refused,
    Unauthorized,
    explain,
)
from cloudcache.domain.ids import CredentialId, CustomerId
from cloudcache.domain.secret import Token
from cloudcache.domain.suspension import Suspended, Suspension, examine_at
from cloudcache.ports import Budget, Bus, Clock, Gateway, Store, TokenFacts, ZoneAccess
from cloudcache.services.credentials import PLATFORM, Credentials

log = logging.getLogger("cloudcache.suspensions")

AT_ONCE = 8
CLAIM_MS = 120_000
"""How long one process has for an examination before another takes it up."""

A_SETTING = read_for(find("rocket_loader"))
"""What is read of a zone whose token may not read the zone itself."""

FOR_NO_CUSTOMER = CustomerId(0)
NOTHING_SINCE = 2**62
"""A revision no customer reaches: asks the store for the customer without any cell."""


class Verdict(Enum):
    """What a refusal came to."""

    SUSPENDED = auto()
    UNSURE = auto()  # it could not be confirmed; try the zone again later
    STALE = auto()  # the customer has another zone or token by now, or is suspended already


class Suspensions:
    """Judges refusals and examines what is suspended. One per process; the judgements are shared by the database."""

    def __init__(
        self,
        store: Store,
        gateway: Gateway,
        credentials: Credentials,
        budget: Budget,
        bus: Bus,
        clock: Clock,
        wake: Callable[[], None],
        *,
        jitter: Callable[[], float],
    ) -> None:
        self._store = store
        self._gateway = gateway
        self._credentials = credentials
        self._budget = budget
        self._bus = bus
        self._clock = clock
        self._wake = wake
        self._jitter = jitter
        self._judging: defaultdict[CredentialId, asyncio.Lock] = defaultdict(asyncio.Lock)

    # -- suspending ----------------------------------------------------------------------------
    async def judge(self, customer: Customer, refusal: Refused) -> Verdict:
        """Find out what a refusal of the whole zone means, and suspend the zone or the token if it is confirmed."""
        async with self._judging[self._credentials.known_id(customer.credential or PLATFORM)]:
            current = await self._current(customer.id)
            moved = current.zone_id != customer.zone_id or current.credential != customer.credential
            if moved or current.status is not ZoneStatus.ACTIVE:
                return Verdict.STALE
            try:
                return await self._judge(current, refusal)
            except CloudcacheError as error:
                log.warning("customer %s: a refusal cannot be confirmed: %s", customer.id, explain(error))
                return Verdict.UNSURE

    async def _judge(self, customer: Customer, refusal: Refused) -> Verdict:
        if refusal.reason is Reason.ZONE_GONE:  # the gateway has asked for the zone itself
            why = f"Cloudflare can't find this zone ({_said(refusal)})"
            return await self._suspend_zone(customer, ZoneStatus.GONE, why)
        if refusal.reason not in (Reason.TOKEN_REFUSED, Reason.PERMISSION):
            return Verdict.UNSURE
        dead = await self._token_refusal(customer)
        if dead is not None:
            return await self._suspend_token(customer, f"Cloudflare rejects the token ({dead})")
        access = await self._credentials.access(customer)
        lane = Lane(access.credential, CallClass.WATCHED, customer.id)
        refused = await self.zone_refusal(access, lane)
        if refused is None:
            return Verdict.UNSURE
        if refused.reason is Reason.ZONE_GONE:
            return await self._judge(customer, refused)
        why = f"the token works, but can't read this zone ({_said(refused)})"
        return await self._suspend_zone(customer, ZoneStatus.TOKEN_REFUSED, why)

    async def zone_refusal(self, access: ZoneAccess, lane: Lane) -> Refused | None:
        """Ask for the zone itself, or for another setting when the token may not ask that; None when it answers."""
        try:
            with await self._budget.acquire(lane):
                await self._gateway.zone(access)
        except Refused as refusal:
            if refusal.reason is not Reason.PERMISSION:
                return refusal
        else:
            return None
        try:
            with await self._budget.acquire(lane):
                await self._gateway.read(access, A_SETTING)
        except Refused as other:
            return None if other.reason is Reason.UNKNOWN_SETTING else other
        return None

    async def _token_refusal(self, customer: Customer) -> str | None:
        """What Cloudflare has against the customer's token; None when it is good."""
        try:
            token = (await self._credentials.access(customer)).token
        except Refused as refusal:
            if refusal.reason is not Reason.TOKEN_REFUSED:
                raise
            token = await self._credentials.held(customer)  # not renewed: perhaps it still works for a while
        try:
            facts = await self._verify(customer.credential, token, customer.id)
        except Unauthorized as refusal:
            return _said(refusal)
        return None if facts.status == "active" else f"its status is {facts.status}"

    async def _verify(
        self, credential: CredentialId | None, token: Token, customer: CustomerId = FOR_NO_CUSTOMER
    ) -> TokenFacts:
        """Ask about a token, within its own budget: the answer counts, and may be a 429."""
        lane = Lane(await self._credentials.token_id_of(credential), CallClass.WATCHED, customer)
        with await self._budget.acquire(lane):
            return await self._gateway.verify(token)

    async def _suspend_zone(self, customer: Customer, status: ZoneStatus, why: str) -> Verdict:
        now = self._clock.now_ms()
        due = examine_at(0, now, self._jitter())
        done = await self._store.suspend_zone(
            customer.id, customer.zone_id, status, now=now, why=why, due=due
        )
        if not done:
            return Verdict.STALE
        log.warning("customer %s is suspended: %s", customer.id, why, extra={"event": "zone_suspended"})
        return Verdict.SUSPENDED

    async def _suspend_token(self, customer: Customer, why: str) -> Verdict:
        now = self._clock.now_ms()
        due = examine_at(0, now, self._jitter())
        count = await self._store.suspend_token(customer.credential, now=now, why=why, due=due)
        log.warning("%s: %d zones are suspended", why, count, extra={"event": "token_refused"})
        return Verdict.SUSPENDED

    # -- resuming ------------------------------------------------------------------------------
    async def take_due(self) -> list[Suspension]:
        """Take what is to be examined now, for this process."""
        now = self._clock.now_ms()
        return await self._store.across_tenants_due_suspensions(now=now, until=now + CLAIM_MS, limit=AT_ONCE)

    async def examine(self, suspension: Suspension) -> None:
        """Examine one that is due; when it is refused still, again later."""
        try:
            is_over = await self._examined(suspension)
        except NotFound:
            is_over = True
        except CloudcacheError as error:
            log.info("the suspended %s is refused still: %s", suspension.kind.value, explain(error))
            now = self._clock.now_ms()
            due = examine_at(suspension.attempts + 1, now, self._jitter())
            await self._store.put_off(suspension, due=due)
            return
        if is_over:
            await self._store.end_suspension(suspension)

    async def _examined(self, suspension: Suspension) -> bool:
        """Resume it if it answers, which ends the suspension; True when there is nothing left to resume."""
        if suspension.kind is Suspended.TOKEN:
            await self._examine_token(suspension)
            return False
        return not await self.resume(await self._current(CustomerId(int(suspension.subject))))

    async def resume(self, customer: Customer) -> int:
        """Ask for a suspended zone, and make it due when it answers, with others of its token; return how many. Raise
        what Cloudflare has against it if not."""
        if not customer.is_suspended:
            return 0
        access = await self._credentials.access(customer)
        refusal = await self.zone_refusal(access, Lane(access.credential, CallClass.WATCHED, customer.id))
        if refusal is not None:
            raise refusal
        return await self.answered(customer)

    async def answered(self, customer: Customer) -> int:
        """A suspended customer's zone has just answered: make it, and others suspended with its token, due at once;
        return how many."""
        if not customer.is_suspended:
            return 0
        resumed = await self._store.resume_zone(customer.id, customer.zone_id, now=self._clock.now_ms())
        others = await self.token_works(customer.credential)
        if resumed:
            log.warning("customer %s is resumed", customer.id, extra={"event": "zone_resumed"})
            self._bus.hint(customer.id)
            self._wake()
        return resumed + others

    async def token_works(self, credential: CredentialId | None) -> int:
        """Cloudflare takes a token: make the zones that were suspended with it due at once; return how many."""
        count = await self._store.resume_token(credential, now=self._clock.now_ms())
        if count:
            log.warning(
                "a token is accepted again: %d zones are resumed", count, extra={"event": "token_resumed"}
            )
            self._wake()
        return count

    async def _examine_token(self, suspension: Suspension) -> None:
        """Ask about a token; `Refused` when Cloudflare does not take it still."""
        is_platform = suspension.subject == PLATFORM
        credential = None if is_platform else await self._store.record_of(suspension.subject)
        token = await self._credentials.token_of(credential)
        facts = await self._verify(credential, token)
        if facts.status != "active":
            raise Unauthorized(Reason.TOKEN_REFUSED, facts.status)
        await self.token_works(credential)

    async def _current(self, customer: CustomerId) -> Customer:
        return (await self._store.page(customer, since=NOTHING_SINCE)).customer


def _said(refusal: Refused) -> str:
    """What Cloudflare said, for an operator."""
    return str(refusal.api) if refusal.api else refusal.detail or "no reason given"
