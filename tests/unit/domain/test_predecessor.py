"""What is taken from the predecessor, and that everything else is refused by its line."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as some

from cloudcache.domain.catalog import State
from cloudcache.domain.ids import JSON
from cloudcache.domain.predecessor import Namespace, Record, Wrong, records, state_of

A, B, C = "a" * 32, "b" * 32, "c" * 32


SAID: list[tuple[JSON, State]] = [
    ("on", State.ON),
    (" off\n", State.OFF),
    ('"on"', State.ON),
    ("false", State.OFF),
    (True, State.ON),
    (False, State.OFF),
    ({"value": "on"}, State.ON),
    ({"enabled": False}, State.OFF),
    ('{"enabled": true, "updated_at": "2025-01-01T00:00:00Z"}', State.ON),
    ('{"id": "rocket_loader", "value": "off", "editable": true, "modified_on": null}', State.OFF),
]
UNSAID: list[JSON] = [
    *(None, 1, 0, "", "ON", "yes", "2", "null", [], ["on"], {}, '"\\"on\\""', "{", "[" * 1_500, "x" * 3_000),
    *({"value": True}, {"enabled": "on"}, {"value": "on", "else": 1}, {"id": "polish", "value": "on"}),
    *({"value": "on", "enabled": True}, '{"value": "on", "value": "off"}', {"value": "manual"}),
]


@pytest.mark.parametrize(("value", "state"), SAID, ids=range(len(SAID)))
def test_what_says_on_or_off(value: JSON, state: State):
    assert state_of(value) is state


@pytest.mark.parametrize("value", UNSAID, ids=range(len(UNSAID)))
def test_what_says_neither(value: JSON):
    with pytest.raises(ValueError, match="neither on nor off"):
        state_of(value)


def test_lines_and_a_list_tell_the_same():
    told: list[dict[str, JSON]] = [
        {"zone": A, "value": "on"},
        {"zone": B, "value": {"enabled": False}, "key": "settings:rocket_loader"},
        {"zone": C, "account": A, "namespace": B},
    ]

    lines = list(records("\n".join(map(json.dumps, told))))
    listed = list(records(json.dumps(told, indent=1)))

    assert lines == [
        Record(1, A, State.ON),
        Record(2, B, State.OFF),
        Record(3, C, Namespace(A, B)),
    ]
    assert [(one.zone, one.told) for one in listed] == [(one.zone, one.told) for one in lines]
    assert [one.line for one in listed] == [2, 6, 13]


@pytest.mark.parametrize(
    ("record", "why"),
    [
        ('{"zone": "x", "value": "on"}', "not a zone ID"),
        ('{"value": "on"}', "has no zone"),
        (f'{{"zone": "{A}"}}', "here nothing"),
        (f'{{"zone": "{A}", "value": "on", "shop": "s"}}', "here shop, value"),
        (f'{{"zone": "{A}", "value": "on", "key": "settings:polish"}}', "the key isn't"),
        (f'{{"zone": "{A}", "account": "{B}"}}', "here account"),
        (f'{{"zone": "{A}", "account": "{B}", "namespace": "n"}}', "the namespace isn't an ID"),
        (f'{{"zone": "{A}", "value": "on", "zone": "{B}"}}', "twice"),
        ('"on"', "a record must be an object"),
        ("{", "isn't valid JSON"),
    ],
)
def test_another_record_is_refused_by_its_line_and_the_rest_is_taken(record: str, why: str):
    good, last = f'{{"zone": "{B}", "value": "on"}}', f'{{"zone": "{C}", "value": "off"}}'

    found = list(records(f"{good}\n\n{record}\r\n{last}\n"))

    assert found[0] == Record(1, B, State.ON) and found[2] == Record(4, C, State.OFF)
    assert isinstance(found[1], Wrong) and found[1].line == 3 and why in found[1].why


def test_a_zone_that_stands_twice_is_refused_the_second_time():
    found = list(records(f'{{"zone": "{A}", "value": "on"}}\n{{"zone": "{A}", "value": "off"}}'))

    assert found[1] == Wrong(2, "the zone is in line 1 already")


@pytest.mark.parametrize(
    ("text", "line", "why"),
    [
        ('[\n{"zone": 1},\n{"zone"]', 3, "read further"),
        ("[\n1\n2]", 3, "a comma"),
        ("[1] 2", 1, "a comma"),
        ("[1", 1, "a comma"),
        ("[", 1, "isn't valid JSON"),
    ],
)
def test_a_broken_list_is_told_by_the_line_of_the_break(text: str, line: int, why: str):
    last = list(records(text))[-1]

    assert isinstance(last, Wrong) and last.line == line and why in last.why


def test_nothing_is_nothing():
    assert list(records("")) == list(records("\n \n")) == list(records("\ufeff[ ]")) == []


@given(some.text())
def test_no_text_is_too_strange(text: str):
    for one in records(text):
        assert isinstance(one, Record | Wrong)
