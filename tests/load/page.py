"""A tab as a load test needs thousands of them: Reflex's event protocol on a bare websocket, hardly anything parsed.

    page = Page("shop-7.myshopify.com", cookie)
    await page.connect("http://127.0.0.1:3000")        # connected, loaded, its values are there
    pending = await page.send_until("flip", {"toggle_id": "brotli", "on": True}, row_is(3, "P"))
    await page.until(row_is(3, "C"))

`tests/support/page_socket.py` is for tests that look at every variable; it reads each frame whole and keeps it. Here
a frame is only searched for rows (`"r12_rx_state_":"C...`), so that ten thousand pages fit into one process.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
import uuid
from collections.abc import Callable, Mapping
from typing import TypeAlias
from urllib.parse import urlsplit

from picows import WSCloseCode, WSError, WSFrame, WSListener, WSMsgType, WSTransport, ws_connect

from tests.support.page_socket import GRID, ROOT
from tests.support.waiting import SAFETY_NET_S

READY = 'is_hydrated_rx_state_":true'
UPDATE = "42/_event,"
_ROW = re.compile(r'"r(\d{1,2})_rx_state_":"(.)')
_SHOP = re.compile(r'"shop_rx_state_":"([^"]*)"')


class Lost(ConnectionError):
    """The socket ended while somebody waited for something on it."""


Holds: TypeAlias = "Callable[[Page, str], bool]"


def ready(page: Page, text: str) -> bool:
    """The page has loaded."""
    return page.is_ready


def row_is(number: int, letters: str) -> Holds:
    """Row `number` begins with one of these letters (see `cloudcache/ui/states/rows.py`)."""
    return lambda page, text: page.rows[number] in letters and page.rows[number] != ""


def mentions(part: str) -> Holds:
    """A frame holds this text."""
    return lambda page, text: part in text


class Page(WSListener):
    """One tab of a browser. `rows` are the letters of the 50 rows, `shop` is whose page it says it is."""

    def __init__(self, shop: str, cookie: str, *, path: str = "/", host: str | None = None) -> None:
        self.wanted_shop = shop
        self.cookie = cookie
        self.path = path
        self.host = host
        self.token = str(uuid.uuid4())
        self.rows = [""] * 50
        self.shop = ""
        self.bytes = self.frames = 0
        self.connections = 0
        self.is_ready = self.is_open = False
        self.on_update: Callable[[Page, str], None] | None = None
        self._transport: WSTransport | None = None
        self._waiting: list[tuple[asyncio.Future[float], Holds]] = []

    async def connect(self, url: str, seconds: float = SAFETY_NET_S) -> float:
        """Open the socket, load the page, and wait until it shows its values; seconds from the first packet on.

        A page that lost its socket comes back with the same token, as a browser does."""
        parts = urlsplit(url)
        began = time.perf_counter()
        self.is_ready = False
        headers = {"Origin": url, "Cookie": self.cookie}
        target = f"ws://{self.host or parts.netloc}/_event/?token={self.token}&EIO=4&transport=websocket"
        async with asyncio.timeout(seconds):
            await ws_connect(
                lambda: self,
                target,
                extra_headers=headers | {"Host": parts.netloc},
                websocket_handshake_timeout=seconds,
                read_buffer_init_size=1024,
            )
            loaded = await self.until(ready, seconds)
        return loaded - began

    def send(self, name: str, payload: Mapping[str, object] | None = None) -> float:
        """Call a handler of the grid, or of any state when `name` is a full one; when it was sent."""
        full = name if name.startswith(ROOT) else f"{GRID}.{name}"
        event = {"name": full, "payload": dict(payload or {}), "router_data": self._where()}
        self._write(UPDATE + json.dumps(["event", event], separators=(",", ":")))
        return time.perf_counter()

    async def send_until(
        self, name: str, payload: Mapping[str, object], holds: Holds, seconds: float = SAFETY_NET_S
    ) -> float:
        """Call a handler and wait for what it brings about; seconds in between."""
        waiting = self._wait(holds)
        began = self.send(name, payload)
        async with asyncio.timeout(seconds):
            return await waiting - began

    async def until(self, holds: Holds, seconds: float = SAFETY_NET_S) -> float:
        """Wait until this is so; when the frame arrived that made it so."""
        if holds(self, ""):
            return time.perf_counter()
        async with asyncio.timeout(seconds):
            return await self._wait(holds)

    def expect(self, holds: Holds) -> asyncio.Future[float]:
        """When the next frame arrives that makes this so."""
        return self._wait(holds)

    def stop_reading(self) -> None:
        """Take nothing from the socket any more, and acknowledge nothing, while it stays open."""
        if self._transport is not None:
            self._transport.underlying_transport.pause_reading()

    def close(self) -> None:
        """Leave as a browser that closes the tab."""
        if self._transport is not None and self.is_open:
            self._write("41/_event,")
            self._transport.send_close(WSCloseCode.OK)
            self._transport.disconnect()

    # -- what picows calls -------------------------------------------------------------------------
    def on_ws_connected(self, transport: WSTransport) -> None:
        self._transport, self.is_open = transport, True
        self.connections += 1
        boot = {"name": f"{ROOT}.hydrate_and_load", "payload": {}, "router_data": self._where()}
        self._write("40/_event," + json.dumps({"event": boot}, separators=(",", ":")))

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type == WSMsgType.CLOSE:
            transport.disconnect()
            return
        text = frame.get_payload_as_utf8_text()
        self.bytes += frame.payload_size
        self.frames += 1
        if text == "2":
            self._write("3")
        elif text.startswith(UPDATE):
            self.take(text)

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        if transport is not self._transport:
            return
        self.is_open = self.is_ready = False
        waiting, self._waiting = self._waiting, []
        for future, _ in waiting:
            if not future.done():
                future.set_exception(Lost("the socket has ended"))

    # -- inside ------------------------------------------------------------------------------------
    def take(self, text: str) -> None:
        """One update from the server."""
        for number, letter in _ROW.findall(text):
            self.rows[int(number)] = letter
        for shop in _SHOP.findall(text):
            self.shop = shop or self.shop  # other states of a tab have an empty one
        if READY in text:
            self.is_ready = True
        if self.on_update is not None:
            self.on_update(self, text)
        if self._waiting:
            self._look(text)

    def _look(self, text: str) -> None:
        now = time.perf_counter()
        left: list[tuple[asyncio.Future[float], Holds]] = []
        for future, holds in self._waiting:
            if future.done():
                continue
            if holds(self, text):
                future.set_result(now)
            else:
                left.append((future, holds))
        self._waiting = left

    def _wait(self, holds: Holds) -> asyncio.Future[float]:
        future: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        self._waiting.append((future, holds))
        return future

    def _where(self) -> dict[str, object]:
        return {"pathname": self.path, "asPath": self.path, "query": {}}

    def _write(self, text: str) -> None:
        if self._transport is None or not self.is_open:
            raise Lost("the socket is not open")
        self._transport.send(WSMsgType.TEXT, text.encode())


REFUSED = (WSError, OSError, TimeoutError)
"""What connecting raises when the server is away."""
