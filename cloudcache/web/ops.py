"""Whether the process is alive, and whether what it depends on is."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from cloudcache.services import current


async def healthz(request: Request) -> JSONResponse:
    """200 while the process answers at all."""
    return JSONResponse({"status": "alive"})


async def readyz(request: Request) -> JSONResponse:
    """200 when the database is usable at the expected migration, else 503 with the reason. A Redis that is away is
    told and no reason: pages are read without it."""
    finding, redis = await current().health.ready(), await current().health.redis()
    body = {"status": "ready" if finding.ok else "not ready"}
    body |= {one.subject: one.text for one in (finding, redis)}
    return JSONResponse(body, status_code=200 if finding.ok else 503)


ROUTES = [Route("/healthz", healthz), Route("/readyz", readyz)]
