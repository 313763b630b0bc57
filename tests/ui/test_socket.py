"""The page's socket as a hostile browser sees it, against the production build: guards, binding, sizes."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import uuid
from collections.abc import Iterator
from contextlib import closing

import pytest

from cloudcache.ui.states.connect import Connect
from cloudcache.ui.states.grid import Grid
from cloudcache.ui.states.history import History
from cloudcache.ui.states.scripts import Scripts
from cloudcache.ui.states.session import Session
from cloudcache.ui.states.signin import Signin
from cloudcache.ui.states.staff import Staff
from tests.support.held import held
from tests.support.page_socket import GRID, ROOT, Tab, connection, cookie_for, posted, tab
from tests.support.server import RunningApp, running_app
from tests.support.waiting import SAFETY_NET_S, http_client, wait_until

pytestmark = pytest.mark.browser

NONSENSE: list[dict[str, object]] = [
    {"toggle_id": "nope", "on": True},
    {"toggle_id": "rocket_loader", "on": "yes"},
    {"toggle_id": "rocket_loader", "on": 1},
    {"toggle_id": "rocket_loader", "on": None},
    {"toggle_id": None, "on": True},
    {"toggle_id": ["rocket_loader"], "on": True},
    {"toggle_id": {"$ne": 1}, "on": {}},
    {"toggle_id": "x" * 50_000, "on": True},
    {"toggle_id": "rocket_loader\x00", "on": True},
    {"toggle_id": "rocket_loader", "on": True, "customer": 2},
    {"on": True},
    {},
]


@pytest.fixture(scope="module")
def app() -> Iterator[RunningApp]:
    with running_app({"CLOUDCACHE_WATCH_SECONDS": "3600", "CLOUDCACHE_AUDIT_LOG_SECONDS": "3600"}) as running:
        yield running


def rocket(shown: dict[str, object]) -> str:
    return str(shown["r0"])


async def flip_and_wait(one: Tab, wanted: bool) -> None:
    await one.send("flip", toggle_id="rocket_loader", on=wanted)
    await one.until("confirmed", lambda shown: rocket(shown)[0] == ("C" if wanted else "c"))


async def changes_at_cloudflare(app: RunningApp) -> list[str]:
    """The writes that have reached Cloudflare."""
    async with http_client() as client:
        log = (await client.get(f"{app.url}/cloudflare/_emulator/log")).json()
    return [record["path"] for record in log["requests"] if record["method"] != "GET"]


def origin(app: RunningApp) -> str:
    return f"http://localhost:{app.port}"


_settled: dict[str, str] = {}


ZONE_IS_READ = """
SELECT count(*) FROM customer_zones WHERE shop = ? AND full_read_at IS NOT NULL
AND lease_owner IS NULL AND sync_due_at > (strftime('%s', 'now') + 60) * 1000
"""
"""It is neither being read nor about to be."""

AUDIT_LOG_IS_READ = """
SELECT count(*) FROM accounts JOIN customer_zones USING (account_id) WHERE shop = ?
AND feed_lease_owner IS NULL AND feed_due_at > (strftime('%s', 'now') + 60) * 1000
AND accounts.watched_until > strftime('%s', 'now') * 1000
"""
"""The page that was just opened has had it read."""


def holds(app: RunningApp, query: str, shop: str) -> bool:
    """Whether the app's database finds the shop."""
    with closing(sqlite3.connect(app.data_dir / "cloudcache.db", timeout=SAFETY_NET_S)) as connection:
        return bool(connection.execute(query, (f"{shop}.myshopify.com",)).fetchone()[0])


async def settled(app: RunningApp, shop: str) -> str:
    """A session whose zone has been read, so that nothing else moves. Once per shop: reads come out of a budget."""
    if shop in _settled:
        return _settled[shop]
    cookie = await cookie_for(origin(app), f"{shop}.myshopify.com")
    async with tab(origin(app), cookie) as one:
        with held(f"{app.url}/cloudflare/_emulator", "GET"):
            await one.send("check_all")
            await one.until("started", lambda shown: shown.get("progress"))
        await asyncio.to_thread(wait_until, lambda: holds(app, ZONE_IS_READ, shop))
        await one.until("done", lambda shown: not shown.get("progress"))
    _settled[shop] = cookie
    return cookie


async def test_one_flip_costs_each_watching_tab_at_most_400_bytes(app: RunningApp):
    cookie = await settled(app, "birch-and-salt")
    async with tab(origin(app), cookie) as one, tab(origin(app), cookie) as two:
        await asyncio.to_thread(wait_until, lambda: holds(app, AUDIT_LOG_IS_READ, "birch-and-salt"))
        # After this, everything that the reads still had to say has arrived.
        await flip_and_wait(two, rocket(two.shown)[0].islower())
        wanted = rocket(two.shown)[0].islower()
        two.forget()

        with held(f"{app.url}/cloudflare/_emulator", "PATCH"):
            await one.send("flip", toggle_id="rocket_loader", on=wanted)
            await two.until("pending", lambda shown: rocket(shown)[0] == ("P" if wanted else "p"))
        await two.until("confirmed", lambda shown: rocket(shown)[0] == ("C" if wanted else "c"))
        assert two.bytes_received() <= 400, "\n".join(two.frames)


