"""Sockets before sign-in: too many, too long, unfinished, slow, or silent. Honest pages notice nothing."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, suppress

import pytest

from tests.blackbox.conftest import MAPLE, Target
from tests.support.page_socket import cookie_for, tab
from tests.support.raw_socket import CONTINUED, TEXT, closing_code, frame, raw_socket, send_unfinished
from tests.support.waiting import SAFETY_NET_S

pytestmark = [pytest.mark.browser]

SOCKETS = 1_000
AT_ONCE = 50
GROWS_AT_MOST = 20 * 2**20
TOO_LONG, TOO_BIG = 64 * 1024 + 1, 1009


@pytest.mark.parametrize("fragments", [1, 3])
async def test_message_over_64_kib_closes_the_socket(target: Target, fragments: int):
    async with raw_socket(target.url) as (reader, writer), asyncio.timeout(SAFETY_NET_S):
        piece = b"4" * (TOO_LONG // fragments + 1)
        for number in range(fragments):
            kind = CONTINUED if number else TEXT
            writer.write(frame(piece, kind, is_last=number == fragments - 1))

        assert await closing_code(reader) == TOO_BIG


async def test_message_that_never_ends_closes_the_socket(target: Target):
    async with raw_socket(target.url) as (reader, writer), asyncio.timeout(SAFETY_NET_S):
        sending = asyncio.ensure_future(send_unfinished(writer, 8 * 2**20))
        assert await closing_code(reader) in (TOO_BIG, None)  # what is still sent resets the connection
        await asyncio.gather(sending, return_exceptions=True)


async def test_sockets_that_ended_leave_no_memory_behind(target: Target):
    """Each left a cycle with all of the server's buffers, up to 90 KB, until the next whole collection."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def come_and_go() -> None:
        async with gate:
            with suppress(ConnectionError):
                async with raw_socket(target.url) as (_, writer):
                    writer.write(frame(b"4" * 60_000, is_last=False))
                    await writer.drain()

    await asyncio.gather(*(come_and_go() for _ in range(SOCKETS)))  # what is made once
    before = target.memory()
    await asyncio.gather(*(come_and_go() for _ in range(2 * SOCKETS)))

    assert target.memory() - before <= GROWS_AT_MOST


async def test_a_thousand_hostile_sockets_cost_little_memory_and_no_page(target: Target):
    cookie = await cookie_for(target.url, MAPLE)
    async with tab(target.url, cookie) as page, AsyncExitStack() as opened:
        before, gate = target.memory(), asyncio.Semaphore(AT_ONCE)

        async def attack(number: int) -> bool:
            """Open a socket and leave it in one of four ways; whether it was let in."""
            async with gate:
                try:
                    _, writer = await opened.enter_async_context(raw_socket(target.url))
                    hostile = (b"", b"\x81", frame(b"4" * 60_000, is_last=False), frame(b"4" * TOO_LONG))
                    writer.write(hostile[number % 4])
                    await writer.drain()
                except ConnectionError:
                    return False
                return True

        let_in = await asyncio.gather(*(attack(number) for number in range(SOCKETS)))
        await page.send("show", chip="IMAGES")
        await page.until("at work", lambda shown: shown["chip"] == "IMAGES")
        async with tab(target.url, cookie) as another:
            assert another.shown["shop"] == MAPLE

        assert 0 < sum(let_in) < SOCKETS / 2
        assert target.memory() - before <= GROWS_AT_MOST
        await page.send("show", chip="all")
        await page.until("at work", lambda shown: shown["chip"] == "all")
