"""The bus between processes: Redis carries hints and news by publish and subscribe.

Here they are delivered at once, to the others in the background, whatever has gathered in one message:

    {"sender": "1234-ab12", "hints": [7, 9], "due": true, "uninstalled": [], "answered": [],
     "progress": [[7, 3, 16]], "signed_out": [], "revoked": []}

A message is lost with the connection it was to come through. So whenever it is there again, all open pages are
looked at, the engine is woken, and the lists of the latest uninstallations and sign-outs are read; and what this
process could not say meanwhile, it says then.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TypedDict, cast

from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.exceptions import RedisError

from cloudcache.adapters.bus import InMemoryBus
from cloudcache.adapters.redis.connection import LAST_WORD_S, Away, Connection
from cloudcache.domain.events import Answered, ApiTokenRevoked, Due, News, Progress, SignedOut, Uninstalled
from cloudcache.domain.ids import CustomerId
from cloudcache.ports.world import AnyNews

log = logging.getLogger("cloudcache.bus")

QUIET_S = 5.0
"""After so long without a word the server is asked for one; after twice as long the connection is dead."""

UNINSTALLED_S = 600
MOST_UNINSTALLED = 1_000
"""Who hears of an uninstallation late lets go late; who hears of it twice lets a page sign in again, no more."""

SIGNED_OUT_S = 12 * 3600
MOST_SIGNED_OUT = 10_000
"""A cookie lasts no longer; a process that missed a sign-out learns of it when the bus is back."""

MOST_HINTS = 100_000
"""What is kept while nobody can be told; with more, the slow tick of the others has to do."""


class RedisBus:
    """The `Bus` of many processes. `origin` names this one, so that it does not hear itself."""

    def __init__(self, connection: Connection, origin: Callable[[], str]) -> None:
        self._connection = connection
        self._origin = origin
        self._here = InMemoryBus()
        self._outbox = _Outbox()
        self._telling: asyncio.Task[None] | None = None
        self._hearing: asyncio.Task[None] | None = None
        connection.when_back(self._tell_others)

    # -- the port ------------------------------------------------------------------------------
    def hint(self, customer: CustomerId) -> None:
        self._here.hint(customer)
        self._outbox.hint(customer)
        self._tell_others()

    def hints(self) -> AsyncIterator[frozenset[CustomerId] | None]:
        return self._here.hints()

    def on_hint(self, listener: Callable[[CustomerId | None], None]) -> None:
        self._here.on_hint(listener)

    def tell(self, news: News) -> None:
        self._here.tell(news)
        self._outbox.add(news)
        self._tell_others()

    def listen(self, kind: type[AnyNews], listener: Callable[[AnyNews], None]) -> None:
        self._here.listen(kind, listener)

    # -- the life of it ------------------------------------------------------------------------
    def start(self) -> None:
        """Begin to hear the others."""
        if self._hearing is None:
            self._hearing = asyncio.get_running_loop().create_task(self._hear(), name="hear the bus")

    async def close(self) -> None:
        """Hear nobody any more, and say what is still to be said, if somebody listens."""
        if self._hearing is not None:
            self._hearing.cancel()
            with suppress(asyncio.CancelledError):
                await self._hearing
            self._hearing = None
        if self._telling is not None:
            await asyncio.wait({self._telling}, timeout=LAST_WORD_S)
            self._telling.cancel()

    # -- telling the others --------------------------------------------------------------------
    def _tell_others(self) -> None:
        """One task tells, for as long as there is something to tell and somebody to tell it to."""
        if self._outbox.is_empty or not self._connection.is_up:
            return
        if self._telling is None or self._telling.done():
            self._telling = asyncio.get_running_loop().create_task(self._tell(), name="tell the bus")

    async def _tell(self) -> None:
        while not self._outbox.is_empty:
            taken, self._outbox = self._outbox, _Outbox()
            try:
                await self._connection.ask(partial(self._publish, taken))
            except Away:
                self._outbox = taken.and_then(self._outbox)
                return

    async def _publish(self, outbox: _Outbox, redis: Redis) -> None:
        async with redis.pipeline() as pipeline:
            for kind, values, most, seconds in (
                ("uninstalled", outbox.uninstalled, MOST_UNINSTALLED, UNINSTALLED_S),
                ("signed_out", outbox.signed_out, MOST_SIGNED_OUT, SIGNED_OUT_S),
            ):
                if values:
                    name = self._connection.key(kind)
                    pipeline.lpush(name, *values)
                    pipeline.ltrim(name, 0, most - 1)
                    pipeline.expire(name, seconds)
            pipeline.publish(self._channel, json.dumps(outbox.packed(self._origin())))
            await pipeline.execute()

    @property
    def _channel(self) -> str:
        return self._connection.key("bus")

    # -- hearing the others --------------------------------------------------------------------
    async def _hear(self) -> None:
        while True:
            await self._connection.until_back()
            try:
                async with self._connection.client().pubsub() as pubsub:
                    await pubsub.subscribe(self._channel)
                    await self._hear_through(pubsub)
            except (RedisError, OSError, TimeoutError) as error:
                self._connection.lost(error)

    async def _hear_through(self, pubsub: PubSub) -> None:
        """Until the connection breaks, or is silent though it was asked to speak."""
        asked = False
        while True:
            message = await pubsub.get_message(timeout=QUIET_S)
            if message is None:
                if asked:
                    raise TimeoutError("the connection of the bus is silent")
                await pubsub.ping()
            elif message["type"] == "subscribe":
                await self._catch_up()
            elif message["type"] == "message":
                self._heard(message["data"])
            asked = message is None

    async def _catch_up(self) -> None:
        """Something may have been missed."""
        for shop in await self._latest("uninstalled"):
            self._here.tell(Uninstalled(shop))
        for sign_in in await self._latest("signed_out"):
            self._here.tell(SignedOut(sign_in))
        self._here.hint_everybody()
        self._here.tell(Due())

    async def _latest(self, kind: str) -> list[str]:
        asked = self._connection.client().lrange(self._connection.key(kind), 0, -1)
        return [one.decode() for one in await cast("Awaitable[list[bytes]]", asked)]

    def _heard(self, data: bytes) -> None:
        try:
            message: Message = json.loads(data)
            if message["sender"] != self._origin():
                self._deliver(message)
        except (ValueError, KeyError, TypeError) as error:
            log.error("a message of the bus is not understood: %s: %s", type(error).__name__, error)

    def _deliver(self, message: Message) -> None:
        for news in _news(message):
            self._here.tell(news)
        for customer in message["hints"]:
            self._here.hint(customer)


class Message(TypedDict):
    """As it travels: JSON, without the spaces."""

    sender: str
    hints: list[CustomerId]
    due: bool
    uninstalled: list[str]
    answered: list[CustomerId]
    progress: list[tuple[CustomerId, int, int]]
    signed_out: list[str]
    revoked: list[CustomerId]


@dataclass(slots=True)
class _Outbox:
    """What the others were not told yet, coalesced."""

    hints: set[CustomerId] = field(default_factory=set)
    due: bool = False
    uninstalled: set[str] = field(default_factory=set)
    answered: set[CustomerId] = field(default_factory=set)
    progress: dict[CustomerId, Progress] = field(default_factory=dict)
    signed_out: set[str] = field(default_factory=set)
    revoked: set[CustomerId] = field(default_factory=set)

    @property
    def is_empty(self) -> bool:
        news = self.due or self.uninstalled or self.answered or self.progress or self.signed_out
        return not (self.hints or news or self.revoked)

    def hint(self, customer: CustomerId) -> None:
        if len(self.hints) < MOST_HINTS:
            self.hints.add(customer)

    def add(self, news: News) -> None:
        if isinstance(news, Due):
            self.due = True
        elif isinstance(news, Uninstalled):
            self.uninstalled.add(news.shop)
        elif isinstance(news, Answered):
            self.answered.add(news.customer)
        elif isinstance(news, Progress):
            self.progress[news.customer] = news
        elif isinstance(news, SignedOut):
            self.signed_out.add(news.sign_in)
        elif isinstance(news, ApiTokenRevoked):
            self.revoked.add(news.customer)

    def and_then(self, later: _Outbox) -> _Outbox:
        """Both together; how far a reading was is no news any more when it could not be told."""
        return _Outbox(
            self.hints | later.hints,
            self.due or later.due,
            self.uninstalled | later.uninstalled,
            self.answered | later.answered,
            later.progress,
            self.signed_out | later.signed_out,
            self.revoked | later.revoked,
        )

    def packed(self, sender: str) -> Message:
        """As it goes to the others."""
        progress = [(one.customer, one.done, one.total) for one in self.progress.values()]
        return {
            "sender": sender,
            "hints": list(self.hints),
            "due": self.due,
            "uninstalled": list(self.uninstalled),
            "answered": list(self.answered),
            "progress": progress,
            "signed_out": list(self.signed_out),
            "revoked": list(self.revoked),
        }


def _news(message: Message) -> list[News]:
    """What a message says, except its hints."""
    due: list[News] = [Due()] if message["due"] else []
    progress = [Progress(customer, done, total) for customer, done, total in message["progress"]]
    answered = [Answered(customer) for customer in message.get("answered", [])]  # older processes send none
    signed_out = [SignedOut(sign_in) for sign_in in message.get("signed_out", [])]
    revoked = [ApiTokenRevoked(customer) for customer in message.get("revoked", [])]
    return (
        revoked
        + due
        + [Uninstalled(shop) for shop in message["uninstalled"]]
        + signed_out
        + answered
        + progress
    )
