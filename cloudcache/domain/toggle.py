"""The state of one toggle as a page may show it, and the one rule that says what to show.

A cell holds the confirmed value (with the time it was seen), and the newest change of that toggle. Of these,
one standing is shown, the highest of: queued or sent > failed > absent > reported > ended > omitted > changed outside
> never read > stale > normal.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from cloudcache.domain.catalog.model import Effect, Reading, State, Toggle, Topology, ZonePlan
from cloudcache.domain.errors import Reason
from cloudcache.domain.events import Change, ChangeStatus
from cloudcache.domain.ids import JSON, ToggleId

STALE_AFTER_MS = 24 * 3600 * 1000
"""A value not seen for a day is shown as one that may be out of date."""

OUTSIDE_SHOWN_MS = 24 * 3600 * 1000
"""A change made elsewhere stays beside its switch for a day after it was noticed, unless it is acted on or looked at
before."""


class ConfirmedBy(StrEnum):
    """How the cached value was learnt: the answer to our own write, a read, or hearsay of the audit log."""

    WRITE = "write"
    READ = "read"
    REPORTED = "reported"


class Standing(StrEnum):
    """What the row's slot says."""

    UNREAD = "unread"
    CONFIRMED = "confirmed"
    CHECKED = "checked"
    SENT = "sent"
    QUEUED = "queued"
    FAILED = "failed"
    REPORTED = "reported"
    OUTSIDE = "outside"
    STALE = "stale"
    ABSENT = "absent"  # this zone does not have the setting
    ENDED = "ended"  # it should have ended by itself, and was not read since
    OMITTED = "omitted"  # Cloudflare's last answer held no value of it


@dataclass(frozen=True, slots=True)
class Cell:
    """One toggle of one customer: the cached value, its age, and its newest change.

    `seen_at` is None while the toggle was never read. `state` is None until there was a value.
    `revision` is the customer's revision at which anything about this row last changed. `absent_at` is when the zone
    was last seen not to have the setting, `omitted_at` when an answer last left its value out; the value is then the
    last one known.
    """

    toggle: ToggleId
    state: State | None = None
    value: JSON = None
    seen_at: int | None = None
    confirmed_by: ConfirmedBy = ConfirmedBy.READ
    editable: bool | None = None
    ends_at: int | None = None
    last_on: JSON = None
    last_off: JSON = None
    revision: int = 0
    change: Change | None = None
    absent_at: int | None = None
    omitted_at: int | None = None

    def has_ended(self, now: int) -> bool:
        """Whether it should have ended by itself since it was last read."""
        return self.state is State.ON and self.ends_at is not None and self.ends_at <= now

    def reading(self, toggle: Toggle) -> Reading:
        """The cached value understood; off while nothing was ever read."""
        is_read = self.seen_at is not None and self.absent_at is None
        return toggle.read(self.value) if is_read else Reading(State.OFF)

    def is_unsafe(self, toggle: Toggle) -> bool:
        """Whether the very value that was read harms a store."""
        return self.seen_at is not None and self.absent_at is None and toggle.is_unsafe(self.value)

    def shown_state(self) -> State:
        """The switch's position: the wanted one while a change is open, else the cached one."""
        if self.change and self.change.is_open:
            return self.change.to_state
        return self.state or State.OFF


def standing(cell: Cell, now: int, stale_after_ms: int = STALE_AFTER_MS) -> Standing:
    """What to say of this cell at `now`, in Unix milliseconds."""
    change = cell.change
    if change and change.is_open:
        return Standing.QUEUED if change.sent_at is None and change.eta_at is not None else Standing.SENT
    unseen = change.status if change and change.seen_at is None else None
    if unseen is ChangeStatus.FAILED:
        return Standing.FAILED
    if cell.absent_at is not None:
        return Standing.ABSENT
    if cell.confirmed_by is ConfirmedBy.REPORTED:
        return Standing.REPORTED
    if cell.has_ended(now) and not _is_stale_before_its_end(cell, stale_after_ms):
        return Standing.ENDED
    if cell.omitted_at is not None:
        return Standing.OMITTED
    if change and unseen is ChangeStatus.OBSERVED and now - change.noticed_at < OUTSIDE_SHOWN_MS:
        return Standing.OUTSIDE
    if cell.seen_at is None:
        return Standing.UNREAD
    if now - cell.seen_at >= stale_after_ms:
        return Standing.STALE
    return Standing.CONFIRMED if cell.confirmed_by is ConfirmedBy.WRITE else Standing.CHECKED


def standing_until(cell: Cell, now: int, stale_after_ms: int = STALE_AFTER_MS) -> int | None:
    """When `standing` may next say something else although nothing changed, in Unix milliseconds; None for never."""
    instants = []
    if cell.seen_at is not None:
        instants.append(cell.seen_at + stale_after_ms)
    if cell.ends_at is not None:
        instants.append(cell.ends_at)
    if cell.change is not None:
        instants.append(cell.change.noticed_at + OUTSIDE_SHOWN_MS)
    return min((one for one in instants if one > now), default=None)


def _is_stale_before_its_end(cell: Cell, stale_after_ms: int) -> bool:
    """Whether the value was out of date before it was to end; then it stays so. Cloudflare's ends are hours away."""
    if cell.seen_at is None or cell.ends_at is None:
        return False
    return cell.ends_at - cell.seen_at >= stale_after_ms


def effect(toggle: Toggle, cell: Cell, topology: Topology) -> Effect:
    """What the setting does for the store with the value it has now."""
    usual = toggle.verdict(topology).effect
    return Effect.UNSAFE if usual is not Effect.NO_EFFECT and cell.is_unsafe(toggle) else usual


class Lock(StrEnum):
    """Why a switch cannot be flipped by anybody."""

    PLAN = "plan"  # the zone's plan is too low; the row names the one it needs
    NOT_EDITABLE = "not_editable"  # Cloudflare says so, for a reason it does not give
    PERMISSION = "permission"  # the shop's token was found not to have the permission
    ABSENT = "absent"  # Cloudflare does not have the setting for this zone
    DASHBOARD = "dashboard"  # Cloudflare's API cannot change it on this zone


def lock(
    toggle: Toggle, cell: Cell | None, plan: ZonePlan, missing: frozenset[str] = frozenset()
) -> Lock | None:
    """Whether Cloudflare would refuse a flip. What it says of `editable` beats every plan table we know; a permission
    known to be `missing` beats both, for it locks the row instead of letting the flip fail."""
    if toggle.permission in missing:
        return Lock.PERMISSION
    is_absent = cell is not None and cell.absent_at is not None
    editable = cell.editable if cell else None
    if cell is not None and not is_absent and _is_only_in_dashboard(toggle, cell):
        return Lock.DASHBOARD
    if editable is True and not is_absent:
        return None
    if plan < toggle.min_plan:
        return Lock.PLAN
    if is_absent:
        return Lock.ABSENT
    return Lock.NOT_EDITABLE if editable is False else None


def _is_only_in_dashboard(toggle: Toggle, cell: Cell) -> bool:
    """Whether the zone's own answer, or its answer to our last change, shows that the API can't change it. A change
    made in the dashboard since lifts that."""
    change = cell.change
    if change is not None and change.status is ChangeStatus.FAILED and change.error == Reason.DASHBOARD_ONLY:
        return True
    return cell.seen_at is not None and not toggle.is_writable(cell.value)
