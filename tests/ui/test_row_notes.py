"""The notes under a row: true of its position, its plan, and how the store is reached."""

from __future__ import annotations

import re

import pytest

from cloudcache.domain.catalog import TOGGLES, Effect, Toggle, Topology, find
from cloudcache.domain.catalog.rules import RELATIONS, Kind, Relation
from cloudcache.ui import wording
from cloudcache.ui.components.row import _notes, _why
from cloudcache.ui.states.grid import Grid

PLAN_LOCKED = [toggle for toggle in TOGGLES if toggle.min_plan]


def notes(toggle_id: str) -> str:
    return words(_notes(find(toggle_id), Grid.locks[0]).render())


def words(rendered: dict) -> str:
    """What is rendered, with characters instead of their escapes."""
    return re.sub(
        r"\\u([0-9a-f]{4})", lambda found: chr(int(found[1], 16)), str(rendered).replace("\\\\", "\\")
    )


@pytest.mark.parametrize("toggle_id", [toggle.id for toggle in PLAN_LOCKED])
def test_row_that_a_plan_keeps_on_says_that_the_plan_is_needed_to_turn_it_off(toggle_id: str):
    plan, rendered = find(toggle_id).min_plan, notes(toggle_id)

    assert wording.rows.needs_plan_to_turn_off(plan) in rendered
    assert wording.rows.needs_plan(plan) in rendered


@pytest.mark.parametrize("rule", RELATIONS, ids=lambda rule: f"{rule.toggle}-{rule.other}")
def test_no_advice_leads_to_a_risky_setting(rule: Relation):
    is_risky = find(rule.other).verdict(Topology.O2O).effect is Effect.UNSAFE

    assert not (rule.kind is Kind.NEEDS and is_risky)


@pytest.mark.parametrize("rule", RELATIONS, ids=lambda rule: f"{rule.toggle}-{rule.other}")
def test_both_rows_of_a_relation_tell_of_it(rule: Relation):
    if rule.kind is not Kind.PAUSED_BY:  # that is said once, where the pause is turned on
        assert rule.note in notes(rule.toggle)
    assert find(rule.toggle).title in notes(rule.other)


@pytest.mark.parametrize(
    "link", [wording.rows.DASHBOARD_LINK, wording.rows.PLANS_LINK, wording.rows.CONNECTION_LINK]
)
def test_a_locked_row_links_to_what_unlocks_it(link: str):
    assert link in notes("polish")


@pytest.mark.parametrize("toggle", TOGGLES, ids=lambda toggle: toggle.id)
def test_why_gives_the_reason_the_source_and_the_date(toggle: Toggle):
    verdict, rendered = toggle.behind_shopify, words(_why(toggle).render())
    shown = rendered if verdict.effect is Effect.WORKS else notes(toggle.id) + rendered

    assert verdict.reason in shown
    assert verdict.source.name in rendered and "November 25, 2026" in rendered
    assert (wording.verdicts.TO_CHECK in rendered) is bool(verdict.check)
    assert toggle.title in rendered
