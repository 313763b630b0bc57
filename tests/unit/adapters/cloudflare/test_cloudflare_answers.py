"""What each answer of Cloudflare means to a read and to a write: the table of `envelope.py`, row by row."""

from __future__ import annotations

import httpx
import pytest

from cloudcache.domain.errors import ApiError, Reason, Refused, Unauthorized, explain
from tests.unit.adapters.cloudflare.stage import (
    ACCESS,
    BOTS,
    ROCKET,
    SECRET,
    ZONE,
    Answer,
    Ledger,
    always,
    body_of,
    client_of,
    failure,
    outcome_of_read,
    outcome_of_write,
    setting,
    success,
)

HTML = httpx.Response(502, html="<html>Bad gateway</html>")

FINAL = {
    "a value it does not take": (failure(400, 1007), "Refused wrong_value"),
    "items missing": (failure(400, 1004), "Refused wrong_value"),
    "malformed": (failure(400, 10400, message="Bad Request"), "Refused wrong_value"),
    "a name it does not know": (failure(400, 1006), "Refused unknown_setting"),
    "the same, as 404": (failure(404, 1006), "Refused unknown_setting"),
    "a path it does not know": (failure(404, 7000), "Refused unknown_setting"),
    "404 and a code of its own": (failure(404, 99999), "Refused unknown_setting"),
    "plan too low": (failure(403, 1015), "Refused not_editable"),
    "plan too low, as 400": (failure(400, 1015), "Refused not_editable"),
    "gated": (failure(400, 1057), "Refused not_editable"),
    "gated, orange to orange": (failure(400, 1024), "Refused not_editable"),
    "gated, visitor address": (failure(400, 1025), "Refused not_editable"),
    "bot settings of a free zone": (failure(405, 10405), "Refused not_editable"),
    "only words: read only": (
        failure(400, 1234, message="zone setting is read only type"),
        "Refused not_editable",
    ),
    "only words: denied": (failure(400, 1234, message="Access denied"), "Refused not_editable"),
    "only words: plan": (failure(400, 1234, message="not available for your plan type"), "Refused plan"),
    "a forbidding nobody explains": (failure(403, 1234), "Refused not_editable"),
    "a code nobody knows": (failure(400, 1234), "Refused other"),
    "no code at all": (failure(400), "Refused other"),
    "200, and still no success": (failure(200, 1007), "Refused wrong_value"),
    "token to verify": (failure(401, 1000), "Unauthorized token_refused"),
    "token unknown": (failure(403, 9109), "Unauthorized token_refused"),
    "header malformed": (failure(400, 6003), "Unauthorized token_refused"),
    "401 and nothing known": (failure(401, 1234), "Unauthorized token_refused"),
    "permission missing": (failure(403, 10000), "Unauthorized permission"),
    "permission missing, as 401": (failure(401, 10000), "Unauthorized permission"),
}
THROTTLED = {
    "today's wording": (failure(429, 971, headers={"Retry-After": "42"}), 42),
    "that code with another status": (failure(400, 971), 300),
    "older wording": (failure(429, 10100), 300),
    "another service": (failure(429, 10429), 300),
    "200, and still throttled": (failure(200, 10429, headers={"Retry-After": "7"}), 7),
    "a page": (httpx.Response(429, html="<html>slow down</html>", headers={"Retry-After": "9"}), 9),
    "nothing": (httpx.Response(429), 300),
    "a wait of nothing": (httpx.Response(429, headers={"Retry-After": "0"}), 1),
    "a wait of years": (httpx.Response(429, headers={"Retry-After": "999999999"}), 3600),
    "a date": (httpx.Response(429, headers={"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}), 300),
    "a negative wait": (httpx.Response(429, headers={"Retry-After": "-5"}), 300),
    "a digit that is none": (httpx.Response(429, headers=[(b"retry-after", b"\xb2")]), 300),
}
IN_DOUBT = {
    "its own trouble": failure(500, 1005),
    "its own trouble, as 400": failure(400, 1005),
    "5xx with a known refusal": failure(503, 1015),
    "5xx and nothing": httpx.Response(500),
    "5xx and nonsense": httpx.Response(520, text="error code: 520"),
    "a gateway's page": HTML,
    "a page as success": httpx.Response(200, html="<html>Hello</html>"),
    "a page as refusal": httpx.Response(403, html="<html>Sorry, you have been blocked</html>"),
    "JSON of somebody else": httpx.Response(200, json={"ok": True}),
    "a bare list": httpx.Response(200, json=["on"]),
    "half of an answer": httpx.Response(200, content=b'{"success": true, "result": {"id": "rocket_lo'),
    "no JSON but nearly": httpx.Response(200, content=b'{"success": true, "result": {"value": NaN}}'),
    "brackets without end": httpx.Response(200, content=b"[" * 100_000),
    "too large": httpx.Response(200, content=b" " * (2 * 1024 * 1024 + 1)),
    "elsewhere": httpx.Response(307, headers={"Location": "https://elsewhere.test/"}),
    "elsewhere, as success": httpx.Response(
        302, json={"success": True, "result": setting("rocket_loader", "on")}
    ),
    "success with a failing status": httpx.Response(400, json={"success": True, "result": None}),
    "failure without a word": failure(200),
    "request not received in time": failure(408, 1234),
    "somebody else at it": failure(409, 1234),
    "no result": success(None),
    "a list in place of an object": success([setting("rocket_loader", "on")]),
}
NOT_SENT = [
    httpx.ConnectError("refused"),
    httpx.ConnectTimeout("slow"),
    httpx.PoolTimeout("full"),
    httpx.ProxyError("no way out"),
    httpx.UnsupportedProtocol("what?"),
    httpx.InvalidURL("what?"),
]
PERHAPS_SENT = [
    httpx.ReadTimeout("slow"),
    httpx.ReadError("cut"),
    httpx.WriteTimeout("slow"),
    httpx.WriteError("cut"),
    httpx.RemoteProtocolError("nonsense"),
    httpx.LocalProtocolError("late, over HTTP/2"),
    httpx.CloseError("cut"),
    KeyError(7),  # httpx lets some of its own libraries' errors through
    RuntimeError("loop"),
]


def table(rows: dict[str, object]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("row", rows.values(), ids=rows.keys())


@table(FINAL)
async def test_a_final_no_is_refused_with_its_reason(row: tuple[httpx.Response, str]):
    response, expected = row
    client = client_of(always(response))

    assert await outcome_of_write(client) == expected
    assert await outcome_of_read(client) == expected


@table(THROTTLED)
async def test_throttling_in_any_wording_waits_as_long_as_it_says(row: tuple[httpx.Response, int]):
    response, seconds = row
    ledger = Ledger()
    client = client_of(always(response), ledger)

    assert await outcome_of_write(client) == f"Throttled {seconds}"
    assert await outcome_of_read(client) == f"Throttled {seconds}"
    assert ledger.told == [("blocked", "c1", seconds)] * 2


@table(IN_DOUBT)
async def test_an_answer_in_doubt_is_unclear_for_a_write_and_later_for_a_read(row: httpx.Response):
    client = client_of(always(row))

    assert await outcome_of_write(client) == "Unclear"
    assert await outcome_of_read(client) == "TryLater 5"


@pytest.mark.parametrize("error", NOT_SENT, ids=lambda error: type(error).__name__)
async def test_what_was_not_sent_can_be_sent_later(error: Exception):
    client = client_of(always(error))

    assert await outcome_of_write(client) == "TryLater 5"
    assert await outcome_of_read(client) == "TryLater 5"


@pytest.mark.parametrize("error", PERHAPS_SENT, ids=lambda error: type(error).__name__)
async def test_what_may_have_been_sent_is_unclear_for_a_write_and_later_for_a_read(error: Exception):
    client = client_of(always(error))

    assert await outcome_of_write(client) == "Unclear"
    assert await outcome_of_read(client) == "TryLater 5"


async def test_a_write_whose_answer_lacks_the_value_is_unclear_and_the_same_read_is_merely_empty():
    client = client_of(always(success({"id": "rocket_loader", "editable": True})))

    assert await outcome_of_write(client) == "Unclear"
    assert await outcome_of_read(client) == ""


async def test_a_read_waits_as_long_as_an_outage_asks_for():
    outage = httpx.Response(522, html="<html>Connection timed out</html>", headers={"Retry-After": "120"})

    assert await outcome_of_read(client_of(always(outage))) == "TryLater 120"


async def test_a_missing_permission_is_named():
    client = client_of(always(failure(403, 10000)))

    with pytest.raises(Unauthorized) as refused:
        await client.write(ACCESS, BOTS, BOTS.on)

    assert refused.value.detail == "Bot Management"


async def test_the_words_of_a_refusal_come_along_fit_to_be_kept():
    wordy = failure(400, 1007, message="Invalid\x00 value\n\ud800 for " + "x" * 500)

    with pytest.raises(Refused) as refused:
        await client_of(always(wordy)).write(ACCESS, ROCKET, "maybe")

    assert refused.value.detail.startswith("Invalid value for xx")
    assert len(refused.value.detail) <= 120 and refused.value.detail.isprintable()


PAGE = "https://developers.cloudflare.com/api/resources/zones/subresources/settings/methods/edit"


def contextual(code: int, url: object, message: str = "Forbidden") -> httpx.Response:
    """A 403 as the gateway sends it since August 2026: with the page of the endpoint that was denied."""
    error = {"code": code, "message": message, "documentation_url": url}
    return httpx.Response(403, json={"success": False, "errors": [error], "messages": [], "result": None})


@pytest.mark.parametrize("code", [10000, 99999])
async def test_contextual_403_names_permission_and_documentation(code: int):
    with pytest.raises(Unauthorized) as refused:
        await client_of(always(contextual(code, PAGE))).write(ACCESS, ROCKET, "on")

    assert (refused.value.reason, refused.value.detail) == (Reason.PERMISSION, "Zone Settings")
    assert refused.value.api == ApiError((code,), "Forbidden", PAGE)


@pytest.mark.parametrize(
    "url",
    [
        None,
        7,
        "http://developers.cloudflare.com/api",
        "https://developers.cloudflare.com.evil.test/",
        "https://evil.test/https://developers.cloudflare.com/",
        "javascript:alert(1)",
        PAGE + "/" + "x" * 300,
        PAGE + "\x1b[31m",
        f"{PAGE}?token={SECRET}",
    ],
)
async def test_untrusted_documentation_link_is_dropped(url: object):
    with pytest.raises(Unauthorized) as refused:
        await client_of(always(contextual(10000, url))).write(ACCESS, ROCKET, "on")

    assert refused.value.api is not None
    assert "evil" not in (link := refused.value.api.documentation_url) and SECRET not in link
    assert link.isprintable() and link.startswith("https://developers.cloudflare.com/") and len(link) <= 200


@pytest.mark.parametrize(
    "words",
    [
        "<b>No</b> <script>alert(1)</script>",
        "No \x1b[31m\u202e\x07",
        f"No {SECRET}",
        "No cfut_0123456789abcdef0123456789abcdef01234567",
        "No " + "a1B2" * 10,
        "No " + "y " * 4000,
    ],
)
async def test_words_for_the_operator_hold_no_markup_controls_or_tokens(words: str):
    with pytest.raises(Refused) as refused:
        await client_of(always(failure(400, 4242, message=words))).write(ACCESS, ROCKET, "on")

    said = explain(refused.value)
    assert "4242" in said and "No" in said and said.isprintable() and len(said) < 600
    assert not any(piece in said for piece in ("<", SECRET, "cfut_0123", "a1B2a1B2"))


@pytest.mark.parametrize("status", [400, 404])
@pytest.mark.parametrize("code", [1001, 7003])
async def test_unknown_zone_on_every_path_is_a_lost_zone(status: int, code: int):
    client = client_of(always(failure(status, code)))

    assert await outcome_of_read(client, batch=True) == "Refused zone_gone"
    assert await outcome_of_read(client) == "Refused zone_gone"


@pytest.mark.parametrize("status", [400, 404])
@pytest.mark.parametrize("code", [1001, 7003])
async def test_unknown_zone_on_one_path_only_is_no_lost_zone(status: int, code: int):
    client = client_of(_gone("/settings", failure(status, code)))

    assert await outcome_of_read(client, batch=True) == "BatchWithdrawn unknown_setting"
    assert await outcome_of_read(client) == "Refused unknown_setting"


async def test_refused_token_outranks_a_missing_route():
    def answer(request: httpx.Request) -> httpx.Response:
        return failure(404, 7003) if "settings" in request.url.path else failure(403, 9109)

    assert await outcome_of_read(client_of(answer)) == "Unauthorized token_refused"


async def test_codes_are_found_in_chains_and_as_text():
    chained = {"code": 1, "message": "no", "error_chain": [{"code": "6111", "message": "bad header"}, 7]}
    odd = httpx.Response(400, json={"success": False, "errors": [chained, "what?"]})

    assert await outcome_of_write(client_of(always(odd))) == "Unauthorized token_refused"


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
async def test_a_value_that_is_no_json_is_refused_before_anything_is_sent(value: float):
    client = client_of(always(AssertionError("nothing may be sent")))

    with pytest.raises(Refused) as refused:
        await client.write(ACCESS, ROCKET, value)

    assert refused.value.reason is Reason.WRONG_VALUE


# -- a path that is gone, or a zone ------------------------------------------------------------
def _gone(what: str, response: httpx.Response) -> Answer:
    """A Cloudflare that gives one answer below a path, and otherwise knows the zone."""
    zone = success({"name": "shop.example", "plan": {"legacy_id": "pro"}, "account": {"id": "a"}})

    def answer(request: httpx.Request) -> httpx.Response:
        return always(response if request.url.path.startswith(f"/client/v4/zones/{ZONE}{what}") else zone)(
            request
        )

    return answer


WITHDRAWALS = {
    "410": failure(410, 10410),
    "410 as a page": httpx.Response(410, html="gone"),
    "404": failure(404, 7000),
    "404 like a lost zone": failure(404, 7003, 7000),
    "404 as a page": httpx.Response(404, html="not found"),
}


@table(WITHDRAWALS)
async def test_a_withdrawn_batch_call_is_told_from_everything_else(row: httpx.Response):
    client = client_of(_gone("/settings", row))

    assert await outcome_of_read(client, batch=True) == "BatchWithdrawn unknown_setting"


async def test_a_lost_zone_is_not_taken_for_a_withdrawn_batch_call():
    client = client_of(_gone("", failure(404, 7003, 7000)))

    assert await outcome_of_read(client, batch=True) == "Refused zone_gone"
    assert await outcome_of_read(client) == "Refused zone_gone"
    assert await outcome_of_write(client) == "Refused zone_gone"


async def test_one_withdrawn_setting_is_not_taken_for_a_lost_zone():
    client = client_of(_gone("/settings", failure(404, 7003, 7000)))

    assert await outcome_of_read(client) == "Refused unknown_setting"
    assert await outcome_of_write(client) == "Refused unknown_setting"


async def test_a_zone_that_may_not_be_looked_at_is_there():
    def answer(request: httpx.Request) -> httpx.Response:
        return failure(404, 7003) if "settings" in request.url.path else failure(403, 10000)

    assert await outcome_of_read(client_of(answer), batch=True) == "BatchWithdrawn unknown_setting"


async def test_while_it_cannot_be_told_which_is_gone_nothing_is_concluded():
    def answer(request: httpx.Request) -> httpx.Response:
        return failure(404, 7003) if "settings" in request.url.path else failure(503, 1005)

    assert await outcome_of_read(client_of(answer), batch=True) == "TryLater 5"


async def test_a_throttled_or_forbidden_batch_call_is_not_withdrawn():
    assert await outcome_of_read(client_of(always(failure(404, 971))), batch=True) == "Throttled 300"
    assert (
        await outcome_of_read(client_of(always(failure(403, 10000))), batch=True) == "Unauthorized permission"
    )
    assert await outcome_of_read(client_of(always(HTML)), batch=True) == "TryLater 5"


# -- never twice -------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "response", [failure(500, 1005), failure(429, 971), HTML, httpx.ReadTimeout("slow"), failure(400, 1007)]
)
async def test_a_write_is_sent_once(response: httpx.Response | Exception):
    sent: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return always(response)(request)

    await outcome_of_write(client_of(answer))

    assert [(request.method, body_of(request)) for request in sent] == [("PATCH", {"value": "on"})]
