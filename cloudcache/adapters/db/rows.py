"""Between rows and the domain's values: JSON in and out, and one query that tells all of a customer."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

from sqlalchemy import Column, ColumnElement, Select, and_, bindparam, select

from cloudcache.adapters.db.epoch import Epoch
from cloudcache.adapters.db.models import accounts, changes, toggles, zones
from cloudcache.adapters.db.packing import unpacked
from cloudcache.domain.access import Actor, ActorKind
from cloudcache.domain.catalog.model import State, Topology, ZonePlan
from cloudcache.domain.customers import Customer, ZoneStatus
from cloudcache.domain.events import Change, ChangeStatus, Source
from cloudcache.domain.feed import WHOLE, FeedStatus, Named
from cloudcache.domain.ids import JSON, ChangeId, CredentialId, CustomerId, ToggleId, ZoneId
from cloudcache.domain.toggle import Cell, ConfirmedBy

ZONE = (
    zones.c.customer_id,
    zones.c.shop,
    zones.c.zone_id,
    zones.c.zone_name,
    zones.c.plan,
    zones.c.topology,
    zones.c.status,
    zones.c.credential_id,
    zones.c.revision,
    zones.c.full_read_at,
    zones.c.silent_since,
    zones.c.hostname,
    zones.c.topology_at,
    zones.c.missing,
    zones.c.unread_at,
    zones.c.storefront_tried_at,
    zones.c.storefront,
)
CELL = (
    toggles.c.toggle_id,
    toggles.c.state,
    toggles.c.value,
    toggles.c.last_synced_at,
    toggles.c.confirmed_by,
    toggles.c.editable,
    toggles.c.ends_at,
    toggles.c.last_on,
    toggles.c.last_off,
    toggles.c.revision,
    toggles.c.absent_at,
    toggles.c.omitted_at,
)
CHANGE = (
    changes.c.id,
    changes.c.customer_id,
    changes.c.toggle_id,
    changes.c.from_state,
    changes.c.from_value,
    changes.c.to_state,
    changes.c.to_value,
    changes.c.actor_kind,
    changes.c.actor_id,
    changes.c.source,
    changes.c.status,
    changes.c.request_id,
    changes.c.requested_at,
    changes.c.sent_at,
    changes.c.eta_at,
    changes.c.settled_at,
    changes.c.seen_at,
    changes.c.error,
    changes.c.detail,
    changes.c.ray_id,
    changes.c.calls,
    changes.c.ends_at,
)
FOLLOWED_UNTIL = accounts.c.feed_verified_until + accounts.c.clock_offset_ms
"""Until when an account's audit log was read, by our clock."""

EPOCH: ColumnElement[object] = Epoch()
FEED = (accounts.c.feed_status, FOLLOWED_UNTIL, EPOCH)
Values = Sequence[object]
EVERYTHING = "*"


def _page() -> Select[*tuple[object, ...]]:
    """One statement, so one snapshot and one hop to the driver's thread: zone, cells, newest changes."""
    columns: tuple[ColumnElement[object], ...] = (*ZONE, *CELL, *CHANGE, *FEED)
    cells = and_(toggles.c.customer_id == zones.c.customer_id, toggles.c.revision > bindparam("since"))
    joined = zones.outerjoin(toggles, cells).outerjoin(changes, changes.c.id == toggles.c.change_id)
    joined = joined.outerjoin(accounts, accounts.c.account_id == zones.c.account_id)
    return select(*columns).select_from(joined).where(zones.c.customer_id == bindparam("customer"))


PAGE = _page()
HEADS = (
    select(*ZONE, *FEED)
    .select_from(zones.outerjoin(accounts, accounts.c.account_id == zones.c.account_id))
    .where(zones.c.customer_id.in_(bindparam("customers", expanding=True)))
)
"""The same without the cells, for many customers."""

# A page turns a hundred words into enum members; a table is four times as fast as calling the enum.
_STATES: dict[object, State | None] = {None: None, **{state.value: state for state in State}}
_CONFIRMED_BY: dict[object, ConfirmedBy] = {by.value: by for by in ConfirmedBy}


def dumps(value: JSON) -> str:
    """A wire value as it is stored."""
    return json.dumps(value, separators=(",", ":"), sort_keys=True)


def loads(stored: str | None) -> JSON:
    """A stored wire value; None where there is none."""
    if stored is None:
        return None
    return _parsed(stored) if stored[:1] in ("{", "[") else _word(stored)


