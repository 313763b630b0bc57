"""A plan counts its differences and knows when it is absurd."""

from cloudcache.domain.catalog import TOGGLES, State
from cloudcache.domain.events import Observation
from cloudcache.domain.plan import diff
from cloudcache.domain.toggle import Cell

ALL_OFF = {toggle.id: Cell(toggle.id, State.OFF, toggle.off, 1) for toggle in TOGGLES}


def seen_on(count: int) -> list[Observation]:
    """The first `count` toggles on, the rest off."""
    return [
        Observation(toggle.id, toggle.on if number < count else toggle.off, 2)
        for number, toggle in enumerate(TOGGLES)
    ]


def test_fifteen_of_fifty_are_believed_and_sixteen_are_absurd():
    assert len(diff(ALL_OFF, seen_on(15))) == 15
    assert not diff(ALL_OFF, seen_on(15)).is_absurd
    assert diff(ALL_OFF, seen_on(16)).is_absurd


def test_a_first_read_is_no_difference():
    assert len(diff({}, seen_on(50))) == 0


def test_another_spelling_is_no_difference():
    plan = diff(ALL_OFF, [Observation(TOGGLES[0].id, False, 2)])

    assert len(plan) == 0
