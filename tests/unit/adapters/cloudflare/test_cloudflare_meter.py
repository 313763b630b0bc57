"""What the budget is told, and which headers say nothing."""

from __future__ import annotations

import logging

import httpx
import pytest

from cloudcache.adapters.cloudflare.meter import calls_left, policy, retry_after_s
from cloudcache.domain.secret import Token
from tests.unit.adapters.cloudflare.stage import (
    SECRET,
    Ledger,
    always,
    client_of,
    failure,
    outcome_of_read,
    outcome_of_write,
    setting,
    success,
)

ON = setting("rocket_loader", "on")
LEFT = {"Ratelimit": '"default";r=50;t=30', "Ratelimit-Policy": '"default";q=1200;w=300'}


@pytest.mark.parametrize(
    ("header", "left"),
    [
        ('"default";r=50;t=30', (50, 30)),
        ('"default"; r=0 ;t=1', (0, 1)),
        ('"default";t=30;r=50', (50, 30)),
        ('"default";r=50;t=30;pk=:x:', (50, 30)),
        ('"burst";r=9;t=1, "default";r=3;t=200', (3, 200)),
        ('"odd";r=x;t=1, "default";r=3;t=200', (3, 200)),
        ("r=50;t=30", None),
        ('"default";r=50', None),
        ('"default";r=-1;t=30', None),
        ('"default";r=5.5;t=30', None),
        ('"default";r=99999999999;t=30', None),
        ('"default";r=\u0663;t=30', None),
        ("", None),
        (None, None),
    ],
)
def test_calls_left_are_read_or_left_alone(header: str | None, left: tuple[int, int] | None):
    assert calls_left(header) == left


@pytest.mark.parametrize(
    ("header", "seen"),
    [
        ('"default";q=1200;w=300', (1200, 300)),
        ('"default";q=0;w=300', None),
        ("nonsense", None),
        (None, None),
    ],
)
def test_the_policy_is_read_or_left_alone(header: str | None, seen: tuple[int, int] | None):
    assert policy(header) == seen


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("60", 60), (" 60 ", 60), ("0", 1), ("7200", 3600), ("6e1", 300), ("", 300), (None, 300)],
)
def test_a_wait_is_read_or_taken_as_five_minutes(header: str | None, seconds: int):
    assert retry_after_s(header) == seconds


async def test_every_answer_of_the_api_reports_and_closes_a_probe():
    ledger = Ledger()
    answers = [success(ON, LEFT), failure(403, 1015, headers=LEFT), failure(500, 1005, headers=LEFT)]
    for answer in answers:
        await outcome_of_write(client_of(always(answer), ledger))

    assert ledger.told == [("left", "c1", 50, 30), ("succeeded", "c1")] * 3


async def test_a_gateways_page_does_not_end_a_block():
    ledger = Ledger()
    page = httpx.Response(502, html="<html>", headers=LEFT)

    await outcome_of_read(client_of(always(page), ledger))

    assert ledger.told == [("left", "c1", 50, 30)]


async def test_no_answer_tells_nothing():
    ledger = Ledger()

    await outcome_of_read(client_of(always(httpx.ConnectError("no")), ledger))
    await outcome_of_read(client_of(always(httpx.ReadTimeout("no")), ledger))

    assert ledger.told == []


async def test_verifying_a_token_tells_no_budget():
    ledger = Ledger()

    await client_of(always(success({"id": "t", "status": "active"}, LEFT)), ledger).verify(Token(SECRET))

    assert ledger.told == []


async def test_malformed_headers_never_spoil_a_success():
    odd = [(b"ratelimit", b"\xff\xfe;r=\xb2"), (b"ratelimit-policy", b";;;q="), (b"retry-after", b"soon")]
    client = client_of(lambda request: httpx.Response(200, headers=odd, content=success(ON).content))

    assert await outcome_of_write(client) == "rocket_loader=on"


async def test_a_smaller_allowance_than_usual_is_said_once(caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.WARNING, "cloudcache.cloudflare")
    client = client_of(always(success(ON, {"Ratelimit-Policy": '"default";q=600;w=300'})))

    await outcome_of_read(client)
    await outcome_of_read(client)

    assert [record.getMessage() for record in caplog.records] == [
        "Cloudflare allows 600 calls in 300 s, fewer than the usual 1200 in 300 s"
    ]


@pytest.mark.parametrize("header", ['"default";q=1200;w=300', '"default";q=2400;w=300', '"second";q=4;w=1'])
async def test_the_usual_allowance_or_more_is_not_worth_a_word(header: str, caplog: pytest.LogCaptureFixture):
    await outcome_of_read(client_of(always(success(ON, {"Ratelimit-Policy": header}))))

    assert not caplog.records
