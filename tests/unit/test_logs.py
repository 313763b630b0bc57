"""What a log line says: when, who, about whom; and never a secret, whoever wrote it and however it is quoted."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import sys

import pytest

from cloudcache import logs

SECRETS = (
    "cfut_0123456789abcdefghij",
    "cct_0123456789abcdefghij",
    "shpat_0123456789abcdefghij",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
)


def record(message: str, *args: object, **extra: object) -> logging.LogRecord:
    made = logging.LogRecord("cloudcache.test", logging.WARNING, "file", 1, message, args, None)
    made.__dict__.update(extra)
    return made


def line(message: str, *args: object, **extra: object) -> dict[str, object]:
    text = logs.Json("web").format(record(message, *args, **extra))
    assert "\n" not in text
    found = json.loads(text)
    assert isinstance(found, dict)
    return found


def test_a_line_says_when_who_and_what_it_is_about():
    with logs.about(request="r-1", customer=7, actor="merchant"):
        said = line("call %s failed", "x", event="call_failed", ray="8f1c", status="403")

    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", str(said.pop("time")))
    assert str(said.pop("process")).startswith("web-")
    assert said == {
        "level": "WARNING",
        "logger": "cloudcache.test",
        "message": "call x failed",
        "event": "call_failed",
        "ray": "8f1c",
        "status": "403",
        "request": "r-1",
        "customer": 7,
        "actor": "merchant",
    }


def test_outside_the_block_a_line_is_about_nobody():
    with logs.about(customer=7):
        pass

    assert "customer" not in line("x")


async def test_what_a_task_is_about_follows_into_the_tasks_it_starts_and_not_back():
    async def deliver() -> dict[str, object]:
        logs.know(change=5)
        return line("delivered")

    with logs.about(request="r-1", customer=7):
        said = await asyncio.create_task(deliver())
        own = line("own")

    assert (said["request"], said["customer"], said["change"]) == ("r-1", 7, 5)
    assert "change" not in own


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("around", ['{"token": "%s"}', "x='%s'", "a\n%s\tb", "\\%s\\", '"Bearer %s"'])
def test_a_secret_is_starred_out_in_both_formats(secret: str, around: str):
    text = around % secret

    for formatter in (logs.Json("web"), logs.Redacting("%(message)s")):
        assert secret not in formatter.format(record("%s", text))


@pytest.mark.parametrize(
    "cookie", ['{"cookie": "a=b; cloudcache_staff=hidden"}', "{'cookie': 'cloudcache_local=hidden'}"]
)
def test_a_cookie_is_starred_out_though_json_escapes_its_quotes(cookie: str):
    assert "hidden" not in logs.Json("web").format(record("event %s", cookie))


def test_a_traceback_is_one_field_and_holds_no_secret():
    try:
        raise ValueError(f"no {SECRETS[0]}")
    except ValueError:
        made = record("it failed")
        made.exc_info = sys.exc_info()

    said = json.loads(logs.Json("web").format(made))

    assert "ValueError" in said["traceback"] and SECRETS[0] not in said["traceback"]
