"""A tab that comes back while its old socket still counts as open, against the production build."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import uuid
from collections.abc import Iterator
from contextlib import closing
from types import SimpleNamespace

import pytest
from engineio.async_socket import AsyncSocket
from reflex.config import get_config
from reflex_base.environment import environment

from cloudcache.ui.states import reconnecting
from tests.support.page_socket import GRID, connection, cookie_for, posted, tab
from tests.support.server import RunningApp, running_app
from tests.support.waiting import SAFETY_NET_S, http_client, until_true

pytestmark = pytest.mark.browser

SHOP, OTHER = "maple-lane.myshopify.com", "birch-and-salt.myshopify.com"


@pytest.fixture(scope="module")
def app() -> Iterator[RunningApp]:
    with running_app({"CLOUDCACHE_WATCH_SECONDS": "3600", "CLOUDCACHE_AUDIT_LOG_SECONDS": "3600"}) as running:
        yield running


def origin(app: RunningApp) -> str:
    return f"http://localhost:{app.port}"


async def test_tab_with_a_silent_old_socket_keeps_its_view(app: RunningApp):
    cookie, token = await cookie_for(origin(app), SHOP), str(uuid.uuid4())
    async with tab(origin(app), cookie, token=token) as old:
        await old.send("show", chip="IMAGES")
        await old.send("search", text="polish")
        await old.until("filtered", lambda shown: shown["query"] == "polish")
        old.is_silent = True

        for _ in range(3):
            async with tab(origin(app), cookie, token=token) as new:
                assert not new.is_refused
                assert (new.shown["chip"], new.shown["query"]) == ("IMAGES", "polish")
                await new.send("show", chip="all")
                await new.until("live", lambda shown: shown["chip"] == "all")
                await new.send("show", chip="IMAGES")
                await new.until("live", lambda shown: shown["chip"] == "IMAGES")


async def test_duplicated_tab_gets_a_token_of_its_own(app: RunningApp):
    cookie, token = await cookie_for(origin(app), SHOP), str(uuid.uuid4())
    async with tab(origin(app), cookie, token=token) as first:
        await first.send("show", chip="IMAGES")
        await first.until("filtered", lambda shown: shown["chip"] == "IMAGES")

        async with tab(origin(app), cookie, token=token) as second:
            assert second.is_refused and second.shown["chip"] == "all"
            await second.send("show", chip="SECURITY")
            await second.until("filtered", lambda shown: shown["chip"] == "SECURITY")
            await first.send("show", chip="all")
            await first.until("still connected", lambda shown: shown["chip"] == "all")
            assert second.shown["chip"] == "SECURITY"


@pytest.mark.parametrize("signed_in", [True, False])
async def test_another_sign_in_never_takes_the_token_of_a_silent_tab(app: RunningApp, signed_in: bool):
    token = str(uuid.uuid4())
    mine, theirs = await cookie_for(origin(app), SHOP), await cookie_for(origin(app), OTHER)
    async with tab(origin(app), mine, token=token) as owner:
        owner.is_silent = True

        async with tab(origin(app), theirs if signed_in else "", token=token) as stranger:
            assert stranger.is_refused
            assert SHOP not in "".join(stranger.frames)
            await owner.send("show", chip="IMAGES")
            await owner.until("still connected", lambda shown: shown["chip"] == "IMAGES")


async def test_support_is_not_asked_for_a_reason_again(app: RunningApp):
    cookie, token = await posted(origin(app), "/local/staff", role="viewer"), str(uuid.uuid4())
    place = {"path": "/staff/customers/[customer]", "query": {"customer": SHOP}}
    async with connection(origin(app), cookie, token, **place) as old:
        await old.until("asked for a reason", lambda shown: shown.get("status") == "a")
        await old.send("start_view", form={"reason": "the merchant asked"})
        await old.until("viewing", lambda shown: shown.get("reads_only") and shown.get("shop"))
        await old.send("show", chip="IMAGES")
        await old.until("filtered", lambda shown: shown["chip"] == "IMAGES")
        old.is_silent = True

        async with connection(origin(app), cookie, token, **place) as new:
            await new.until("viewing", lambda shown: shown.get("reads_only") and shown.get("shop"))
            assert not new.is_refused and new.shown["chip"] == "IMAGES"
    assert started_views(app) == 1


FORGETTING = """
import signal
def forget(number, frame):
    from cloudcache.cloudcache import app
    for _, token in list(app.state_manager._token_expires_at.values()):
        app.state_manager._purge_token(token)
