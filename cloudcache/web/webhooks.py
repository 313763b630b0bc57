"""Shopify's webhooks: the raw bytes are verified, the delivery kept, and answered before anything is done."""

from __future__ import annotations

import logging

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from cloudcache.domain.errors import CloudcacheError
from cloudcache.domain.shopify import Forged
from cloudcache.services import current
from cloudcache.web.problem import problem, problem_of_status

log = logging.getLogger("cloudcache.shopify")

UNSIGNED = frozenset({"missing_or_repeated_hmac", "bad_hmac"})


async def receive(request: Request) -> Response:
    """200 for what is kept, now or before; 401 for a wrong signature, 400 for a wrong message, 503 to try again."""
    if request.method != "POST":
        return problem_of_status(405, request.method, {"Allow": "POST"})
    headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in request.headers.raw]
    try:
        is_new = await current().webhooks.receive(headers, await request.body())
        _count("kept" if is_new else "known")
    except Forged as forged:
        _count("refused")
        log.warning("a webhook was refused: %s", forged.reason, extra={"event": "webhook_refused"})
        if forged.reason in UNSIGNED:
            return problem(401, "unauthorized", "Invalid signature", "The webhook isn’t signed by Shopify.")
        return problem(400, "malformed", "Invalid webhook", "A header or the body isn’t valid.")
    except CloudcacheError as error:
        _count("unavailable")
        log.error("a webhook could not be kept: %s", error, extra={"event": "webhook_not_kept"})
        detail = "The webhook couldn’t be saved. Send it again later."
        return problem(503, "unavailable", "Service unavailable", detail)
    return Response(status_code=200)


def _count(outcome: str) -> None:
    current().telemetry.count("webhooks", outcome)


EVERY_METHOD = ["GET", "POST", "PUT", "PATCH", "DELETE"]  # else the pages would answer with their own 404
ROUTES = [Route("/webhooks/shopify", receive, methods=EVERY_METHOD)]
