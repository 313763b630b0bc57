"""A flip as an operator sees it: what is counted, one trace from the request to Cloudflare, lines about one."""

from __future__ import annotations

import builtins
import logging
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from cloudcache import logs
from cloudcache.adapters.db.engine import make_engine
from cloudcache.adapters.db.measured import measure
from cloudcache.adapters.db.store import SqlStore
from cloudcache.adapters.prometheus import PrometheusTelemetry
from cloudcache.adapters.tracing import ENDPOINT, traced, tracing
from cloudcache.domain.errors import StoreUnavailable
from cloudcache.emulator.world import Fault
from cloudcache.ports import Telemetry
from tests.support.counting import Counting
from tests.support.databases import copied_sqlite
from tests.support.rig import Rig, build_rig


async def rig_with(telemetry: Telemetry, file: Path) -> Rig:
    engine = make_engine(f"sqlite:///{await copied_sqlite(file)}")
    measure(engine, telemetry, 10)
    return await build_rig(SqlStore(engine, telemetry), telemetry=telemetry)


@pytest.fixture
async def counted(tmp_path: Path) -> AsyncIterator[tuple[Rig, Counting]]:
    counting = Counting()
    rig = await rig_with(counting, tmp_path / "counted.db")
    yield rig, counting
    await rig.close()


async def flip(rig: Rig, *, on: bool = True) -> None:
    process = rig.process()
    await process.toggles.flip(
        rig.owner, rig.customer.id, "rocket_loader", on, request_id="r", confirmed=True
    )
    await process.tasks.idle()


async def test_a_flip_is_counted_from_the_wish_to_the_outcome(counted: tuple[Rig, Counting]):
    rig, counting = counted

    await flip(rig)

    assert counting.counted[("intents", "page")] == 1
    assert counting.counted[("intents_settled", "applied", "", "page")] == 1
    assert counting.counted[("cloudflare_calls", "write", "answered", "2xx")] == 1
    assert len(counting.observed[("write_seconds", "applied")]) == 1
    assert len(counting.observed[("cloudflare_call_seconds", "write")]) == 1
    assert counting.observed[("database_statement_seconds", "update")]
    assert counting.observed[("database_wait_seconds", "write")]


async def test_a_refused_flip_is_counted_with_its_reason(counted: tuple[Rig, Counting]):
    rig, counting = counted
    rig.world.inject(Fault("status", path="/settings/rocket_loader", status=403, code=9109))

    await flip(rig)

    assert counting.counted[("intents_settled", "failed", "token_refused", "page")] == 1
    assert counting.counted[("cloudflare_calls", "write", "unauthorized", "4xx")] == 1


async def test_a_database_that_fails_is_counted(
    counted: tuple[Rig, Counting], monkeypatch: pytest.MonkeyPatch
):
    rig, counting = counted

    with pytest.raises(StoreUnavailable):
        async with rig.store.database.reading("*"):
            raise OSError("gone")

    assert counting.counted[("database_failures",)] == 1


# -- traces ------------------------------------------------------------------------------------


async def test_a_flip_is_one_trace_down_to_cloudflare_without_a_word_about_anybody(tmp_path: Path):
    exporter, telemetry = InMemorySpanExporter(), PrometheusTelemetry()
    rig = await rig_with(telemetry, tmp_path / "traced.db")
    collecting = traced(SimpleSpanProcessor(exporter), "web")
    telemetry.trace_with(collecting.span)

    with telemetry.span("HTTP /api/v1/optimizations/{toggle_id}"):
        await flip(rig)
    telemetry.trace_with(None)
    spans = exporter.get_finished_spans()
    await rig.close()

    assert len({one.context.trace_id for one in spans}) == 1
    parents = {one.context.span_id: one for one in spans}
    call = next(one for one in spans if one.name == "Cloudflare write")
    way = [call.name]
    while call.parent is not None:
        call = parents[call.parent.span_id]
        way.append(call.name)
    assert way == [
        "Cloudflare write",
        "deliver a wish",
        "store a wish",
        "HTTP /api/v1/optimizations/{toggle_id}",
    ]
    assert "database write" in {one.name for one in spans}
    assert not any(one.attributes or one.events for one in spans)


def test_without_a_collector_nothing_is_imported(monkeypatch: pytest.MonkeyPatch):
    asked = []
    really = builtins.__import__

    def watching(name: str, *rest: object, **more: object) -> object:
        asked.append(name)
        return really(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", watching)
    found = tracing({}, "web")

    assert found is None and not [one for one in asked if one.startswith("opentelemetry")]


def test_without_the_libraries_there_is_a_line_in_the_log_and_no_trace(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)

    assert tracing({ENDPOINT: "http://127.0.0.1:4318"}, "web") is None
    assert "requirements-tracing.txt" in caplog.text


# -- the log -----------------------------------------------------------------------------------


class Kept(logging.Handler):
    """The lines as they would be written."""

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(logs.Json("web"))
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


async def test_a_failed_call_names_the_request_that_set_it_off_and_the_customer(
    counted: tuple[Rig, Counting],
):
    rig, _ = counted
    rig.world.inject(Fault("status", path="/settings/rocket_loader", status=403, code=9109))
    kept, logger = Kept(), logging.getLogger("cloudcache")
    before = logger.level
    logger.addHandler(kept)
    logger.setLevel(logging.INFO)
    try:
        with logs.about(request="click-0001"):
            await flip(rig)
    finally:
        logger.removeHandler(kept)
        logger.setLevel(before)

    line = next(one for one in kept.lines if '"event": "call_failed"' in one)
    assert '"request": "click-0001"' in line and f'"customer": {rig.customer.id}' in line
    assert '"ray": "' in line and rig.customer.handle not in line
