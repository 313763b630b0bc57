"""Reading pages of an audit log: both versions, and everything that can be wrong with a line."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudcache.adapters.cloudflare.audit import PER_PAGE, feed_page, feed_path
from cloudcache.domain.catalog import find
from cloudcache.domain.feed import WHOLE, FeedVersion, Window
from cloudcache.domain.ids import JSON

ZONE = "0123456789abcdef0123456789abcdef"
AT = "2026-11-23T20:00:00.123Z"
AT_MS = 1_795_464_000_123
WINDOW = Window(1_000, 2_000)
ROCKET = find("rocket_loader").id
V1, V2 = FeedVersion.V1, FeedVersion.V2


def newer(**changes: JSON) -> dict[str, JSON]:
    line: dict[str, JSON] = {
        "id": "e1",
        "action": {"time": AT, "type": "update", "result": "success"},
        "actor": {"email": "ann@shop.example", "token_name": "script"},
        "raw": {
            "method": "PATCH",
            "uri": f"/client/v4/zones/{ZONE}/settings/rocket_loader",
            "cf_ray_id": "ray",
        },
        "zone": {"id": ZONE},
    }
    return line | changes


def older(**changes: JSON) -> dict[str, JSON]:
    line: dict[str, JSON] = {
        "id": "e1",
        "when": AT,
        "action": {"type": "change_setting", "result": True},
        "actor": {"email": "ann@shop.example"},
        "resource": {"type": "zone", "id": ZONE},
        "metadata": {"name": "rocket_loader", "value": "on"},
        "newValue": "on",
    }
    return line | changes


def read(version: FeedVersion, *lines: JSON, info: JSON = None):
    page = feed_page(version, WINDOW, list(lines), info)
    assert page is not None
    return page


@pytest.mark.parametrize(("version", "line"), [(V2, newer()), (V1, older())])
def test_a_line_tells_what_when_where_and_who(version: FeedVersion, line: dict[str, JSON]):
    (entry,) = read(version, line).entries

    assert (entry.id, entry.at, entry.zone, entry.person) == ("e1", AT_MS, ZONE, "ann@shop.example")
    assert entry.named == {ROCKET}


def test_the_newer_log_tells_the_ray_and_the_older_one_the_value():
    (new,), (old,) = read(V2, newer()).entries, read(V1, older()).entries

    assert (new.ray_id, new.reported) == ("ray", None)
    assert (old.ray_id, old.reported) == ("", "on")


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("polish", "lossy", "lossy"),
        ("polish", "nonsense", None),
        ("nel", '{"enabled": true}', {"enabled": True}),
        ("nel", "{", None),
        ("nel", "[" * 10_000, None),
        ("rocket_loader", "", "on"),
    ],
)
def test_a_reported_value_is_taken_only_when_it_is_understood(name: str, text: str, value: JSON):
    line = older(metadata={"name": name, "value": "on"}, newValue=text)

    assert read(V1, line).entries[0].reported == value


@pytest.mark.parametrize(
    "line",
    [
        newer(action={"time": AT, "result": "failure"}),
        newer(raw={"method": "GET", "uri": f"/zones/{ZONE}/settings/polish"}),
        newer(raw={"method": "POST", "uri": f"/zones/{ZONE}/purge_cache"}),
        newer(raw={}, zone={}),
    ],
)
def test_lines_that_changed_nothing_of_ours_are_left_out_without_a_word(line: dict[str, JSON]):
    assert read(V2, line) == feed_page(V2, WINDOW, [], None)


FAILURES = ["failure", "Failure", "failed", " fail ", "error", "denied", "rejected", "false", False]


@pytest.mark.parametrize("result", FAILURES, ids=repr)
@pytest.mark.parametrize("version", [V1, V2])
def test_failed_action_is_read_and_is_no_change(version: FeedVersion, result: JSON):
    action = {"time": AT, "type": "change_setting" if version is V1 else "update", "result": result}

    page = read(version, (older if version is V1 else newer)(action=action))

    assert (page.entries, page.garbled, page.reached) == ((), 0, AT_MS)


@pytest.mark.parametrize(
    "result", ["success", "succeeded", "partial", "", None, True, 7, {"x": 1}, []], ids=repr
)
@pytest.mark.parametrize("version", [V1, V2])
def test_action_with_any_other_result_is_a_change(version: FeedVersion, result: JSON):
    action = {"time": AT, "type": "change_setting" if version is V1 else "update", "result": result}

    (entry,) = read(version, (older if version is V1 else newer)(action=action)).entries

    assert entry.named == {ROCKET}


@pytest.mark.parametrize(
    ("status", "changes"), [(200, 1), (403, 0), ("404", 0), (503, 1), (None, 1), ("4", 1)]
)
def test_refused_request_is_no_change(status: JSON, changes: int):
    raw = {"method": "PATCH", "uri": f"/zones/{ZONE}/settings/polish", "status_code": status}

    assert len(read(V2, newer(raw=raw)).entries) == changes


@pytest.mark.parametrize(
    ("actor", "name"),
    [
        ({"type": "user", "email": "ann@shop.example", "token_name": "deploy"}, "ann@shop.example"),
        ({"type": "user", "context": "dash"}, "Cloudflare dashboard"),
        ({"type": "user", "context": "api_token", "token_name": "deploy"}, "API token deploy"),
        ({"type": "user", "context": "api_key"}, "an API key"),
        ({"type": "user", "context": "oauth"}, "a connected app"),
        ({"type": "account", "id": "acc", "token_name": "deploy"}, "API token deploy"),
        ({"type": "account", "id": "acc"}, "an account token"),
        ({"type": "account", "email": "owner@shop.example"}, "an account token"),
        ({"type": "delegated_service", "name": "Site Builder"}, "Site Builder"),
        ({"type": "delegated_service", "token_name": "builder"}, "builder"),
        ({"type": "delegated_service"}, "a service connected to Cloudflare"),
        ({"type": "system"}, "Cloudflare"),
        ({"type": "system", "email": "ann@shop.example"}, "Cloudflare"),
        ({"type": "cloudflare_admin", "email": "agent@cloudflare.com"}, "Cloudflare staff"),
        ({"type": "Cloudflare"}, "Cloudflare"),
        ({"type": "admin"}, "Cloudflare staff"),
        ({"type": "robot"}, ""),
        ({"type": "robot", "email": "r@shop.example"}, "r@shop.example"),
        ({"type": ["user"], "email": 7, "token_name": None}, ""),
        ({"type": "user", "email": "a\nb\x00 c"}, "a b c"),
        ({}, ""),
        (None, ""),
        ("ann", ""),
    ],
)
def test_actor_is_named_truthfully(actor: JSON, name: str):
    (entry,) = read(V2, newer(actor=actor)).entries

    assert entry.person == name


def test_older_log_names_who_it_was_by_interface():
    (entry,) = read(V1, older(actor={"type": "user"}, interface="UI")).entries

    assert entry.person == "Cloudflare dashboard"


def test_full_page_without_a_cursor_has_more():
    full = [newer(id=f"e{number}") for number in range(PER_PAGE)]

    page = feed_page(V2, WINDOW, full, {"cursor": None})

    assert page is not None
    assert (page.cursor, page.has_more, page.reached) == ("", True, AT_MS)
    assert not read(V2, newer(), info={"cursor": ""}).has_more


@pytest.mark.parametrize("cursor", [7, True, ["x"], {"a": 1}, "x" * 5_000, "same"])
def test_cursor_that_cannot_be_used_is_not_the_end(cursor: JSON):
    page = feed_page(V2, Window(1_000, 2_000, "same"), [newer()], {"cursor": cursor})

    assert page is not None
    assert (page.cursor, page.has_more) == ("", True)


def test_page_out_of_order_reaches_no_time():
    assert read(V2, newer(), newer(id="e2", action={"time": "2026-11-22T20:00:00Z"})).reached is None


def test_page_number_that_is_none_begins_anew():
    full = [older(id=f"e{number}") for number in range(PER_PAGE)]

    assert feed_page(V1, Window(1, 2, "WzE3OTU="), full, None).cursor == "2"


def test_a_line_without_a_readable_request_means_its_whole_zone():
    for raw in ({}, {"uri": "\x00"}, {"uri": 7}, {"uri": f"/zones/{ZONE}/news"}):
        (entry,) = read(V2, newer(raw=raw)).entries
        assert (entry.zone, entry.named) == (ZONE, WHOLE)


@pytest.mark.parametrize(
    "line",
    [
        None,
        7,
        "x",
        [],
        {},
        newer(id=None),
        newer(id=7),
        newer(action={}),
        newer(action={"time": "yesterday"}),
        newer(action={"time": "0001-01-01T00:00:00Z"}),
        newer(action={"time": "9999-99-99"}),
    ],
)
@pytest.mark.parametrize("version", [V1, V2])
def test_what_cannot_be_read_is_counted_and_the_rest_is_kept(version: FeedVersion, line: JSON):
    good = newer() if version is V2 else older()
    if version is V1 and isinstance(line, dict) and line:
        line = {"id": line.get("id"), "when": "?"}

    page = read(version, good, line, good | {"id": "e2"})

    assert page.garbled == 1
    assert [entry.id for entry in page.entries] == ["e1", "e2"]


@pytest.mark.parametrize("result", [None, {}, "x", 7])
def test_a_page_that_is_no_list_is_no_page(result: JSON):
    assert feed_page(V2, WINDOW, result, None) is None


@pytest.mark.parametrize(
    ("info", "cursor"),
    [
        ({"cursor": "next"}, "next"),
        ({"cursor": ""}, ""),
        ({"cursor": 7}, ""),
        ({"cursor": "x" * 600}, "x" * 600),
        ({"cursor": "x" * 5_000}, ""),
        ({"cursor": None}, ""),
        ({"cursor": True}, ""),
        ({"cursor": ["x"]}, ""),
        ({}, ""),
        (None, ""),
        ([], ""),
    ],
)
def test_the_cursor_leads_on_or_ends(info: JSON, cursor: str):
    assert read(V2, info=info).cursor == cursor


def test_the_older_log_is_paged_by_number_while_pages_are_full():
    full = [older(id=f"e{number}") for number in range(PER_PAGE)]

    assert feed_page(V1, WINDOW, full, None).cursor == "2"
    assert feed_page(V1, Window(1, 2, "7"), full, None).cursor == "8"
    assert feed_page(V1, WINDOW, full[:-1], None).cursor == ""


@pytest.mark.parametrize("version", [V1, V2])
def test_the_question_names_window_order_and_page(version: FeedVersion):
    path = feed_path("acc/\u00e9?x", version, Window(1_795_464_000_123, 1_795_464_060_000, "next+1"))

    parts, asked = urlsplit(path), parse_qs(urlsplit(path).query)
    assert parts.path.startswith("/accounts/acc%2F%C3%A9%3Fx/")
    assert asked["since"] == [AT] and asked["direction"] == ["asc"]
    assert asked["cursor" if version is V2 else "page"] == ["next+1"]


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
parts = st.sampled_from(["id", "action", "actor", "raw", "zone", "when", "resource", "metadata", "newValue"])


@given(
    st.lists(st.dictionaries(parts, anything, max_size=6) | anything, max_size=5), st.sampled_from([V1, V2])
)
def test_no_page_whatever_it_holds_is_an_error(lines: list[JSON], version: FeedVersion):
    page = read(version, *lines)

    assert len(page.entries) + page.garbled <= len(lines)
