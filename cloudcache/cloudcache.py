"""The web entry: builds the parts, makes the app, adds pages and routes, starts the feed."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import reflex as rx
from reflex.config import get_config
from reflex.constants import Dirs
from reflex.utils.exec import is_prod_mode
from reflex.utils.prerequisites import get_web_dir
from reflex_base import otel
from reflex_base.environment import environment
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.types import ASGIApp

from cloudcache import garbage, logs
from cloudcache.config import ConfigError, load
from cloudcache.domain.events import SignedOut, Uninstalled
from cloudcache.ui import pages, theme
from cloudcache.ui.states import bindings, open_pages, reconnecting, reloads
from cloudcache.ui.states.feed import feed
from cloudcache.ui.states.session import BindSession, subject_of
from cloudcache.web import api, local_session, openapi, ops, signin, webhooks
from cloudcache.web.built_files import BuiltFiles
from cloudcache.web.documents import APP_BRIDGE, DocumentMiddleware, Documents
from cloudcache.web.requests import Requests
from cloudcache.web.shield import Shield
from cloudcache.web.socket_limits import OpenSockets, SocketLimits
from cloudcache.wiring import build

logs.configure()
try:
    settings = load()
    logs.configure(form=settings.log_format)
    for text in settings.unknown:
        logging.getLogger("cloudcache").warning(text)
    wiring = build(settings, lambda: list(get_config().cors_allowed_origins))
except ConfigError as error:
    raise SystemExit(f"cloudcache: {error}") from None


@asynccontextmanager
async def running() -> AsyncIterator[None]:
    """The parts live as long as the server does."""
    tracing = wiring.traced("web")
    if tracing is not None:
        otel.enable(tracer_provider=tracing.provider)  # an event of a page is the first step of its trace
    async with wiring.running():
        yield


garbage_collections = garbage.Collections()
sockets = OpenSockets(
    SocketLimits(wiring.settings.sockets_per_address, wiring.settings.sockets_before_sign_in)
)
rules = Documents(
    wiring.settings.shopify_client_id,
    "/shopify/app-bridge.js" if wiring.settings.plays_shopify else APP_BRIDGE,
    get_config().cors_allowed_origins,
    lambda token, shop: wiring.shopify_client.id_token(token, query_shop=shop, bound_shop=None),
    is_local=wiring.settings.is_local,
)


def routes() -> Starlette:
    """What is served beside the pages; the pretend others and the local sign-in exist locally only."""
    served = [
        *ops.routes(wiring.scrape.text if wiring.settings.shows_metrics else None),
        *api.ROUTES,
        *openapi.ROUTES,
        *webhooks.ROUTES,
        *signin.AGREEMENT_ROUTES,
        *signin.staff_routes(wiring.staff_cookie, wiring.staff_sign_in),
        signin.bounce_route(rules),
    ]
    if wiring.settings.is_local:
        served += local_session.routes(wiring.staff_cookie)
    if wiring.cloudflare is not None:
        served.append(Mount("/cloudflare", wiring.cloudflare))
    elif wiring.settings.is_local and wiring.settings.cloudflare_url.startswith("http://"):
        served.append(local_session.dashboard_route(wiring.settings.cloudflare_url))
    if wiring.shopify is not None:
        served.append(Mount("/shopify", wiring.shopify))
    return Starlette(routes=served)


def shielded(inner: ASGIApp) -> ASGIApp:
    """Everything goes through the document rules and the shield, sockets too."""
    tls = (wiring.settings.public_url or "").startswith("https://")
    config = get_config()
    shield = Shield(
        DocumentMiddleware(with_built_files(inner), rules),
        config.cors_allowed_origins,
        tls=tls,
        hops=config.trusted_proxy_hops,
        sockets=sockets,
        signed_in=subject_of,
        on_socket_end=garbage_collections.socket_ended,
    )
    return Requests(shield, routes().routes, wiring.telemetry)


def with_built_files(inner: ASGIApp) -> ASGIApp:
    """The built pages' files from memory, where this process serves them at all (in development Vite does)."""
    if not environment.REFLEX_MOUNT_FRONTEND_COMPILED_APP.get():
        return inner
    return BuiltFiles(inner, get_web_dir() / Dirs.STATIC)


def signed_in(socket: str) -> None:
    """A page has signed in over this socket."""
    environ = app.event_namespace.server.get_environ(socket, app.event_namespace.namespace)
    if environ is not None:
        sockets.sign_in(environ["asgi.scope"])


def backend() -> str:
    """Where the routes are for a page that is served from another port (development); "" when it is the same."""
    return "" if is_prod_mode() else get_config().api_url


app = rx.App(
    stylesheets=theme.STYLESHEETS,
    head_components=[
        rx.el.script(src=theme.STORAGE),
        rx.el.script(src=theme.SOCKET),
        rx.el.script(src=theme.RELEASE),
        rx.el.script(src=theme.SCRIPT, defer=True),
        rx.el.link(
            rel="preload",
            href=theme.FONT,
            custom_attrs={"as": "font"},
            type="font/woff2",
            cross_origin="anonymous",
        ),
        rx.el.link(rel="icon", href=theme.ICON, type="image/svg+xml"),
    ],
    html_lang="en",
    toaster=None,
    api_transformer=[routes(), shielded],
)
app.app_wraps.pop(
    (5, "Overlay"), None
)  # its toast names the socket's address; `banners.lost` says it in words
app.add_middleware(BindSession())
reconnecting.keep_states(app)
bindings.listen(signed_in)
wiring.services.bus.listen(Uninstalled, lambda news: bindings.release_shop(news.shop))
wiring.services.bus.listen(SignedOut, lambda news: open_pages.sign_out(news.sign_in))
wiring.services.bus.listen(SignedOut, lambda news: reloads.sign_out(news.sign_in))
app.register_lifespan_task(running)
app.register_lifespan_task(feed)
app.register_lifespan_task(garbage_collections.run)
pages.add_to(
    app,
    pages.Local(backend()) if wiring.settings.is_local else None,
    "/auth/staff/begin" if wiring.staff_sign_in is not None else None,
)
