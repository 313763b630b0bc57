"""What an operator's machines ask: is it alive, is it ready, what does it count.

    /healthz   200 while the event loop answers; depends on nothing, so that a database away restarts nobody
    /readyz    200 when everything it needs answers and it is not about to stop, else 503 with the reason, within 2 s
    /metrics   for Prometheus: what this process counts, and the fleet

All three are at the process's own port (`CLOUDCACHE_METRICS_PORT`). Beside the pages the first two are always, the
metrics only locally: what is asked there is answered by any of the workers, and by whoever can reach the pages.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from cloudcache.services import current
from cloudcache.web.listener import NOT_FOUND, Answer

METRICS_MEDIA = "text/plain; version=0.0.4; charset=utf-8"

Metrics = Callable[[], Awaitable[bytes]]


async def alive() -> Answer:
    """The process answers at all."""
    return _json(200, {"status": "alive"})


async def ready() -> Answer:
    """Whether it should be given work."""
    findings = await current().readiness.state()
    well = all(one.ok for one in findings)
    told = {one.subject: one.text for one in findings}
    return _json(200 if well else 503, {"status": "ready" if well else "not ready", **told})


def answering(metrics: Metrics) -> Callable[[str], Awaitable[Answer]]:
    """All of it by path, for the process's own port."""

    async def answer(path: str) -> Answer:
        if path == "/metrics":
            return Answer(200, METRICS_MEDIA, await metrics())
        if path in ("/healthz", "/readyz"):
            return await (alive() if path == "/healthz" else ready())
        return NOT_FOUND

    return answer


def routes(metrics: Metrics | None) -> list[Route]:
    """What is served beside the pages."""

    async def healthz(request: Request) -> Response:
        return _response(await alive())

    async def readyz(request: Request) -> Response:
        return _response(await ready())

    served = [Route("/healthz", healthz), Route("/readyz", readyz)]
    if metrics is not None:

        async def exposed(request: Request) -> Response:
            return Response(await metrics(), media_type=METRICS_MEDIA)

        served.append(Route("/metrics", exposed))
    return served


def _json(status: int, told: dict[str, str]) -> Answer:
    return Answer(status, "application/json", json.dumps(told).encode())


def _response(answer: Answer) -> Response:
    return Response(answer.body, answer.status, media_type=answer.media)
