"""Routes that browsers visit to sign in: the bounce page, Cloudflare's agreement, and the staff's sign-in.

Each sets and reads cookies of its own, first-party and for its own path. No token is ever put into an address.
"""

from __future__ import annotations

import logging
from html import escape

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from cloudcache.domain.errors import CloudcacheError
from cloudcache.ports import StaffCookie, StaffSignIn
from cloudcache.services import current
from cloudcache.web.documents import Documents, bounce_page
from cloudcache.web.problem import problem

log = logging.getLogger("cloudcache.signin")

AGREEMENT_COOKIE = "cloudcache_agreement"
AGREEMENT_S = 600
POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; font-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)

PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport"
content="width=device-width, initial-scale=1"><title>cloudcache</title>
<link rel="icon" href="/favicon.svg" type="image/svg+xml">
<link rel="stylesheet" href="/tokens.css"><link rel="stylesheet" href="/cloudcache.css">
</head><body><main class="page narrow alone">
<section class="card"><div class="empty"><h1>{title}</h1><p>{text}</p>{more}
</div></section></main></body></html>"""


def bounce_route(rules: Documents) -> Route:
    """The page on which App Bridge fetches a fresh ID token and comes back."""

    async def bounce(request: Request) -> Response:
        made = bounce_page(request.url.query, rules)
        if made is None:
            return problem(400, "malformed", "Invalid link", "Open the app from your Shopify admin.")
        html, policy = made
        headers = {"Content-Security-Policy": policy, "Cache-Control": "no-store"}
        return HTMLResponse(html, headers=headers)

    return Route("/auth/bounce", bounce)


# -- Cloudflare's agreement --------------------------------------------------------------------


async def begin_agreement(request: Request) -> Response:
    """From the shop's page to Cloudflare; the cookie makes sure that the same browser comes back."""
    try:
        agreement = current().connecting.agreement(request.query_params.get("ticket", ""))
    except CloudcacheError as error:
        return _refused("This link doesn’t work anymore", "Go back to the app and start again.", error)
    response = RedirectResponse(agreement.address, status_code=303)
    _set(request, response, AGREEMENT_COOKIE, agreement.nonce, AGREEMENT_S, "/connect/cloudflare")
    return response


async def ask_agreement(request: Request) -> Response:
    """Cloudflare sends the person back: before anything is kept, say for which shop this would be."""
    state, code = request.query_params.get("state", ""), request.query_params.get("code", "")
    if request.query_params.get("error"):
        return _page(
            "Nothing was connected",
            "You didn’t authorize the app in Cloudflare. You can close this window.",
            200,
        )
    try:
        shop = current().connecting.shop_of(state, request.cookies.get(AGREEMENT_COOKIE, ""))
    except CloudcacheError as error:
        return _refused("Couldn’t connect", "Go back to the app and start again.", error)
    form = (
        '<form method="post" action="/connect/cloudflare/end">'
        f'<input type="hidden" name="state" value="{escape(state)}">'
        f'<input type="hidden" name="code" value="{escape(code)}">'
        '<button class="btn primary">Connect</button></form>'
    )
    return _page(f"Connect to {escape(shop)}?", "Continue only if this is your store.", 200, form)


async def end_agreement(request: Request) -> Response:
    """The person said yes for this shop."""
    form = await request.form(max_fields=4, max_files=0)
    state, code = str(form.get("state", "")), str(form.get("code", ""))
    nonce = request.cookies.get(AGREEMENT_COOKIE, "")
    if request.headers.get("origin") not in current().origins():
        return _wrong_origin()
    try:
        await current().connecting.finish(state, nonce, code)
    except CloudcacheError as error:
        return _refused("Couldn’t connect", "Go back to the app and start again.", error)
    response = _page(
        "Authorized",
        "Go back to the app and select “Continue”. You can close this window.",
        200,
    )
    response.delete_cookie(AGREEMENT_COOKIE, path="/connect/cloudflare")
    return response


# -- staff -------------------------------------------------------------------------------------


def staff_routes(sessions: StaffCookie | None, oidc: StaffSignIn | None) -> list[Route]:
    """Signing staff in through OpenID Connect, and out again. With Cloudflare Access in front there is neither."""
    if sessions is None:
        return []

    async def begin(request: Request) -> Response:
        if oidc is None or request.headers.get("origin") not in current().origins():
            return _wrong_origin()
        try:
            address, attempt = await oidc.begin()
        except CloudcacheError as error:
            return _refused("Couldn’t sign in", "Try again in a moment.", error, 503)
        response = RedirectResponse(address, status_code=303)
        _set(request, response, oidc.cookie, attempt, oidc.attempt_s, "/auth/staff")
        return response

    async def end(request: Request) -> Response:
        if oidc is None:
            return problem(404, "not-found", "Not found", "Signing in this way isn’t set up.")
        asked = request.query_params
        who = await oidc.end(
            request.cookies.get(oidc.cookie, ""), asked.get("state", ""), asked.get("code", "")
        )
        if who is None:
            return problem(403, "forbidden", "Couldn’t sign in", "Go back to the support page and try again.")
        response = RedirectResponse("/staff", status_code=303)
        response.set_cookie(
            sessions.cookie,
            sessions.issue(*who),
            max_age=sessions.max_age_s,
            httponly=True,
            secure=sessions.is_secure,
            samesite="lax",
            path="/",
        )
        response.delete_cookie(oidc.cookie, path="/auth/staff")
        return response

    async def leave(request: Request) -> Response:
        if request.headers.get("origin") not in current().origins():
            return _wrong_origin()
        principal = await current().staff.principal(dict(request.headers))
        if principal is not None:
            current().sign_outs.end(principal)
        response = RedirectResponse("/staff", status_code=303)
        response.delete_cookie(
            sessions.cookie, path="/", secure=sessions.is_secure, httponly=True, samesite="lax"
        )
        return response

    return [
        Route("/auth/staff/begin", begin, methods=["POST"]),
        Route("/auth/staff/callback", end, methods=["GET"]),
        Route("/auth/staff/signout", leave, methods=["POST"]),
    ]


def _set(request: Request, response: Response, name: str, value: str, age_s: int, path: str) -> None:
    is_secure = request.url.scheme == "https" or any(
        one.startswith("https://") for one in current().origins()
    )
    response.set_cookie(
        name, value, max_age=age_s, httponly=True, secure=is_secure, samesite="lax", path=path
    )


def _refused(title: str, detail: str, error: CloudcacheError, status: int = 400) -> Response:
    log.warning("signing in: %s", error)
    return problem(status, "malformed" if status == 400 else "unavailable", title, detail)


def _wrong_origin() -> Response:
    return problem(403, "wrong-origin", "Forbidden", "Send this request from a page of the app.")


def _page(title: str, text: str, status: int, more: str = "") -> HTMLResponse:
    headers = {"Content-Security-Policy": POLICY, "Cache-Control": "no-store"}
    return HTMLResponse(PAGE.format(title=title, text=text, more=more), status, headers=headers)


AGREEMENT_ROUTES = [
    Route("/connect/cloudflare", begin_agreement, methods=["GET"]),
    Route("/connect/cloudflare/back", ask_agreement, methods=["GET"]),
    Route("/connect/cloudflare/end", end_agreement, methods=["POST"]),
]
