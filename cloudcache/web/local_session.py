"""Signing in and out in the local environment: two form posts that set and clear one cookie.

They answer posts of our own pages only (the Origin header decides) and exist nowhere but locally.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from cloudcache.domain.errors import NotFound, StoreUnavailable
from cloudcache.ports import StaffCookie
from cloudcache.services import current
from cloudcache.web.problem import problem

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]"})


async def sign_in(request: Request) -> Response:
    """Start a session as the owner of the shop named in the form."""
    origin, services = _own_origin(request), current()
    sessions = services.local_sessions
    if origin is None or sessions is None:
        return _wrong_origin()
    shop = (await request.form(max_fields=4, max_files=0)).get("shop")
    try:
        customer = await services.customers.of_shop(shop if isinstance(shop, str) else "")
    except (NotFound, ValueError):
        return problem(400, "not-found", "Store not found", "Go back and choose another store.")
    except StoreUnavailable as error:
        return problem(503, "unavailable", "Couldn’t sign in", f"The database isn’t available: {error}")
    response = RedirectResponse(f"{origin}/", status_code=303)
    response.set_cookie(
        sessions.cookie, sessions.issue(customer), max_age=sessions.max_age_s, httponly=True, samesite="lax"
    )
    return response


async def sign_out(request: Request) -> Response:
    """End the session."""
    origin, sessions = _own_origin(request), current().local_sessions
    if origin is None or sessions is None:
        return _wrong_origin()
    principal = current().identity.principal(request.headers.get("cookie", ""))
    if principal is not None:
        current().sign_outs.end(principal)
    response = RedirectResponse(f"{origin}/signin", status_code=303)
    response.delete_cookie(sessions.cookie, httponly=True, samesite="lax")
    return response


def _wrong_origin() -> Response:
    return problem(403, "wrong-origin", "Forbidden", "Send this request from a page of the app.")


def _own_origin(request: Request) -> str | None:
    """The origin of the page that posts, if it is one of this machine: in development the page and this route
    have different ports, so the answer must lead back to the page's."""
    origin = request.headers.get("origin", "")
    parts = urlsplit(origin)
    return origin if parts.scheme in ("http", "https") and _host(parts.netloc) in _LOOPBACK else None


def _host(netloc: str) -> str:
    return netloc.rsplit(":", 1)[0] if not netloc.endswith("]") else netloc


def dashboard_route(cloudflare_url: str) -> Route:
    """Where the page's link to the emulated dashboard leads when the emulator is a process of its own."""
    address = cloudflare_url.removesuffix("/client/v4") + "/_emulator/dashboard"

    async def lead_on(request: Request) -> Response:
        return RedirectResponse(address, status_code=307)

    return Route("/cloudflare/_emulator/dashboard", lead_on, methods=["GET"])


def routes(staff: StaffCookie | None) -> list[Route]:
    """Signing in as a demo shop or as pretend staff, and out."""

    async def staff_in(request: Request) -> Response:
        origin = _own_origin(request)
        if origin is None or staff is None or current().local_sessions is None:
            return _wrong_origin()
        role = (await request.form(max_fields=4, max_files=0)).get("role")
        if role not in ("viewer", "operator", "admin"):
            return problem(400, "not-found", "Role not found", "The role must be viewer, operator, or admin.")
        response = RedirectResponse(f"{origin}/staff", status_code=303)
        value = staff.issue(f"local-{role}", f"{role}@localhost")
        response.set_cookie(
            staff.cookie, value, max_age=staff.max_age_s, httponly=True, samesite="lax", path="/"
        )
        return response

    return [
        Route("/local/session", sign_in, methods=["POST"]),
        Route("/local/signout", sign_out, methods=["POST"]),
        Route("/local/staff", staff_in, methods=["POST"]),
    ]
