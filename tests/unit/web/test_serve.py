"""The socket that the web process listens on."""

from __future__ import annotations

import asyncio
import socket

import pytest

from cloudcache.web.serve import _listening


@pytest.mark.parametrize("share_port", [False, True])
async def test_answers_leave_at_once_on_a_connection_that_stays_open(share_port: bool):
    """Nagle's algorithm holds a small packet back until the last one is acknowledged: 40 ms for each answer."""
    without_delay = asyncio.get_running_loop().create_future()

    def accepted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = writer.get_extra_info("socket")
        without_delay.set_result(connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        writer.close()

    listener = _listening("127.0.0.1", 0, share_port=share_port)
    server = await asyncio.start_server(accepted, sock=listener)
    async with server:
        _, writer = await asyncio.open_connection(*listener.getsockname())
        assert await without_delay
        writer.close()