async def test_page_loads_never_call_cloudflare(app: RunningApp):
    cookie = await settled(app, "birch-and-salt")

    async def load() -> None:
        async with tab(origin(app), cookie):
            pass

    async with http_client() as client:
        await client.get(f"{app.url}/cloudflare/_emulator/log?clear=1")
        await load()
        await asyncio.gather(*(load() for _ in range(20)))
        calls = (await client.get(f"{app.url}/cloudflare/_emulator/log")).json()["requests"]

    # The follower of the audit log reads at times of its own.
    assert [one for one in calls if "/audit" not in one["path"]] == []


async def test_quick_flips_of_one_tab_end_at_the_last_one(app: RunningApp):
    cookie = await settled(app, "birch-and-salt")
    async with tab(origin(app), cookie) as one, tab(origin(app), cookie) as two:
        for wanted in (True, False, True, False):
            await one.send("flip", toggle_id="rocket_loader", on=wanted)

        for either in (one, two):
            await either.until("off", lambda shown: rocket(shown)[0] == "c")


async def test_two_tabs_that_disagree_end_equal(app: RunningApp):
    cookie = await settled(app, "birch-and-salt")
    async with tab(origin(app), cookie) as one, tab(origin(app), cookie) as two:
        await asyncio.gather(
            one.send("flip", toggle_id="early_hints", on=True),
            two.send("flip", toggle_id="early_hints", on=False),
        )

        def calm(shown: dict[str, object]) -> bool:
            return str(shown["r1"])[0] in "cC"

        await one.until("settled", calm)
        await two.until("settled", calm)
        assert one.shown["r1"] == two.shown["r1"]


async def test_nobody_can_do_anything_with_any_handler(app: RunningApp):
    await settled(app, "maple-lane")
    before = await changes_at_cloudflare(app)
    async with tab(origin(app)) as stranger:
        assert stranger.shown["status"] == "o"
        for state in (Connect, Grid, History, Scripts, Session, Signin, Staff):
            for name in state.event_handlers:
                payload = {"toggle_id": "rocket_loader", "on": True, "what": "retry", "chip": "all"}
                await stranger.send(f"{state.get_full_name()}.{name}", **payload)
        await stranger.send("flip", toggle_id="rocket_loader", on=True)
        await stranger.send(f"{ROOT}.hydrate_and_load")
        await stranger.until("still nobody", lambda shown: shown["status"] == "o")

        assert not stranger.shown.get("shop")
        assert "maple-lane.myshopify.com" not in "".join(frame for frame in stranger.frames if GRID in frame)
    assert await changes_at_cloudflare(app) == before


async def test_a_stolen_tab_shows_nothing_to_another_session(app: RunningApp):
    maple = await cookie_for(origin(app), "maple-lane.myshopify.com")
    birch = await cookie_for(origin(app), "birch-and-salt.myshopify.com")
    token = str(uuid.uuid4())
    async with tab(origin(app), maple, token=token) as owner:
        assert owner.shown["shop"] == "maple-lane.myshopify.com"

    async with tab(origin(app), birch, token=token) as thief:
        assert thief.shown["shop"] == "birch-and-salt.myshopify.com"
        assert "maple-lane" not in "".join(thief.frames)
    async with tab(origin(app), token=token) as nobody:
        assert nobody.shown["status"] == "o" and not nobody.shown["shop"]


async def test_nonsense_changes_nothing_and_the_tab_goes_on_working(app: RunningApp):
    cookie = await settled(app, "birch-and-salt")
    before = await changes_at_cloudflare(app)
    async with tab(origin(app), cookie) as one:
        shown = rocket(one.shown)
        for payload in NONSENSE:
            await one.send("flip", **payload)
        await one.send("act", what="drop table", toggle_id="rocket_loader")
        await one.send("show", chip="<script>")
        await one.send("confirm", form="x")
        await one.socket.send('42/_event,["event",')
        await one.socket.send("42/_event," + json.dumps(["event", {"name": 5}]))

        await one.send("show", chip="look")
        await one.until("filtered", lambda now: now.get("chip") == "look")
        assert rocket(one.shown) == shown
    flips = [path for path in (await changes_at_cloudflare(app))[len(before) :] if "rocket" not in path]
    assert not flips


async def test_a_socket_of_a_foreign_page_is_refused(app: RunningApp):
    cookie = await cookie_for(origin(app), "maple-lane.myshopify.com")
    handshake = {
        "Cookie": cookie,
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    }
    path = f"/_event/?token={uuid.uuid4()}&EIO=4&transport=websocket"

    async def answer(page: str) -> str:
        """The status line of the handshake that a page of this origin makes."""
        reader, writer = await asyncio.open_connection("127.0.0.1", app.port)
        lines = [f"GET {path} HTTP/1.1", f"Host: localhost:{app.port}", f"Origin: {page}"]
        lines += [f"{name}: {value}" for name, value in handshake.items()]
        writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
        status = (await reader.readline()).decode()
        writer.close()
        await writer.wait_closed()
        return status

    assert " 101 " in await answer(origin(app))
    assert " 403 " in await answer("https://evil.example")