@lru_cache(1024)
def _word(stored: str) -> JSON:
    """A page holds 250 values and nearly all are "on" or "off"; containers are not shared, they can be altered."""
    return _parsed(stored)


def _parsed(stored: str) -> JSON:
    loaded: JSON = json.loads(stored)
    return loaded


def fitted(column: Column[object], text: str) -> str:
    """The text as the column can hold it.

    Cloudflare's words have any length. Postgres refuses longer ones, NUL and halves of characters; SQLite takes all.
    """
    length: int | None = getattr(column.type, "length", None)
    return text.encode("utf-8", "replace").decode().replace("\0", "")[:length]


def customer_of(row: Values) -> Customer:
    """From the columns of `ZONE`."""
    id_, shop, zone, name, plan, topology, status, credential, revision, *rest = row[: len(ZONE)]
    full_read_at, silent, hostname, topology_at, missing, unread_at, tried_at, storefront = rest
    return Customer(
        CustomerId(whole_number(id_)),
        str(shop),
        ZoneId(str(zone)),
        str(name),
        ZonePlan.named(str(plan)),
        Topology(str(topology)),
        ZoneStatus(str(status)),
        CredentialId(str(credential)) if credential is not None else None,
        whole_number(revision),
        _maybe(full_read_at),
        _maybe(silent),
        hostname=str(hostname),
        topology_at=_maybe(topology_at),
        missing=frozenset(str(missing).split(",")) - {""},
        unread_at=_maybe(unread_at),
        storefront_tried_at=_maybe(tried_at),
        storefront=unpacked(storefront),
    )


def followed(customer: Customer, feed: Values) -> Customer:
    """The customer with what the columns of `FEED` tell."""
    status, verified_until, epoch = feed
    customer = replace(customer, epoch=str(epoch))
    if status == FeedStatus.ON.value:
        return replace(customer, is_followed=True, followed_at=_maybe(verified_until))
    return customer if status in (None, FeedStatus.NEW.value) else replace(customer, is_followed=False)


def cell_of(values: Values, change: Change | None) -> Cell:
    """From the columns of `CELL`."""
    (
        toggle,
        state,
        value,
        seen_at,
        by,
        editable,
        ends_at,
        last_on,
        last_off,
        revision,
        absent_at,
        omitted_at,
    ) = values
    return Cell(
        ToggleId(str(toggle)),
        _STATES[state],
        loads(_text(value)),
        _maybe(seen_at),
        _CONFIRMED_BY[by],
        bool(editable) if editable is not None else None,
        _maybe(ends_at),
        loads(_text(last_on)),
        loads(_text(last_off)),
        whole_number(revision),
        change,
        _maybe(absent_at),
        _maybe(omitted_at),
    )


def change_of(row: Values) -> Change:
    """From the columns of `CHANGE`."""
    kind, customer = ActorKind(str(row[7])), CustomerId(whole_number(row[1]))
    return Change(
        id=ChangeId(whole_number(row[0])),
        customer=customer,
        toggle=ToggleId(str(row[2])),
        from_state=State(str(row[3])) if row[3] is not None else None,
        from_value=loads(_text(row[4])),
        to_state=State(str(row[5])),
        to_value=loads(_text(row[6])),
        actor=Actor(kind, str(row[8]), customer if kind is ActorKind.MERCHANT else None),
        source=Source(str(row[9])),
        status=ChangeStatus(str(row[10])),
        request_id=str(row[11]),
        requested_at=whole_number(row[12]),
        sent_at=_maybe(row[13]),
        eta_at=_maybe(row[14]),
        settled_at=_maybe(row[15]),
        seen_at=_maybe(row[16]),
        error=str(row[17]),
        detail=str(row[18]),
        ray_id=str(row[19]),
        calls=whole_number(row[20]),
        ends_at=_maybe(row[21]),
    )


def whole_number(value: object) -> int:
    """The integer that an integer column holds."""
    if not isinstance(value, int):
        raise TypeError(f"an integer column holds {type(value).__name__}")
    return value


def _maybe(value: object) -> int | None:
    return None if value is None else whole_number(value)


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def toggles_of(stored: str) -> Named:
    """The settings that a stored line names; ids unknown to this program are left out."""
    if stored == EVERYTHING:
        return WHOLE
    return frozenset(ToggleId(one) for one in stored.split()) & WHOLE


def stored_toggles(named: Named) -> str:
    """How a line's settings are stored."""
    return EVERYTHING if named >= WHOLE else " ".join(sorted(named))
