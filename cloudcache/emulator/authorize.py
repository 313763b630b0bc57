"""`/oauth2/...`: where people are asked, and where apps turn codes into tokens.

        GET  auth     the question             POST auth     the answer; back to the app with a code
        POST token    code or refresh token    POST revoke   ends a refresh token's grant, or one access token

Nobody is sent to an address that is not registered; such a request ends on a page of its own. Any other
mistake goes back to the app as `error`.
"""

from __future__ import annotations

import binascii
import secrets
from base64 import b64decode
from collections.abc import Mapping
from urllib.parse import unquote_plus, urlencode, urlsplit

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from cloudcache.emulator.consent import consent_page, refusal_page
from cloudcache.emulator.forms import BadInput, form_of, is_foreign
from cloudcache.emulator.oauth import ACCESS_SECONDS, Grant, OAuthClient, OAuthRefusal, Wish
from cloudcache.emulator.permissions import permissions_of
from cloudcache.emulator.tokens import user_id_of
from cloudcache.emulator.wire import JSON, compact
from cloudcache.emulator.world import World

# No form-action: browsers hold it against the redirect too, and that leads to the app.
PAGE_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
}
TOKEN_HEADERS = {"Cache-Control": "no-store", "Pragma": "no-cache"}


def oauth_routes(world: World) -> list[Route]:
    """The routes, to be mounted at `/oauth2`."""
    question, exchange = Question(world), TokenDesk(world)
    return [
        Route("/auth", question.ask, methods=["GET"]),
        Route("/auth", question.decide, methods=["POST"]),
        Route("/token", exchange.token, methods=["POST"]),
        Route("/revoke", exchange.revoke, methods=["POST"]),
    ]


