"""The notes under a row: true of its position, its plan, and how the store is reached."""

from __future__ import annotations

import pytest

from cloudcache.domain.catalog import TOGGLES, Effect, Topology, find
from cloudcache.domain.catalog.rules import DEPENDENCY_OF, Dependency
from cloudcache.ui import wording
from cloudcache.ui.components.row import _notes, recommends_risk
from cloudcache.ui.states.grid import Grid

PLAN_LOCKED = [toggle for toggle in TOGGLES if toggle.min_plan]


def notes(toggle_id: str) -> str:
    return str(_notes(find(toggle_id), Grid.locks[0]).render())


@pytest.mark.parametrize("toggle_id", [toggle.id for toggle in PLAN_LOCKED])
def test_row_that_a_plan_keeps_on_says_that_the_plan_is_needed_to_turn_it_off(toggle_id: str):
    plan, rendered = find(toggle_id).min_plan, notes(toggle_id)

    assert wording.rows.needs_plan_to_turn_off(plan) in rendered
    assert wording.rows.needs_plan(plan) in rendered


def test_advice_to_turn_on_what_is_risky_behind_shopify_is_left_out_there():
    risky = [rule for rule in DEPENDENCY_OF.values() if recommends_risk(rule)]
    rendered = notes("hsts")

    assert [rule.toggle for rule in risky] == ["hsts"]
    assert rendered.index("o2o") < rendered.index(DEPENDENCY_OF[find("hsts").id].note)


@pytest.mark.parametrize("rule", DEPENDENCY_OF.values(), ids=lambda rule: rule.toggle)
def test_no_advice_leads_to_a_risky_setting(rule: Dependency):
    is_risky = find(rule.other).verdict(Topology.O2O).effect is Effect.UNSAFE

    assert recommends_risk(rule) or not is_risky