signal.signal(signal.SIGUSR1, forget)
"""
"""What Reflex does to states without an event or update for an hour, on demand."""


async def test_idle_tab_whose_state_has_expired_is_live_again_with_the_next_change():
    with running_app({"CLOUDCACHE_AUDIT_LOG_SECONDS": "3600"}, first=FORGETTING) as own:
        cookie = await cookie_for(origin(own), SHOP)
        async with tab(origin(own), cookie) as idle:
            await idle.until("read", is_read)
            is_on = rocket_loader_is_on(idle.shown)
            idle.events.clear()
            os.kill(own.pid, signal.SIGUSR1)
            async with tab(origin(own), cookie) as busy:
                await busy.send("flip", toggle_id="rocket_loader", on=not is_on)

                await idle.until_state("asked to wake", lambda states: idle.events)
                name = idle.events[0]["name"]
                assert name == f"{GRID}.wake"
                await idle.send(name)
                await idle.until("live", lambda shown: rocket_loader_is_on(shown) is not is_on)


async def test_press_in_a_tab_whose_state_has_expired_is_not_acknowledged_before_it_is_stored():
    with running_app({"CLOUDCACHE_AUDIT_LOG_SECONDS": "3600"}, first=FORGETTING) as own:
        cookie, request = await cookie_for(origin(own), SHOP), uuid.uuid4().hex
        async with tab(origin(own), cookie) as idle:
            await idle.until("read", is_read)
            press = {
                "toggle_id": "rocket_loader",
                "on": not rocket_loader_is_on(idle.shown),
                "request": request,
            }
            loaded = idle.shown["loaded"]
            os.kill(own.pid, signal.SIGUSR1)
            await idle.send("flip", **press)
            await idle.until("loaded anew", lambda shown: shown["loaded"] not in ("", loaded))
            assert idle.shown["acknowledged"] == ""

            await idle.send("flip", **press)  # as the browser does with what is not acknowledged
            await idle.until("acknowledged", lambda shown: shown["acknowledged"] == request)
            await idle.until("done", lambda shown: rocket_loader_is_on(shown) is press["on"])


def is_read(shown: dict[str, object]) -> bool:
    """Whether the page shows a whole read."""
    return bool(shown["checked"])


def rocket_loader_is_on(shown: dict[str, object]) -> bool:
    """The position of the first switch."""
    return str(shown["r0"])[:1].isupper()


def started_views(app: RunningApp) -> int:
    """How many views of customers the audit log holds."""
    query = "SELECT count(*) FROM audit_log WHERE action = 'view started'"
    with closing(sqlite3.connect(app.data_dir / "cloudcache.db", timeout=SAFETY_NET_S)) as database:
        return int(database.execute(query).fetchone()[0])


async def test_silent_tab_no_longer_counts_as_open():
    with running_app({"REFLEX_SOCKET_INTERVAL": "1", "REFLEX_SOCKET_TIMEOUT": "1"}) as own:
        async with tab(origin(own), await cookie_for(origin(own), SHOP)) as gone:
            await pages_open(own, 1)
            gone.is_silent = True

            await pages_open(own, 0)


async def pages_open(app: RunningApp, count: int) -> None:
    """Wait until the process counts so many tabs that show a store."""
    async with http_client() as client:

        async def is_so() -> bool:
            text = (await client.get(f"{app.url}/metrics")).text
            return f"\ncloudcache_pages_open {count}.0\n" in text

        await until_true(is_so)


def test_tab_that_is_gone_counts_as_open_for_less_than_half_a_minute():
    get_config()  # reads rxconfig.py, which sets both
    every = environment.REFLEX_SOCKET_INTERVAL.get().total_seconds()
    patience = environment.REFLEX_SOCKET_TIMEOUT.get().total_seconds()

    assert every + 2 * patience < 30


class FakeSocket(AsyncSocket):
    """A socket whose other end answers as many of the next pings as told."""

    def __init__(self, answers: int) -> None:
        server = SimpleNamespace(create_queue=asyncio.Queue, start_background_task=lambda task: None)
        super().__init__(server, "sid")
        self.answers = answers
        self.pings = 0

    async def send(self, pkt: object) -> None:
        self.pings += 1
        if self.answers:
            self.answers -= 1
            self.schedule_ping()


@pytest.mark.parametrize("answers", [0, 1])
async def test_socket_is_alive_if_it_answers_a_ping(answers: int):
    socket = FakeSocket(answers)

    assert await reconnecting.is_alive(socket, seconds=0.01 if not answers else 60) is bool(answers)
    assert socket.pings == 1
    assert socket.schedule_ping == AsyncSocket.schedule_ping.__get__(socket)


async def test_socket_that_is_closed_or_gone_is_not_alive():
    closed = FakeSocket(1)
    closed.closed = True

    assert not await reconnecting.is_alive(closed)
    assert not await reconnecting.is_alive(None)
    assert closed.pings == 0
