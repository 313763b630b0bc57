"""The merchant's page: look at it, flip a switch, take a wish back, try again, undo what somebody else did.

Every method starts with the access table and the rollout. A flip is checked (catalogue, plan, conflict, risk), stored
as a pending intent, and answered at once; the slow write goes on behind it and its outcome comes through the feed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from secrets import token_hex

from cloudcache.domain.access import Action, Actor, require
from cloudcache.domain.budget import CallClass
from cloudcache.domain.catalog import State, Toggle, find
from cloudcache.domain.customers import Customer, Page, ZoneStatus
from cloudcache.domain.errors import NeedsConfirmation, NotFound, Reason, Refused, Unauthorized
from cloudcache.domain.events import Change, ChangeStatus, Source
from cloudcache.domain.freshness import (
    CHECK_EVERY_MS,
    NEVER,
    Urgency,
    check_allowed_at,
)
from cloudcache.domain.ids import JSON, CustomerId
from cloudcache.domain.toggle import Cell, Lock, lock
from cloudcache.ports import SILENT, Bus, Clock, Intent, Store, Telemetry, ZoneQueue
from cloudcache.services.recent import RecentValues
from cloudcache.services.reconcile import Reconciler
from cloudcache.services.rollouts import Rollouts
from cloudcache.services.tasks import Tasks
from cloudcache.services.writing import Writer

PAGES_KEPT = 500
"""Of customers whose scripts read lately; one has 35 KB with its JSON."""

NEWEST_CHANGES = 20
"""Of a toggle, among which is each that may be at Cloudflare now."""

HOUR_MS = 3_600_000
NOT_READ_YET = "Not read from Cloudflare yet"


@dataclass(slots=True)
class RecentPage:
    """A page kept in memory, and what its reader made of it: that lives as long as the page."""

    page: Page
    derived: object = None


class Toggles:
    """What a page does with the 50 toggles of one customer."""

    def __init__(
        self,
        store: Store,
        queue: ZoneQueue,
        writer: Writer,
        reconciler: Reconciler,
        bus: Bus,
        clock: Clock,
        tasks: Tasks,
        wake: Callable[[], None],
        rollouts: Rollouts,
        *,
        telemetry: Telemetry = SILENT,
    ) -> None:
        self._telemetry = telemetry
        self._store = store
        self._queue = queue
        self._wake = wake
        self._rollouts = rollouts
        self._writer = writer
        self._reconciler = reconciler
        self._bus = bus
        self._clock = clock
        self._tasks = tasks
        self._recent = RecentValues[CustomerId, RecentPage](clock, self._recent_page, PAGES_KEPT)
        bus.on_hint(self._hinted)
        self._checked: dict[CustomerId, int] = {}
        """When a whole read was last asked for here, by customer."""

    async def page(self, actor: Actor, customer: CustomerId, since: int = 0) -> Page:
        """The customer and the cells changed after revision `since`; no call to Cloudflare is ever made."""
        await self._admit(actor, Action.VIEW, customer)
        return await self._store.page(customer, since)

    async def recent_page(self, actor: Actor, customer: CustomerId) -> RecentPage:
        """As `page`, kept in memory and checked once a second, for scripts that ask again and again. A change that
        this process knows of is in it; one of another process as soon as its hint arrives, at most a second late."""
        await self._admit(actor, Action.VIEW, customer)
        found = await self._recent.get(customer)
        if found is None:
            raise NotFound("no such customer")
        return found

    async def heads(self, actor: Actor, customers: Collection[CustomerId]) -> dict[CustomerId, Customer]:
        """Many customers without their cells, in one look: whether a page of theirs still shows what is."""
        for customer in customers:
            await self._admit(actor, Action.VIEW, customer)
        return await self._store.heads(customers)

    async def history(
        self, actor: Actor, customer: CustomerId, toggle_id: object, limit: int
    ) -> list[Change]:
        """The changes of one toggle, newest first."""
        await self._admit(actor, Action.VIEW, customer)
        return await self._store.history_of(customer, find(toggle_id).id, limit)

    async def flip(
        self,
        actor: Actor,
        customer: CustomerId,
        toggle_id: object,
        on: object,
        *,
        request_id: str,
        source: Source = Source.PAGE,
        confirmed: bool = False,
        restore: JSON = None,
        for_an_hour: bool = False,
    ) -> Change:
        """Store the wish and start to deliver it. `Refused` says why it cannot be; nothing is stored then.

        `restore` is the finer wire value to go back to; without it the one last seen on that side is taken.
        `for_an_hour` has it turned off again; only for settings that offer that."""
        await self._admit(actor, Action.FLIP, customer)
        toggle = find(toggle_id)
        if not isinstance(on, bool):
            raise Refused(Reason.WRONG_VALUE, "expected on or off")
        wanted = State.of(on)
        page = await self._store.page(customer)
        cell = page.cells.get(toggle.id, Cell(toggle.id))
        _allow(toggle, page, cell)
        turned_on = {one.toggle for one in page.cells.values() if one.shown_state() is State.ON}
        if not confirmed and toggle.asks(
            page.customer.topology, wanted, turned_on, is_headless=page.customer.is_headless
        ):
            raise NeedsConfirmation(on=on)
        last_on, last_off = (restore, restore) if restore is not None else (cell.last_on, cell.last_off)
        value = toggle.wanted(wanted, last_on, last_off, cell.value)
        ends_at = _hour_from(self._clock.now_ms(), toggle, wanted) if for_an_hour else None
        intent = Intent(toggle.id, wanted, value, actor, source, request_id, ends_at)
        if await self._writer.is_refused(page.customer, toggle):
            await self._refuse(customer, intent)
        with self._telemetry.span("store a wish"):
            return await self._intend(customer, intent)

    async def retry(
        self, actor: Actor, customer: CustomerId, toggle_id: object, *, request_id: str
    ) -> Change:
        """Send the failed change again; the person confirmed it when it was first asked for."""
        await self._admit(actor, Action.FLIP, customer)
        change = await self._newest(customer, find(toggle_id), ChangeStatus.FAILED)
        on = change.to_state is State.ON
        return await self.flip(
            actor,
            customer,
            change.toggle,
            on,
            request_id=request_id,
            source=change.source,
            confirmed=True,
            restore=change.to_value,
            for_an_hour=change.ends_at is not None,
        )

    async def revert(
        self,
        actor: Actor,
        customer: CustomerId,
        toggle_id: object,
        *,
        request_id: str,
        confirmed: bool = False,
    ) -> Change:
        """Put back what was there before somebody changed it at Cloudflare."""
        await self._admit(actor, Action.FLIP, customer)
        change = await self._newest(customer, find(toggle_id), ChangeStatus.OBSERVED)
        if not change.is_outside:
            raise NotFound("this setting wasn't changed outside this app")
        on = change.from_state is State.ON
        return await self.flip(
            actor,
            customer,
            change.toggle,
            on,
            request_id=request_id,
            confirmed=confirmed,
            restore=change.from_value,
        )

    async def cancel(self, actor: Actor, customer: CustomerId, toggle_id: object) -> bool:
        """Take back a wish that was not sent; False when it is too late."""
        await self._admit(actor, Action.FLIP, customer)
        taken = await self._store.cancel(customer, find(toggle_id).id, now=self._clock.now_ms())
        self._bus.hint(customer)
        return taken

    async def take_back(self, actor: Actor, customer: CustomerId, toggle_id: object, on: bool) -> bool:
        """Cancel the change that waits to be sent, where that alone leaves the toggle at `on`. False, with nothing
        done, when it takes another change."""
        await self._admit(actor, Action.FLIP, customer)
        toggle, wanted = find(toggle_id), State.of(on)
        cell = (await self._store.page(customer)).cells.get(toggle.id)
        if cell is None or cell.state is not wanted or cell.change is None or cell.change.to_state is wanted:
            return False
        newest = await self._store.history_of(customer, toggle.id, NEWEST_CHANGES)
        if any(one.is_open and one.sent_at is not None for one in newest):
            return False
        return await self.cancel(actor, customer, toggle.id)

    async def mark_seen(self, actor: Actor, customer: CustomerId, toggle_id: object) -> bool:
        """The person has read a failure or an outside change."""
        await self._admit(actor, Action.FLIP, customer)
        marked = await self._store.mark_seen(customer, find(toggle_id).id, now=self._clock.now_ms())
        self._bus.hint(customer)
        return marked

    async def check(self, actor: Actor, customer: CustomerId, toggle_id: object | None = None) -> int:
        """Start to read one toggle, or the whole zone, and return at once.

        A whole read costs other customers of the token as many calls, so a person has one in ten
        minutes. Returns 0, or in how many milliseconds it may be asked for again."""
        await self._admit(actor, Action.REFRESH, customer)
        if toggle_id is None:
            return await self._check_all(customer)
        toggle = find(toggle_id)
        self._tasks.spawn(self._read(customer, toggle), f"check {toggle.id} of customer {customer}")
        return 0

    async def _check_all(self, customer: CustomerId) -> int:
        head = (await self._store.heads([customer])).get(customer)
        now, full_read_at = self._clock.now_ms(), head.full_read_at if head else None
        allowed = check_allowed_at(full_read_at, self._checked.get(customer), now)
        if allowed > now:
            return allowed - now
        self._note_check(customer, now)
        await self._queue.add(customer, due=NEVER, urgency=Urgency.WATCHED)
        self._wake()
        return 0

    def _note_check(self, customer: CustomerId, now: int) -> None:
        """Remember when it was asked for, and forget those that matter no more; the oldest come first."""
        self._checked.pop(customer, None)
        self._checked[customer] = now
        while self._checked[oldest := next(iter(self._checked))] + CHECK_EVERY_MS <= now:
            del self._checked[oldest]

    async def _recent_page(self, customer: CustomerId, previous: RecentPage | None) -> RecentPage:
        if previous is not None:
            head = (await self._store.heads([customer])).get(customer)
            if head == previous.page.customer and head.epoch == previous.page.customer.epoch:
                return previous
        return RecentPage(await self._store.page(customer))

    def _hinted(self, customer: CustomerId | None) -> None:
        if customer is None:
            self._recent.invalidate_all()
        else:
            self._recent.invalidate(customer)

    async def _admit(self, actor: Actor, action: Action, customer: CustomerId) -> None:
        """The access table first, then whether the shop is served already."""
        require(actor, action, customer)
        await self._rollouts.admit(actor)

    async def _read(self, customer: CustomerId, toggle: Toggle) -> None:
        """One call, made here and now. Trouble with the token or the zone is the engine's to judge: it looks next."""
        try:
            await self._reconciler.toggle(customer, toggle, CallClass.WATCHED)
        except Refused:
            await self._queue.add(customer, due=NEVER, urgency=Urgency.WATCHED)
            self._wake()

    async def _newest(self, customer: CustomerId, toggle: Toggle, status: ChangeStatus) -> Change:
        cell = (await self._store.page(customer)).cells.get(toggle.id)
        if cell is None or cell.change is None or cell.change.status is not status:
            raise NotFound("there's nothing left to do for this setting")
        return cell.change

    async def _refuse(self, customer: CustomerId, intent: Intent) -> None:
        """Refuse a change that a circuit breaker holds back, and keep it, so that it can be tried again. The id of
        the request stays free, so that the same request may be made later."""
        kept = replace(intent, request_id=f"refused-{token_hex(12)}")
        await self._store.record_refused(customer, kept, Reason.CIRCUIT_OPEN, now=self._clock.now_ms())
        self._bus.hint(customer)
        raise Refused(Reason.CIRCUIT_OPEN)

    async def _intend(self, customer: CustomerId, intent: Intent) -> Change:
        change = await self._store.open_intent(
            customer,
            intent,
            now=self._clock.now_ms(),
            owner=self._writer.owner,
            lease_until=self._writer.lease(),
        )
        self._bus.hint(customer)
        if change.is_open:
            self._writer.submit(change)
        return change


