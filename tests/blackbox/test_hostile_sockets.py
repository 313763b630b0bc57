"""A hostile browser against the production build: it calls any handler of any state with any arguments, invents its
session token, opens the socket from anywhere and replays what it saw. Nothing is accepted, nothing breaks."""

from __future__ import annotations

import asyncio
import json
import uuid

import pytest
import simple_websocket
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from reflex.state import BaseState, State

import cloudcache.ui.pages  # noqa: F401  every state is known once the pages are
from tests.blackbox.conftest import BIRCH, MAPLE, Target, text_of
from tests.support.page_socket import ROOT, Tab, connection, cookie_for
from tests.support.waiting import SAFETY_NET_S, http_client, until_true

pytestmark = pytest.mark.browser

SESSION = f"{ROOT}.cloudcache___ui___states___session____session"
SOCKETS_OPEN = "cloudcache_sockets_open "
FRAMED = {"embedded": "1", "shop": MAPLE}
SECRETS = ("maplelane", "birchandsalt")
"""The domains of the shops; their names are in the address that the browser itself sends and gets back."""


def handlers() -> list[str]:
    """The full name of every handler of every state, as the wire knows them."""
    found: list[str] = []
    waiting: list[type[BaseState]] = [State]
    while waiting:
        state = waiting.pop()
        waiting += state.get_substates()
        found += [f"{state.get_full_name()}.{name}" for name in state.event_handlers]
    return sorted(set(found))


HANDLERS = handlers()
ARGUMENTS = ["token", "toggle_id", "on", "what", "form", "text", "chip", "zone", "which"]
FORGED = {
    "empty": lambda target: "",
    "words": lambda target: "not a token",
    "expired": lambda target: target.token(exp=1, iat=0, nbf=0),
    "of another app": lambda target: target.token(aud="other"),
    "of a buyer": lambda target: target.token(iss=None, sid=None, dest=MAPLE),
    "for another host": lambda target: target.token(dest="https://evil.example"),
    "without end": lambda target: target.token(exp=None),
    "of ten years": lambda target: target.token(exp=4_000_000_000),
    "altered": lambda target: target.token()[:-3] + "AAA",
    "unsigned": lambda target: target.token().rsplit(".", 1)[0] + ".",
    "too long": lambda target: target.token() + "A" * 5000,
}


async def signed_in(target: Target, one: Tab, shop: str = MAPLE) -> None:
    await one.send(f"{SESSION}.present", token=target.token(shop))
    await one.until_state("bound", lambda states: states.get("grid", {}).get("shop") == shop)


@pytest.mark.parametrize("name", FORGED)
async def test_no_forged_token_is_accepted(target: Target, name: str):
    async with connection(target.url, query=FRAMED) as one:
        await one.send(f"{SESSION}.present", token=FORGED[name](target))
        await one.until_state("refused", lambda states: states.get("session", {}).get("gate") == "refused")

        assert not any(secret in text_of(one.states) for secret in SECRETS)


@pytest.mark.parametrize("token", [None, 7, True, ["a"], {"a": 1}, 1.5])
async def test_what_is_no_text_is_no_token(target: Target, token: object):
    async with connection(target.url, query=FRAMED) as one:
        await one.send(f"{SESSION}.present", token=token)
        await one.send(f"{SESSION}.present", token="")
        await one.until_state("refused", lambda states: states.get("session", {}).get("gate") == "refused")


async def test_a_good_token_shows_its_shop_and_a_write_needs_one_more(target: Target):
    async with connection(target.url, query=FRAMED) as one:
        await signed_in(target, one)
        await one.until("rows", lambda shown: shown.get("r1"))
        before = await target.writes()
        for token in ("", "x", target.token(BIRCH), target.token(exp=1, iat=0, nbf=0)):
            await one.send("flip", toggle_id="early_hints", on=True, token=token)
            await one.until("refused", lambda shown: str(shown["r1"])[:1] in ("k", "K"))
        assert await target.writes() == before

        await one.send("flip", toggle_id="early_hints", on=True, token=target.token())
        await one.until("confirmed", lambda shown: str(shown["r1"])[0] == "C")


