"""Scripted trouble, seen by an ordinary client: what it gets, and what Cloudflare has done meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from cloudcache.emulator.app import create_app
from cloudcache.emulator.faults import BadFault, Fault, FaultBook, FaultKind, fault_from
from cloudcache.emulator.options import Options
from cloudcache.emulator.transport import FaultyTransport
from cloudcache.emulator.wire import JSON, Call
from cloudcache.emulator.world import World
from tests.support.fake_clock import FakeClock
from tests.unit.emulator.stage import FREE, PRO, TOKEN

POLISH = f"/client/v4/zones/{PRO}/settings/polish"


class Nap:
    """Sleeping that takes no time, but is written down, and lets others run."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.slept.append(seconds)
        await asyncio.sleep(0)


@pytest.fixture
def nap() -> Nap:
    return Nap()


@pytest.fixture
async def client(world: World, nap: Nap) -> AsyncIterator[httpx.AsyncClient]:
    transport = FaultyTransport(create_app(world, sleep=nap))
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with httpx.AsyncClient(
        transport=transport, base_url="http://emulator", headers=headers, timeout=5
    ) as opened:
        yield opened


async def turn_on(client: httpx.AsyncClient) -> httpx.Response:
    return await client.patch(POLISH, json={"value": "lossy"})


async def test_without_a_fault_a_call_is_answered(client: httpx.AsyncClient, world: World, nap: Nap) -> None:
    assert (await turn_on(client)).json()["result"]["value"] == "lossy"
    assert world.value(PRO, "polish") == "lossy"
    assert nap.slept == []


async def test_refused_means_that_nothing_was_done(client: httpx.AsyncClient, world: World) -> None:
    world.inject(Fault("refuse"))

    with pytest.raises(httpx.ConnectError):
        await turn_on(client)

    assert world.value(PRO, "polish") == "off"
    assert [(line.status, line.fault) for line in world.requests()] == [(0, "refuse")]


@pytest.mark.parametrize(("kind", "error"), [("lost", httpx.ReadError), ("cut", httpx.RemoteProtocolError)])
async def test_lost_and_cut_answers_belong_to_changes_that_were_made(
    client: httpx.AsyncClient, world: World, kind: FaultKind, error: type[httpx.TransportError]
) -> None:
    world.inject(Fault(kind))

    with pytest.raises(error):
        await turn_on(client)

    assert world.value(PRO, "polish") == "lossy"
    assert [line.status for line in world.requests()] == [200]


async def test_a_plain_asgi_transport_shows_the_same_errors(world: World) -> None:
    world.inject(Fault("lost"))
    plain = httpx.ASGITransport(app=create_app(world))

    async with httpx.AsyncClient(transport=plain, base_url="http://emulator") as client:
        with pytest.raises(httpx.ReadError):
            await client.get(POLISH)


async def test_a_gateway_answers_with_html_and_nothing_is_done(
    client: httpx.AsyncClient, world: World
) -> None:
    world.inject(Fault("html"))

    reply = await turn_on(client)

    assert reply.status_code == 502
    assert reply.headers["content-type"] == "text/html"
    assert reply.text.startswith("<!DOCTYPE html>")
    assert world.value(PRO, "polish") == "off"


async def test_a_status_comes_with_an_envelope_and_nothing_is_done(
    client: httpx.AsyncClient, world: World
) -> None:
    world.inject(Fault("status"))
    world.inject(Fault("status", status=500, code=1234, message="Oh no"))

    first, second = await turn_on(client), await turn_on(client)

    assert (first.status_code, first.json()["errors"][0]["code"]) == (503, 1005)
    assert (second.status_code, second.json()["errors"]) == (500, [{"code": 1234, "message": "Oh no"}])
    assert "ratelimit" in first.headers
    assert world.value(PRO, "polish") == "off"


async def test_a_slow_answer_comes_late(client: httpx.AsyncClient, nap: Nap, world: World) -> None:
    world.inject(Fault("slow", delay=3))

    assert (await turn_on(client)).status_code == 200

    assert nap.slept == [3]


async def test_a_change_made_before_the_wait_stays_when_the_client_gives_up(
    client: httpx.AsyncClient, world: World
) -> None:
    world.inject(Fault("slow", delay=30, applied="before"))

    with pytest.raises(httpx.ReadTimeout):
        await turn_on(client)

    assert world.value(PRO, "polish") == "lossy"


