"""The settings as the REST API shows them: encoded once, right as long as it is used, ages filled in."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from cloudcache.domain.catalog import TOGGLES, State, Topology, ZonePlan
from cloudcache.domain.customers import Customer, Page, ZoneStatus
from cloudcache.domain.ids import CustomerId, ZoneId
from cloudcache.domain.toggle import STALE_AFTER_MS, Cell
from cloudcache.web.settings_document import SettingsDocument, is_match

NOW = 1_795_000_000_000
CUSTOMER = Customer(
    CustomerId(1),
    "maple.myshopify.com",
    ZoneId("0" * 32),
    "mäple.example",
    ZonePlan.PRO,
    Topology.O2O,
    ZoneStatus.ACTIVE,
    None,
    7,
    full_read_at=NOW - 60_000,
)
CELLS = {one.id: Cell(one.id, State.ON, "on", NOW - 60_000) for one in TOGGLES[1:]}
PAGE = Page(CUSTOMER, CELLS, 0)
FIRST, SECOND = TOGGLES[0].id, TOGGLES[1].id


def test_everything_is_each_setting_with_its_age():
    document = SettingsDocument(PAGE, NOW)

    shown = json.loads(document.everything(NOW + 500))

    assert (shown["shop"], shown["zone"]["name"]) == ("maple.myshopify.com", "mäple.example")
    assert shown["optimizations"] == [json.loads(document.setting(one.id, NOW + 500)) for one in TOGGLES]
    unread, read = shown["optimizations"][:2]
    assert (unread["age_ms"], unread["standing"], unread["enabled"]) == (None, "unread", None)
    assert (read["age_ms"], read["seen_at"], read["enabled"]) == (60_500, NOW - 60_000, True)


def test_tag_stays_while_only_ages_change_and_is_another_after_any_change():
    document = SettingsDocument(PAGE, NOW)
    later = SettingsDocument(PAGE, NOW + 1)
    turned_off = replace(CELLS[SECOND], state=State.OFF, value="off")
    changed = SettingsDocument(Page(CUSTOMER, {**CELLS, SECOND: turned_off}, 0), NOW)
    other_zone = SettingsDocument(Page(replace(CUSTOMER, status=ZoneStatus.GONE), CELLS, 0), NOW)

    assert later.etag == document.etag
    assert len({document.etag, changed.etag, other_zone.etag}) == 3
    assert changed.etag_of(SECOND) != document.etag_of(SECOND)
    assert changed.etag_of(FIRST) == document.etag_of(FIRST)


def test_document_is_made_anew_for_another_page_and_when_a_value_gets_out_of_date():
    document = SettingsDocument(PAGE, NOW)
    stale_at = NOW - 60_000 + STALE_AFTER_MS

    assert document.is_valid(PAGE, NOW) and document.is_valid(PAGE, stale_at - 1)
    assert not document.is_valid(Page(CUSTOMER, CELLS, 0), NOW)
    assert not document.is_valid(PAGE, stale_at)
    assert not document.is_valid(PAGE, NOW - 1), "the clock was set back"
    assert SettingsDocument(PAGE, stale_at).etag != document.etag


def test_half_of_a_character_in_a_value_breaks_nothing():
    broken = replace(CELLS[SECOND], value={"note": "\ud800"})
    document = SettingsDocument(Page(CUSTOMER, {**CELLS, SECOND: broken}, 0), NOW)

    body = document.everything(NOW).encode()

    assert json.loads(body)["optimizations"][1]["value"] == {"note": "\ud800"}


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, False),
        ("", False),
        ('W/"a"', True),
        ('"a"', True),
        ('"b", W/"a"', True),
        ("*", True),
        ('"b"', False),
        ("a", False),
        ('W/"', False),
    ],
)
def test_tags_are_compared_weakly(header: str | None, expected: bool):
    assert is_match(header, 'W/"a"') is expected