async def test_another_shop_in_the_same_tab_ends_in_a_reload_and_shows_neither(target: Target):
    async with connection(target.url, query={"embedded": "1"}) as one:
        await signed_in(target, one)
        one.states.clear()

        await one.send(f"{SESSION}.present", token=target.token(BIRCH))
        await one.until_state("reload", lambda states: states.get("session", {}).get("gate") == "reload")
        await one.send("load")
        await one.send("show", chip="look")
        await asyncio.sleep(0)

        assert "birchandsalt" not in text_of(one.states)


async def test_a_token_of_one_shop_does_not_open_the_page_of_another(target: Target):
    async with connection(target.url, query={"embedded": "1", "shop": BIRCH}) as one:
        await one.send(f"{SESSION}.present", token=target.token(MAPLE))
        await one.until_state("refused", lambda states: states.get("session", {}).get("gate") == "refused")

        assert not any(secret in text_of(one.states) for secret in SECRETS)


async def test_the_session_token_of_a_tab_that_is_gone_opens_nothing(target: Target):
    stolen = str(uuid.uuid4())
    async with connection(target.url, token=stolen, query=FRAMED) as one:
        await signed_in(target, one)
    is_gone = False
    while not is_gone:  # the server may notice a moment later that the tab is gone
        async with connection(target.url, token=stolen, query=FRAMED) as thief:
            await thief.until_state("answered", lambda states: bool(states) or thief.is_refused)
            assert not any(secret in text_of(thief.states) for secret in SECRETS)
            if not thief.is_refused:
                await thief.send("load")
                await thief.send("check_all")
                await thief.send(f"{SESSION}.present", token="")
                await thief.until_state(
                    "refused", lambda states: states.get("session", {}).get("gate") == "refused"
                )
                assert not any(secret in text_of(thief.states) for secret in SECRETS)
                is_gone = True


PAGES = ["https://evil.example", "null", "http://localhost", "", "http://localhost:1"]


@pytest.mark.parametrize("page", PAGES)
async def test_a_socket_of_another_page_is_refused(target: Target, page: str):
    assert " 101 " in await handshake(target, target.url)
    assert " 403 " in await handshake(target, page)


async def handshake(target: Target, page: str) -> str:
    """The status line of the handshake that a page of this origin makes; "" sends no Origin at all."""
    reader, writer = await asyncio.open_connection("127.0.0.1", target.app.port)
    lines = [
        f"GET /_event/?token={uuid.uuid4()}&EIO=4&transport=websocket HTTP/1.1",
        f"Host: localhost:{target.app.port}",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        *([f"Origin: {page}"] if page else []),
    ]
    writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
    status = (await reader.readline()).decode()
    writer.close()
    await writer.wait_closed()
    return status


@pytest.mark.parametrize("origin", ["https://evil.example", "", "own"])
async def test_there_is_no_other_way_to_a_socket_than_a_handshake(target: Target, origin: str):
    headers = {"Origin": target.url if origin == "own" else origin} if origin else {}
    address = f"{target.url}/_event/?token={uuid.uuid4()}&EIO=4&transport=polling"
    async with http_client() as client:
        opened = await client.get(address, headers=headers)
        said = await client.post(address, headers=headers, content="40/_event,")

    assert opened.status_code == said.status_code == 400
    assert "evil" not in repr(opened.headers)


async def test_a_message_that_is_too_big_ends_the_socket(target: Target):
    with pytest.raises(simple_websocket.ConnectionClosed):
        async with asyncio.timeout(SAFETY_NET_S), connection(target.url, query=FRAMED) as one:
            await one.socket.send(f'42/_event,["event",{{"x":"{"y" * 70_000}"}}]')
            while True:
                await one.socket.receive()


