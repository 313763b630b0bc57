"""The REST API of the production build, from its own description and by hand; the page and it are one."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import response_schema_conformance

from cloudcache.web.openapi import document
from tests.blackbox.conftest import BIRCH, MAPLE, Target
from tests.support.page_socket import connection, cookie_for
from tests.support.waiting import http_client, until_true

pytestmark = pytest.mark.browser

ALL = "/api/v1/optimizations"
ONE = f"{ALL}/early-hints"
OPERATIONS = [found.ok() for found in schemathesis.openapi.from_dict(document()).get_all_operations()]


@pytest_asyncio.fixture
async def api(target: Target) -> AsyncIterator[httpx.AsyncClient]:
    async with http_client(base_url=target.url) as client:
        yield client


def bearer(token: str, **more: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}", **more}


async def script(target: Target, shop: str, scope: str) -> str:
    """A token for scripts, made in the page."""
    states = "cloudcache___ui___states___scripts____scripts"
    async with connection(target.url, await cookie_for(target.url, shop), path="/connect") as one:
        await one.send(f"reflex___state____state.{states}.make", form={"name": scope, "scope": scope})
        await one.until_state("made", lambda known: known.get("scripts", {}).get("made"))
        return str(one.states["scripts"]["made"])


async def settled(api: httpx.AsyncClient, token: str, change: int, path: str = ONE) -> dict:
    """The change, once its outcome is known."""
    done: list[dict] = []

    async def is_settled() -> bool:
        found = (await api.get(f"{path}/history", headers=bearer(token))).json()["changes"]
        done[:] = [one for one in found if one["id"] == change and one["status"] != "pending"]
        return bool(done)

    await until_true(is_settled)
    return done[0]


async def test_nobody_is_answered(api: httpx.AsyncClient, target: Target):
    for headers in (
        {},
        {"Authorization": "Basic YTpi"},
        bearer("x"),
        bearer("cct_" + "0" * 12 + "_" + "a" * 43),
        bearer(target.token(aud="other")),
        bearer(target.token(exp=1, iat=0, nbf=0)),
        {"Cookie": await cookie_for(target.url, MAPLE)},
    ):
        for method, path in (("GET", ALL), ("GET", ONE), ("POST", ONE), ("GET", f"{ONE}/history")):
            answer = await api.request(method, path, headers=headers, json={"enabled": True})
            assert answer.headers["content-type"] == "application/problem+json"
            assert "maple" not in answer.text
            if answer.status_code == 401:
                assert answer.headers["x-shopify-retry-invalid-session-request"] == "1"
                assert answer.json()["title"] == "Missing or invalid bearer token"
                is_bearer = headers.get("Authorization", "").startswith("Bearer ")
                challenge = 'Bearer error="invalid_token"' if is_bearer else "Bearer"
                assert answer.headers["www-authenticate"] == challenge
            else:  # whoever is refused too often from one address waits
                assert answer.status_code == 429 and int(answer.headers["retry-after"]) >= 1


async def test_a_token_is_its_shop_whatever_is_asked(api: httpx.AsyncClient, target: Target):
    for shop in (MAPLE, BIRCH):
        answer = await api.get(f"{ALL}?shop={MAPLE}", headers=bearer(target.token(shop)))
        assert answer.json()["shop"] == shop and len(answer.json()["optimizations"]) == 50


async def test_several_blanks_before_a_token_are_one(api: httpx.AsyncClient, target: Target):
    answer = await api.get(ALL, headers={"Authorization": f"Bearer  {target.token(MAPLE)}"})

    assert answer.json()["shop"] == MAPLE


async def test_two_different_tokens_are_nobodys(api: httpx.AsyncClient, target: Target):
    mine, other = target.token(MAPLE), target.token(BIRCH)
    twice = [("Authorization", f"Bearer {mine}"), ("Authorization", f"Bearer {other}")]

    for answer in (
        await api.get(f"{ALL}?id_token={other}", headers=bearer(mine)),
        await api.get(f"{ALL}?id_token={other}"),
        await api.get(ALL, headers=twice),
    ):
        assert answer.status_code in (401, 429) and "maple" not in answer.text


async def test_a_reading_token_does_not_write(api: httpx.AsyncClient, target: Target):
    token = await script(target, MAPLE, "read")

    assert (await api.get(ONE, headers=bearer(token))).status_code == 200
    refused = await api.post(ONE, headers=bearer(token), json={"enabled": True})
    assert refused.status_code == 403 and refused.json()["code"] == "forbidden"
    keyed = await api.post(ONE, headers=bearer(token, **{"Idempotency-Key": "k"}), json={"enabled": True})
    assert keyed.status_code == 403


async def test_the_same_key_and_body_get_the_same_answer_and_another_body_409(
    api: httpx.AsyncClient, target: Target
):
    token, key = await script(target, BIRCH, "write"), str(uuid.uuid4())
    headers = bearer(token, **{"Idempotency-Key": key})

    first, second = [await api.post(ONE, headers=headers, json={"enabled": True}) for _ in range(2)]
    other = await api.post(ONE, headers=headers, json={"enabled": False})
    elsewhere = await api.post(f"{ALL}/polish", headers=headers, json={"enabled": True})

    assert (first.status_code, first.content) == (second.status_code, second.content)
    assert first.status_code == 202 and second.headers["idempotency-replayed"] == "true"
    assert other.status_code == elsewhere.status_code == 409
    at_once = await asyncio.gather(
        *(
            api.post(
                ONE, headers=bearer(token, **{"Idempotency-Key": "race-" + key}), json={"enabled": False}
            )
            for _ in range(6)
        )
    )
    made = {one.json()["id"] for one in at_once if one.status_code == 202}
    assert len(made) == 1 and {one.status_code for one in at_once} <= {202, 409}
    await settled(api, token, made.pop())


@pytest.mark.parametrize("path", [ALL, ONE])
async def test_answer_that_the_caller_has_already_is_not_sent_again(
    api: httpx.AsyncClient, target: Target, path: str
):
    """Of a store that nothing reads or changes meanwhile."""
    headers = bearer(await script(target, BIRCH, "write"))

    async def is_unchanged() -> bool:
        first = await api.get(path, headers=headers)
        again = await api.get(path, headers={**headers, "If-None-Match": first.headers["etag"]})
        return (first.status_code, again.status_code, again.content) == (200, 304, b"") and (
            again.headers["etag"] == first.headers["etag"]
        )

    await until_true(is_unchanged)


async def test_change_is_in_the_next_answer_and_changes_its_tag(api: httpx.AsyncClient, target: Target):
    token, path = await script(target, BIRCH, "write"), f"{ALL}/opportunistic_onion"
    before = await api.get(path, headers=bearer(token))

    made = await api.post(path, headers=bearer(token), json={"enabled": not before.json()["enabled"]})
    after = await api.get(path, headers=bearer(token, **{"If-None-Match": before.headers["etag"]}))

    assert after.status_code == 200 and after.headers["etag"] != before.headers["etag"]
    assert (after.json()["change"] or {"id": made.json()["id"]})["id"] == made.json()["id"]
    await settled(api, token, made.json()["id"], path)


async def test_each_answer_says_what_is_left_of_the_limit(api: httpx.AsyncClient, target: Target):
    token = await script(target, MAPLE, "read")
    answers = [await api.get(path, headers=bearer(token)) for path in (ALL, f"{ALL}/none", f"{ONE}/history")]

    assert [one.status_code for one in answers] == [200, 404, 200]
    assert {one.headers["ratelimit-policy"] for one in answers} == {'"read";q=600;w=60'}
    left = [int(one.headers["ratelimit"].split(";r=")[1].split(";")[0]) for one in answers]
    assert left == sorted(left, reverse=True) and len(set(left)) == 3
    nobody = await api.get(ALL)
    assert "ratelimit" not in nobody.headers


async def test_revoked_token_is_refused_at_once(api: httpx.AsyncClient, target: Target):
    states = "reflex___state____state.cloudcache___ui___states___scripts____scripts"
    async with connection(target.url, await cookie_for(target.url, MAPLE), path="/connect") as page:
        await page.send(f"{states}.make", form={"name": "short", "scope": "read"})
        await page.until_state("made", lambda known: known.get("scripts", {}).get("made"))
        token = str(page.states["scripts"]["made"])
        assert (await api.get(ALL, headers=bearer(token))).status_code == 200

        await page.send(f"{states}.revoke", which=token.split("_")[1])
        await page.until_state("revoked", lambda known: not known.get("scripts", {}).get("made"))
        refused = await api.get(ALL, headers=bearer(token))

    assert refused.status_code in (401, 429), "429 while this address has guessed too often"
    assert "ratelimit" not in refused.headers, "it is nobody's"


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b'{"enabled": 1}', "application/json", 422),
        (b'{"enabled": true, "shop": "other"}', "application/json", 422),
        (b"{}", "application/json", 422),
        (b"[]", "application/json", 422),
        (b"nope", "application/json", 400),
        (b"\xff", "application/json", 400),
        (b'{"enabled": true}', "text/plain", 415),
    ],
)
async def test_bad_bodies_are_told_so(
    api: httpx.AsyncClient, target: Target, content: bytes, kind: str, status: int
):
    headers = bearer(target.token(BIRCH), **{"Content-Type": kind})
    answer = await api.post(ONE, headers=headers, content=content)

    assert answer.status_code == status and answer.headers["content-type"] == "application/problem+json"
    if status == 400:
        assert answer.json()["detail"] == "The request body isn’t valid JSON."


async def test_unknown_paths_and_methods_are_problems_too(api: httpx.AsyncClient, target: Target):
    headers = bearer(target.token(MAPLE))

    assert (await api.get(f"{ALL}/no-such-thing", headers=headers)).status_code == 404
    assert (await api.get("/api/v1/nothing", headers=headers)).json()["code"] == "not-found"
    wrong = await api.delete(ONE, headers=headers)
    assert wrong.status_code == 405 and wrong.headers["allow"]


async def test_a_risky_setting_asks_here_too(api: httpx.AsyncClient, target: Target):
    answer = await api.post(
        f"{ALL}/always-use-https", headers=bearer(target.token(BIRCH)), json={"enabled": True}
    )

    assert answer.status_code == 409 and answer.json()["code"] == "needs-confirmation"


async def test_change_that_weakens_protection_asks_here_too(api: httpx.AsyncClient, target: Target):
    answer = await api.post(f"{ALL}/tls_1_3", headers=bearer(target.token(BIRCH)), json={"enabled": False})

    assert answer.status_code == 409 and answer.json()["code"] == "needs-confirmation"
    assert '{"enabled": false, "confirmed": true}' in answer.json()["detail"]


async def test_flips_through_the_api_and_the_page_are_one_journal(api: httpx.AsyncClient, target: Target):
    token, path = await script(target, BIRCH, "write"), f"{ALL}/email_obfuscation"
    shown = (await api.get(path, headers=bearer(token))).json()
    wanted = not shown["enabled"]
    async with connection(target.url, await cookie_for(target.url, BIRCH)) as page:
        await page.until("loaded", lambda shown: shown.get("status"))
        for turn in range(4):
            on = wanted if turn % 2 == 0 else not wanted
            if turn % 2:
                await page.send("flip", toggle_id="email_obfuscation", on=on)
            else:
                made = (await api.post(path, headers=bearer(token), json={"enabled": on})).json()
                await settled(api, token, made["id"], path)

        listed: list[dict] = []

        async def are_settled() -> bool:
            answer = await api.get(f"{path}/history?limit=4", headers=bearer(token))
            listed[:] = answer.json()["changes"]
            return len(listed) == 4 and all(one["status"] != "pending" for one in listed)

        await until_true(are_settled)

    assert [one["source"] for one in listed] == ["page", "api", "page", "api"]
    assert [one["enabled"] for one in listed] == [not wanted, wanted, not wanted, wanted]
    assert {one["status"] for one in listed} <= {"applied", "superseded"}
    assert listed[0]["status"] == "applied"
    now = (await api.get(path, headers=bearer(token))).json()
    assert now["enabled"] is (not wanted) and now["change"] is None


async def test_the_description_is_served_and_shown(api: httpx.AsyncClient):
    assert (await api.get("/api/docs/openapi.json")).json() == document()
    page = await api.get("/api/docs")
    assert ">POST</span> <code>/api/v1/optimizations/{toggle_id}</code>" in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]


_known: list[str] = []


@pytest.mark.parametrize("operation", OPERATIONS, ids=[one.label for one in OPERATIONS])
@given(data=st.data())
@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_the_description_holds_and_no_request_breaks_the_server(
    operation: APIOperation, target: Target, data: st.DataObject
):
    if not _known:
        with asyncio.Runner() as runner:
            _known.append(runner.run(script(target, MAPLE, "write")))
    case = data.draw(operation.as_strategy())
    case.headers["Authorization"] = f"Bearer {_known[0]}"

    case.call_and_validate(base_url=target.app.url, checks=[not_a_server_error, response_schema_conformance])
