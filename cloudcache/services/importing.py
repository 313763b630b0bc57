"""Brings over what the single-tenant predecessor says of each shop, without believing it.

Cloudflare is the source of truth: the value there is read, compared, and reported. Nothing is kept unless asked for
(`KEEP`): then what was read goes into the cache, and where it came from into the shop's log. The predecessor's
value goes to Cloudflare only on an order of its own (`WRITE`), as a wish like any other, and never over one that
somebody has made here since. What was brought over once is not looked at again, so a second run changes
nothing, and one that was cut off goes on where it was.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from enum import IntEnum, StrEnum
from hashlib import sha256
from typing import TypeVar

from cloudcache.domain.access import SYSTEM, Actor, require_administrator
from cloudcache.domain.audit import AuditAction, Deed
from cloudcache.domain.budget import CallClass, Lane
from cloudcache.domain.catalog import State, find, read_for
from cloudcache.domain.customers import Customer, ZoneStatus
from cloudcache.domain.errors import (
    CloudcacheError,
    NotFound,
    Refused,
    StoreUnavailable,
    Throttled,
    TryLater,
    Unclear,
    explain,
)
from cloudcache.domain.events import Change, ChangeStatus, Observation, Source
from cloudcache.domain.predecessor import KEY, TOGGLE, Namespace, Record, state_of
from cloudcache.domain.secret import Token
from cloudcache.ports import Budget, Bus, Clock, Gateway, Imported, Imports, KeyValues, KvAccess, Store
from cloudcache.services.credentials import Credentials
from cloudcache.services.toggles import Toggles

TRIES = 3
ROCKET = find(TOGGLE)
T = TypeVar("T")


class Order(IntEnum):
    """How far an import goes: only look, keep what was read, or write the predecessor's value where it differs."""

    LOOK = 0
    KEEP = 1
    WRITE = 2


class Verdict(StrEnum):
    """What came of a record."""

    SAME = "same"
    DIFFERS = "differs"
    UNKNOWN_ZONE = "unknown zone"
    UNREADABLE = "unreadable"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Result:
    """A record with its verdict. `is_earlier` is one that was brought over by an earlier run; `change` the wish that
    was made of it, with what became of that."""

    line: int
    zone: str
    verdict: Verdict
    shop: str = ""
    told: State | None = None
    found: State | None = None
    why: str = ""
    is_earlier: bool = False
    change: Change | None = None


class _Unreadable(Exception):
    """Why a value cannot be told, as the report says it."""


