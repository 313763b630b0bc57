"""Answers with holes, wrong types and contradictions: no toggle is given a value that Cloudflare did not send."""

from __future__ import annotations

import asyncio
import copy
import json

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloudcache.domain.catalog import BY_ID, TOGGLES, Read, read_for, reads
from cloudcache.domain.errors import CloudcacheError, TryLater
from cloudcache.domain.events import ReadResult
from cloudcache.domain.ids import JSON
from tests.unit.adapters.cloudflare.stage import ACCESS, client_of, setting

BATCH, BOTS = reads(batch=True)[0], read_for(BY_ID["ai_labyrinth"])
SINGLE = [read for read in reads(batch=False) if len(read.toggles) == 1]
HOLES: list[JSON] = [None, "", "  ", [], {}, ["on"], {"other": {}}, {"a": 1, "b": 2}]
gone = object()
holes = st.sampled_from([*HOLES, gone])
extras = st.dictionaries(
    st.sampled_from(["time_remaining", "source", "certificate_status"]), st.integers() | st.none()
)


def true_result(read: Read) -> JSON:
    """What a healthy zone answers, everything in the position "on"."""
    if read.batch:
        return [setting(toggle.setting or "", toggle.on) for toggle in read.toggles]
    if read.toggles[0].endpoint is None:
        return setting(read.toggles[0].setting or "", read.toggles[0].on)
    return {name: value for toggle in read.toggles for name, value in dict(toggle.on).items()}


def ask(read: Read, body: JSON | bytes, status: int = 200) -> ReadResult | CloudcacheError:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()

    async def call() -> ReadResult | CloudcacheError:
        try:
            return await client_of(lambda _: httpx.Response(status, content=content)).read(ACCESS, read)
        except CloudcacheError as error:
            return error

    return asyncio.run(call())


@settings(deadline=None, max_examples=150)
@given(
    st.dictionaries(
        st.sampled_from([one.setting for one in BATCH.toggles]), st.tuples(holes, extras), max_size=32
    )
)
def test_list_gives_a_value_to_exactly_the_settings_it_holds(changed: dict[str, tuple[object, dict]]):
    result = copy.deepcopy(true_result(BATCH))
    assert isinstance(result, list)
    for item in result:
        hole, extra = changed.get(item["id"], (item["value"], {}))
        item.update(extra)
        if hole is gone:
            item.pop("value")
        else:
            item["value"] = hole

    found = ask(BATCH, {"success": True, "errors": [], "result": result})

    assert isinstance(found, ReadResult)
    lacking = {toggle.id for toggle in BATCH.toggles if toggle.setting in changed}
    assert (found.omitted, found.absent) == (lacking, frozenset())
    assert {one.toggle: one.value for one in found.usable} == {
        toggle.id: toggle.on for toggle in BATCH.toggles if toggle.id not in lacking
    }


@settings(deadline=None)
@given(st.sampled_from(SINGLE), holes, extras)
def test_single_setting_with_a_hole_is_omitted(read: Read, hole: object, extra: dict):
    (toggle,) = read.toggles
    result = dict(copy.deepcopy(true_result(read)))
    names = ["value"] if toggle.endpoint is None else list(dict(toggle.on))
    for name in names:
        if hole is gone:
            result.pop(name)
        else:
            result[name] = hole

    found = ask(read, {"success": True, "result": result | extra})

    assert isinstance(found, ReadResult)
    assert (found.usable, found.absent, found.omitted) == ((), frozenset(), {toggle.id})


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from([one.id for one in BOTS.toggles]), holes, max_size=3))
def test_shared_endpoint_tells_absent_fields_from_omitted_ones(changed: dict[str, object]):
    result = dict(copy.deepcopy(true_result(BOTS)))
    for toggle, hole in changed.items():
        name = BY_ID[toggle].fields[0]
        if hole is gone:
            result.pop(name)
        else:
            result[name] = hole

    found = ask(BOTS, {"success": True, "result": result | {"using_latest_model": True}})

    assert isinstance(found, ReadResult)
    is_another = len(changed) == 3 and all(hole is gone for hole in changed.values())
    absent = {one for one, hole in changed.items() if hole is gone and not is_another}
    assert (found.absent, found.omitted) == (absent, set(changed) - absent)
    assert {one.toggle for one in found.usable} == {one.id for one in BOTS.toggles} - set(changed)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, {"success": True, "result": []}),
        (200, {"success": True, "result": None}),
        (200, {"success": True, "result": "on"}),
        (200, {"success": True, "result": [None, 7, "x", {"id": 3}]}),
        (200, {"success": True}),
        (200, {"success": "true", "result": []}),
        (200, b"<html><body>welcome</body></html>"),
        (200, b""),
        (204, b""),
        (200, b"[" * 5_000),
        (200, b'{"success": true, "result": [{"id": "polish", "value": NaN}]}'),
        (302, b""),
    ],
)
def test_list_that_holds_no_setting_is_asked_for_again(status: int, body: JSON | bytes):
    assert isinstance(ask(BATCH, body, status), TryLater)


def test_success_beside_errors_still_gives_only_what_it_holds():
    body = {
        "success": True,
        "errors": [{"code": 1004, "message": "?"}],
        "result": [setting("polish", "lossy")],
    }

    found = ask(BATCH, body)

    assert isinstance(found, ReadResult)
    assert [(one.toggle, one.value) for one in found.usable] == [("polish", "lossy")]
    assert len(found.omitted) == 32


@pytest.mark.parametrize("toggle", TOGGLES, ids=lambda one: one.id)
def test_every_value_of_the_catalogue_is_usable_and_no_hole_is(toggle):
    known = [toggle.on, toggle.off, *([] if toggle.endpoint else toggle.others)]

    assert all(toggle.is_usable(value) for value in known)
    assert not any(toggle.is_usable(hole) for hole in HOLES)


@pytest.mark.parametrize("value", ["On", True, False, 1, 1.2, "2", 0, "experimental_7"])
def test_other_spellings_and_unknown_words_stay_usable(value: JSON):
    assert BY_ID["polish"].is_usable(value)
