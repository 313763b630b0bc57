"""The pretend Shopify as an ASGI app: its API, its App Bridge, and an admin that frames the app.

/                                     the shops
/store/{handle}                       the admin of one, with the app in its frame
/shops/{shop}/admin/...               the API, as `https://{shop}/admin/...` of the real one
/app-bridge.js, /id_token             what App Bridge does: a fresh ID token for the page in the frame
"""

from __future__ import annotations

import json
from html import escape

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from cloudcache.shopify_emulator.world import REDACT_S, Shop, ShopifyWorld

APP_BRIDGE = """/* Stands in for Shopify's App Bridge: gives the page in the frame a fresh ID token. */
(() => {
  const asked = new URLSearchParams(location.search);
  const reload = asked.get("shopify-reload");
  const shop = asked.get("shop") || sessionStorage.getItem("pretend-shop");
  try { if (shop && asked.get("embedded")) sessionStorage.setItem("pretend-shop", shop); } catch {}
  const framed = window.top !== window.self;
  const idToken = async () => {
    if (!shop || !framed) throw new Error("not in the admin");
    const answer = await fetch(`/shopify/id_token?shop=${encodeURIComponent(shop)}`);
    if (!answer.ok) throw new Error("no token");
    return answer.text();
  };
  window.shopify = { idToken, config: { shop }, toast: { show() {} }, loading() {} };
  let told = "";
  const tell = () => {
    const links = [...document.querySelectorAll("s-app-nav s-link")].map((link) => ({
      href: link.getAttribute("href"), words: link.textContent, home: link.getAttribute("rel") === "home",
    }));
    const now = JSON.stringify({ links, open: location.pathname });
    if (now !== told) parent.postMessage({ nav: now }, "*");
    told = now;
  };
  if (framed) {
    new MutationObserver(tell).observe(document, { childList: true, subtree: true });
    addEventListener("message", (event) => {
      if (event.source !== parent || !event.data?.navigate) return;
      const link = document.querySelector(`s-app-nav s-link[href="${CSS.escape(event.data.navigate)}"]`);
      link?.dispatchEvent(new CustomEvent("shopify:navigate", { bubbles: true, cancelable: true }));
    });
  }
  if (reload && location.pathname === "/auth/bounce") {
    idToken().then((token) => {
      const to = new URL(reload, location.origin);
      if (to.origin === location.origin) { to.searchParams.set("id_token", token); location.replace(to); }
    });
  }
})();
"""

NAVIGATION = """<script>
(() => {
  const nav = document.getElementById("app-nav"), frame = document.querySelector("iframe");
  addEventListener("message", (event) => {
    if (event.source !== frame.contentWindow || !event.data?.nav) return;
    const { links, open } = JSON.parse(event.data.nav);
    nav.replaceChildren(...links.map(({ href, words, home }) => {
      const button = document.createElement("button");
      button.textContent = home ? "cloudcache" : words;
      if (href === open) button.setAttribute("aria-current", "page");
      button.addEventListener("click", () => frame.contentWindow.postMessage({ navigate: href }, "*"));
      return button;
    }));
  });
})();
</script>"""
"""What the admin does with the app's `s-app-nav`: draws it, and sends presses back."""

