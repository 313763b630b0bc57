"""What operators are given fits the program: the table, the dashboard, the alert rules and their runbooks."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from cloudcache.adapters.telemetry import AUDIT, EVENTS, METRICS, STANDARD, Kind, table

DOCS = Path(__file__).resolve().parents[2] / "docs"
OPERATIONS = DOCS / "operations"
FROM_PROMETHEUS = {"up"}
SERIES = {
    name: one
    for one in (*METRICS, *AUDIT)
    for name in (
        [f"{one.name}_bucket", f"{one.name}_sum", f"{one.name}_count"]
        if one.kind is Kind.HISTOGRAM
        else [one.name]
    )
}


def rules() -> list[dict]:
    loaded = yaml.safe_load((OPERATIONS / "alerts.yml").read_text())
    return [rule for group in loaded["groups"] for rule in group["rules"]]


def dashboard() -> dict:
    return json.loads((OPERATIONS / "grafana-dashboard.json").read_text())


def panels() -> list[dict]:
    return [one for one in dashboard()["panels"] if one["type"] != "row"]


def expressions() -> Iterator[str]:
    yield from (rule["expr"] for rule in rules())
    yield from (target["expr"] for panel in panels() for target in panel["targets"])


def selectors(expression: str) -> list[tuple[str, str]]:
    """Each series of an expression with what is asked of its labels."""
    return re.findall(r"\b((?:cloudcache|process)_\w+|up\b)(?:\{([^}]*)\})?", expression)


def test_the_table_is_what_the_command_writes():
    assert (OPERATIONS / "metrics.md").read_text() == table()


@pytest.mark.parametrize("expression", sorted(set(expressions())))
def test_an_expression_uses_only_what_there_is(expression: str):
    assert expression.count("(") == expression.count(")")
    found = selectors(expression)
    assert found
    for name, asked in found:
        assert name in SERIES or name in STANDARD or name in FROM_PROMETHEUS, name
        labels = {*re.findall(r'(\w+)\s*(?:=~|!=|!~|=)\s*"', asked)}
        known = set(SERIES[name].labels) if name in SERIES else {"job"}
        assert labels <= known, (name, labels)
    grouped = {one for by in re.findall(r"by \(([^)]*)\)", expression) for one in re.split(r",\s*", by)}
    known = {label for name, _ in found if name in SERIES for label in SERIES[name].labels}
    assert grouped <= known | {"le", "instance"}


@pytest.mark.parametrize("expression", sorted(set(expressions())))
def test_what_every_process_tells_alike_is_never_summed_up(expression: str):
    for name, _ in selectors(expression):
        if name in SERIES and SERIES[name].is_fleet:
            assert not re.search(rf"(sum|rate|increase)[^()]*(\([^()]*\) )?\([^()]*{name}", expression)
        if name in SERIES and SERIES[name].kind is Kind.COUNTER:
            assert re.search(rf"(rate|increase)\({name}", expression), name


def test_every_alert_has_a_runbook_that_exists_and_says_how_bad_it_is():
    text = (DOCS / "operations.md").read_text()
    headings = {_anchor(one) for one in re.findall(r"^## (.+)$", text, re.MULTILINE)}

    for rule in rules():
        page, _, heading = rule["annotations"]["runbook_url"].partition("#")
        assert page == "docs/operations.md" and heading in headings, rule["alert"]
        assert rule["labels"]["severity"] in ("page", "ticket")
        assert rule["annotations"]["summary"].endswith(".")
    assert len({rule["alert"] for rule in rules()}) == len(rules())


def test_the_links_within_the_runbooks_lead_somewhere():
    text = (DOCS / "operations.md").read_text()
    headings = {_anchor(one) for one in re.findall(r"^## (.+)$", text, re.MULTILINE)}

    assert set(re.findall(r"\]\(#([^)]+)\)", text)) <= headings


def test_every_log_event_is_worth_a_line_in_the_table():
    assert all(one.level in ("ERROR", "WARNING", "INFO") and one.help.endswith(".") for one in EVENTS)


def test_the_dashboard_can_be_imported():
    board = dashboard()

    assert {"uid", "title", "schemaVersion", "templating", "time", "panels"} <= set(board)
    assert len({one["id"] for one in board["panels"]}) == len(board["panels"])
    taken: set[tuple[int, int]] = set()
    for one in board["panels"]:
        at = one["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert at["x"] + at["w"] <= 24 and not cells & taken, one["title"]
        taken |= cells
    for one in panels():
        assert one["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
        assert [target["refId"] for target in one["targets"]] == list("ABCDEFG"[: len(one["targets"])])


def _anchor(heading: str) -> str:
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")
