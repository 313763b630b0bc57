"""A tab without a browser: Reflex's event protocol on one websocket, for tests that count bytes or send nonsense."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import urlencode

import simple_websocket

from tests.support.waiting import SAFETY_NET_S, http_client

ROOT = "reflex___state____state"
GRID = f"{ROOT}.cloudcache___ui___states___grid____grid"


@dataclass
class Tab:
    """One connected tab. `frames` are the texts of all updates since the last `forget`."""

    socket: simple_websocket.AioClient
    frames: list[str] = field(default_factory=list)
    shown: dict[str, object] = field(default_factory=dict)
    is_ready: bool = False
    is_refused: bool = False
    """Whether its token was in use elsewhere; like a browser, it goes on under the new token that it is told."""
    is_silent: bool = False
    """Whether it takes no notice of pings any more, as a tab whose network is gone."""
    states: dict[str, dict[str, object]] = field(default_factory=dict)
    events: list[object] = field(default_factory=list)
    path: str = "/"
    query: dict[str, str] = field(default_factory=dict)
    _waiting: list[tuple[asyncio.Future[None], Callable[[], object]]] = field(default_factory=list)

    async def send(self, name: str, **payload: object) -> None:
        """Call a handler of the grid, or of any state when `name` is a full one."""
        full = name if name.startswith(ROOT) else f"{GRID}.{name}"
        where = {"pathname": self.path, "asPath": _address(self.path, self.query), "query": self.query}
        event = {"name": full, "payload": payload, "router_data": where}
        await self.socket.send("42/_event," + json.dumps(["event", event]))

    async def until(self, what: str, holds: Callable[[dict[str, object]], object]) -> None:
        """Wait until `holds(shown)` is true of the grid's variables, if only for one frame."""
        await self._until(what, lambda: holds(self.shown))

    async def until_state(self, what: str, holds: Callable[[dict[str, dict[str, object]]], object]) -> None:
        """Wait until `holds(states)` is true of what all states have shown, if only for one frame."""
        await self._until(what, lambda: holds(self.states))

    def expect(self, holds: Callable[[dict[str, object]], object]) -> asyncio.Future[None]:
        """A future that ends with the next frame that makes `holds(shown)` true; register it before the cause."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((future, lambda: holds(self.shown)))
        return future

    async def _until(self, what: str, holds: Callable[[], object]) -> None:
        if holds():
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((future, holds))
        try:
            async with asyncio.timeout(SAFETY_NET_S):
                await future
        except TimeoutError:
            raise AssertionError(f"the tab is not {what}; it shows {self.states}") from None

    def _notify(self) -> None:
        """End the waits that the present values satisfy; called for each frame, so none is skipped."""
        for future, holds in self._waiting:
            if future.done():
                continue
            try:
                if holds():
                    future.set_result(None)
            except Exception as error:  # it belongs to the test that waits
                future.set_exception(error)
        self._waiting = [one for one in self._waiting if not one[0].done()]

    def _end(self) -> None:
        """Fail what still waits: no frame comes any more."""
        for future, _ in self._waiting:
            if not future.done():
                future.set_exception(ConnectionError("the socket has ended"))
        self._waiting = []

    def forget(self) -> None:
        self.frames.clear()

    def bytes_received(self) -> int:
        """The payload of all frames since the last `forget`, in bytes."""
        return sum(len(frame.encode()) for frame in self.frames)

    async def _listen(self) -> None:
        try:
            await self._take_frames()
        finally:
            self._end()

    async def _take_frames(self) -> None:
        while True:
            text = await self.socket.receive()
            if text == "2":
                if not self.is_silent:
                    await self.socket.send("3")
                continue
            if not isinstance(text, str) or not text.startswith("42/_event,"):
                continue
            self.frames.append(text)
            self.is_refused = self.is_refused or '"new_token"' in text
            self.is_ready = self.is_ready or 'is_hydrated_rx_state_":true' in text
            name, update, *_ = json.loads(text.removeprefix("42/_event,"))
            if name != "event":
                self._notify()
                continue
            self.events += update.get("events") or []
            for state, changed in (update.get("delta") or {}).items():
                known = self.states.setdefault(state.rpartition("____")[2], {})
                for name, value in changed.items():
                    known[name.removesuffix("_rx_state_")] = value
                    if state == GRID:
                        self.shown[name.removesuffix("_rx_state_")] = value
            self._notify()


def _address(path: str, query: dict[str, str]) -> str:
    return f"{path}?{urlencode(query)}" if query else path


async def posted(url: str, path: str, cookie: str = "", **form: str) -> str:
    """Post a form of our own page; the Cookie header that the browser has afterwards."""
    headers = {"Origin": url, **({"Cookie": cookie} if cookie else {})}
    async with http_client() as client:
        answer = await client.post(f"{url}{path}", data=form, headers=headers)
    assert answer.status_code == 303, answer.text
    return "; ".join(f"{name}={value}" for name, value in answer.cookies.items())


async def cookie_for(url: str, shop: str) -> str:
    """Sign in as the owner of a shop, as the form does; the Cookie header of the session."""
    return await posted(url, "/local/session", shop=shop)


@asynccontextmanager
async def tab(url: str, cookie: str = "", *, token: str | None = None) -> AsyncIterator[Tab]:
    """A tab with this cookie, loaded; another tab's token may be stolen."""
    async with connection(url, cookie, token) as opened:
        await opened.until("loaded", lambda shown: shown.get("status"))
        await opened.until("ready", lambda shown: opened.is_ready)
        yield opened


@asynccontextmanager
async def connection(
    url: str,
    cookie: str = "",
    token: str | None = None,
    *,
    path: str = "/",
    query: dict[str, str] | None = None,
    origin: str | None = None,
) -> AsyncIterator[Tab]:
    """A socket that has said its first word; nothing is waited for."""
    address, token = url.replace("http", "ws", 1), token or str(uuid.uuid4())
    headers = {"Origin": origin or url, **({"Cookie": cookie} if cookie else {})}
    socket = await simple_websocket.AioClient.connect(
        f"{address}/_event/?token={token}&EIO=4&transport=websocket", headers=headers
    )
    opened = Tab(socket, path=path, query=query or {})
    # The greeting is not waited for: when it came in one packet with the handshake's end, the library shows it only
    # with the next data, which without a word from us would be the ping after 25 s.
    boot = {
        "name": f"{ROOT}.hydrate_and_load",
        "payload": {},
        "router_data": {
            "pathname": path,
            "asPath": _address(path, opened.query),
            "query": opened.query,
        },
    }
    await socket.send("40/_event," + json.dumps({"event": boot}))
    listening = asyncio.create_task(opened._listen())
    try:
        yield opened
    finally:
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
        with suppress(simple_websocket.ConnectionClosed):  # the server may have closed it
            await socket.close()
