"""Serves the built pages and all routes: one process, one event loop, uvicorn.

Granian, which `reflex run` starts, keeps up to 64 MiB of a message before the program sees its first byte, and has no
option for it: 20 connections before sign-in took a process from 327 MB to 1.6 GB. uvicorn closes a
connection with 1009 when a message, in however many fragments, is longer than `LONGEST_MESSAGE`.
"""

from __future__ import annotations

import os
import signal
import socket

LONGEST_MESSAGE = 64 * 1024
"""Bytes of a message from a page, which in use have a hundredth of it."""

DRAIN_S = 10
"""How long what is at work may take after SIGTERM; open pages are told at once, and go to another process."""

BACKLOG = 2048

MODE = {
    "REFLEX_ENV_MODE": "prod",
    "__REFLEX_MOUNT_FRONTEND_COMPILED_APP": "true",
    "__REFLEX_SKIP_COMPILE": "true",
}
"""What Reflex is told so that it serves pages that were built before. The last two are internal to Reflex 0.10.1; a
new version of it is tried before it is used."""


def serve(host: str, port: int, *, share_port: bool = False) -> None:
    """Serve until SIGTERM or SIGINT. With `share_port` other processes may listen on the same port, and the system
    deals connections out among them.

    Raises:
        OSError: if it can't listen there."""
    for one in (signal.SIGTERM, signal.SIGINT):
        signal.signal(
            one, _end
        )  # also before uvicorn waits for them, and when it raises them again at its end
    with _listening(host, port, share_port=share_port) as listener:
        _run(listener, host, port)


def _end(number: int, frame: object) -> None:
    raise SystemExit(0)


def _listening(host: str, port: int, *, share_port: bool) -> socket.socket:
    family, kind, protocol, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    # asyncio turns Nagle's algorithm off only for sockets that name their protocol: without it a body waited 40 ms
    # for the acknowledgement of its headers.
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if share_port:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


def _run(listener: socket.socket, host: str, port: int) -> None:
    os.environ.update(MODE)
    os.environ.setdefault("REFLEX_FRONTEND_PORT", str(port))
    os.environ.setdefault("REFLEX_BACKEND_PORT", str(port))
    import uvicorn  # only a web process needs it

    config = uvicorn.Config(
        "cloudcache.cloudcache:app",
        factory=True,
        host=host,
        port=port,
        ws="wsproto",
        ws_max_size=LONGEST_MESSAGE,
        ws_per_message_deflate=False,  # an update has 400 bytes, and a compressor costs memory on each socket
        ws_ping_interval=None,  # the pages' own protocol has pings
        proxy_headers=False,  # `Shield` finds the client, from as many proxies as there are
        timeout_graceful_shutdown=DRAIN_S,
        log_config=None,  # the program's own
        access_log=False,
        server_header=False,
    )
    uvicorn.Server(config).run(sockets=[listener])
