"""Every row, plan, topology and direction: the outcome is the one of the table that people have read."""

from __future__ import annotations

from itertools import product

from cloudcache.domain.catalog import TOGGLES, State, ZonePlan
from tests.support.toggle_table import COMBINATIONS, TABLE, TOPOLOGIES, lines, text


def test_table_is_what_the_catalog_does():
    assert TABLE.read_text() == text(), "read the difference, then run `python -m tests.support.toggle_table`"


def test_each_combination_is_in_exactly_one_line():
    found = [
        (toggle, to, topology, plan)
        for toggle, to, topologies, plans, *_ in lines()
        for topology, plan in product(topologies.split("+"), plans.split("+"))
    ]
    names = [topology.value for topology in TOPOLOGIES]
    plans = [plan.title for plan in ZonePlan]
    every = set(product((one.id for one in TOGGLES), (one.value for one in State), names, plans))

    assert len(found) == COMBINATIONS == 1_600
    assert set(found) == every


def test_nothing_risky_is_sent_without_a_question():
    unasked = [row for row in lines() if row[4] == "unsafe" and row[1] == "on" and row[5] == "no"]

    assert unasked == []