async def test_staff_and_merchants_cannot_use_each_others_handlers(target: Target):
    merchant = await cookie_for(target.url, MAPLE)
    grid = "start_view"
    async with connection(
        target.url, merchant, path="/staff/customers/[customer]", query={"customer": BIRCH}
    ) as one:
        await one.send(grid, form={"reason": "let me in please"})
        await one.send(f"{ROOT}.cloudcache___ui___states___staff____staff.search", text="birch")
        await one.until_state("refused", lambda states: states.get("staff", {}).get("phase") == "o")
        assert "birchandsalt" not in text_of(one.states)


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    events=st.lists(
        st.tuples(
            st.sampled_from(HANDLERS),
            st.dictionaries(
                st.sampled_from(
                    ["token", "toggle_id", "on", "what", "form", "text", "chip", "zone", "which"]
                ),
                st.recursive(
                    st.none()
                    | st.booleans()
                    | st.integers()
                    | st.text(max_size=20)
                    | st.just("rocket_loader"),
                    lambda inner: (
                        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
                    ),
                    max_leaves=5,
                ),
                max_size=5,
            ),
        ),
        min_size=1,
        max_size=25,
    )
)
def test_no_handler_does_anything_for_nobody(target: Target, events: list):
    async def attack() -> None:
        async with connection(target.url, query=FRAMED) as one:
            for name, payload in events:
                await one.send(name, **payload)
            await one.send(f"{SESSION}.present", token="")
            await one.until_state(
                "still answering", lambda states: states.get("session", {}).get("gate") == "refused"
            )
            assert not any(secret in text_of(one.states) for secret in SECRETS)

    with asyncio.Runner() as runner:
        before = runner.run(target.writes())
        runner.run(attack())
        assert runner.run(target.writes()) == before


async def sockets_open(target: Target) -> float:
    async with http_client(base_url=target.url) as client:
        text = (await client.get("/metrics")).text
    return next(float(line.split()[1]) for line in text.splitlines() if line.startswith(SOCKETS_OPEN))


async def test_memory_stays_flat_over_twenty_thousand_bad_messages(target: Target):
    async def burst(number: int) -> None:
        async with connection(target.url, query=FRAMED) as one:
            for at in range(number):
                bad = (
                    json.dumps(
                        ["event", {"name": HANDLERS[at % len(HANDLERS)], "payload": {"x": "y" * 200}}]
                    ),
                    '["event",',
                    json.dumps(["event", {"name": "no.such.state.handler", "payload": {}}]),
                    json.dumps(["client_error", {"message": "x" * 500}]),
                    json.dumps(["event", 5]),
                )[at % 5]
                try:
                    await one.socket.send(f"42/_event,{bad}")
                except simple_websocket.ConnectionClosed:
                    return

    open_before = await sockets_open(target)

    async def many(sockets: int) -> None:
        """Until the server has worked through all of it."""
        for _ in range(sockets):
            await burst(140)

        async def all_are_gone() -> bool:
            return await sockets_open(target) <= open_before

        await until_true(all_are_gone)

    await many(20)
    before = target.memory()
    await many(143)

    async def is_flat() -> bool:
        """What a flood took for a moment comes back when the server gets to it; a leak does not."""
        return target.memory() - before < 40 * 1024 * 1024

    await until_true(is_flat)
    async with connection(target.url, query=FRAMED) as one:
        await signed_in(target, one)


async def test_nothing_secret_is_in_the_log_after_all_this(target: Target):
    token = target.token()
    async with connection(target.url, query=FRAMED) as one:
        await one.send(f"{SESSION}.present", token=token)
        await one.send("no_such_handler", token=token)
        await one.send(f"{SESSION}.present", token=token, extra=token)
        await signed_in(target, one)

    log = target.app.log_text()
    assert token not in log and token.rsplit(".", 1)[1] not in log
