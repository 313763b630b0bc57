"""A client transport for tests: the app in-process, with the troubles of a real line.

Plain `httpx.ASGITransport` shows broken connections, too, but knows no timeouts: a slow answer would simply
take long. `FaultyTransport` tells the app how long its client is willing to wait. An answer that takes longer
becomes `httpx.ReadTimeout`; with the app's `sleep` replaced this costs no time. A change that a slow call was
to make `after` its delay is still made, later, as it would be on the real thing.

        refuse                  ConnectError            lost    ReadError
        slow, over the timeout  ReadTimeout             cut     RemoteProtocolError
"""

from __future__ import annotations

import httpx
from starlette.types import ASGIApp, Receive, Scope, Send

from cloudcache.emulator.app import PATIENCE_EXTENSION


class FaultyTransport(httpx.AsyncBaseTransport):
    """Carries requests to an ASGI app; `address` is where they seem to come from."""

    def __init__(self, app: ASGIApp, *, address: str = "127.0.0.1") -> None:
        self._app = app
        self._client = (address, 50_000)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """One request, with the patience that its timeout names."""
        patience = request.extensions.get("timeout", {}).get("read")

        async def told(scope: Scope, receive: Receive, send: Send) -> None:
            await self._app({**scope, "extensions": {PATIENCE_EXTENSION: patience}}, receive, send)

        return await httpx.ASGITransport(app=told, client=self._client).handle_async_request(request)
