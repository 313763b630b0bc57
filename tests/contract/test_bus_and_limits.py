"""What every `Bus` and every `Limiter` keeps, in memory and in Redis; and what only those in Redis have to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from cloudcache.adapters.bus import InMemoryBus
from cloudcache.adapters.limits import InMemoryLimiter, kinds
from cloudcache.adapters.redis.bus import RedisBus
from cloudcache.adapters.redis.connection import Connection
from cloudcache.adapters.redis.limits import RedisLimiter
from cloudcache.domain.events import Due, News, Progress, SignedOut, Uninstalled
from cloudcache.domain.ids import CustomerId
from cloudcache.ports import Bus, Limiter
from tests.support.shared_redis import CutConnection, ToldConnection, told_connection
from tests.support.valkey import Stoppable, stoppable_valkey
from tests.support.waiting import SAFETY_NET_S

ONE, TWO = CustomerId(1), CustomerId(2)


@asynccontextmanager
async def on_the_bus(url: str, prefix: str, name: str) -> AsyncIterator[RedisBus]:
    """The bus of one process, which hears the others."""
    connection = Connection(url, prefix, SAFETY_NET_S)
    bus = RedisBus(connection, lambda: name)
    ear = Ear(bus)
    bus.start()
    assert await ear.next() is None, "whoever begins to hear looks at everybody"
    try:
        yield bus
    finally:
        await bus.close()
        await connection.close()


class Ear:
    """Takes hints, and has begun to before anything is told."""

    def __init__(self, bus: Bus) -> None:
        self.news: list[News] = []
        self._told = asyncio.Event()
        for kind in (Due, Progress, SignedOut, Uninstalled):
            bus.listen(kind, self._listen)
        self._hints = bus.hints()
        self._waiting = asyncio.ensure_future(anext(self._hints))

    async def next(self) -> frozenset[CustomerId] | None:
        taken = await asyncio.wait_for(self._waiting, SAFETY_NET_S)
        self._waiting = asyncio.ensure_future(anext(self._hints))
        await asyncio.sleep(0)
        return taken

    async def told(self, news: News) -> None:
        """Return when this was told, now or before."""
        async with asyncio.timeout(SAFETY_NET_S):
            while news not in self.news:
                self._told.clear()
                await self._told.wait()

    def _listen(self, news: News) -> None:
        self.news.append(news)
        self._told.set()

    async def until(self, customer: CustomerId) -> None:
        """Take hints until there is one for this customer."""
        while customer not in (await self.next() or ()):
            pass


async def heard_by(bus: Bus) -> Ear:
    ear = Ear(bus)
    await asyncio.sleep(0)
    return ear


@pytest.fixture
def prefix(request: pytest.FixtureRequest) -> str:
    return f"test-{request.node.name}:"


@pytest.fixture(params=["in memory", "in Redis"])
async def bus(request: pytest.FixtureRequest, prefix: str) -> AsyncIterator[Bus]:
    if request.param == "in memory":
        yield InMemoryBus()
        return
    async with on_the_bus(request.getfixturevalue("redis_url"), prefix, "one") as made:
        yield made


@pytest.fixture
async def two(redis_url: str, prefix: str) -> AsyncIterator[tuple[RedisBus, RedisBus]]:
    """Two processes on one bus."""
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(on_the_bus(redis_url, prefix, "one"))
        yield first, await stack.enter_async_context(on_the_bus(redis_url, prefix, "two"))


@pytest.fixture
def valkey() -> Iterator[Stoppable]:
    with stoppable_valkey() as server:
        yield server


async def test_hints_reach_every_listener_at_once_and_together(bus: Bus) -> None:
    first, second = await heard_by(bus), await heard_by(bus)

    for _ in range(1_000):
        bus.hint(ONE)
    bus.hint(TWO)

    assert [await first.next(), await second.next()] == [frozenset({ONE, TWO})] * 2


async def test_news_reach_those_who_listen_for_their_kind(bus: Bus) -> None:
    shops: list[str] = []
    bus.listen(Uninstalled, lambda news: shops.append(news.shop))

    bus.tell(Uninstalled("maple"))
    bus.tell(Due())

    assert shops == ["maple"]


async def test_another_process_hears_everything_once_and_its_sender_nothing_twice(
    two: tuple[RedisBus, RedisBus],
) -> None:
    here, there = await heard_by(two[0]), await heard_by(two[1])
    told = [Due(), Uninstalled("maple"), SignedOut("a"), Progress(ONE, 3, 16)]

    for news in told:
        two[0].tell(news)
    two[0].hint(ONE)
    await there.until(ONE)
    two[1].hint(TWO)
    own = await here.next()
    await here.until(TWO)

    assert own == frozenset({ONE})
    assert there.news == told and here.news == told


async def test_after_a_lost_connection_everybody_is_looked_at_and_what_could_not_be_said_is(
    valkey: Stoppable, prefix: str
) -> None:
    async with (
        on_the_bus(valkey.url, prefix, "one") as one,
        on_the_bus(valkey.url, prefix, "two") as other,
    ):
        here, there = await heard_by(one), await heard_by(other)
        valkey.stop()
        one.tell(Uninstalled("maple"))
        one.tell(SignedOut("a"))
        one.hint(ONE)
        at_once = await here.next()

        valkey.start()
        while await there.next() is not None:
            pass
        await there.told(Uninstalled("maple"))
        await there.told(SignedOut("a"))

        assert at_once == frozenset({ONE})


async def test_what_nobody_understands_is_one_line_and_ends_nothing(
    two: tuple[RedisBus, RedisBus], redis_url: str, prefix: str, caplog: pytest.LogCaptureFixture
) -> None:
    there = await heard_by(two[1])
    async with told_connection(redis_url, prefix) as stranger:
        for nonsense in ("{", "[]", '{"sender": "x"}', '{"sender": "x", "due": 1, "progress": [[1]]}'):
            await stranger.client().publish(stranger.key("bus"), nonsense)

    two[0].hint(ONE)
    await there.until(ONE)

    assert sum("is not understood" in line.message for line in caplog.records) == 8


# -- how often --------------------------------------------------------------------------------


@pytest.fixture(params=["in memory", "in Redis"])
async def limiter(request: pytest.FixtureRequest) -> AsyncIterator[Limiter]:
    if request.param == "in memory":
        yield InMemoryLimiter()
        return
    async with told_connection(request.getfixturevalue("redis_url")) as connection:
        yield RedisLimiter(connection)


async def test_so_many_go_and_the_next_is_told_how_long(limiter: Limiter) -> None:
    most = kinds()["check"].amount

    waits = [(await limiter.hit("check", "maple")).wait_s for _ in range(most + 1)]

    assert waits[:-1] == [0.0] * most
    assert 1 <= waits[-1] <= 60


async def test_each_key_and_each_kind_is_counted_for_itself(limiter: Limiter) -> None:
    for _ in range(kinds()["check"].amount):
        await limiter.hit("check", "maple")

    assert not (await limiter.hit("check", "birch")).is_exceeded
    assert not (await limiter.hit("guess", "maple")).is_exceeded


async def test_status_tells_what_is_left_until_the_oldest_leaves_the_window(limiter: Limiter) -> None:
    most = kinds()["check"].amount

    allowed = [await limiter.hit("check", "maple") for _ in range(most)]
    refused = [await limiter.hit("check", "maple") for _ in range(3)]

    assert [one.remaining for one in allowed] == list(range(most - 1, -1, -1))
    assert [one.remaining for one in refused] == [0, 0, 0]
    assert all((one.limit, one.window_s) == (most, 60) and 0 < one.reset_s <= 60 for one in allowed + refused)
    assert all(1 <= one.wait_s <= 60 for one in refused)


async def test_status_is_told_in_two_headers() -> None:
    limiter = InMemoryLimiter(kinds(reads_per_minute=7))

    headers = (await limiter.hit("read", "maple")).headers("read")

    assert headers["RateLimit-Policy"] == '"read";q=7;w=60'
    assert headers["RateLimit"] in ('"read";r=6;t=60', '"read";r=6;t=61')


async def test_limit_of_reads_is_the_one_it_is_made_with() -> None:
    limiter = InMemoryLimiter(kinds(reads_per_minute=2))

    allowed = [not (await limiter.hit("read", "maple")).is_exceeded for _ in range(3)]

    assert allowed == [True, True, False]


async def test_processes_count_together_and_each_for_itself_while_redis_is_away(redis_url: str) -> None:
    most = kinds()["check"].amount
    async with AsyncExitStack() as stack:
        connections = [CutConnection(redis_url, "test-counted-together:") for _ in range(2)]
        for connection in connections:
            stack.push_async_callback(connection.close)
        first, second = (RedisLimiter(one) for one in connections)
        for _ in range(most):
            await first.hit("check", "maple")
        together = (await second.hit("check", "maple")).wait_s
        connections[1].is_cut = True
        alone = [(await second.hit("check", "maple")).wait_s for _ in range(most + 1)]
        connections[1].mend()

        assert together > 0
        assert alone[:-1] == [0.0] * most and alone[-1] > 0
        assert (await second.hit("check", "maple")).is_exceeded


async def test_a_counted_request_costs_one_trip_and_its_key_goes_by_itself(redis_url: str) -> None:
    async with told_connection(redis_url) as connection:
        assert isinstance(connection, ToldConnection)
        await RedisLimiter(connection).hit("check", "maple")
        expires = await connection.client().pttl(connection.key("limit", "check", "maple"))

        assert connection.trips == 1
        assert 0 < expires <= 60_000
