"""Turns settings off again that were turned on for a limited time.

The end is kept with the toggle, and makes its zone due. Whichever process then holds the zone's lease comes here
first, so that it happens after a restart as well; the journal takes the change once, and only while nothing was
decided since.
"""

from __future__ import annotations

import logging

from cloudcache.domain.access import Actor, ActorKind
from cloudcache.domain.catalog import BY_ID, State
from cloudcache.domain.errors import Refused
from cloudcache.domain.events import Source
from cloudcache.domain.ids import CustomerId, ToggleId
from cloudcache.domain.toggle import Cell
from cloudcache.ports import Bus, Clock, Intent, LeasedZone, Store
from cloudcache.services.writing import Writer

log = logging.getLogger("cloudcache.timed")

TIMER = Actor(ActorKind.SYSTEM, "timer")


class TimedChanges:
    """Ends what was to last for a limited time."""

    def __init__(self, store: Store, writer: Writer, bus: Bus, clock: Clock) -> None:
        self._store = store
        self._writer = writer
        self._bus = bus
        self._clock = clock

    async def end(self, zone: LeasedZone) -> None:
        """Turn off the zone's settings whose time is up; those that Cloudflare ends by itself are left alone."""
        timed = [one for one in zone.ended if _is_timed(one)]
        if not timed:
            return
        cells = (await self._store.page(zone.customer.id)).cells
        for toggle in timed:
            await self._end(zone.customer.id, cells.get(toggle, Cell(toggle)))

    async def _end(self, customer: CustomerId, cell: Cell) -> None:
        now, toggle = self._clock.now_ms(), BY_ID[cell.toggle]
        if not cell.has_ended(now):
            return
        value = toggle.wanted(State.OFF, cell.last_on, cell.last_off, cell.value)
        request = f"timer-{toggle.id}-{cell.ends_at}"
        intent = Intent(toggle.id, State.OFF, value, TIMER, Source.TIMER, request, undoes=cell.ends_at)
        try:
            change = await self._store.open_intent(
                customer, intent, now=now, owner=self._writer.owner, lease_until=self._writer.lease()
            )
        except Refused as refusal:
            log.info("the end of %s of customer %s: %s", toggle.id, customer, refusal)
            return
        self._bus.hint(customer)
        if change.is_open:
            self._writer.submit(change)


def _is_timed(toggle: ToggleId) -> bool:
    asks = BY_ID[toggle].confirmation
    return asks is not None and asks.for_an_hour
