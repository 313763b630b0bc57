"""Every way in which the pretend Cloudflare says no, one function each, so that codes stand in one place.

        400  6003 header, 1006 setting name, 1007 value, 1004 items, 10400 anything else malformed
        401  1000 token to verify            403  9109 token or reach, 10000 permission, 1015 and kin plan
        404  7003 and 7000 no such thing     405  10405 method       410  the withdrawn bulk read
        404  10009 no such KV key            404  10013 no such KV namespace
        429  971 over the budget             5xx  1005 its own trouble

Where the real code or status is not known, the function says so.
"""

from __future__ import annotations

from cloudcache.emulator.wire import Failure, Refusal


def malformed_header() -> Refusal:
    """The Authorization header is missing or not `Bearer <token>`."""
    cause = Failure(6111, "Invalid format for Authorization header")
    return Refusal(400, Failure(6003, "Invalid request headers", (cause,)))


def unknown_setting(name: str) -> Refusal:
    """No such setting, or not one for this zone."""
    return Refusal(400, Failure(1006, f"Unrecognized zone setting name: {name}"))


def bad_value(name: str) -> Refusal:
    """The value is missing or not one of the setting's."""
    return Refusal(400, Failure(1007, f"Invalid value for zone setting {name}"))


def not_editable(name: str, code: int = 1015) -> Refusal:
    """The plan or a feature that was not bought forbids the change. The real status is not confirmed."""
    messages = {
        1024: "It is not possible to change Orange To Orange settings for this zone",
        1025: "It is not possible to change Visitor IP settings for this zone",
        1057: f"{name} cannot be modified for this zone",
    }
    return Refusal(403, Failure(code, messages.get(code, f"Not allowed to edit setting for {name}")))


def missing_items() -> Refusal:
    """The bulk write takes an object with `items`, whatever the public schema shows."""
    return Refusal(400, Failure(1004, "Missing 'items'"))


def bad_request(reason: str) -> Refusal:
    """A parameter or body that cannot be understood. The real codes are not known."""
    return Refusal(400, Failure(10400, f"Bad Request: {reason}"))


def invalid_token(*, verifying: bool) -> Refusal:
    """Nobody knows this token; only the verify calls answer 401 with a code of their own."""
    if verifying:
        return Refusal(401, Failure(1000, "Invalid API Token"))
    return Refusal(403, Failure(9109, "Invalid access token"))


def out_of_reach() -> Refusal:
    """The zone or account exists, and the token was not made for it."""
    return Refusal(403, Failure(9109, "Unauthorized to access requested resource"))


def missing_permission() -> Refusal:
    """The token is good and reaches the resource, but lacks the permission."""
    return Refusal(403, Failure(10000, "Authentication error"))


def no_route(path: str) -> Refusal:
    """An unknown path, or an unknown zone or account in a known one."""
    lost = Failure(7003, f"Could not route to /client/v4{path}, perhaps your object identifier is invalid?")
    return Refusal(404, lost, Failure(7000, "No route for that URI"))


def no_key() -> Refusal:
    """The namespace is there, the key is not in it."""
    return Refusal(404, Failure(10009, "get: 'key not found'"))


def no_namespace() -> Refusal:
    """The account has no such KV namespace."""
    return Refusal(404, Failure(10013, "namespace not found"))


def wrong_method() -> Refusal:
    """The path is known, the verb is not one of its."""
    return Refusal(405, Failure(10405, "Method not allowed"))


def withdrawn() -> Refusal:
    """The bulk calls after their end of life. The real code of that day is not known."""
    return Refusal(410, Failure(10410, "This endpoint has been removed. Use the single settings instead."))


def too_many_accounts() -> Refusal:
    """A zone list that would span too many accounts. The real code is not known."""
    text = "Listing zones across more than 500 accounts is not allowed"
    return Refusal(400, Failure(10400, text))


def slow_down(seconds: int) -> Refusal:
    """Over the budget, with the wait that `Retry-After` names."""
    text = "Please wait and consider throttling your request speed"
    return Refusal(429, Failure(971, text), retry_after=seconds)


def own_trouble(status: int, code: int, message: str) -> Refusal:
    """Cloudflare itself failed."""
    return Refusal(status, Failure(code, message))