async def test_a_change_made_after_the_wait_still_arrives_when_the_client_gave_up(
    world: World, clock: FakeClock
) -> None:
    wait_over = asyncio.Event()

    async def long_sleep(seconds: float) -> None:
        if seconds == 30:
            await wait_over.wait()

    transport = FaultyTransport(create_app(world, sleep=long_sleep))
    headers = {"Authorization": f"Bearer {TOKEN}"}
    world.inject(Fault("slow", delay=30, applied="after"))
    async with httpx.AsyncClient(transport=transport, base_url="http://emulator", headers=headers) as client:
        with pytest.raises(httpx.ReadTimeout):
            await turn_on(client)
        assert world.value(PRO, "polish") == "off"

        wait_over.set()
        for _ in range(5):
            await asyncio.sleep(0)

    assert world.value(PRO, "polish") == "lossy"


async def test_cleared_faults_release_the_calls_they_hold(world: World) -> None:
    arrived = asyncio.Event()

    async def forever(_: float) -> None:
        arrived.set()
        await asyncio.Event().wait()

    transport = FaultyTransport(create_app(world, sleep=forever))
    headers = {"Authorization": f"Bearer {TOKEN}"}
    world.inject(Fault("slow", delay=3600, times=None))
    async with httpx.AsyncClient(transport=transport, base_url="http://emulator", headers=headers) as client:
        call = asyncio.create_task(turn_on(client))
        await arrived.wait()
        world.clear_faults()

        assert (await call).status_code == 200
    assert world.value(PRO, "polish") == "lossy"


async def test_a_duplicate_is_done_twice_and_answered_once(client: httpx.AsyncClient, world: World) -> None:
    world.inject(Fault("duplicate"))

    reply = await turn_on(client)

    assert reply.json()["result"]["value"] == "lossy"
    deeds = list(world.trail)
    assert [deed.alterations[0].old for deed in deeds] == ["off", "lossy"]
    assert deeds[0].id != deeds[1].id


async def test_a_block_starts_at_once(client: httpx.AsyncClient, world: World) -> None:
    world.inject(Fault("block"))

    assert (await turn_on(client)).headers["retry-after"] == "300"
    assert (await client.get(POLISH)).status_code == 429


async def test_absurd_reads_show_a_fresh_zone(client: httpx.AsyncClient, world: World) -> None:
    await turn_on(client)
    world.inject(Fault("absurd", times=3))

    single = (await client.get(POLISH)).json()["result"]
    bulk = (await client.get(f"/client/v4/zones/{PRO}/settings")).json()["result"]
    other = (await client.get(f"/client/v4/zones/{PRO}/page_shield")).json()["result"]

    assert (single["value"], single["modified_on"]) == ("off", None)
    assert [item["value"] for item in bulk if item["id"] == "polish"] == ["off"]
    assert other["enabled"] is False
    assert (await client.get(POLISH)).json()["result"]["value"] == "lossy"


async def test_strange_values_are_shown_and_not_stored(client: httpx.AsyncClient, world: World) -> None:
    world.inject(Fault("unknown_value", times=4))

    single = (await client.get(POLISH)).json()["result"]
    bulk = (await client.get(f"/client/v4/zones/{PRO}/settings")).json()["result"]
    recommender = (await client.get(f"/client/v4/zones/{PRO}/settings/ssl_recommender")).json()["result"]
    bots = (await client.get(f"/client/v4/zones/{PRO}/bot_management")).json()["result"]

    assert single == {"id": "polish", "value": "experimental_7", "editable": True, "modified_on": None}
    assert {item["value"] for item in bulk} == {"experimental_7"}
    assert (recommender["id"], recommender["enabled"]) == ("ssl_recommender", "experimental_7")
    assert set(bots.values()) == {"experimental_7"}
    assert world.value(PRO, "polish") == "off"


async def test_faults_on_reads_leave_writes_and_lists_alone(client: httpx.AsyncClient, world: World) -> None:
    world.inject(Fault("unknown_value", times=None))

    assert (await turn_on(client)).json()["result"]["value"] == "lossy"
    assert (await client.get("/client/v4/zones")).json()["result"][0]["status"] == "active"
    assert (await client.get(f"/client/v4/zones/{PRO}")).json()["result"]["status"] == "active"