def _hour_from(now: int, toggle: Toggle, wanted: State) -> int:
    offers = toggle.confirmation is not None and toggle.confirmation.for_an_hour
    if wanted is State.OFF or not offers:
        raise Refused(Reason.WRONG_VALUE, "this setting can't be turned on for a limited time")
    return now + HOUR_MS


def _allow(toggle: Toggle, page: Page, cell: Cell) -> None:
    """Refuse what Cloudflare would refuse. Conflicts between toggles are judged where the change is stored."""
    holder: Customer = page.customer
    if holder.status is ZoneStatus.DISCONNECTED:
        raise Refused(Reason.NOT_CONNECTED)
    if holder.status is ZoneStatus.GONE:
        raise Refused(Reason.ZONE_GONE)
    if holder.status is not ZoneStatus.ACTIVE:
        raise Unauthorized(Reason.TOKEN_REFUSED)
    locked = lock(toggle, cell, holder.plan, holder.missing)
    if locked is Lock.PERMISSION:
        raise Unauthorized(Reason.PERMISSION, toggle.permission)
    if locked is Lock.PLAN:
        raise Refused(Reason.PLAN, toggle.min_plan.title)
    if locked is Lock.ABSENT:
        raise Refused(Reason.UNKNOWN_SETTING)
    if locked is Lock.NOT_EDITABLE:
        raise Refused(Reason.NOT_EDITABLE)
    if locked is Lock.DASHBOARD:
        raise Refused(Reason.DASHBOARD_ONLY)
    if toggle.depends_on_zone and cell.value is None:
        raise Refused(Reason.CONFLICT, NOT_READ_YET)