async def test_a_foreign_page_cannot_sign_anybody_in(app: RunningApp):
    async with http_client() as client:
        for headers in ({"Origin": "https://evil.example"}, {}, {"Origin": "null"}):
            answer = await client.post(
                f"{app.url}/local/session", data={"shop": "maple-lane"}, headers=headers
            )
            assert answer.status_code == 403 and "set-cookie" not in answer.headers
        unknown = await client.post(
            f"{app.url}/local/session", data={"shop": "no-such"}, headers={"Origin": origin(app)}
        )
        assert unknown.status_code == 400


async def test_no_cookie_and_no_token_is_in_the_log(app: RunningApp):
    cookie = await cookie_for(origin(app), "maple-lane.myshopify.com")
    async with tab(origin(app), cookie) as one:
        await one.send("no_such_handler")
        await one.send("show", chip="look")
        await one.until("answered", lambda shown: shown.get("chip") == "look")

    log = app.log_text()
    assert cookie.split("=", 1)[1] not in log
    assert "cfat_demo" not in log


async def test_sign_out_empties_every_tab_of_that_sign_in_only(app: RunningApp):
    cookie, other = [await cookie_for(origin(app), "maple-lane.myshopify.com") for _ in range(2)]
    before = await changes_at_cloudflare(app)
    async with tab(origin(app), cookie) as one, tab(origin(app), other) as kept:
        await posted(origin(app), "/local/signout", cookie)

        await one.until("emptied", lambda shown: shown["status"] == "o")
        await one.send("flip", toggle_id="rocket_loader", on=True)
        await one.send(f"{ROOT}.hydrate_and_load")
        await kept.send("show", chip="look")
        await kept.until("at work", lambda shown: shown.get("chip") == "look")
        assert not one.shown.get("shop") and kept.shown["shop"] == "maple-lane.myshopify.com"
    assert await changes_at_cloudflare(app) == before


async def test_sign_out_of_staff_ends_their_open_view_and_search(app: RunningApp):
    cookie = await posted(origin(app), "/local/staff", role="operator")
    path, query = "/staff/customers/[customer]", {"customer": "maple-lane.myshopify.com"}
    async with connection(origin(app), cookie, path=path, query=query) as view:
        await view.until("asked for a reason", lambda shown: shown.get("status") == "a")
        await view.send("start_view", form={"reason": "the merchant asked"})
        await view.until("viewing", lambda shown: shown.get("reads_only") and shown.get("shop"))
        await posted(origin(app), "/auth/staff/signout", cookie)

        await view.until("emptied", lambda shown: not shown["shop"])
        await view.send(f"{ROOT}.cloudcache___ui___states___staff____staff.search", text="maple")
        await view.until_state("refused", lambda states: states.get("staff", {}).get("phase") == "o")
        assert not view.states["staff"].get("found")


VIEW = "/staff/customers/[customer]"


async def test_open_view_is_shown_again_in_a_new_tab_without_a_reason(app: RunningApp):
    cookie, query = await posted(origin(app), "/local/staff", role="viewer"), {"customer": "birch-and-salt"}
    async with connection(origin(app), cookie, path=VIEW, query=query) as first:
        await first.until("asked for a reason", lambda shown: shown.get("status") == "a")
        await first.send("start_view", form={"reason": "the merchant asked"})
        await first.until("viewing", lambda shown: shown.get("reads_only") and shown.get("shop"))

    async with connection(origin(app), cookie, path=VIEW, query=query) as second:
        await second.until("viewing", lambda shown: shown.get("reads_only") and shown.get("shop"))
        await second.send("end_view")
        await second.until("closed", lambda shown: not shown["shop"])


async def test_address_of_a_customer_asks_a_signed_out_person_to_sign_in(app: RunningApp):
    async with connection(origin(app), path=VIEW, query={"customer": "birch-and-salt"}) as view:
        await view.until("signed out", lambda shown: shown.get("status") == "o")
        await view.send("start_view", form={"reason": "the merchant asked"})
        await view.send(f"{ROOT}.hydrate_and_load")
        await view.until("still signed out", lambda shown: shown["status"] == "o")
        assert not view.shown.get("shop")


def test_view_that_ended_is_told_from_a_page_of_nobody():
    tab = Grid(_reflex_internal_init=True)
    tab._view = "open"

    tab._forget()

    assert tab.status == "e"  # whose sentence stands above the form


def test_states_offer_nothing_but_handlers():
    for state in (Connect, Grid, History, Scripts, Session, Signin, Staff):
        own = {name for name, value in vars(state).items() if callable(value) and not name.startswith("_")}
        assert own <= set(state.event_handlers) | {"add_field"}, f"{state.__name__}: {own}"
