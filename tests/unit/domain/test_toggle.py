"""What a row says, and when a switch is locked."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudcache.domain.access import Actor, ActorKind
from cloudcache.domain.catalog import State, ZonePlan, find
from cloudcache.domain.events import Change, ChangeStatus, Source
from cloudcache.domain.ids import ChangeId, CustomerId
from cloudcache.domain.toggle import Cell, ConfirmedBy, Lock, Standing, lock, standing, standing_until

NOW = 1_795_000_000_000
DAY = 24 * 3600 * 1000
ROCKET = find("rocket_loader")
CHANGE = Change(
    id=ChangeId(7),
    customer=CustomerId(1),
    toggle=ROCKET.id,
    from_state=State.OFF,
    from_value="off",
    to_state=State.ON,
    to_value="on",
    actor=Actor(ActorKind.MERCHANT, "owner", CustomerId(1)),
    source=Source.PAGE,
    status=ChangeStatus.PENDING,
    request_id="r",
    requested_at=NOW - 1000,
)
READ = Cell(ROCKET.id, State.OFF, "off", NOW - 5000)


def cell_with(**change: object) -> Cell:
    return replace(READ, change=replace(CHANGE, **change))


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        (Cell(ROCKET.id), Standing.UNREAD),
        (READ, Standing.CHECKED),
        (replace(READ, confirmed_by=ConfirmedBy.WRITE), Standing.CONFIRMED),
        (replace(READ, seen_at=NOW - DAY), Standing.STALE),
        (cell_with(), Standing.SENT),
        (cell_with(eta_at=NOW + 9000), Standing.QUEUED),
        (cell_with(eta_at=NOW, sent_at=NOW), Standing.SENT),
        (cell_with(status=ChangeStatus.FAILED), Standing.FAILED),
        (cell_with(status=ChangeStatus.FAILED, seen_at=NOW), Standing.CHECKED),
        (cell_with(status=ChangeStatus.OBSERVED), Standing.OUTSIDE),
        (cell_with(status=ChangeStatus.OBSERVED, requested_at=NOW - DAY), Standing.CHECKED),
        (
            cell_with(status=ChangeStatus.OBSERVED, requested_at=NOW - DAY, settled_at=NOW - 1),
            Standing.OUTSIDE,
        ),
        (cell_with(status=ChangeStatus.SUPERSEDED), Standing.CHECKED),
    ],
)
def test_the_highest_standing_is_said(cell: Cell, expected: Standing):
    assert standing(cell, NOW) is expected


OFFSETS = st.sampled_from([-2 * DAY, -DAY - 1, -DAY, -DAY + 1, -1, 0, 1, DAY - 1, DAY, 2 * DAY])
INSTANTS = st.one_of(st.none(), OFFSETS.map(lambda offset: NOW + offset))


@given(
    seen_at=INSTANTS,
    ends_at=INSTANTS,
    status=st.sampled_from([None, *ChangeStatus]),
    settled_at=INSTANTS,
    later=st.integers(0, 3 * DAY),
)
def test_standing_says_the_same_until_the_time_it_is_told(
    seen_at: int | None, ends_at: int | None, status: ChangeStatus | None, settled_at: int | None, later: int
):
    change = None if status is None else replace(CHANGE, status=status, settled_at=settled_at)
    cell = Cell(ROCKET.id, State.ON, "on", seen_at, ends_at=ends_at, change=change)

    until = standing_until(cell, NOW)

    assert until is None or until > NOW
    last = NOW + later if until is None else min(NOW + later, until - 1)
    assert standing(cell, last) is standing(cell, NOW)


def test_value_that_gets_out_of_date_stands_until_then():
    assert standing_until(READ, NOW) == NOW - 5000 + DAY
    assert standing_until(replace(READ, ends_at=NOW + 1), NOW) == NOW + 1
    assert standing_until(cell_with(status=ChangeStatus.OBSERVED), NOW) == NOW - 5000 + DAY
    assert standing_until(Cell(ROCKET.id), NOW) is None


def test_the_switch_shows_the_wish_while_it_is_open_and_the_value_afterwards():
    assert cell_with().shown_state() is State.ON
    assert cell_with(status=ChangeStatus.FAILED).shown_state() is State.OFF
    assert Cell(ROCKET.id).shown_state() is State.OFF


def test_a_plan_that_is_too_low_locks_unless_cloudflare_says_it_may_be_edited():
    polish = find("polish")

    assert lock(polish, None, ZonePlan.FREE) is Lock.PLAN
    assert lock(polish, Cell(polish.id, editable=True), ZonePlan.FREE) is None
    assert lock(polish, None, ZonePlan.PRO) is None
    assert lock(polish, Cell(polish.id, editable=False), ZonePlan.ENTERPRISE) is Lock.NOT_EDITABLE
