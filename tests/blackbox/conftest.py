"""One production server for all black-box tests, and what an attacker may know of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from cloudcache.config import PRETEND_SHOPIFY, load
from cloudcache.shopify_emulator.world import ShopifyWorld
from tests.support.server import RunningApp, running_app
from tests.support.waiting import http_client

MAPLE, BIRCH = "maple-lane.myshopify.com", "birch-and-salt.myshopify.com"


@dataclass
class Target:
    """The server, and a Shopify that signs as its own does."""

    app: RunningApp
    shopify: ShopifyWorld
    sealed: dict[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://localhost:{self.app.port}"

    def token(self, shop: str = MAPLE, **changes: object) -> str:
        return self.shopify.id_token(shop, **changes)

    async def writes(self) -> list[str]:
        """The writes that have reached Cloudflare."""
        async with http_client() as client:
            log = (await client.get(f"{self.app.url}/cloudflare/_emulator/log")).json()
        return [one["path"] for one in log["requests"] if one["method"] != "GET" and one["status"] < 300]

    def memory(self) -> int:
        """Resident bytes of the server and its workers."""
        total, waiting = 0, [self.app.pid]
        while waiting:
            pid = waiting.pop()
            try:
                with open(f"/proc/{pid}/status", encoding="ascii") as status:  # noqa: PTH123
                    rss = [line for line in status if line.startswith("VmRSS")]
                with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as children:  # noqa: PTH123
                    waiting += [int(one) for one in children.read().split()]
            except OSError:
                continue
            total += int(rss[0].split()[1]) * 1024 if rss else 0
        return total


@pytest.fixture(scope="session")
def target() -> Iterator[Target]:
    with running_app({"CLOUDCACHE_WATCH_SECONDS": "3600"}) as app:
        settings = load({"CLOUDCACHE_DATA_DIR": str(app.data_dir)})
        world = ShopifyWorld(PRETEND_SHOPIFY, settings.shopify_secrets[0])
        for shop in (MAPLE, BIRCH):
            world.add_shop(shop, [])
        yield Target(app, world)


def text_of(states: object) -> str:
    """All that a socket was shown, as one text."""
    return json.dumps(states)
