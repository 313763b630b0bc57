"""Open pages keep their zone's priority: it is read at once when the page opens with old values, and its account's
feed is followed closely for as long as somebody looks.

Nothing here blocks a page. Who looks is told to the queue, so that any process may do the reading; it is told
again every half minute, and forgotten a minute and a half after the process that told it fell silent.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable

from cloudcache.domain.access import Action, Actor, require
from cloudcache.domain.catalog import TOGGLES
from cloudcache.domain.customers import Customer, Page, ZoneStatus
from cloudcache.domain.events import Progress
from cloudcache.domain.freshness import NEVER, Urgency
from cloudcache.domain.ids import CredentialId, CustomerId
from cloudcache.ports import Bus, Clock, Store, ZoneQueue
from cloudcache.services.reconcile import Reconciler
from cloudcache.services.tasks import Tasks

WATCHED_FOR_MS = 90_000
SILENT_AFTER_MS = 60_000
"""A reading that another process tells nothing of for so long died with it."""


class Attention:
    """Who is being looked at in this process; staff count like merchants."""

    def __init__(
        self,
        store: Store,
        queue: ZoneQueue,
        reconciler: Reconciler,
        bus: Bus,
        clock: Clock,
        tasks: Tasks,
        wake: Callable[[], None],
        *,
        stale_after_ms: int,
        blocked_until: Callable[[CredentialId | None], int | None] = lambda _: None,
    ) -> None:
        """`blocked_until` tells when Cloudflare answers calls with a credential's token again, after a 429."""
        self._store = store
        self._queue = queue
        self._reconciler = reconciler
        self._clock = clock
        self._tasks = tasks
        self._wake = wake
        self._stale_after_ms = stale_after_ms
        self._blocked_until = blocked_until
        self._open: Counter[CustomerId] = Counter()
        self._elsewhere: dict[CustomerId, tuple[Progress, int]] = {}
        bus.listen(Progress, self._note)
        self._untold: set[CustomerId] = set()
        self._left: set[CustomerId] = set()
        self._telling = asyncio.Lock()

    async def opened(self, actor: Actor, customer: CustomerId, shown: Page | None = None) -> None:
        """A page opened: its zone is read in the background when a value is too old or was never read. Among many
        such pages the one with the oldest value goes first. `shown` is the whole page, if it was read for it just
        now."""
        require(actor, Action.VIEW, customer)
        self._open[customer] += 1
        is_whole = shown is not None and shown.customer.id == customer
        page = shown if shown is not None and is_whole else await self._store.page(customer)
        await self._watch(customer)
        now = self._clock.now_ms()
        stale_since = self._asked_at(page) + self._stale_after_ms
        if page.customer.status is ZoneStatus.ACTIVE and stale_since <= now:
            await self._queue.add(customer, due=stale_since, urgency=Urgency.WATCHED)
        self._wake()

    def closed(self, customer: CustomerId) -> None:
        """A page closed; the last one lets go of the zone's priority."""
        self._open[customer] -= 1
        if self._open[customer] <= 0:
            del self._open[customer]
            self._elsewhere.pop(customer, None)
            self._tasks.spawn(self._let_go(customer), f"let go of customer {customer}")

    def progress(self, customer: CustomerId) -> tuple[int, int] | None:
        """Calls done and in all while the zone is being read, in this process or, if a page is open, in another."""
        told, at = self._elsewhere.get(customer, (None, 0))
        if told is None or self._clock.now_ms() - at >= SILENT_AFTER_MS:
            return self._reconciler.progress(customer)
        return self._reconciler.progress(customer) or (told.done, told.total)

    def limited_until(self, customer: Customer) -> int | None:
        """When Cloudflare takes calls with this customer's token again, while it limits them; else None."""
        return self._blocked_until(customer.credential) if customer.status is ZoneStatus.ACTIVE else None

    async def still_open(self) -> int:
        """Say again who is being looked at; returns how many. Called every half minute."""
        now = self._clock.now_ms()
        if self._open:
            await self._queue.watch(list(self._open), until=now + WATCHED_FOR_MS, now=now)
        return len(self._open)

    def _note(self, progress: Progress) -> None:
        if progress.customer in self._open and progress.done < progress.total:
            self._elsewhere[progress.customer] = progress, self._clock.now_ms()
        else:
            self._elsewhere.pop(progress.customer, None)

    async def _watch(self, customer: CustomerId) -> None:
        """Pages that open together are told of in one transaction: who comes while one is under way is in the next.
        Should it fail, that is said again within half a minute."""
        self._untold.add(customer)
        async with self._telling:
            if customer in self._untold:
                told, self._untold = list(self._untold), set()
                now = self._clock.now_ms()
                await self._queue.watch(told, until=now + WATCHED_FOR_MS, now=now)

    async def _let_go(self, customer: CustomerId) -> None:
        """Likewise in one transaction: when a process's network is cut, thousands close in a moment."""
        self._left.add(customer)
        async with self._telling:
            if customer in self._left:
                left, self._left = [one for one in self._left if one not in self._open], set()
                if left:
                    await self._queue.unwatch(left, now=self._clock.now_ms())

    def _asked_at(self, page: Page) -> int:
        """When all of the zone was last asked for. What could not be read then is tried again by the queue: opening
        the page once more would only repeat the calls."""
        asked_at = max(page.customer.full_read_at or NEVER, page.customer.unread_at or NEVER, _oldest(page))
        return asked_at if asked_at > NEVER else NEVER - self._stale_after_ms


def _oldest(page: Page) -> int:
    """When the toggle was read that was not read for the longest time."""
    if len(page.cells) < len(TOGGLES):
        return NEVER
    return min(cell.seen_at or NEVER for cell in page.cells.values())
