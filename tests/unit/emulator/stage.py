"""A small pretend Cloudflare with one zone per plan, and a caller that talks to it without any network."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from cloudcache.emulator.api import answer
from cloudcache.emulator.wire import JSON, Call
from cloudcache.emulator.world import World

ACCOUNT = "a" * 32
OTHER_ACCOUNT = "b" * 32
FREE, PRO, BUSINESS, ENTERPRISE, FOREIGN = "1" * 32, "2" * 32, "3" * 32, "4" * 32, "5" * 32
TOKEN = "cfat_the-token-of-the-tests"
START_MS = 1_800_000_000_000


@dataclass(frozen=True)
class Reply:
    """An answer taken apart."""

    status: int
    headers: Mapping[str, str]
    body: dict[str, JSON]

    @property
    def result(self) -> dict[str, JSON]:
        assert self.status == 200, self.body
        result = self.body["result"]
        assert isinstance(result, dict)
        return result

    @property
    def results(self) -> list[dict[str, JSON]]:
        assert self.status == 200, self.body
        result = self.body["result"]
        assert isinstance(result, list)
        return [item for item in result if isinstance(item, dict)]

    @property
    def codes(self) -> list[JSON]:
        errors = self.body["errors"]
        assert isinstance(errors, list)
        return [error["code"] for error in errors if isinstance(error, dict)]


class Caller:
    """Calls the API with one token."""

    def __init__(self, world: World, token: str = TOKEN) -> None:
        self.world = world
        self.token = token

    def send(self, method: str, path: str, body: JSON = None, **overrides: str) -> Reply:
        path, _, query = path.partition("?")
        authorization = overrides.pop("authorization", f"Bearer {self.token}")
        raw = b"" if body is None else json.dumps(body).encode()
        call = Call(method, path, query, authorization, body=raw, **overrides)
        given = answer(self.world, call)
        headers = {name.decode(): value.decode() for name, value in given.headers}
        return Reply(given.status, headers, json.loads(given.body))

    def get(self, path: str, **overrides: str) -> Reply:
        return self.send("GET", path, **overrides)

    def setting(self, name: str, zone: str = PRO) -> dict[str, JSON]:
        return self.get(f"/zones/{zone}/settings/{name}").result

    def set(self, name: str, value: JSON, zone: str = PRO) -> Reply:
        return self.send("PATCH", f"/zones/{zone}/settings/{name}", {"value": value})


def populate(world: World) -> None:
    """Two accounts, five zones, one token for the first account."""
    world.add_account(ACCOUNT, "First account")
    world.add_account(OTHER_ACCOUNT, "Second account")
    for zone_id, plan in ((FREE, "free"), (PRO, "pro"), (BUSINESS, "business"), (ENTERPRISE, "enterprise")):
        world.add_zone(zone_id, f"{plan}.example", ACCOUNT, plan)
    world.add_zone(FOREIGN, "foreign.example", OTHER_ACCOUNT, "pro")
    world.add_token(TOKEN, kind="account", accounts=[ACCOUNT])
