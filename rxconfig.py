"""What Reflex is told, and nothing else; cloudcache's own settings are in `cloudcache/config.py`.

Everything here can be overridden with Reflex's variables, say `REFLEX_BACKEND_HOST` or `REFLEX_API_URL`. The
pages are plain elements with a style sheet of their own, so the Radix themes plugin is left out on purpose:
it would add 75 KB of JavaScript and 79 KB of CSS, compressed, to a first visit.
"""

import os
from collections.abc import Sequence
from urllib.parse import urlsplit

import reflex as rx
from dotenv import dotenv_values
from reflex.constants import Bun, StateManagerMode

from cloudcache import bun

os.environ.setdefault("REFLEX_CHECK_LATEST_VERSION", "false")
# A page says within ten seconds that its socket is lost: this long and four seconds more (`assets/socket.js`).
os.environ.setdefault("REFLEX_SOCKET_INTERVAL", "5")
# A tab that is gone counts as open for at most 29 s: an interval, and twice this, which is also how often sockets are
# looked at. Reflex's own 120 s kept the zone of such a tab at an open page's pace for four minutes.
os.environ.setdefault("REFLEX_SOCKET_TIMEOUT", "12")
os.environ.setdefault("REFLEX_SOCKET_MAX_HTTP_BUFFER_SIZE", "65536")  # no event of ours has a hundredth of it


class LocalOrigins(Sequence[str]):
    """Where this machine serves the app, by the ports in use at the moment somebody looks.

    Reflex moves on to the next free port when one is taken. It does so after it has read this file and before
    it loads the app, and notes its choice in the environment.
    """

    def __getitem__(self, index):
        return self._now()[index]

    def __len__(self):
        return len(self._now())

    def _now(self):
        ports = {
            os.environ.get("REFLEX_FRONTEND_PORT", "3000"),
            os.environ.get("REFLEX_BACKEND_PORT", "8000"),
        }
        return [f"http://{host}:{port}" for port in sorted(ports) for host in ("localhost", "127.0.0.1")]


def setting(name, default=None):
    """A setting from the environment, else from `.env`; an empty one is not set."""
    return (os.environ.get(name, ENV_FILE.get(name)) or "").strip() or default


def origins():
    """Whose scripts may open the socket: it trusts a cookie that the browser would send for any page."""
    url = setting("CLOUDCACHE_PUBLIC_URL")
    if url is None:
        return LocalOrigins()
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise SystemExit(
            f"cloudcache: CLOUDCACHE_PUBLIC_URL is {url!r}; it must begin with https:// or http://"
        )
    usual = ":443" if parts.scheme == "https" else ":80"
    return [f"{parts.scheme}://{parts.netloc.lower().removesuffix(usual)}"]


def bun_path():
    """A developer's machine installs what is missing; a server is given what it needs and changes nothing."""
    found = bun.find() or (Bun.DEFAULT_PATH if Bun.DEFAULT_PATH.exists() else None)
    return found or (bun.ensure() if LOCAL else None) or Bun.DEFAULT_PATH


ENV_FILE = dotenv_values(".env")
LOCAL = setting("CLOUDCACHE_ENVIRONMENT", "local") == "local"
REDIS_URL = setting("CLOUDCACHE_REDIS_URL") if setting("CLOUDCACHE_REDIS_STATE") == "on" else None

config = rx.Config(
    app_name="cloudcache",
    backend_host="127.0.0.1" if LOCAL else "0.0.0.0",  # noqa: S104  a server listens to its proxy
    bun_path=bun_path(),
    cors_allowed_origins=origins(),
    redis_url=REDIS_URL,
    state_manager_mode=StateManagerMode.REDIS if REDIS_URL else StateManagerMode.MEMORY,
    telemetry_enabled=False,
    show_built_with_reflex=False,
    plugins=[],
    disable_plugins=[rx.plugins.SitemapPlugin],
)
