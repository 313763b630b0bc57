"""The page for an address that does not exist, as the server sends it: whole, and without a script.

Reflex's own is empty until its scripts run; `ui/pages/not_found.py` is the same page for links within the app.
"""

from __future__ import annotations

from starlette.types import Message, Scope, Send

TITLE = "Page not found"
TEXT = "There’s nothing at this address. The link might be out of date or mistyped."
BACK = "Cloudflare settings"
MOUNTED = ("/cloudflare/", "/shopify/", "/api/")
"""What answers for itself."""

PICTURE = "M11.5 7a4.5 4.5 0 1 1-9 0 4.5 4.5 0 0 1 9 0m-1 3.5 3 3"
POLICY = (
    b"default-src 'none'; style-src 'self'; img-src 'self'; font-src 'self'; form-action 'none'; base-uri 'none'; "
    b"frame-ancestors 'none'"
)
PAGE = f"""<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport"
content="width=device-width, initial-scale=1"><title>{TITLE} · cloudcache</title>
<link rel="icon" href="/favicon.svg" type="image/svg+xml"><link rel="stylesheet" href="/tokens.css">
<link rel="stylesheet" href="/cloudcache.css"></head><body><main class="page narrow alone">
<section class="card" aria-label="{TITLE}"><div class="empty lines">
<span class="picture"><svg class="icon" viewBox="0 0 16 16" aria-hidden="true"><path d="{PICTURE}"/></svg></span>
<h1>{TITLE}</h1><p>{TEXT}</p><p><a class="btn primary" href="/">{BACK}</a></p></div></section></main></body></html>"""


def with_not_found_page(scope: Scope, send: Send) -> Send:
    """Put the page in the place of the HTML that says a page was not found."""
    is_replaced = False

    async def replaced(message: Message) -> None:
        nonlocal is_replaced
        if message["type"] == "http.response.start" and _is_missing_page(scope, message):
            is_replaced = True
            await _send_page(scope, send)
        elif not is_replaced:
            await send(message)

    return replaced


def _is_missing_page(scope: Scope, start: Message) -> bool:
    kind = {name.lower(): value for name, value in start["headers"]}.get(b"content-type", b"")
    is_ours = not scope["path"].startswith(MOUNTED)
    return start["status"] == 404 and kind.startswith(b"text/html") and is_ours


async def _send_page(scope: Scope, send: Send) -> None:
    body = PAGE.encode()
    headers = [
        (b"content-type", b"text/html; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
        (b"content-security-policy", POLICY),
    ]
    await send({"type": "http.response.start", "status": 404, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})
