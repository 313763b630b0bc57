"""Shopify's webhooks: the raw bytes are verified, the delivery kept, and answered before anything is done."""

from __future__ import annotations

import logging

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from cloudcache.domain.errors import CloudcacheError
from cloudcache.domain.shopify import Forged
from cloudcache.services import current

log = logging.getLogger("cloudcache.shopify")

UNSIGNED = frozenset({"missing_or_repeated_hmac", "bad_hmac"})


async def receive(request: Request) -> Response:
    """200 for what is kept, now or before; 401 for a wrong signature, 400 for a wrong message, 503 to try again."""
    if request.method != "POST":
        return Response(status_code=405, headers={"Allow": "POST"})
    headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in request.headers.raw]
    try:
        await current().webhooks.receive(headers, await request.body())
    except Forged as forged:
        log.warning("a webhook was refused: %s", forged.reason)
        return Response(status_code=401 if forged.reason in UNSIGNED else 400)
    except CloudcacheError as error:
        log.error("a webhook could not be kept: %s", error)
        return Response(status_code=503)
    return Response(status_code=200)


EVERY_METHOD = ["GET", "POST", "PUT", "PATCH", "DELETE"]  # else the pages would answer with their own 404
ROUTES = [Route("/webhooks/shopify", receive, methods=EVERY_METHOD)]
