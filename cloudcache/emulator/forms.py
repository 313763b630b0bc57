"""What people's browsers and scripts send to the pages beside the API, and which of it is not believed."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

from starlette.requests import Request

LONGEST_BODY = 1_048_576


class BadInput(Exception):
    """Input that makes no sense; the text goes back to whoever sent it."""


def is_foreign(request: Request) -> bool:
    """Whether a page from elsewhere sent it: a browser names the page's origin."""
    origin = request.headers.get("origin")
    return origin is not None and urlsplit(origin).netloc != request.headers.get("host")


async def body_of(request: Request) -> bytes:
    """The body, unless it is far too long."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > LONGEST_BODY:
            raise BadInput("the body is too long")
    return body


async def form_of(request: Request) -> dict[str, str]:
    """The fields of a form; of a repeated one the last."""
    text = (await body_of(request)).decode("latin-1")
    return {name: values[-1] for name, values in parse_qs(text).items()}
