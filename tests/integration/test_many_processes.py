"""Two web processes and a worker on one Postgres and one Redis: what one does, the others know."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from redis import Redis

from tests.integration.test_commands import ROOT, token_of, zone_of
from tests.integration.test_worker import pretend_cloudflare
from tests.support.databases import fresh_postgres
from tests.support.held import held
from tests.support.page_socket import Tab, cookie_for, tab
from tests.support.server import RunningApp, running_app
from tests.support.valkey import Stoppable, stoppable_valkey
from tests.support.waiting import SAFETY_NET_S, http_client, until_true

SHOPS = 4


@dataclass(frozen=True)
class Cluster:
    """Two web processes (`one`, `two`) without engines, and a worker."""

    one: RunningApp
    two: RunningApp
    redis: Stoppable
    env: dict[str, str]
    emulator: str
    """Where Cloudflare is played with."""

    @staticmethod
    def origin(app: RunningApp) -> str:
        return f"http://localhost:{app.port}"


@contextmanager
def worker(env: dict[str, str], log: Path) -> Iterator[None]:
    with log.open("w") as output:
        command = [sys.executable, "-m", "cloudcache", "worker"]
        process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, **env}, stderr=output)
        try:
            yield
        finally:
            process.terminate()
            process.wait(SAFETY_NET_S)


def add_shops(env: dict[str, str], cloudflare: dict) -> None:
    for number in range(SHOPS):
        command = ["customers", "add", f"shop-{number}", "--zone", zone_of(cloudflare, number)]
        done = subprocess.run(
            [sys.executable, "-m", "cloudcache", *command],
            cwd=ROOT,
            env={**os.environ, **env},
            capture_output=True,
            text=True,
            timeout=SAFETY_NET_S,
        )
        assert done.returncode == 0, done.stderr


def be_long_there(url: str) -> None:
    """A server that has just begun gives no burst of calls, which would take ten seconds of a test."""
    with Redis.from_url(url) as redis:
        redis.hset("cloudcache:local:budget-clock", mapping={"born": 0, "latest": 0, "back": 0})


@pytest.fixture(scope="module")
def cluster(postgres_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    data = tmp_path_factory.mktemp("cluster")
    with ExitStack() as stack:
        runner = stack.enter_context(asyncio.Runner())
        database = fresh_postgres(postgres_url)
        url = runner.run(database.__aenter__())
        stack.callback(lambda: runner.run(database.__aexit__(None, None, None)))
        cloudflare = stack.enter_context(pretend_cloudflare())
        redis = stack.enter_context(stoppable_valkey())
        be_long_there(redis.url)
        env = {
            "CLOUDCACHE_DATA_DIR": str(data),
            "CLOUDCACHE_DATABASE_URL": url,
            "CLOUDCACHE_REDIS_URL": redis.url,
            "CLOUDCACHE_REDIS_ANSWER_SECONDS": str(SAFETY_NET_S),  # a busy machine is no lost Redis
            "CLOUDCACHE_CLOUDFLARE_URL": cloudflare["url"],
            "CLOUDCACHE_CLOUDFLARE_TOKEN": token_of(cloudflare, "user"),
            "CLOUDCACHE_SYNC_IN_WEB": "off",
        }
        add_shops(env, cloudflare)
        one = stack.enter_context(running_app(env))
        two = stack.enter_context(running_app(env))
        stack.enter_context(worker(env, data / "worker.log"))
        yield Cluster(one, two, redis, env, cloudflare["dashboard"].removesuffix("/dashboard"))


def position(shown: dict[str, object]) -> str:
    """Rocket Loader's row: a capital letter is on; `r` as read, `c` confirmed."""
    return str(shown["r0"])[:1]


async def flip(one: Tab) -> str:
    """Turn it the other way; how it will be shown when confirmed."""
    wanted = position(one.shown).islower()
    await one.send("flip", toggle_id="rocket_loader", on=wanted)
    return "C" if wanted else "c"


def is_read(shown: dict[str, object]) -> bool:
    return position(shown) in tuple("rRcC")


async def test_a_page_opened_in_a_web_process_is_read_by_the_worker(cluster: Cluster):
    origin = cluster.origin(cluster.one)
    async with tab(origin, await cookie_for(origin, "shop-0")) as page:
        await page.until("read", is_read)
        with held(cluster.emulator, "GET", skip=3):
            await page.send("check_all")
            await page.until("showing the worker's progress", lambda shown: shown.get("progress"))
        await page.until("done", lambda shown: not shown.get("progress"))


async def test_a_flip_in_one_web_process_is_seen_in_the_other(cluster: Cluster):
    here, there = cluster.origin(cluster.one), cluster.origin(cluster.two)
    async with (
        tab(here, await cookie_for(here, "shop-1")) as mine,
        tab(there, await cookie_for(there, "shop-1")) as other,
    ):
        await mine.until("read", is_read)
        await other.until("read", is_read)

        expected = await flip(mine)
        await other.until("confirmed", lambda shown: position(shown) == expected)


async def test_without_redis_pages_are_read_and_changed_and_with_it_back_all_are_right(cluster: Cluster):
    here, there = cluster.origin(cluster.one), cluster.origin(cluster.two)
    cookie = await cookie_for(there, "shop-2")
    async with tab(here, await cookie_for(here, "shop-2")) as mine, tab(there, cookie) as other:
        await mine.until("read", is_read)
        await other.until("read", is_read)
        cluster.redis.stop()

        expected = await flip(mine)
        await mine.until("confirmed", lambda shown: position(shown) == expected)
        async with tab(there, cookie) as new:
            assert position(new.shown) == expected, "a page that opens now is right"

        cluster.redis.start()
        be_long_there(cluster.redis.url)
        await other.until("right again by itself", lambda shown: position(shown) == expected)
        expected = await flip(mine)
        await other.until("heard again", lambda shown: position(shown) == expected)


async def test_the_states_of_pages_may_be_in_redis_as_well(cluster: Cluster):
    with running_app({**cluster.env, "CLOUDCACHE_REDIS_STATE": "on"}) as third:
        here, there = cluster.origin(third), cluster.origin(cluster.one)
        async with (
            tab(here, await cookie_for(here, "shop-3")) as mine,
            tab(there, await cookie_for(there, "shop-3")) as other,
        ):
            await mine.until("read", is_read)

            expected = await flip(mine)
            await mine.until("confirmed", lambda shown: position(shown) == expected)
            await other.until("seen", lambda shown: position(shown) == expected)


async def test_a_tab_that_comes_back_to_another_process_shows_what_it_did(cluster: Cluster):
    here, there, token = cluster.origin(cluster.one), cluster.origin(cluster.two), str(uuid.uuid4())
    async with tab(here, await cookie_for(here, "shop-1"), token=token) as mine:
        await mine.until("read", is_read)
        shown = mine.shown["r0"], mine.shown["shop"]

    async with tab(there, await cookie_for(there, "shop-1"), token=token) as again:
        assert (again.shown["r0"], again.shown["shop"]) == shown


async def test_every_process_says_how_redis_is(cluster: Cluster):
    async with http_client() as client:

        async def is_well() -> bool:
            """On a busy machine an answer may come after the second and a half that it is given."""
            answer = await client.get(f"{cluster.one.url}/readyz")
            return answer.status_code == 200 and answer.json()["redis"] == "well"

        await until_true(is_well)
