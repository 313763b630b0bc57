"""Whatever comes back, it becomes one of our errors, and a write that may have been done is never sent again."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine
from typing import TypeVar

import httpx
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cloudcache.adapters.cloudflare.client import CloudflareClient
from cloudcache.domain.catalog import TOGGLES, Read, Toggle, reads
from cloudcache.domain.errors import CloudcacheError, Refused, Throttled, TryLater, Unclear, explain
from cloudcache.domain.events import Observation
from cloudcache.domain.ids import JSON
from tests.unit.adapters.cloudflare.stage import ACCESS, ROCKET, SECRET, client_of, setting, success

T = TypeVar("T")

CODES = [
    971,
    1000,
    1001,
    1004,
    1005,
    1006,
    1007,
    1015,
    1024,
    1057,
    6003,
    6111,
    7000,
    7003,
    9103,
    9109,
    10000,
    10100,
    10405,
    10429,
]
NAMES = [
    "id",
    "value",
    "editable",
    "modified_on",
    "time_remaining",
    "fight_mode",
    "enabled",
    "name",
    "status",
]
SETTINGS = [toggle.setting for toggle in TOGGLES if toggle.setting]
scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["on", "off"])
objects = st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=5), scalars | st.sampled_from(SETTINGS))
jsons = st.recursive(
    scalars | objects, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8
)
failures = st.fixed_dictionaries(
    {"code": st.sampled_from(CODES) | jsons, "message": st.text() | jsons},
    optional={"error_chain": jsons, "documentation_url": st.text() | jsons},
)
envelopes = st.fixed_dictionaries(
    {"success": st.booleans() | jsons},
    optional={"errors": st.lists(failures | jsons, max_size=3) | jsons, "result": st.lists(objects) | jsons},
)
bodies = st.binary(max_size=200) | (envelopes | jsons).map(lambda body: json.dumps(body).encode())
statuses = st.sampled_from(
    [200, 201, 204, 301, 400, 401, 403, 404, 408, 410, 429, 500, 502, 524]
) | st.integers(100, 999)
NAMES_OF_HEADERS = [
    b"ratelimit",
    b"ratelimit-policy",
    b"retry-after",
    b"cf-ray",
    b"content-type",
    b"set-cookie",
]
headers = st.lists(
    st.tuples(
        st.sampled_from(NAMES_OF_HEADERS),
        st.binary(max_size=30) | st.from_regex(rb'"d";[rq]=[0-9]{1,12};[tw]=[0-9]{1,3}', fullmatch=True),
    ),
    max_size=5,
)
transport_errors = st.sampled_from(
    [
        kind("trouble")
        for kind in (
            httpx.ConnectError,
            httpx.ConnectTimeout,
            httpx.PoolTimeout,
            httpx.ProxyError,
            httpx.ReadError,
            httpx.ReadTimeout,
            httpx.WriteError,
            httpx.WriteTimeout,
            httpx.RemoteProtocolError,
            httpx.LocalProtocolError,
            httpx.DecodingError,
            httpx.CloseError,
            ValueError,
        )
    ]
)
UNSENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)


def given_any_answer(test):
    """Statuses, headers and bodies of every kind, an envelope as often as not."""
    return settings(max_examples=150, deadline=None)(given(statuses, headers, bodies)(test))


def client_answered(status: int, head: list[tuple[bytes, bytes]], body: bytes) -> CloudflareClient:
    return client_of(lambda request: httpx.Response(status, headers=head, stream=httpx.ByteStream(body)))


def ends(call: Coroutine[None, None, T]) -> T | CloudcacheError:
    """What a call gives, or the error of ours that it raises; any other error fails the test."""
    try:
        return asyncio.run(call)
    except CloudcacheError as error:
        return error


@given_any_answer
@example(200, [], b'{"success": true, "result": {"value": 1e999}}')
@example(429, [(b"retry-after", b"\xb2")], b"")
def test_whatever_is_answered_becomes_a_value_or_one_of_our_errors(status, head, body):
    client = client_answered(status, head, body)

    for call in (
        client.write(ACCESS, ROCKET, "on"),
        client.zone(ACCESS),
        client.verify(ACCESS.token),
        *(client.read(ACCESS, read) for read in _some_reads()),
    ):
        ends(call)


@given_any_answer
def test_a_write_that_may_have_been_done_is_never_sent_again(status, head, body):
    outcome = ends(client_answered(status, head, body).write(ACCESS, ROCKET, "on"))

    if isinstance(outcome, TryLater):
        assert isinstance(outcome, Throttled)
        assert status == 429 or says_throttled(body)
    if isinstance(outcome, Refused):
        assert status < 500 and says_no(body)
    if isinstance(outcome, Observation):
        assert 200 <= status < 300
    if status >= 500 and not says_throttled(body):
        assert isinstance(outcome, Unclear)


@given_any_answer
def test_a_read_is_never_in_doubt(status, head, body):
    client = client_answered(status, head, body)

    for read in _some_reads():
        assert not isinstance(ends(client.read(ACCESS, read)), Unclear)


@given_any_answer
@example(403, [], json.dumps({"success": False, "errors": [{"code": 1, "message": SECRET}]}).encode())
def test_words_for_the_operator_are_bounded_printable_and_without_the_token(status, head, body):
    outcome = ends(client_answered(status, head, body).write(ACCESS, ROCKET, "on"))

    if isinstance(outcome, CloudcacheError):
        said = explain(outcome)
        assert said.isprintable() and len(said) < 700 and SECRET not in said


@settings(deadline=None)
@given(transport_errors)
def test_trouble_on_the_line_is_later_only_if_nothing_was_sent(error: Exception):
    def answer(request: httpx.Request) -> httpx.Response:
        raise error

    outcome = ends(client_of(answer).write(ACCESS, ROCKET, "on"))

    assert isinstance(outcome, TryLater if isinstance(error, UNSENT) else Unclear)


@settings(deadline=None)
@given(st.sampled_from(TOGGLES), jsons)
def test_any_value_comes_through_a_write_untouched_or_the_write_is_unclear(toggle: Toggle, value: JSON):
    name = toggle.setting or "x"

    def answer(request: httpx.Request) -> httpx.Response:
        content = json.dumps({"success": True, "result": setting(name, value)}).encode()
        return httpx.Response(200, content=content)

    outcome = ends(client_of(answer).write(ACCESS, toggle, toggle.on))

    if isinstance(outcome, Observation) and toggle.endpoint is None:
        assert json.dumps(outcome.value) == json.dumps(value)


@settings(deadline=None)
@given(objects)
def test_any_value_can_be_asked_for(value: JSON):
    outcome = ends(client_of(lambda request: success(setting("polish", "on"))).write(ACCESS, ROCKET, value))

    assert isinstance(outcome, Observation | Refused)


def says_throttled(body: bytes) -> bool:
    return any(code in body for code in (b"971", b"10100", b"10429"))


def says_no(body: bytes) -> bool:
    try:
        said = json.loads(body)
    except ValueError:
        return False
    return isinstance(said, dict) and said.get("success") is False


def _some_reads() -> list[Read]:
    """The batch, a plain setting, an endpoint with several toggles."""
    single = reads(batch=False)
    return [reads(batch=True)[0], single[0], max(single, key=lambda read: len(read.toggles))]
