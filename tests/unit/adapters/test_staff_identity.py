"""Signing staff in: the cookie, Cloudflare Access's assertion, and OpenID Connect, each forged in every way."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey

from cloudcache.adapters.identity.oidc import OidcSignIn, Provider
from cloudcache.adapters.identity.staff import AccessStaff, LocalStaff, NoStaff, StaffSessions
from cloudcache.domain.access import ActorKind
from tests.support.fake_clock import FakeClock

KEYS = ["n" * 40, "o" * 40]
TEAM, TAG = "https://team.cloudflareaccess.com", "tag-of-our-application"
KEY = RSAKey.generate_key(2048, {"kid": "one"}, private=True)
OTHER = RSAKey.generate_key(2048, {"kid": "one"}, private=True)


class Issuer:
    """Serves keys and tokens as an identity provider does."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.asked: list[str] = []
        self.id_token = ""
        self.form: dict[str, list[str]] = {}

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request.url.path)
        if request.url.path.endswith("openid-configuration"):
            found = {"issuer": "https://id.example", "authorization_endpoint": "https://id.example/auth"}
            more = {"token_endpoint": "https://id.example/token", "jwks_uri": "https://id.example/keys"}
            return httpx.Response(200, json=found | more)
        if request.url.path == "/token":
            self.form = parse_qs(request.content.decode())
            return httpx.Response(200, json={"access_token": "x", "id_token": self.id_token})
        return httpx.Response(200, json={"keys": [KEY.as_dict(private=False)]})


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def issuer(clock: FakeClock) -> Issuer:
    return Issuer(clock)


def signed(claims: dict[str, object], key: object = KEY, **header: object) -> str:
    return jwt.encode({"alg": "RS256", "kid": "one", **header}, claims, key, algorithms=["RS256", "HS256"])


def assertion(clock: FakeClock, **changes: object) -> dict[str, object]:
    now = clock.ms // 1000
    claims = {"iss": TEAM, "aud": [TAG], "type": "app", "sub": "s-1", "email": "kim@example.com"}
    whole = claims | {"exp": now + 600, "nbf": now, "iat": now} | changes
    return {name: value for name, value in whole.items() if value is not None}