class Question:
    """The part that a person sees."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def ask(self, request: Request) -> Response:
        """Shows the question, unless something is wrong with it."""
        wish = Wish.of(request.query_params)
        return self._objection(wish) or _page(consent_page(self._world, wish))

    async def decide(self, request: Request) -> Response:
        """Carries the decision back to the app."""
        if is_foreign(request):
            return _page(refusal_page("You can answer this only on its own page."), 403)
        try:
            given = await form_of(request)
        except BadInput as trouble:
            return _page(refusal_page(str(trouble)), 400)
        wish = Wish.of(given)
        return self._objection(wish) or self._answer(wish, given)

    def _answer(self, wish: Wish, given: Mapping[str, str]) -> Response:
        world, account_id = self._world, given.get("account", "")
        decision = given.get("decision")
        if decision == "deny":
            return _sent_back(wish, error="access_denied", error_description="the person said no")
        if decision != "allow":
            return _page(consent_page(world, wish, "Choose Allow or Deny."), 400)
        if world.directory.account(account_id) is None:
            return _page(consent_page(world, wish, "Choose an account."), 400)
        with world.lock:
            return _sent_back(wish, code=world.oauth.allow(wish, account_id, world.clock()))

    def _objection(self, wish: Wish) -> Response | None:
        if not self._world.oauth.may_be_sent_back(wish):
            return _page(refusal_page("Unknown client_id, or a redirect_uri that isn’t registered."), 400)
        try:
            wish.permissions()
        except OAuthRefusal as refusal:
            return _sent_back(wish, error=refusal.error, error_description=str(refusal))
        return None


class TokenDesk:
    """The part that apps call."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def token(self, request: Request) -> Response:
        """Gives an access token for a code or a refresh token."""
        try:
            given = await form_of(request)
            with self._world.lock:
                client = self._client(request, given)
                return _reply(self._issued(*self._granted(client, given)))
        except (OAuthRefusal, BadInput) as trouble:
            return _refused(trouble)

    async def revoke(self, request: Request) -> Response:
        """Ends a token; one that is unknown counts as ended."""
        try:
            given = await form_of(request)
            with self._world.lock:
                self._end(self._client(request, given), _needed(given, "token"))
        except (OAuthRefusal, BadInput) as trouble:
            return _refused(trouble)
        return Response(headers=TOKEN_HEADERS)

    def _client(self, request: Request, given: Mapping[str, str]) -> OAuthClient:
        basic = request.headers.get("authorization")
        if basic is None:
            client_id, secret = given.get("client_id", ""), given.get("client_secret", "")
        elif "client_secret" in given:
            raise OAuthRefusal("invalid_request", "the client authenticates in two ways at once")
        else:
            client_id, secret = _basic(basic)
        return self._world.oauth.authenticate(client_id, secret)

    def _granted(self, client: OAuthClient, given: Mapping[str, str]) -> tuple[Grant, str]:
        book, grant_type = self._world.oauth, _needed(given, "grant_type")
        if grant_type == "authorization_code":
            names = ("code", "redirect_uri", "code_verifier")
            code, redirect_uri, verifier = (_needed(given, name) for name in names)
            return book.redeem(client, code, redirect_uri, verifier, self._world.clock())
        if grant_type == "refresh_token":
            return book.refresh(client, _needed(given, "refresh_token"))
        raise OAuthRefusal("unsupported_grant_type", "only authorization_code and refresh_token are known")

    def _issued(self, grant: Grant, refresh_token: str) -> dict[str, JSON]:
        world, token = self._world, f"cfoat_{secrets.token_urlsafe(32)}"
        email = f"owner-{grant.account_id[:8]}@example.com"
        world.add_token(
            token,
            kind="user",
            accounts=[grant.account_id],
            permissions=permissions_of(grant.scope.split()),
            user_id=user_id_of(email),
            email=email,
            name=f"OAuth token of {grant.client_id}",
            expires_at=world.clock() + ACCESS_SECONDS,
            grant_id=grant.id,
        )
        return {
            "access_token": token,
            "refresh_token": refresh_token,
            "token_type": "bearer",
            "expires_in": ACCESS_SECONDS,
            "scope": grant.scope,
        }

    def _end(self, client: OAuthClient, token: str) -> None:
        world = self._world
        grant = world.oauth.grant_of(client, token)
        if grant is not None:
            world.oauth.end(grant)
            world.revoke_tokens_of(grant.id)
            return
        known = world.token(token)
        if known is not None and world.oauth.owns(client, known.grant_id):
            world.revoke_token(token)


def _needed(given: Mapping[str, str], name: str) -> str:
    value = given.get(name)
    if not value:
        raise OAuthRefusal("invalid_request", f"{name} is missing")
    return value


def _basic(header: str) -> tuple[str, str]:
    scheme, _, encoded = header.partition(" ")
    try:
        client_id, _, secret = b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        client_id = secret = ""
    if scheme.lower() != "basic":
        client_id = secret = ""
    return unquote_plus(client_id), unquote_plus(secret)


def _sent_back(wish: Wish, **parameters: str) -> Response:
    carried = parameters | ({"state": wish.state} if wish.state else {})
    separator = "&" if urlsplit(wish.redirect_uri).query else "?"
    address = f"{wish.redirect_uri}{separator}{urlencode(carried)}"
    return RedirectResponse(address, status_code=303, headers={"Cache-Control": "no-store"})


def _page(text: str, status: int = 200) -> Response:
    return HTMLResponse(text, status, headers=PAGE_HEADERS)


def _reply(value: JSON, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return Response(
        compact(value), status, media_type="application/json", headers={**TOKEN_HEADERS, **(headers or {})}
    )


def _refused(trouble: OAuthRefusal | BadInput) -> Response:
    error, status = ("invalid_request", 400)
    if isinstance(trouble, OAuthRefusal):
        error, status = trouble.error, trouble.status
    challenge = {"WWW-Authenticate": 'Basic realm="oauth2"'} if status == 401 else {}
    return _reply({"error": error, "error_description": str(trouble)}, status, challenge)
