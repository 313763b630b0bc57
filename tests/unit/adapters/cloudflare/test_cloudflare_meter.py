"""What the budget is told, and which headers say nothing."""

from __future__ import annotations

import logging

import httpx
import pytest

from cloudcache.adapters.budget import InMemoryBudget
from cloudcache.adapters.cloudflare.meter import calls_left, policies, retry_after_s
from cloudcache.domain.budget import CallClass, Lane, Limits
from cloudcache.domain.ids import CredentialId, CustomerId
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
    steady_clock,
    success,
)

ON = setting("rocket_loader", "on")
SENT, SENT_MS = "Thu, 26 Nov 2026 01:00:00 GMT", 1_795_654_800_000
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
    assert list(calls_left(header).values())[-1:] == ([left] if left else [])


def test_every_limit_of_a_header_is_read_the_tightest_last():
    header = '"burst";r=9;t=1, "default";r=300;t=200, "odd";r=x;t=1, "burst";r=4;t=1'

    assert list(calls_left(header).items()) == [('"default"', (300, 200)), ('"burst"', (4, 1))]


@pytest.mark.parametrize(
    ("header", "seen"),
    [
        ('"default";q=1200;w=300', [(1200, 300)]),
        ('"default";q=1200;w=300, "burst";q=100;w=10', [(1200, 300), (100, 10)]),
        ('"default";q=0;w=300', []),
        ("nonsense", []),
        (None, []),
    ],
)
def test_policies_are_read_or_left_alone(header: str | None, seen: list[tuple[int, int]]):
    assert policies(header) == seen


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("60", 60),
        (" 60 ", 60),
        ("6.25", 6.25),
        ("0", 1),
        ("7200", 3600),
        ("999999999999", 300),
        ("-5", 300),
        ("6e1", 300),
        ("soon", 300),
        ("", 300),
        (None, 300),
        ("5, 9", 9),
        ("Thu, 26 Nov 2026 01:00:06 GMT", 6),
        ("Thursday, 26-Nov-26 01:00:06 GMT", 6),
        ("Thu Nov 26 01:00:06 2026", 6),
        ("Thu, 26 Nov 2026 01:10:00 GMT", 600),
        ("Thu, 26 Nov 2026 00:59:00 GMT", 1),
        ("Thu, 26 Nov 2096 01:00:06 GMT", 3600),
        ("Thu, 99 Nov 2026 01:00:06 GMT", 300),
        ("Mon, 01 Jan 0000 00:00:00 GMT", 300),
    ],
)
@pytest.mark.parametrize("our_clock_is_off_s", [0, 10, -10, 600, -600])
def test_a_wait_is_read_or_taken_as_five_minutes(header: str | None, seconds: float, our_clock_is_off_s: int):
    headers = httpx.Headers({"Date": SENT} | ({} if header is None else {"Retry-After": header}))

    assert retry_after_s(headers, SENT_MS + our_clock_is_off_s * 1_000) == seconds


def test_the_latest_of_several_waits_counts():
    headers = httpx.Headers(
        [
            ("Date", SENT),
            ("Retry-After", "5"),
            ("Retry-After", "Thu, 26 Nov 2026 01:00:20 GMT"),
            ("Retry-After", "x"),
        ]
    )

    assert retry_after_s(headers, SENT_MS) == 20


@pytest.mark.parametrize(("until", "seconds"), [("01:00:06", 6), ("00:59:00", 300)])
def test_date_is_measured_by_our_clock_where_the_answer_has_none(until: str, seconds: float):
    headers = httpx.Headers({"Retry-After": f"Thu, 26 Nov 2026 {until} GMT"})

    assert retry_after_s(headers, SENT_MS) == seconds


@pytest.mark.parametrize("wait", ["6", "6.0", "Thu, 26 Nov 2026 01:00:06 GMT"])
async def test_block_lasts_exactly_as_long_as_the_answer_says(wait: str):
    clock = steady_clock()
    budget = InMemoryBudget(Limits(), clock)
    answer = httpx.Response(429, text="error code: 1015", headers={"Date": SENT, "Retry-After": wait})

    await outcome_of_write(client_of(always(answer), budget, clock=clock))

    opens = budget.blocked_until_ms(CredentialId("c1"))
    estimate = budget.estimate_ms(Lane(CredentialId("c1"), CallClass.WRITE, CustomerId(1)))
    assert opens is not None and abs(opens - clock.ms - 6_000) <= 20
    assert abs(estimate - 6_000) <= 20


async def test_each_limit_of_an_answer_binds():
    ledger = Ledger()
    answer = success(ON, {"Ratelimit": '"burst";r=9;t=1, "default";r=3;t=200'})

    await outcome_of_read(client_of(always(answer), ledger))

    assert ledger.told == [("left", "c1", 9, 1), ("left", "c1", 3, 200), ("succeeded", "c1")]


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