async def test_an_assertion_is_believed_until_it_ends(clock: FakeClock, issuer: Issuer):
    access = AccessStaff(TEAM, TAG, clock, httpx.MockTransport(issuer))

    found = await access.principal({"cf-access-jwt-assertion": signed(assertion(clock))})
    for _ in range(5):
        await access.principal({"cf-access-jwt-assertion": signed(assertion(clock))})

    assert found is not None and found.actor.kind is ActorKind.STAFF and found.actor.role is None
    assert (found.actor.id, found.actor.name) == ("s-1", "kim@example.com")
    assert found.expires_at == (clock.ms // 1000 + 600) * 1000
    assert len(issuer.asked) == 1, "keys are kept"


FORGERIES: dict[str, Callable[[FakeClock], str]] = {
    "another key": lambda clock: signed(assertion(clock), OTHER),
    "shared secret": lambda clock: signed(assertion(clock), OctKey.import_key(b"x" * 64), alg="HS256"),
    "another issuer": lambda clock: signed(assertion(clock, iss="https://evil.cloudflareaccess.com")),
    "another audience": lambda clock: signed(assertion(clock, aud=["other"])),
    "audience as text": lambda clock: signed(assertion(clock, aud=TAG)),
    "a service": lambda clock: signed(assertion(clock, sub="", common_name="svc")),
    "nobody's address": lambda clock: signed(assertion(clock, email=None)),
    "organisation token": lambda clock: signed(assertion(clock, type="org")),
    "ended": lambda clock: signed(assertion(clock, exp=clock.ms // 1000)),
    "not yet": lambda clock: signed(assertion(clock, nbf=clock.ms // 1000 + 60)),
    "without end": lambda clock: signed(assertion(clock, exp=None)),
    "critical header": lambda clock: signed(assertion(clock)) + "x",
    "unknown key id": lambda clock: signed(assertion(clock), kid="two"),
    "no token": lambda clock: "a.b.c",
    "empty": lambda clock: "",
    "too long": lambda clock: "a" * 9000,
    "not ASCII": lambda clock: "ä.b.c",
}


@pytest.mark.parametrize("name", FORGERIES)
async def test_no_forged_assertion_is_believed(clock: FakeClock, issuer: Issuer, name: str):
    access = AccessStaff(TEAM, TAG, clock, httpx.MockTransport(issuer))

    assert await access.principal({"cf-access-jwt-assertion": FORGERIES[name](clock)}) is None


async def test_unknown_keys_are_looked_for_once_a_minute(clock: FakeClock, issuer: Issuer):
    access = AccessStaff(TEAM, TAG, clock, httpx.MockTransport(issuer))
    for _ in range(10):
        await access.principal({"cf-access-jwt-assertion": signed(assertion(clock), kid="two")})
    clock.ms += 61_000
    await access.principal({"cf-access-jwt-assertion": signed(assertion(clock), kid="two")})

    assert len(issuer.asked) == 2


async def test_the_cookie_is_ours_whole_and_comes_once(clock: FakeClock):
    sessions = StaffSessions(KEYS, clock, secure=True)
    value = sessions.issue("s-1", "kim@example.com")
    good = f"{sessions.cookie}={value}"

    assert sessions.cookie.startswith("__Host-")
    assert (await sessions.principal({"cookie": good})).actor.id == "s-1"
    assert await StaffSessions(KEYS[::-1], clock, secure=True).principal({"cookie": good})
    for wrong in (
        "",
        good[:-2],
        f"{good}; {good}",
        f"{sessions.cookie}={StaffSessions(['z' * 40], clock, secure=True).issue('s-1', 'x')}",
        good.replace("__Host-", ""),
    ):
        assert await sessions.principal({"cookie": wrong}) is None
    assert await NoStaff().principal({"cookie": good}) is None


@pytest.mark.parametrize("environment", ["preview", "staging", "production"])
def test_pretend_staff_cannot_be_had_outside_the_local_environment(clock: FakeClock, environment: str):
    with pytest.raises(ValueError, match="local"):
        LocalStaff(environment, KEYS, clock)


def sign_in(clock: FakeClock, issuer: Issuer, domain: str | None = None) -> OidcSignIn:
    provider = Provider("https://id.example", "app", "secret", "https://app.example/back", domain)
    return OidcSignIn(provider, KEYS, clock, httpx.MockTransport(issuer))


async def begun(oidc: OidcSignIn) -> tuple[dict[str, str], str]:
    address, cookie = await oidc.begin()
    return {name: one[0] for name, one in parse_qs(urlsplit(address).query).items()}, cookie


def id_claims(clock: FakeClock, given: str, **changes: object) -> dict[str, object]:
    now = clock.ms // 1000
    claims = {"iss": "https://id.example", "aud": "app", "sub": "s-1", "email": "kim@example.com"}
    whole = claims | {"email_verified": True, "nonce": given, "exp": now + 60, "iat": now} | changes
    return {name: value for name, value in whole.items() if value is not None}


async def test_signing_in_with_a_provider(clock: FakeClock, issuer: Issuer):
    oidc = sign_in(clock, issuer)
    asked, cookie = await begun(oidc)
    issuer.id_token = signed(id_claims(clock, asked["nonce"]))

    assert await oidc.end(cookie, asked["state"], "code") == ("s-1", "kim@example.com")
    assert asked["code_challenge_method"] == "S256" and asked["response_type"] == "code"
    assert issuer.form["code_verifier"] and issuer.form["redirect_uri"] == ["https://app.example/back"]


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://evil.example"},
        {"aud": "other"},
        {"aud": ["app", "other"]},
        {"nonce": "another"},
        {"nonce": None},
        {"email_verified": False},
        {"email_verified": "true"},
        {"email": None},
        {"exp": 1},
        {"sub": ""},
        {"hd": "other.example"},
        {"hd": None},
    ],
)
async def test_an_id_token_with_one_wrong_claim_signs_nobody_in(
    clock: FakeClock, issuer: Issuer, changes: dict
):
    oidc = sign_in(clock, issuer, "example.com")
    asked, cookie = await begun(oidc)
    issuer.id_token = signed(id_claims(clock, asked["nonce"], **({"hd": "example.com"} | changes)))

    assert await oidc.end(cookie, asked["state"], "code") is None


async def test_state_cookie_and_key_must_be_those_of_the_attempt(clock: FakeClock, issuer: Issuer):
    oidc = sign_in(clock, issuer)
    asked, cookie = await begun(oidc)
    issuer.id_token = signed(id_claims(clock, asked["nonce"]))

    for given, state in ((cookie, ""), (cookie, "other"), ("", asked["state"]), ("made.up", asked["state"])):
        assert await oidc.end(given, state, "code") is None
    issuer.id_token = signed(id_claims(clock, asked["nonce"]), OTHER)
    assert await oidc.end(cookie, asked["state"], "code") is None
