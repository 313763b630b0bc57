"""The emulator on a port: real connections, really cut, and a clean end."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from cloudcache.emulator.app import create_app
from cloudcache.emulator.faults import Fault, FaultKind
from cloudcache.emulator.options import Options
from cloudcache.emulator.serve import describe
from cloudcache.emulator.server import serving
from cloudcache.emulator.world import World
from tests.support.waiting import SAFETY_NET_S, http_client
from tests.unit.emulator.stage import PRO, TOKEN

ROOT = Path(__file__).parents[3]
POLISH = f"/client/v4/zones/{PRO}/settings/polish"


@pytest.fixture
async def client(world: World) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with (
        serving(create_app(world)) as base_url,
        http_client(base_url=base_url, headers=headers) as opened,
    ):
        yield opened


async def test_it_answers_call_after_call(client: httpx.AsyncClient, world: World) -> None:
    for value in ("lossy", "off", "lossless"):
        assert (await client.patch(POLISH, json={"value": value})).json()["result"]["value"] == value

    assert [line.address for line in world.requests()] == ["127.0.0.1"] * 3


async def test_a_client_that_wants_one_answer_only_is_let_go(client: httpx.AsyncClient) -> None:
    reply = await client.get(POLISH, headers={"Connection": "close"})

    assert (reply.status_code, reply.headers["connection"]) == (200, "close")


async def test_calls_at_the_same_time_are_all_answered(client: httpx.AsyncClient) -> None:
    replies = await asyncio.gather(*(client.get(POLISH) for _ in range(40)))

    assert {reply.status_code for reply in replies} == {200}


@pytest.mark.parametrize("kind", ["cut", "lost", "refuse"])
async def test_a_broken_connection_is_really_broken(
    client: httpx.AsyncClient, world: World, kind: FaultKind
) -> None:
    await client.get(POLISH)
    world.inject(Fault(kind))

    with pytest.raises(httpx.TransportError):
        await client.patch(POLISH, json={"value": "lossy"})

    assert world.value(PRO, "polish") == ("off" if kind == "refuse" else "lossy")
    assert (await client.get(POLISH)).status_code == 200


async def test_change_is_made_after_the_client_has_hung_up(world: World) -> None:
    arrived, released = asyncio.Event(), asyncio.Event()

    async def sleep(_: float) -> None:
        arrived.set()
        await released.wait()

    world.inject(Fault("slow", delay=9))
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with serving(create_app(world, sleep=sleep), patience_at_stop=SAFETY_NET_S) as base_url:
        async with http_client(base_url=base_url, headers=headers) as client:
            call = asyncio.create_task(client.patch(POLISH, json={"value": "lossy"}))
            await arrived.wait()
            call.cancel()
            await asyncio.gather(call, return_exceptions=True)
        assert call.cancelled() and world.value(PRO, "polish") == "off"
        released.set()

    # Leaving the block waited for what was still running.
    assert world.value(PRO, "polish") == "lossy"


async def test_a_page_and_a_form_work_on_the_port(client: httpx.AsyncClient, world: World) -> None:
    origin = str(client.base_url).rstrip("/")
    form = {"zone": PRO, "setting": "polish", "value": '"lossy"'}

    reply = await client.post(
        "/_emulator/dashboard", data=form, headers={"Origin": origin}, follow_redirects=True
    )

    assert reply.status_code == 200
    assert "is now" in reply.text


async def test_a_client_that_waits_for_leave_to_send_gets_it(client: httpx.AsyncClient) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", client.base_url.port)
    headers = f"Host: x\r\nAuthorization: Bearer {TOKEN}\r\nContent-Length: 17\r\nExpect: 100-continue"
    writer.write(f"PATCH {POLISH} HTTP/1.1\r\n{headers}\r\n\r\n".encode())
    assert (await reader.readline()).startswith(b"HTTP/1.1 100")
    await reader.readline()

    writer.write(b'{"value":"lossy"}')

    assert (await reader.readline()).startswith(b"HTTP/1.1 200")
    writer.close()


async def test_a_body_that_is_far_too_long_is_no_json(client: httpx.AsyncClient) -> None:
    reply = await client.patch(POLISH, content=b'{"value":"lossy"' + b" " * 2_000_000 + b"}")

    assert reply.json()["errors"][0]["code"] == 1007


async def test_a_running_request_is_answered_before_the_end(world: World) -> None:
    arrived, released = asyncio.Event(), asyncio.Event()

    async def sleep(_: float) -> None:
        arrived.set()
        await released.wait()

    world.inject(Fault("slow", delay=9))
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with http_client(headers=headers) as client:
        async with serving(create_app(world, sleep=sleep), patience_at_stop=SAFETY_NET_S) as base_url:
            call = asyncio.create_task(client.get(base_url + POLISH))
            await arrived.wait()
            asyncio.get_running_loop().call_soon(released.set)  # when the server is stopping already

        assert (await call).status_code == 200


async def test_stopping_waits_only_so_long(world: World) -> None:
    arrived = asyncio.Event()

    async def forever(_: float) -> None:
        arrived.set()
        await asyncio.Event().wait()

    world.inject(Fault("slow", delay=9))
    async with serving(create_app(world, sleep=forever), patience_at_stop=0.01) as base_url:
        call = asyncio.create_task(http_client().get(base_url + POLISH))
        await arrived.wait()

    with pytest.raises(httpx.TransportError):
        await call


async def test_a_stranger_who_speaks_no_http_is_shown_out(client: httpx.AsyncClient) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", client.base_url.port)
    writer.write(b"\x16\x03\x01 this is not HTTP\r\n\r\n")

    assert await reader.read() == b""
    writer.close()
    assert (await client.get(POLISH)).status_code == 200


def test_without_accounts_there_are_no_tokens_to_describe() -> None:
    assert describe(World(Options(accounts=0)), "http://127.0.0.1:1")["tokens"] == []


def test_the_description_names_addresses_tokens_accounts_and_zones() -> None:
    world = World(Options(zones=1000, accounts=30))
    described = describe(world, "http://127.0.0.1:1")

    assert described["url"] == "http://127.0.0.1:1/client/v4"
    assert (described["zone_count"], described["account_count"]) == (1000, 30)
    tokens, zones = described["tokens"], described["zones"]
    assert isinstance(tokens, list) and isinstance(zones, list)
    assert [token["kind"] for token in tokens[:3]] == ["user", "account", "user"]
    assert len(tokens) == 41
    assert len(zones) == 20
    assert all(world.token(token["token"]) for token in tokens)
    assert all(world.directory.zone(zone["id"]) for zone in zones)


SERVE = """
from cloudcache.emulator.options import Options
from cloudcache.emulator.serve import serve
from cloudcache.emulator.world import World
serve(World(Options(zones=3)), as_json={as_json})
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_says_where_it_is_and_stops_cleanly_when_told(number: signal.Signals) -> None:
    process = start(as_json=True)
    assert process.stdout is not None
    described = json.loads(process.stdout.readline())

    token, zone = described["tokens"][1]["token"], described["zones"][2]["id"]
    url = f"{described['url']}/zones/{zone}"
    with httpx.Client(timeout=SAFETY_NET_S, headers={"Authorization": f"Bearer {token}"}) as client:
        reply = client.get(url)
        process.send_signal(number)  # with the client's connection still open
        _, errors = process.communicate(timeout=SAFETY_NET_S)

    assert reply.json()["result"]["id"] == zone
    assert (process.returncode, errors) == (0, "")


def test_it_can_speak_to_people() -> None:
    process = start(as_json=False)
    assert process.stdout is not None
    lines = [process.stdout.readline() for _ in range(4)]
    process.terminate()
    process.communicate(timeout=SAFETY_NET_S)

    assert lines[0].startswith("Emulated Cloudflare: http://127.0.0.1:")
    assert lines[3].startswith("Token (user, every account): cfut_")


def start(*, as_json: bool) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", SERVE.format(as_json=as_json)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
