"""`/_emulator/...`: what scripts can do, and who is kept out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Never

import httpx
import pytest

from cloudcache.emulator.app import create_app
from cloudcache.emulator.world import World
from tests.support.fake_clock import FakeClock
from tests.unit.emulator.stage import FREE, PRO, TOKEN


@pytest.fixture
async def client(world: World) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=create_app(world))
    async with httpx.AsyncClient(transport=transport, base_url="http://emulator") as opened:
        yield opened


async def call(client: httpx.AsyncClient, path: str = f"/zones/{PRO}") -> httpx.Response:
    return await client.get(f"/client/v4{path}", headers={"Authorization": f"Bearer {TOKEN}"})


async def test_the_log_can_be_read_from_a_time_on_and_cleared(
    client: httpx.AsyncClient, clock: FakeClock
) -> None:
    await call(client)
    clock.move_s(10)
    await call(client, "/zones")

    late = (await client.get(f"/_emulator/log?since={clock.now_s()}&clear=1")).json()["requests"]

    assert [line["path"] for line in late] == ["/zones"]
    assert (await client.get("/_emulator/log")).json() == {"requests": []}


async def test_faults_can_be_set_listed_and_cleared(client: httpx.AsyncClient) -> None:
    both = [{"kind": "html", "times": 2}, {"kind": "slow", "delay": 0.5, "token": TOKEN}]

    await client.post("/_emulator/faults", json={"kind": "status"})
    listed = (await client.post("/_emulator/faults", json={"clear": True, "faults": both})).json()["faults"]

    assert [(fault["kind"], fault["left"]) for fault in listed] == [("html", 2), ("slow", 1)]
    assert TOKEN not in str(listed)
    assert (await call(client)).status_code == 502
    assert (await client.get("/_emulator/faults")).json()["faults"][0]["left"] == 1
    assert (await client.post("/_emulator/faults", json={"clear": True})).json() == {"faults": []}


async def test_one_bad_fault_sets_none(client: httpx.AsyncClient) -> None:
    reply = await client.post("/_emulator/faults", json={"faults": [{"kind": "html"}, {"kind": "odd"}]})

    assert reply.status_code == 400
    assert "kind must be one of" in reply.json()["error"]
    assert (await client.get("/_emulator/faults")).json() == {"faults": []}


async def test_a_budget_can_be_made_small(client: httpx.AsyncClient) -> None:
    await client.post("/_emulator/budget", json={"token": TOKEN, "remaining": 1, "capacity": 9})

    assert [(await call(client)).status_code for _ in range(2)] == [200, 429]


async def test_a_script_can_use_the_dashboard(client: httpx.AsyncClient, world: World) -> None:
    change = {"zone_id": PRO, "setting": "polish", "value": "lossy", "actor_email": "mia@example.com"}

    reply = await client.post("/_emulator/dashboard", json=change)

    assert reply.json() == {"zone_id": PRO, "setting": "polish", "value": "lossy"}
    assert world.value(PRO, "polish") == "lossy"
    assert [deed.actor.email for deed in world.trail] == ["mia@example.com"]


async def test_a_script_may_charge_the_user(client: httpx.AsyncClient, world: World) -> None:
    change = {"zone_id": PRO, "setting": "polish", "value": "lossy", "user_id": "mia"}

    await client.post("/_emulator/dashboard", json=change)

    assert world.bucket("user/mia").left == 1199


BAD = [
    ("faults", b"{"),
    ("faults", b"[" * 100_000),
    ("faults", b"[]"),
    ("faults", b"\xff"),
    ("faults", b'{"kind": 5}'),
    ("faults", b'{"kind": "slow", "delay": true}'),
    ("faults", b'{"kind": "slow", "delay": NaN}'),
    ("faults", b'{"kind": "slow", "speed": 1}'),
    ("faults", b'{"kind": "\\ud800"}'),
    ("faults", b'{"faults": {}}'),
    ("faults", b'{"faults": [1]}'),
    ("faults", b'{"unknown": 1}'),
    ("faults", b" " * 2_000_000),
    ("budget", b"{}"),
    ("budget", b'{"token": "cfat_nobody", "remaining": 1}'),
    ("budget", b'{"token": 5}'),
    ("budget", b'{"token": "x", "remaining": -1}'),
    ("budget", b'{"token": "x", "capacity": 0}'),
    ("dashboard", b"{}"),
    ("dashboard", b'{"zone_id": "x", "setting": "ssl", "value": "off"}'),
    ("dashboard", b'{"zone_id": "%s", "setting": "ssl"}' % PRO.encode()),
    ("dashboard", b'{"zone_id": "%s", "setting": "no_such", "value": 1}' % PRO.encode()),
    ("dashboard", b'{"zone_id": "%s", "setting": "\\ud800", "value": 1}' % PRO.encode()),
    ("dashboard", b'{"zone_id": "%s", "setting": "ssl", "value": NaN}' % PRO.encode()),
    ("dashboard", b'{"zone_id": "%s", "setting": "http2", "value": "off"}' % FREE.encode()),
    ("dashboard", b'{"zone_id": "%s", "setting": ["ssl"], "value": "off"}' % FREE.encode()),
    ("dashboard", b'{"zone_id": "%s", "setting": "ssl", "value": "off", "actor_email": 5}' % FREE.encode()),
]


@pytest.mark.parametrize(("route", "body"), BAD, ids=range(len(BAD)))
async def test_bad_input_is_400_with_a_sentence(client: httpx.AsyncClient, route: str, body: bytes) -> None:
    reply = await client.post(f"/_emulator/{route}", content=body)

    assert reply.status_code == 400
    assert len(reply.json()["error"]) > 5


async def test_a_time_that_is_none_is_400(client: httpx.AsyncClient) -> None:
    assert (await client.get("/_emulator/log?since=soon")).status_code == 400


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "http://emulator:81", "null", "https://emulator.evil.example"]
)
@pytest.mark.parametrize("route", ["faults", "budget", "dashboard"])
async def test_a_foreign_page_is_kept_out(
    client: httpx.AsyncClient, world: World, route: str, origin: str
) -> None:
    form = {"zone": PRO, "setting": "polish", "value": '"lossy"'}

    reply = await client.post(f"/_emulator/{route}", data=form, headers={"Origin": origin})

    assert reply.status_code == 403
    assert world.value(PRO, "polish") == "off"


async def test_web_sockets_are_not_spoken(world: World) -> None:
    async def never(*_: object) -> Never:
        raise AssertionError

    await create_app(world)({"type": "websocket", "path": "/client/v4/zones", "headers": []}, never, never)


async def test_our_own_page_is_let_in(client: httpx.AsyncClient) -> None:
    reply = await client.post(
        "/_emulator/faults", json={"clear": True}, headers={"Origin": "http://emulator"}
    )

    assert reply.status_code == 200