ICON = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E"
    "%3Ccircle cx='8' cy='8' r='7' fill='%2395bf47'/%3E%3C/svg%3E"
)
PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport"
content="width=device-width, initial-scale=1"><title>{title}</title>
<link rel="icon" href="{icon}"><style>
body{{margin:0;font:14px/20px Inter,system-ui,sans-serif;color:#303030;background:#f1f1f1}}
header{{background:#1a1a1a;color:#fff;padding:12px 20px;display:flex;gap:16px;align-items:center;flex-wrap:wrap}}
header a{{color:#fff}} header b,header h1{{margin:0 auto 0 0;font-size:14px}} button{{font:inherit;padding:4px 10px}}
main{{max-width:640px;margin:24px auto;padding:0 16px}} li{{margin:8px 0}}
nav{{flex-basis:100%;display:flex;gap:8px}} nav:empty{{display:none}}
nav button{{border:0;border-radius:6px;background:none;color:#fff}} nav [aria-current]{{background:#4a4a4a}}
iframe{{border:0;width:100%;height:calc(100vh - 92px);display:block}}</style></head><body>{body}</body></html>"""


def create_app(world: ShopifyWorld, app_url: str = "") -> Starlette:
    """The app; `app_url` is where the framed app is served, "" for the same place."""

    async def shops(request: Request) -> Response:
        items = "".join(
            f'<li><a href="/shopify/store/{escape(one.handle)}">{escape(one.shop)}</a></li>'
            for one in world.shops.values()
        )
        body = f"<header><b>Emulated Shopify admin</b></header><main><h1>Stores</h1><ul>{items}</ul></main>"
        return HTMLResponse(PAGE.format(icon=ICON, title="Stores", body=body))

    async def admin(request: Request) -> Response:
        shop = _of_handle(world, request)
        if shop is None:
            return PlainTextResponse("Store not found.", 404)
        form = '<form method="post" action="/shopify/store/{0}/{1}"><button>{2}</button></form>'
        handle = escape(shop.handle)
        body = (
            f"<header><h1>{escape(shop.shop)}</h1><a href='/shopify/'>Stores</a>"
            + form.format(handle, "uninstall", "Uninstall the app")
            + form.format(handle, "redact", "Request erasure")
            + f"<nav id='app-nav' aria-label='cloudcache'></nav></header>"
            "<div role='main'><iframe title='cloudcache' "
            f"src='{escape(f'{app_url}/?{world.link(shop.shop)}')}'></iframe></div>{NAVIGATION}"
        )
        return HTMLResponse(PAGE.format(icon=ICON, title=shop.shop, body=body))

    async def deliver(request: Request) -> Response:
        shop = _of_handle(world, request)
        topic = {"uninstall": "app/uninstalled", "redact": "shop/redact"}.get(request.path_params["what"])
        if shop is None or topic is None:
            return PlainTextResponse("Store or topic not found.", 404)
        if topic == "app/uninstalled":
            world.uninstall(shop)
        at = world.clock() + (REDACT_S if topic == "shop/redact" else 0)
        headers, body = world.webhook(topic, shop.shop, triggered_at=at)
        base = app_url or str(request.base_url).rstrip("/").removesuffix("/shopify")
        async with httpx.AsyncClient(trust_env=False, timeout=5) as client:
            answer = await client.post(f"{base}/webhooks/shopify", content=body, headers=headers)
        if answer.status_code != 200:
            return PlainTextResponse(f"The app responded with {answer.status_code}.", 502)
        return RedirectResponse("/shopify/", status_code=303)

    async def id_token(request: Request) -> Response:
        shop = world.shops.get(request.query_params.get("shop", ""))
        if shop is None:
            return PlainTextResponse("Store not found.", 404)
        return PlainTextResponse(world.id_token(shop.shop), headers={"Cache-Control": "no-store"})

    async def app_bridge(request: Request) -> Response:
        return PlainTextResponse(APP_BRIDGE, media_type="text/javascript")

    return Starlette(
        routes=[
            Route("/", shops),
            Route("/store/{handle}", admin),
            Route("/store/{handle}/{what}", deliver, methods=["POST"]),
            Route("/id_token", id_token),
            Route("/app-bridge.js", app_bridge),
            *_api(world),
        ]
    )


def _api(world: ShopifyWorld) -> list[Route]:
    async def access_token(request: Request) -> Response:
        shop = world.shops.get(request.path_params["shop"])
        try:
            asked = json.loads(await request.body())
        except ValueError:
            asked = None
        if shop is None or not isinstance(asked, dict):
            return JSONResponse({"error": "invalid_request"}, 400)
        if (asked.get("client_id"), asked.get("client_secret")) != (world.client_id, world._secret):
            return JSONResponse({"error": "invalid_client"}, 400)
        if asked.get("grant_type") == "refresh_token":
            given = world.renew(shop, str(asked.get("refresh_token")))
            return JSONResponse(given) if given else JSONResponse({"error": "invalid_grant"}, 400)
        given = world.exchange(shop, str(asked.get("subject_token")))
        return JSONResponse(given) if given else JSONResponse({"error": "invalid_subject_token"}, 400)

    async def graphql(request: Request) -> Response:
        shop = world.shops.get(request.path_params["shop"])
        token = request.headers.get("x-shopify-access-token", "")
        if shop is None or shop.access.get(token, 0) <= world.clock():
            return JSONResponse({"errors": "[API] Invalid API key or access token"}, 401)
        hosts = [{"host": one} for one in shop.domains]
        return JSONResponse({"data": {"shop": {"primaryDomain": hosts[0], "domains": {"nodes": hosts}}}})

    return [
        Route("/shops/{shop}/admin/oauth/access_token", access_token, methods=["POST"]),
        Route("/shops/{shop}/admin/api/{version}/graphql.json", graphql, methods=["POST"]),
    ]


def _of_handle(world: ShopifyWorld, request: Request) -> Shop | None:
    return world.shops.get(f"{request.path_params['handle']}.myshopify.com")
