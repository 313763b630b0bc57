"""The troubled line does what it says; else every test that uses it proves nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.support.proxy import Relay, relay
from tests.support.waiting import SAFETY_NET_S


async def no_time(_: float) -> None:
    """A sleep that takes none."""


@pytest.fixture
async def line() -> AsyncIterator[Relay]:
    """A relay to a server that says everything again."""

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while piece := await reader.read(1_000):
                writer.write(piece)
            writer.close()
        except OSError:
            writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    with relay(server.sockets[0].getsockname()[1], no_time) as made:
        yield made
    server.close()


async def _said(line: Relay, text: bytes = b"hello") -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", line.port)
    writer.write(text)
    assert await reader.readexactly(len(text)) == text
    return reader, writer


async def test_it_passes_everything_and_the_end_of_it(line: Relay):
    reader, writer = await _said(line, b"x" * 200_000)
    writer.write_eof()

    assert await reader.read() == b""
    writer.close()


async def test_a_cut_resets_what_is_open_and_nothing_that_comes_after(line: Relay):
    reader, _ = await _said(line)

    line.cut()

    with pytest.raises(ConnectionResetError):
        await reader.read()
    (await _said(line))[1].close()


async def test_refused_means_that_nobody_listens_until_it_is_healed(line: Relay):
    line.refuse()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", line.port)

    line.heal()

    (await _said(line))[1].close()


async def test_in_a_black_hole_nothing_comes_and_nothing_is_lost(line: Relay):
    reader, writer = await _said(line)
    line.black_hole()
    writer.write(b"are you there?")
    reading = asyncio.ensure_future(reader.readexactly(14))
    assert await asyncio.to_thread(line.is_holding.wait, SAFETY_NET_S)
    assert not reading.done()

    line.heal()

    assert await reading == b"are you there?"
    writer.close()


@pytest.mark.parametrize("trouble", ["delay", "limit"])
async def test_a_slow_line_is_slow_by_as_much_as_was_said(line: Relay, trouble: str):
    getattr(line, trouble)(0.1 if trouble == "delay" else 100.0)
    _, writer = await _said(line, b"x")

    assert line.pauses_s == ([0.1] * 2 if trouble == "delay" else [0.01] * 2)  # there and back
    writer.close()
