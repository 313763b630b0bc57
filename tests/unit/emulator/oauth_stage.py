"""An app that a person lets into an account, or not: its side of `/oauth2/...`."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import httpx

from cloudcache.emulator.app import create_app
from cloudcache.emulator.oauth import challenge_of
from cloudcache.emulator.world import World
from tests.unit.emulator.stage import ACCOUNT, PRO, Caller

CLIENT, SECRET = "cloudcache", "the secret / of: the tests"
BACK = "https://app.example/oauth/callback"
BACK_WITH_QUERY = "https://app.example/oauth?from=cloudflare"
VERIFIER = "v" * 64
SCOPE = "zone.read zone.settings.write"
WISH = {
    "client_id": CLIENT,
    "redirect_uri": BACK,
    "response_type": "code",
    "state": "a state",
    "scope": SCOPE,
    "code_challenge": challenge_of(VERIFIER),
    "code_challenge_method": "S256",
}


def register(world: World) -> None:
    world.add_oauth_client(CLIENT, SECRET, [BACK, BACK_WITH_QUERY])
    world.add_oauth_client("other", "other secret", [BACK])


def opened(world: World) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=create_app(world)), base_url="http://emulator")


async def decide(
    client: httpx.AsyncClient, decision: str = "allow", account: str = ACCOUNT, **changes: str
) -> httpx.Response:
    form = WISH | {"decision": decision, "account": account} | changes
    return await client.post("/oauth2/auth", data=form, headers={"Origin": "http://emulator"})


def told(reply: httpx.Response) -> dict[str, str]:
    """What the app is told when the person comes back."""
    assert reply.status_code == 303, reply.text
    parameters = parse_qs(urlsplit(reply.headers["location"]).query, strict_parsing=True)
    return {name: values[-1] for name, values in parameters.items()}


async def code(client: httpx.AsyncClient, **changes: str) -> str:
    return told(await decide(client, **changes))["code"]


async def redeem(client: httpx.AsyncClient, given: str, **changes: str) -> httpx.Response:
    form = {
        "grant_type": "authorization_code",
        "code": given,
        "redirect_uri": BACK,
        "code_verifier": VERIFIER,
        "client_id": CLIENT,
        "client_secret": SECRET,
    }
    return await client.post("/oauth2/token", data=form | changes)


async def refresh(client: httpx.AsyncClient, token: str, **changes: str) -> httpx.Response:
    form = {
        "grant_type": "refresh_token",
        "refresh_token": token,
        "client_id": CLIENT,
        "client_secret": SECRET,
    }
    return await client.post("/oauth2/token", data=form | changes)


async def revoke(client: httpx.AsyncClient, token: str, **changes: str) -> httpx.Response:
    form = {"token": token, "client_id": CLIENT, "client_secret": SECRET}
    return await client.post("/oauth2/revoke", data=form | changes)


async def tokens(client: httpx.AsyncClient, **changes: str) -> dict[str, str]:
    reply = await redeem(client, await code(client, **changes))
    assert reply.status_code == 200, reply.text
    answer: dict[str, str] = reply.json()
    return answer


def assert_refused(reply: httpx.Response, error: str, status: int = 400) -> None:
    assert (reply.status_code, reply.json()["error"]) == (status, error)
    assert reply.json()["error_description"]


def status(world: World, token: str, path: str = f"/zones/{PRO}") -> int:
    return Caller(world, token).get(path).status
