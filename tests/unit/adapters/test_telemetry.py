"""The one list against the source that uses it, and the parts that count on its behalf."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from cloudcache.adapters import telemetry
from cloudcache.adapters.budget import InMemoryBudget
from cloudcache.adapters.measured_budget import MeasuredBudget
from cloudcache.adapters.prometheus import TALLIED, PrometheusTelemetry
from cloudcache.adapters.telemetry import EVENTS, METRICS
from cloudcache.domain.budget import CallClass, Lane, Limits
from cloudcache.domain.ids import CredentialId, CustomerId
from tests.support.counting import Counting
from tests.support.fake_clock import FakeClock

ROOT = Path(__file__).resolve().parents[3]
LANE = Lane(CredentialId("c"), CallClass.WRITE, CustomerId(1))


def source() -> list[ast.AST]:
    files = [one for one in (ROOT / "cloudcache").rglob("*.py") if "emulator" not in one.parts]
    return [node for file in files for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))]


def told(nodes: list[ast.AST]) -> set[str]:
    """The names that the source counts under: the first arguments of the port's methods."""
    return {
        node.args[0].value
        for node in nodes
        if isinstance(node, ast.Call)
        and re.search(r"(telemetry\.(count|observe|set|watch)|^tell)$", ast.unparse(node.func))
        and node.args
        and isinstance(node.args[0], ast.Constant)
    }


def events(nodes: list[ast.AST]) -> set[str]:
    """The values of `{"event": ...}`."""
    return {
        value.value
        for node in nodes
        if isinstance(node, ast.Dict)
        for key, value in zip(node.keys, node.values, strict=True)
        if isinstance(key, ast.Constant) and key.value == "event" and isinstance(value, ast.Constant)
    }


def test_everything_on_the_list_is_told_by_somebody_and_nothing_else_is():
    kept = {one.key for one in METRICS if not one.is_fleet and one.key not in TALLIED}

    assert told(source()) == kept


def test_every_event_on_the_list_is_logged_by_somebody_and_no_other():
    assert events(source()) == {one.name for one in EVENTS}


def test_no_label_can_name_a_customer():
    forbidden = {"customer", "shop", "zone", "credential", "account", "token", "path", "user", "request"}

    assert not {label for one in METRICS for label in one.labels} & forbidden


def test_names_follow_the_rules_of_prometheus():
    for one in METRICS:
        assert re.fullmatch(r"cloudcache_[a-z]+(_[a-z]+)*", one.name)
        assert one.name.endswith("_total") == (one.kind is telemetry.Kind.COUNTER)
        assert one.kind is not telemetry.Kind.HISTOGRAM or one.buckets == tuple(sorted(one.buckets))


def test_a_name_that_is_not_on_the_list_is_an_error():
    with pytest.raises(KeyError):
        PrometheusTelemetry().count("surprises")


async def test_the_budget_tells_what_it_let_go_and_who_is_blocked():
    counting, clock = Counting(), FakeClock()
    budget = MeasuredBudget(InMemoryBudget(Limits(), clock), counting, clock)

    await budget.acquire(LANE)
    budget.report(LANE.credential, 900, 300)
    budget.report(CredentialId("other"), 40, 300)
    budget.block(LANE.credential, 300)

    assert counting.counted[("budget_calls", "write")] == 1
    assert counting.stands[("budget_waiting", "write")] == 0
    assert counting.watched["budget_blocked_credentials"]() == 1
    assert counting.watched["cloudflare_calls_left"]() == 40
    clock.ms += 301_000
    assert counting.watched["budget_blocked_credentials"]() == 0
