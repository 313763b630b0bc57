"""The web entry: builds the parts, makes the app, adds pages and routes, starts the feed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import reflex as rx
from reflex.config import get_config
from reflex.utils.exec import is_prod_mode
from starlette.applications import Starlette
from starlette.routing import Mount

from cloudcache import logs
from cloudcache.config import ConfigError, load
from cloudcache.ui import pages, theme
from cloudcache.ui.states.feed import feed
from cloudcache.ui.states.session import BindSession
from cloudcache.web import local_session, metrics, ops
from cloudcache.wiring import build

logs.configure()
try:
    wiring = build(load())
except ConfigError as error:
    raise SystemExit(f"cloudcache: {error}") from None


@asynccontextmanager
async def running() -> AsyncIterator[None]:
    """The parts live as long as the server does."""
    async with wiring.running():
        yield


def routes() -> Starlette:
    """What is served beside the pages; the pretend Cloudflare and the local sign-in exist locally only."""
    served = [*ops.ROUTES, *metrics.ROUTES]
    if wiring.settings.is_local:
        served += local_session.ROUTES
    if wiring.cloudflare is not None:
        served.append(Mount("/cloudflare", wiring.cloudflare))
    return Starlette(routes=served)


def backend() -> str:
    """Where the routes are for a page that is served from another port (development); "" when it is the same."""
    return "" if is_prod_mode() else get_config().api_url


app = rx.App(
    stylesheets=theme.STYLESHEETS,
    head_components=[
        rx.el.script(src=theme.SCRIPT, defer=True),
        rx.el.link(rel="icon", href=theme.ICON, type="image/svg+xml"),
    ],
    html_lang="en",
    toaster=None,
    api_transformer=routes(),
)
app.app_wraps.pop(
    (5, "Overlay"), None
)  # its toast names the socket's address; `banners.lost` says it in words
app.add_middleware(BindSession())
app.register_lifespan_task(running)
app.register_lifespan_task(feed)
pages.add_to(app, pages.Local(backend()) if wiring.settings.is_local else None)
