"""The pretend Cloudflare served alone on a port: what the `emulator` command and the demo start."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import Callable

from cloudcache.emulator.app import create_app
from cloudcache.emulator.generated import PLATFORM
from cloudcache.emulator.server import serving
from cloudcache.emulator.wire import JSON
from cloudcache.emulator.world import World

MOST_SHOWN = 20


def describe(world: World, base_url: str) -> dict[str, JSON]:
    """What a script needs to start: addresses, the first accounts and zones, and the generated tokens with
    their reach.

    Tokens that were added by name are not among them: their text is not kept.
    """
    directory = world.directory
    accounts, zones = directory.accounts(MOST_SHOWN), directory.zones(MOST_SHOWN)
    return {
        "url": f"{base_url}/client/v4",
        "dashboard": f"{base_url}/_emulator/dashboard",
        "tokens": _tokens(world),
        "accounts": [{"id": account.id, "name": account.name} for account in accounts],
        "account_count": directory.account_count,
        "zones": [
            {"id": zone.id, "name": zone.name, "plan": zone.plan.name.lower(), "account_id": zone.account_id}
            for zone in zones
        ],
        "zone_count": directory.zone_count,
    }


def _tokens(world: World) -> list[JSON]:
    generated = world.directory.generated
    if generated.accounts == 0:
        return []
    tokens: list[JSON] = [
        {
            "token": generated.token("user", PLATFORM),
            "kind": "user",
            "reach": "every account",
            "account_id": None,
        }
    ]
    for index in range(min(MOST_SHOWN, generated.accounts)):
        account_id = generated.account_id(index)
        reach = f"account {account_id}"
        for kind, token in (
            ("account", generated.token("account", index)),
            ("user", generated.token("user", index)),
        ):
            tokens.append({"token": token, "kind": kind, "reach": reach, "account_id": account_id})
    return tokens


def serve(
    world: World,
    host: str = "127.0.0.1",
    port: int = 0,
    *,
    as_json: bool = True,
    announce: Callable[[str], None] | None = None,
) -> None:
    """Serves until SIGTERM or SIGINT. Once it listens it says where: to `announce`, or on standard output, as
    one line of JSON or as a few lines for people.
    """

    def say(base_url: str) -> None:
        described = describe(world, base_url)
        sys.stdout.write(f"{json.dumps(described) if as_json else _in_words(described)}\n")
        sys.stdout.flush()

    asyncio.run(_serve(world, host, port, announce or say))


def _in_words(described: dict[str, JSON]) -> str:
    lines = [
        f"Emulated Cloudflare: {described['url']}",
        f"Dashboard:           {described['dashboard']}",
        f"Zones, accounts:     {described['zone_count']}, {described['account_count']}",
    ]
    tokens = described["tokens"]
    for token in tokens[:3] if isinstance(tokens, list) else []:
        lines.append(f"Token ({token['kind']}, {token['reach']}): {token['token']}")
    return "\n".join(lines)


async def _serve(world: World, host: str, port: int, announce: Callable[[str], None]) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    try:
        async with serving(create_app(world), host, port) as base_url:
            announce(base_url)
            await stopped.wait()
    finally:
        world.close()
