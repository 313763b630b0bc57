"""A leased zone as a row of the queue holds it: its place, and what was asked for or left unread."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from sqlalchemy import (
    Row,
)

from cloudcache.adapters.db.models import zones
from cloudcache.adapters.db.rows import (
    ZONE,
    customer_of,
    stored_toggles,
    toggles_of,
    whole_number,
)
from cloudcache.adapters.db.transactions import Values
from cloudcache.domain.customers import Customer
from cloudcache.domain.feed import NOTHING, Attribution, Named
from cloudcache.domain.freshness import Interest, Urgency
from cloudcache.domain.ids import ToggleId
from cloudcache.ports import LeasedZone, Unread

_HEAD = len(ZONE)
PLACE = (
    zones.c.priority,
    zones.c.sync_due_at,
    zones.c.generation,
    zones.c.failures,
    zones.c.changed_at,
    zones.c.last_viewed_at,
    zones.c.watched_until,
    zones.c.account_id,
    zones.c.lease_number,
    zones.c.unread_toggles,
    zones.c.unread_due_at,
)

Line: TypeAlias = Row[int, int | None, str, str, int | None, int]
"""An open line of a feed."""


def leased(
    row: Row[*tuple[object, ...]],
    asked: Sequence[Line],
    followed: frozenset[str],
    ended: Named,
) -> LeasedZone:
    """The zone as its lease's holder sees it, from `ZONE` and `PLACE`."""
    customer = customer_of(row)
    urgency, due, generation, failures, changed_at, viewed_at, watched_until, account, *rest = row[_HEAD:]
    lease, unread, unread_due = rest
    lines = {int(line.id): toggles_of(line.toggles) for line in asked}
    persons: dict[ToggleId, Attribution] = {}
    for line in asked:
        if line.change_id is None:  # else it is a side effect of our own write
            persons |= dict.fromkeys(lines[int(line.id)], Attribution(line.person, line.at))
    return LeasedZone(
        customer,
        Urgency(whole_number(urgency)),
        whole_number(due),
        whole_number(generation),
        whole_number(failures),
        Interest(
            full_read_at=customer.full_read_at,
            changed_at=None if changed_at is None else whole_number(changed_at),
            viewed_at=None if viewed_at is None else whole_number(viewed_at),
            watched_until=None if watched_until is None else whole_number(watched_until),
            followed=account in followed,
            unread_at=customer.unread_at,
            is_retried=unread_due is not None,
        ),
        NOTHING.union(*lines.values()),
        tuple(lines),
        persons,
        is_unknown=account == "",
        lines=lines,
        lease=whole_number(lease),
        unread=_unread(customer, str(unread), unread_due),
        ended=ended,
    )


def _unread(customer: Customer, stored: str, due: object) -> Unread | None:
    if customer.unread_at is None or due is None:
        return None
    return Unread(toggles_of(stored), customer.unread_at, whole_number(due))


def stored_unread(unread: Unread | None) -> Values:
    """The columns that keep what a look could not read."""
    return {
        "unread_toggles": stored_toggles(unread.toggles) if unread else "",
        "unread_at": unread.at if unread else None,
        "unread_due_at": unread.due if unread else None,
    }