class Importing:
    """The use case of `kv-import`, one record at a time; the caller decides how many at once."""

    def __init__(
        self,
        store: Store,
        imports: Imports,
        gateway: Gateway,
        values: KeyValues,
        budget: Budget,
        credentials: Credentials,
        toggles: Toggles,
        bus: Bus,
        clock: Clock,
    ) -> None:
        self._store = store
        self._imports = imports
        self._gateway = gateway
        self._values = values
        self._budget = budget
        self._credentials = credentials
        self._toggles = toggles
        self._bus = bus
        self._clock = clock

    async def bring(
        self,
        actor: Actor,
        record: Record,
        origin: str,
        order: Order,
        *,
        token: Token | None = None,
        again: bool = False,
    ) -> Result:
        """Do what is ordered with one record. `origin` says in the log where it came from; `token` reads the
        namespace in place of the customer's own; `again` looks once more at what was brought over before."""
        require_administrator(actor)
        result = Result(record.line, record.zone, Verdict.UNKNOWN_ZONE)
        try:
            customer = await self._imports.across_tenants_customer_of_zone(record.zone)
            return await self._bring(actor, customer, record, result, origin, order, token, again)
        except NotFound:  # from the start, or because the customer is erased meanwhile
            return replace(result, why="no customer has this zone")

    async def _bring(
        self,
        actor: Actor,
        customer: Customer,
        record: Record,
        result: Result,
        origin: str,
        order: Order,
        token: Token | None,
        again: bool,
    ) -> Result:
        result = replace(result, shop=customer.shop, verdict=Verdict.UNREADABLE)
        try:
            told = await self._told(customer, record.told, token)
            earlier = await self._imports.imported(customer.id)
            if earlier is not None and not again and _covers(earlier, told, order):
                verdict = _verdict(told, earlier.found)
                return replace(result, verdict=verdict, told=told, found=earlier.found, is_earlier=True)
            since = await self._store.revision(customer.id)
            seen = await self._look(customer)
        except _Unreadable as trouble:
            return replace(result, why=str(trouble))
        found = ROCKET.read(seen.value).state
        result = replace(result, verdict=_verdict(told, found), told=told, found=found)
        if order is Order.LOOK:
            return result
        now = self._clock.now_ms()
        await self._store.observe(customer.id, [seen], since=since, now=now, zone=customer.zone_id)
        if order is Order.WRITE and told is not found:
            result = await self._write(customer, result, told, origin)
        await self._keep(actor, customer, result, told, found, origin)
        return result

    async def settled(self, actor: Actor, result: Result) -> Result:
        """The same with what became of its wish by now."""
        require_administrator(actor)
        if result.change is None:
            return result
        asked = result.change
        history = await self._store.history_of(asked.customer, asked.toggle, 20)
        return replace(result, change=next((one for one in history if one.id == asked.id), asked))

    # -- inside --------------------------------------------------------------------------------
    async def _told(self, customer: Customer, told: State | Namespace, token: Token | None) -> State:
        if isinstance(told, State):
            return told
        value = await self._read(lambda: self._value(customer, told, token))
        if value is None:
            raise _Unreadable(f"the namespace has no key {KEY}")
        try:
            return state_of(value)
        except ValueError as error:
            raise _Unreadable(str(error)) from None

    async def _value(self, customer: Customer, where: Namespace, token: Token | None) -> str | None:
        """Read the key with the token given for this, or with the customer's."""
        if token is None:
            access = await self._credentials.access(customer)
            credential, held = access.credential, access.token
        else:
            credential, held = await self._credentials.id_of(token), token
        with await self._budget.acquire(Lane(credential, CallClass.SWEEP, customer.id)):
            return await self._values.kv_value(KvAccess(where.account, where.id, credential, held), KEY)

    async def _look(self, customer: Customer) -> Observation:
        if customer.status is not ZoneStatus.ACTIVE:
            raise _Unreadable(f"the zone isn't synced: {customer.status.label}")
        seen = await self._read(lambda: self._seen(customer))
        if seen is None:
            raise _Unreadable("Cloudflare doesn't report this setting")
        return seen

    async def _seen(self, customer: Customer) -> Observation | None:
        access = await self._credentials.access(customer)
        with await self._budget.acquire(Lane(access.credential, CallClass.SWEEP, customer.id)):
            seen = await self._gateway.read(access, read_for(ROCKET))
        return next((one for one in seen.usable if one.toggle == ROCKET.id), None)

    async def _read(self, call: Callable[[], Awaitable[T]]) -> T:
        """A read may be repeated; after a 429 the budget itself waits until it opens."""
        tried = 0
        while True:
            try:
                return await call()
            except StoreUnavailable:
                raise
            except (TryLater, Unclear) as error:
                tried += not isinstance(error, Throttled)
                if tried >= TRIES:
                    raise _Unreadable(f"Cloudflare doesn't respond: {explain(error)}") from None
                if isinstance(error, TryLater) and not isinstance(error, Throttled):
                    await self._clock.sleep(error.after_s)
            except CloudcacheError as error:
                raise _Unreadable(explain(error)) from None

    async def _write(self, customer: Customer, result: Result, told: State, origin: str) -> Result:
        """A wish with a name of its own, so that it is made once however often it is ordered."""
        request = f"kv-import-{sha256(f'{customer.zone_id} {told.value}'.encode()).hexdigest()[:32]}"
        newest = await self._store.newest_wish(customer.id, ROCKET.id)
        if newest is not None and newest.request_id != request:
            return replace(result, why="not written: it was changed here since")
        try:
            change = await self._toggles.flip(
                replace(SYSTEM, id=f"kv-import of {origin}"),
                customer.id,
                ROCKET.id,
                told is State.ON,
                request_id=request,
                source=Source.IMPORT,
                confirmed=True,
            )
        except Refused as refusal:
            return replace(result, why=f"not written: {explain(refusal)}")
        return replace(result, change=change)

    async def _keep(
        self, actor: Actor, customer: Customer, result: Result, told: State, found: State, origin: str
    ) -> None:
        change = result.change.id if result.change else None
        detail = {"from": f"{KEY} of {origin}", "told": told.value, "found": found.value}
        deed = Deed(actor, AuditAction.IMPORTED, result.verdict.value, ROCKET.id, change, detail)
        imported = Imported(origin, told, found, change, self._clock.now_ms())
        await self._imports.keep_import(customer.id, imported, deed)
        self._bus.hint(customer.id)


def became_of(change: Change) -> str:
    """The wish's end in one word."""
    return "on its way" if change.status is ChangeStatus.PENDING else change.status.value


def _verdict(told: State, found: State) -> Verdict:
    return Verdict.SAME if told is found else Verdict.DIFFERS


def _covers(earlier: Imported, told: State, order: Order) -> bool:
    """Whether an earlier run did all that is ordered now."""
    if earlier.told is not told:
        return False
    return order is not Order.WRITE or earlier.found is told or earlier.change is not None
