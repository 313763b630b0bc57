"""The token is in the Authorization header and nowhere else; a failed call leaves one line that says enough."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Iterator

import httpx
import pytest

from cloudcache.adapters.cloudflare.client import CloudflareClient
from cloudcache.domain.catalog import read_for
from cloudcache.domain.errors import CloudcacheError
from cloudcache.emulator.app import create_app
from cloudcache.emulator.faults import Fault
from cloudcache.emulator.server import serving
from cloudcache.emulator.world import World
from tests.unit.adapters.cloudflare.stage import (
    ACCESS,
    ROCKET,
    SECRET,
    ZONE,
    Answer,
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

PATH = f"/zones/{ZONE}/settings/rocket_loader"


def echo(status: int, kind: str) -> Answer:
    """A server with bad manners: it repeats what it was sent."""

    def answer(request: httpx.Request) -> httpx.Response:
        said = request.headers["authorization"]
        headers = {"cf-ray": said.split()[1], "Retry-After": said, "Ratelimit": f'"{said}";r=1;t=1'}
        if kind == "page":
            return httpx.Response(status, html=f"<html>{'x' * 150} {said}", headers=headers)
        if kind == "value":
            return success({"id": "rocket_loader", "what": said}, headers)
        return failure(status, 1007, message=f"bad header {said}", headers=headers)

    return answer


TROUBLE: dict[str, Answer] = {
    "refused connection": always(httpx.ConnectError(f"no, Bearer {SECRET}")),
    "lost answer": always(httpx.ReadTimeout(f"no, Bearer {SECRET}")),
    "an error of a library": always(KeyError(f"Bearer {SECRET}")),
    "a page that echoes": echo(502, "page"),
    "a refusal that echoes": echo(400, "refusal"),
    "a throttling that echoes": echo(429, "refusal"),
    "an odd success that echoes": echo(200, "value"),
    "an unknown code that echoes": echo(418, "refusal"),
}


def chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        yield from chain(error.__cause__)
        error = error.__context__


def everything_in(error: BaseException) -> str:
    """All that a log, a crash reporter or a debugger could show of an error, local variables included."""
    shown = [f"{one} {one!r} {vars(one)}" for one in chain(error)]
    shown += ["".join(traceback.format_exception(one)) for one in chain(error)]
    frames = traceback.TracebackException.from_exception(error, capture_locals=True)
    return "\n".join([*shown, *_ours(frames)])


def _ours(shown: traceback.TracebackException) -> Iterator[str]:
    """The local variables of our own frames; those of a test know the secret, of course."""
    for frame in shown.stack:
        if "/cloudcache/" in frame.filename:
            yield f"{frame.name} {frame.locals}"


@pytest.mark.parametrize("answer", TROUBLE.values(), ids=TROUBLE.keys())
async def test_no_error_and_no_log_line_holds_the_token(answer: Answer, caplog: pytest.LogCaptureFixture):
    with pytest.raises(CloudcacheError) as raised:
        await client_of(answer).write(ACCESS, ROCKET, "on")
    with pytest.raises(CloudcacheError) as verified:
        await client_of(answer).verify(ACCESS.token)

    assert caplog.records
    assert SECRET not in everything_in(raised.value) + everything_in(verified.value)
    assert SECRET not in everything_logged(caplog)


def everything_logged(caplog: pytest.LogCaptureFixture) -> str:
    return caplog.text + "".join(f"{record.getMessage()} {record.__dict__}" for record in caplog.records)


async def test_no_library_below_us_logs_the_token_on_a_real_connection(caplog: pytest.LogCaptureFixture):
    world = World()
    world.add_account("acc", "acc")
    world.add_zone(ZONE, "shop.example", "acc", "pro")
    world.add_token(SECRET, kind="account")
    async with serving(create_app(world)) as address:
        client = CloudflareClient(f"{address}/client/v4", steady_clock(), on_quota=Ledger())
        assert await outcome_of_write(client) == "rocket_loader=on"
        for kind in ("cut", "lost", "html"):
            world.inject(Fault(kind))
            with pytest.raises(CloudcacheError) as raised:
                await client.write(ACCESS, ROCKET, "on")
            assert SECRET not in everything_in(raised.value)
        await client.close()

    assert any(record.name.startswith("httpcore") for record in caplog.records)
    assert SECRET not in everything_logged(caplog)


async def test_an_error_stands_alone(caplog: pytest.LogCaptureFixture):
    with pytest.raises(CloudcacheError) as raised:
        await client_of(always(httpx.ReadTimeout("slow"))).read(ACCESS, read_for(ROCKET))

    assert list(chain(raised.value)) == [raised.value]


async def test_the_token_is_not_in_the_address():
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return success({"id": "t", "status": "active"})

    await client_of(answer).verify(ACCESS.token)

    assert SECRET not in str(asked[0].url)
    assert asked[0].headers["authorization"] == f"Bearer {SECRET}"


# -- the line ----------------------------------------------------------------------------------
def lines(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str]]:
    """What the client logged; httpx has a line of its own for every call."""
    ours = [record for record in caplog.records if record.name == "cloudcache.cloudflare"]
    return [(record.levelname, record.getMessage()) for record in ours]


@pytest.fixture(autouse=True)
def everything_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)


async def test_a_failed_call_leaves_one_line(caplog: pytest.LogCaptureFixture):
    no = failure(403, 1015, message="Not allowed", headers={"cf-ray": "8f1c2b3a4d5e6f70-FRA"})

    await outcome_of_write(client_of(always(no)))

    line = f"PATCH {PATH}: status 403, code 1015, ray 8f1c2b3a4d5e6f70, 3 ms: "
    said = "Cloudflare doesn't let this zone change the setting"
    assert lines(caplog) == [("INFO", f'{line}{said} (Cloudflare: code 1015, "Not allowed")')]


async def test_a_call_without_answer_leaves_one_line(caplog: pytest.LogCaptureFixture):
    await outcome_of_read(client_of(always(httpx.ReadTimeout("slow"))))

    assert lines(caplog) == [
        ("INFO", f"GET {PATH}: status -, code -, ray -, 3 ms: the answer was lost (ReadTimeout)")
    ]


async def test_an_error_that_no_network_explains_is_a_warning(caplog: pytest.LogCaptureFixture):
    await outcome_of_write(client_of(always(KeyError(7))))

    assert [level for level, _ in lines(caplog)] == ["WARNING"]


async def test_a_call_that_succeeds_leaves_none(caplog: pytest.LogCaptureFixture):
    await outcome_of_write(client_of(always(success(setting("rocket_loader", "on")))))

    assert not lines(caplog)


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(502, html="<html>\r\nBad gateway"),
        failure(400, 31337, message="<html>\nBad gateway"),
        success({"<html>": "Bad gateway"}),
        httpx.Response(200, json={"success": True, "result": None, "note": "<html> Bad gateway"}),
    ],
    ids=["page", "unknown code", "value missing", "result missing"],
)
async def test_what_nobody_expected_is_a_warning_with_a_short_piece_of_it(
    answer: httpx.Response, caplog: pytest.LogCaptureFixture
):
    await outcome_of_write(client_of(always(answer)))

    ((level, text),) = lines(caplog)
    assert level == "WARNING"
    assert "<html>" in text and "\n" not in text


async def test_of_a_long_answer_only_200_characters_are_logged(caplog: pytest.LogCaptureFixture):
    await outcome_of_write(client_of(always(httpx.Response(200, text="\U0001f600" * 10_000))))

    ((_, text),) = lines(caplog)
    assert len(text.partition("it begins ")[2]) == 200


async def test_being_throttled_is_a_warning(caplog: pytest.LogCaptureFixture):
    await outcome_of_read(client_of(always(failure(429, 971))))

    assert [level for level, _ in lines(caplog)] == ["WARNING"]
