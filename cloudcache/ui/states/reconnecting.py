"""Lets a tab that comes back over a new socket keep its state.

A state lives under a token that the tab sends with each connection. Reflex gives a token that is in use to no second
socket: the tab is told a new token, and its state begins empty (reflex-dev/reflex #6345, #6252). That is right for a
duplicated tab, and wrong for a tab whose old socket died without the server's notice. So when both sockets have the
same sign-in, the old one is asked for a sign of life first, and a silent one loses the token.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import Any

import reflex as rx
from engineio import packet
from engineio.async_socket import AsyncSocket
from engineio.exceptions import SocketIsClosedError

from cloudcache.ui.states.session import subject_of

log = logging.getLogger("cloudcache.ui")

ANSWER_WITHIN_S = 2.0
"""A live tab answers within one round trip, also on a slow phone; the tab that waits shows its values meanwhile."""


def keep_states(app: rx.App) -> None:
    """Have sockets of this app take over the token of a silent one with the same sign-in."""
    namespace = app.event_namespace
    link = namespace.link_token_to_sid
    asked: dict[str, asyncio.Task[bool]] = {}

    async def take_over_or_link(sid: str, token: str, *, update_state: bool = True) -> None:
        known = namespace._token_manager.token_to_socket.get(token)
        if known is not None and known.sid != sid and await _have_same_sign_in(namespace, known.sid, sid):
            await _release_if_silent(namespace, token, known.sid, asked)
        await link(sid, token, update_state=update_state)

    namespace.link_token_to_sid = take_over_or_link


async def _release_if_silent(
    namespace: Any, token: str, sid: str, asked: dict[str, asyncio.Task[bool]]
) -> None:
    """Close the socket `sid` and free its token, unless it answers. Several may ask at once; it is asked once."""
    socket = _engine_socket(namespace, sid)
    if sid not in asked:
        asked[sid] = asyncio.create_task(is_alive(socket), name=f"ask socket {sid}")
        asked[sid].add_done_callback(lambda _: asked.pop(sid, None))
    if await asyncio.shield(asked[sid]):
        return
    known = namespace._token_manager.token_to_socket.get(token)
    if known is None or known.sid != sid:  # another connection has taken the token meanwhile
        return
    log.info("a tab has come back before its old socket was noticed to be dead")
    await namespace._token_manager.disconnect_token(token, sid)
    if socket is not None:
        await socket.close(wait=False, abort=True)


async def is_alive(socket: AsyncSocket | None, seconds: float = ANSWER_WITHIN_S) -> bool:
    """Whether the other end of the socket answers a ping within `seconds`."""
    if socket is None or socket.closed or socket.closing:
        return False
    answered = asyncio.Event()
    schedule_ping = socket.schedule_ping  # called for each pong, and for nothing else

    def note_pong() -> None:
        answered.set()
        schedule_ping()

    socket.schedule_ping = note_pong
    try:
        async with asyncio.timeout(seconds):
            await socket.send(packet.Packet(packet.PING))
            await answered.wait()
    except (TimeoutError, SocketIsClosedError):
        return False
    finally:
        socket.schedule_ping = schedule_ping
    return True


def _engine_socket(namespace: Any, sid: str) -> AsyncSocket | None:
    server = namespace.server
    return server.eio.sockets.get(server.manager.eio_sid_from_sid(sid, namespace.namespace))


async def _have_same_sign_in(namespace: Any, old: str, new: str) -> bool:
    """Whether the same person made both handshakes. A page in the Shopify admin has no cookie; its state is emptied
    until an ID token binds the new socket (`BindSession`)."""
    before = namespace.server.get_environ(old, namespace.namespace)
    if before is None:
        return True  # it is gone already, and its token is about to be free
    after = namespace.server.get_environ(new, namespace.namespace) or {}
    return await subject_of(_headers(before)) == await subject_of(_headers(after))


def _headers(environ: Mapping[str, Any]) -> dict[str, str]:
    """The headers that sign people in."""
    return {
        "cookie": environ.get("HTTP_COOKIE", ""),
        "cf-access-jwt-assertion": environ.get("HTTP_CF_ACCESS_JWT_ASSERTION", ""),
    }