@pytest.mark.parametrize(
    "fault",
    [
        Fault("status", method="GET"),
        Fault("status", path="/settings/ssl"),
        Fault("status", path="/settings$"),
        Fault("status", zone_id=FREE),
        Fault("status", token="cfat_somebody-else"),
        Fault("status", probability=0),
    ],
)
async def test_a_fault_spares_calls_that_it_does_not_match(
    client: httpx.AsyncClient, world: World, fault: Fault
) -> None:
    world.inject(fault)

    assert (await turn_on(client)).status_code == 200


async def test_a_fault_that_matches_in_every_respect_strikes(client: httpx.AsyncClient, world: World) -> None:
    world.inject(Fault("status", method="patch", path="settings/pol", zone_id=PRO, token=TOKEN))

    assert [(await turn_on(client)).status_code for _ in range(2)] == [503, 200]


@pytest.mark.parametrize(
    ("kind", "text", "status"),
    [
        ("account", "cfat_mine", 503),
        ("user", "cfat_mine", 200),
        ("user", "cfut_mine", 503),
        ("account", "cfut_mine", 200),
        ("legacy", "cfut_mine", 200),
        ("legacy", "mine-without-a-prefix", 503),
        ("user", "mine-without-a-prefix", 200),
        ("oauth", "cfoat_mine", 503),
        ("user", "cfoat_mine", 200),
    ],
)
async def test_fault_for_one_kind_of_token_spares_the_others(
    client: httpx.AsyncClient, world: World, kind: str, text: str, status: int
) -> None:
    world.add_token(
        text,
        kind="account" if text.startswith("cfat_") else "user",
        accounts=None,
        permissions={"Zone Settings Write"},
        grant_id="grant" if text.startswith("cfoat_") else "",
    )
    world.inject(fault_from({"kind": "status", "token_kind": kind, "times": None}))
    client.headers["Authorization"] = f"Bearer {text}"

    assert (await turn_on(client)).status_code == status


def test_fault_for_an_unknown_kind_of_token_is_refused() -> None:
    with pytest.raises(BadFault, match="token_kind"):
        fault_from({"kind": "status", "token_kind": "personal"})


async def test_a_fault_strikes_as_often_as_it_says(client: httpx.AsyncClient, world: World) -> None:
    world.inject(Fault("status", times=2))
    world.inject(Fault("html", times=None))

    assert [(await turn_on(client)).status_code for _ in range(5)] == [503, 503, 502, 502, 502]

    world.clear_faults()
    assert (await turn_on(client)).status_code == 200


def test_chance_follows_the_seed(world: World) -> None:
    def strikes(seed: int) -> list[bool]:
        book = FaultBook(seed)
        book.add(Fault("status", times=None, probability=0.5))
        return [book.pick(Call("GET", POLISH)) is not None for _ in range(40)]

    assert strikes(1) == strikes(1)
    assert strikes(1) != strikes(2)
    assert 10 < sum(strikes(1)) < 30


async def test_the_log_tells_what_arrived(client: httpx.AsyncClient, world: World, clock: FakeClock) -> None:
    await client.get("/client/v4/zones?per_page=5", headers={"X-Emulated-Address": "192.0.2.1"})
    await turn_on(client)

    first, second = world.requests()

    assert (first.method, first.path, first.query) == ("GET", "/zones", "per_page=5")
    assert (first.address, first.status, first.at, first.fault) == ("192.0.2.1", 200, clock.now_s(), None)
    assert (second.body_size, second.address) == (len('{"value":"lossy"}'), "127.0.0.1")
    assert second.answer_size > 50
    world.clear_requests()
    assert world.requests() == ()


async def test_latency_holds_every_answer_back(clock: FakeClock, nap: Nap) -> None:
    world = World(Options(latency=0.05), clock=clock.now_s)
    transport = FaultyTransport(create_app(world, sleep=nap))

    async with httpx.AsyncClient(transport=transport, base_url="http://emulator") as client:
        await client.get("/client/v4/zones")

    assert nap.slept == [0.05]


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "flood"},
        {"kind": "slow", "applied": "never"},
        {"kind": "slow", "delay": -1},
        {"kind": "slow", "delay": float("nan")},
        {"kind": "slow", "times": 0},
        {"kind": "slow", "probability": 1.5},
        {"kind": "status", "status": 200},
    ],
)
def test_a_fault_that_makes_no_sense_cannot_be_made(wrong: dict[str, JSON]) -> None:
    with pytest.raises(BadFault):
        fault_from(wrong)
