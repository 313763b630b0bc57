"""How many toggles a store can use depends on its plan as well as on its topology."""

import pytest

from cloudcache.domain.catalog import TOGGLES, State, Topology, ZonePlan
from cloudcache.domain.topology import effect_counts


@pytest.mark.parametrize(
    ("plan", "usable"), [(ZonePlan.FREE, 23), (ZonePlan.PRO, 30), (ZonePlan.ENTERPRISE, 33)]
)
def test_toggles_of_a_higher_plan_are_not_usable(plan: ZonePlan, usable: int):
    assert effect_counts(Topology.O2O, plan).usable == usable


def test_every_toggle_that_asks_on_this_topology_is_counted():
    counts = effect_counts(Topology.O2O, ZonePlan.ENTERPRISE)

    asking = [one for one in TOGGLES if any(one.asks(Topology.O2O, state, on=()) for state in State)]
    assert counts.asking == len(asking) == 17
