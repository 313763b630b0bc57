"""The pretend Workers KV: values as they are kept, and the refusals of the real one."""

from __future__ import annotations

import json

import pytest

from cloudcache.emulator.api import answer
from cloudcache.emulator.options import Options
from cloudcache.emulator.wire import Answer, Call
from cloudcache.emulator.world import World

ACCOUNT, NAMESPACE = "a" * 32, "b" * 32
READER, BARE, FOREIGN, OF_A_ZONE = "cfat_may-read", "cfat_may-nothing", "cfat_of-another", "cfat_of-a-zone"
PATH = f"/accounts/{ACCOUNT}/storage/kv/namespaces/{NAMESPACE}/values/settings:rocket_loader"
PERMISSION = ["Workers KV Storage Read"]


@pytest.fixture
def world() -> World:
    made = World(Options())
    made.add_account(ACCOUNT, "one")
    made.add_account("c" * 32, "other")
    made.add_zone("1" * 32, "shop.example", ACCOUNT)
    made.add_token(READER, kind="account", accounts=[ACCOUNT], permissions=PERMISSION)
    made.add_token(BARE, kind="account", accounts=[ACCOUNT], permissions=["Zone Read"])
    made.add_token(FOREIGN, kind="account", accounts=["c" * 32], permissions=PERMISSION)
    made.add_token(OF_A_ZONE, kind="user", zones=["1" * 32], permissions=PERMISSION)
    made.kv.put(ACCOUNT, NAMESPACE, {"settings:rocket_loader": '{"value": "on"}', "a/b": "deep"})
    return made


def ask(world: World, path: str = PATH, token: str = READER, method: str = "GET") -> Answer:
    return answer(world, Call(method, path, authorization=f"Bearer {token}"))


def test_a_value_comes_as_it_is_kept_and_costs_a_call(world: World):
    given, deep = ask(world), ask(world, PATH.replace("settings:rocket_loader", "a/b"))

    headers = dict(given.headers)
    assert (given.status, given.body) == (200, b'{"value": "on"}')
    assert headers[b"content-type"] == b"application/octet-stream"
    assert b"ratelimit" in headers
    assert deep.body == b"deep"


@pytest.mark.parametrize(
    ("path", "token", "status", "code"),
    [
        (PATH.replace("rocket", "racket"), READER, 404, 10009),
        (PATH.replace(NAMESPACE, "d" * 32), READER, 404, 10013),
        (PATH.replace(ACCOUNT, "e" * 32), READER, 404, 7003),
        (PATH.replace(ACCOUNT, "c" * 32), READER, 403, 9109),
        (PATH, BARE, 403, 10000),
        (PATH, FOREIGN, 403, 9109),
        (PATH, OF_A_ZONE, 403, 10000),
        (PATH.removesuffix("settings:rocket_loader"), READER, 404, 7003),
    ],
)
def test_everything_else_is_refused_in_the_envelope(
    world: World, path: str, token: str, status: int, code: int
):
    given = ask(world, path, token)

    body = json.loads(given.body)
    assert (given.status, body["errors"][0]["code"], body["result"]) == (status, code, None)
    assert dict(given.headers)[b"content-type"] == b"application/json"


def test_a_value_cannot_be_written(world: World):
    assert ask(world, method="PUT").status == 405
