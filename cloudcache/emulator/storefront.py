"""A store behind Shopify and its own zone: pages that show the zone's settings, as a client transport.

What a zone adds to Shopify's pages is what public captures of such stores show. Rocket Loader adds nothing, as
Cloudflare says of this set-up. `mode` makes every page something else: a challenge, a password page, a redirect.
"""

from __future__ import annotations

from collections.abc import Mapping

import httpx

from cloudcache.emulator.generated import Zone
from cloudcache.emulator.reading import current
from cloudcache.emulator.wire import JSON
from cloudcache.emulator.world import World

SHOPIFY: Mapping[str, str] = {
    "powered-by": "Shopify",
    "content-type": "text/html; charset=utf-8",
    "speculation-rules": '"/cdn/shopifycloud/storefront/assets/speculation-rules.json"',
    "strict-transport-security": "max-age=7889238",
    "server-timing": 'processing;dur=12;desc="gc:1", country;desc="US"',
    "nel": '{"success_fraction":0.01,"report_to":"cf-nel","max_age":604800}',
    "content-security-policy": "block-all-mixed-content; frame-ancestors 'none'; upgrade-insecure-requests",
}
FILE = "/cdn/shop/t/1/assets/theme.css?v=17"
OWN_ADDRESS = "104.21.0.1"
"""Of a zone at Cloudflare; nothing is ever sent there."""
MODES: Mapping[str, tuple[int, Mapping[str, str]]] = {
    "challenge": (403, {"cf-mitigated": "challenge"}),
    "error_1014": (403, {"x-text": "error code: 1014"}),
    "certificate": (526, {}),
    "closed": (402, {"powered-by": "Shopify"}),
    "limited": (429, {}),
    "error": (503, {}),
    "hydrogen": (200, {"powered-by": "Shopify, Oxygen, Hydrogen"}),
    "other": (200, {"server": "nginx"}),
    "password": (302, {"location": "/password", "powered-by": "Shopify"}),
    "away": (302, {"location": "https://elsewhere.example/"}),
    "inside": (302, {"location": "http://127.0.0.1/admin"}),
}


class StorefrontTransport(httpx.AsyncBaseTransport):
    """Answers for the stores of the emulated zones, by the name in `Host`."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._asked: set[tuple[str, str]] = set()
        self.modes: dict[str, str] = {}
        """By the name of the zone."""
        self.requests: list[str] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """One GET."""
        host = request.headers["host"].lower()
        self.requests.append(f"{host}{request.url.raw_path.decode()}")
        zone = self._world.directory.zone_named(host.removeprefix("www."))
        if zone is None:
            return self._answer(request, 404, {})
        if mode := self.modes.get(zone.name):
            status, headers = MODES[mode]
            return self._answer(request, status, headers, headers.get("x-text", ""))
        return self._page(request, zone, host)

    @staticmethod
    def _answer(
        request: httpx.Request, status: int, headers: Mapping[str, str], text: str = ""
    ) -> httpx.Response:
        stream = httpx.ByteStream(text.encode())
        return httpx.Response(status, headers=headers, stream=stream, request=request)

    def _page(self, request: httpx.Request, zone: Zone, host: str) -> httpx.Response:
        path = request.url.path
        if path == "/robots.txt":
            return self._answer(request, 200, {"content-type": "text/plain"}, self._robots(zone))
        if path.startswith("/cdn/"):
            return self._file(request, zone, host)
        if request.headers.get("sec-purpose") == "prefetch" and self._is_on(zone, "speed_brain"):
            return self._answer(request, 503, {"cf-speculation-refused": "1"})
        return self._answer(request, 200, self._headers(zone), self._html(zone))

    def _headers(self, zone: Zone) -> dict[str, str]:
        headers = dict(SHOPIFY)
        hsts = self._value(zone, "security_header")
        inner = hsts.get("strict_transport_security") if isinstance(hsts, dict) else None
        if isinstance(inner, dict) and inner.get("enabled"):
            headers["strict-transport-security"] = f"max-age={inner.get('max_age')}"
        headers["alt-svc"] = 'h3=":443"; ma=86400' if self._is_on(zone, "http3") else "clear"
        if self._value(zone, "page_shield") is True:
            headers["content-security-policy-report-only"] = (
                "script-src 'none'; report-uri https://csp-reporting.cloudflare.com/cdn-cgi/script_monitor/report"
            )
        return headers

    def _html(self, zone: Zone) -> str:
        hidden = '<a href="/cdn-cgi/l/email-protection#0a">mail</a>'
        address = (
            hidden if self._is_on(zone, "email_obfuscation") else '<a href="mailto:hi@store.example">mail</a>'
        )
        beacon = (
            '<script defer src="https://static.cloudflareinsights.com/beacon.min.js"></script>'
            if self._is_on(zone, "rum")
            else ""
        )
        return f'<!doctype html><link rel="stylesheet" href="{FILE}"><body>{address}{beacon}</body>'

    def _robots(self, zone: Zone) -> str:
        disallows = self._value(zone, "bot_management.ai_training") in ("disallow", "block")
        managed = "# BEGIN Cloudflare Managed content\nContent-Signal: search=yes,ai-train=no\n\n"
        is_shown = disallows and self._value(zone, "bot_management.bot_preference_sync_enabled") is True
        return (managed if is_shown else "") + "User-agent: *\nDisallow: /admin\nDisallow: /cart\n"

    def _file(self, request: httpx.Request, zone: Zone, host: str) -> httpx.Response:
        key = (host, str(request.url.raw_path))
        state = "BYPASS" if self._is_on(zone, "development_mode") else "HIT" if key in self._asked else "MISS"
        self._asked.add(key)
        return self._answer(request, 200, {"cf-cache-status": state, "powered-by": "Shopify"}, "body{}")

    def _is_on(self, zone: Zone, setting: str) -> bool:
        return self._value(zone, setting) == "on"

    def _value(self, zone: Zone, setting: str) -> JSON:
        return current(zone, self._world.held(zone.id), setting, self._world.clock())


async def own_address(host: str) -> list[str]:
    """The address of any store of the emulator."""
    return [OWN_ADDRESS]
