"""Alive, ready, and the process's own port: true to their names, quick, and without secrets."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from types import SimpleNamespace

import httpx
import pytest
from starlette.applications import Starlette

from cloudcache import services
from cloudcache.domain.errors import StoreUnavailable
from cloudcache.services import readiness
from cloudcache.services.readiness import Readiness
from cloudcache.web import listener, ops
from tests.support.waiting import SAFETY_NET_S


class Database:
    """A dependency that may answer, fail, or hang."""

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.hangs = asyncio.Event()
        self.hangs.set()
        self.asked = 0

    async def check(self) -> None:
        self.asked += 1
        await self.hangs.wait()
        if self.error is not None:
            raise self.error


@pytest.fixture
def database(monkeypatch: pytest.MonkeyPatch) -> Database:
    made = Database()
    ready = Readiness({"database": made.check})
    monkeypatch.setattr(services, "_in_use", [SimpleNamespace(readiness=ready)])
    monkeypatch.setattr(readiness, "COUNTS_FOR_SECONDS", 0)
    return made


async def metrics() -> bytes:
    return b"a_metric 1\n"


async def ask(path: str, *, shown: bool = True) -> httpx.Response:
    transport = httpx.ASGITransport(Starlette(routes=ops.routes(metrics if shown else None)))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        return await client.get(path)


async def test_a_process_whose_database_is_well_is_ready(database: Database):
    answer = await ask("/readyz")

    assert answer.status_code == 200
    assert answer.json() == {"status": "ready", "database": "well"}


async def test_a_process_whose_database_is_away_is_alive_and_not_ready(database: Database):
    database.error = StoreUnavailable("the database can't be reached")

    ready, alive = await ask("/readyz"), await ask("/healthz")

    assert (ready.status_code, alive.status_code) == (503, 200)
    assert ready.json() == {"status": "not ready", "database": "the database can't be reached"}


async def test_the_text_of_a_strange_error_is_not_shown(database: Database):
    database.error = RuntimeError("postgresql://cache:pw-secret@db/cloudcache")

    answer = await ask("/readyz")

    assert answer.status_code == 503 and "pw-secret" not in answer.text
    assert answer.json()["database"] == "failed (RuntimeError)"


async def test_a_hung_database_is_answered_in_time_and_asked_once(
    database: Database, monkeypatch: pytest.MonkeyPatch
):
    database.hangs.clear()
    monkeypatch.setattr(readiness, "ANSWER_SECONDS", 0.01)

    answers = [await ask("/readyz") for _ in range(3)]
    database.hangs.set()
    monkeypatch.setattr(readiness, "ANSWER_SECONDS", SAFETY_NET_S)
    after = await ask("/readyz")

    assert [one.status_code for one in answers] == [503, 503, 503]
    assert answers[0].json()["database"] == "doesn't answer in time"
    assert database.asked == 1
    assert after.status_code == 200


def test_a_hung_dependency_costs_less_than_two_seconds():
    assert readiness.ANSWER_SECONDS < 2


async def test_result_counts_for_as_long_as_it_is_fresh(database: Database, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(readiness, "COUNTS_FOR_SECONDS", 3_600)

    for _ in range(5):
        await ask("/readyz")

    assert database.asked == 1


async def test_a_process_that_is_told_to_stop_is_alive_and_not_ready(database: Database):
    services.current().readiness.drain()

    ready, alive = await ask("/readyz"), await ask("/healthz")

    assert (ready.status_code, ready.json()["process"], alive.status_code) == (503, "stopping", 200)


async def test_metrics_are_beside_the_pages_only_where_that_is_wanted(database: Database):
    shown, hidden = await ask("/metrics"), await ask("/metrics", shown=False)

    assert (shown.status_code, shown.text) == (200, "a_metric 1\n")
    assert hidden.status_code == 404


# -- the process's own port --------------------------------------------------------------------

Port = Callable[[bytes], Awaitable[bytes]]


@pytest.fixture
async def port(database: Database, unused_tcp_port: int) -> AsyncIterator[Port]:
    server = await listener.listen("127.0.0.1", unused_tcp_port, ops.answering(metrics))
    assert server is not None
    number = server.sockets[0].getsockname()[1]

    async def say(text: bytes) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", number)
        writer.write(text)
        writer.write_eof()
        answer = await reader.read()
        writer.close()
        await writer.wait_closed()
        return answer

    yield say
    server.close()
    await server.wait_closed()


@pytest.mark.parametrize(
    ("path", "body"), [("/healthz", "alive"), ("/readyz?x", "ready"), ("/metrics", "a_metric 1")]
)
async def test_the_own_port_answers_all_three(port: Port, path: str, body: str):
    answer = await port(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())

    assert answer.startswith(b"HTTP/1.1 200 OK\r\n") and body.encode() in answer


@pytest.mark.parametrize(
    ("said", "status"),
    [
        (b"GET /secret HTTP/1.1\r\n\r\n", 404),
        (b"POST /metrics HTTP/1.1\r\n\r\n", 405),
        (b"nonsense\r\n\r\n", 400),
        (b"GET /metrics", 400),
        (b"GET /metrics HTTP/1.1\r\n" + b"X: y\r\n" * 5_000 + b"\r\n", 400),
    ],
)
async def test_anything_else_is_refused(port: Port, said: bytes, status: int):
    head, _, body = (await port(said)).partition(b"\r\n\r\n")

    assert head.startswith(f"HTTP/1.1 {status} ".encode())
    assert b"Content-Type: application/problem+json" in head
    assert json.loads(body)["status"] == status and json.loads(body)["detail"]


async def test_the_next_process_of_a_machine_takes_the_next_port(database: Database, unused_tcp_port: int):
    first = await listener.listen("127.0.0.1", unused_tcp_port, ops.answering(metrics))
    second = await listener.listen("127.0.0.1", unused_tcp_port, ops.answering(metrics))
    assert first is not None and second is not None
    ports = [one.sockets[0].getsockname()[1] for one in (first, second)]
    for one in (first, second):
        one.close()
        await one.wait_closed()

    assert ports[0] < ports[1] < unused_tcp_port + listener.PORTS


async def test_a_body_that_is_ready_is_json(port: Port):
    answer = await port(b"GET /readyz HTTP/1.1\r\n\r\n")

    assert json.loads(answer.partition(b"\r\n\r\n")[2]) == {"status": "ready", "database": "well"}
