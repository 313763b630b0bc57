"""The sockets of a page, through which a test lets pass what it wants: none, one way, everything but updates."""

from __future__ import annotations

from playwright.async_api import Page, WebSocketRoute

UPDATE = "42"
"""How a frame begins that carries an update of the page; other frames only keep the connection alive."""


class Socket:
    """A page's sockets, through which frames pass until they are cut off."""

    def __init__(self) -> None:
        self.opened = self.cut = 0
        self.refuses = False
        self.withholds_updates = False
        self._to_server_is_cut = self._to_page_is_cut = False
        self._open_ones: list[WebSocketRoute] = []

    async def route(self, page: Page) -> None:
        """Put this between the page and the server, for sockets opened from now on."""
        await page.route_web_socket("**/_event/**", self._open)

    def cut_off(self, *, to_server: bool = True, to_page: bool = True) -> None:
        """Let nothing pass to the page any more, nor to the server; sockets opened later work."""
        self.cut, self._to_server_is_cut, self._to_page_is_cut = self.opened, to_server, to_page

    async def disconnect(self) -> None:
        """Close the sockets and refuse others."""
        self.refuses = True
        for one in self._open_ones:
            await one.close()

    async def _open(self, socket: WebSocketRoute) -> None:
        if self.refuses:
            await socket.close()
            return
        self.opened += 1
        self._open_ones = [socket]
        mine, server = self.opened, socket.connect_to_server()

        def to_server(frame: str | bytes) -> None:
            if mine > self.cut or not self._to_server_is_cut:
                server.send(frame)

        def to_page(frame: str | bytes) -> None:
            is_update = isinstance(frame, str) and frame.startswith(UPDATE)
            is_cut = mine <= self.cut and self._to_page_is_cut
            if not is_cut and not (is_update and self.withholds_updates):
                socket.send(frame)

        socket.on_message(to_server)
        server.on_message(to_page)
