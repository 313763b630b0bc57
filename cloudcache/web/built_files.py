"""Serves the built pages' files from memory, packed as they were built.

A page is its document and some twenty files. Read from the disk, each took several turns of a thread: a hundred pages
opened at once cost the process 19 ms each. The files are a few megabytes and change with the next build only, for
which the process is started anew.

    /assets/...     names hold a hash of the content: kept by browsers for a year
    anything else   asked for again with each page, and answered 304 while it is the same
"""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from mimetypes import guess_type
from pathlib import Path

from starlette.types import ASGIApp, Receive, Scope, Send

IMMUTABLE = b"public, max-age=31536000, immutable"
REVALIDATED = b"no-cache"
_SCRIPTS = {".js", ".mjs"}
_PACKED = ".gz"
Header = tuple[bytes, bytes]


@dataclass(frozen=True, slots=True)
class BuiltFile:
    """A file's content, the same compressed with gzip (None if that isn't shorter), and the headers of both."""

    plain: bytes
    packed: bytes | None
    tag: bytes
    headers: tuple[Header, ...]


class BuiltFiles:
    """An ASGI middleware in front of what serves the folder of built pages; answers GET and HEAD for its files.

    Requests for part of a file, for a page without a file of its own, and for unknown paths go on to `app`."""

    def __init__(self, app: ASGIApp, folder: Path) -> None:
        self._app = app
        self._files = dict(_read(folder))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        found = self._files.get(scope["path"]) if scope["type"] == "http" else None
        if found is None or scope["method"] not in ("GET", "HEAD"):
            await self._app(scope, receive, send)
            return
        given = dict(scope["headers"])
        if b"range" in given:
            await self._app(scope, receive, send)
            return
        if found.tag in [one.strip() for one in given.get(b"if-none-match", b"").split(b",")]:
            await _send(send, 304, found.headers, b"", is_head=True)
            return
        is_packed = found.packed is not None and _takes_gzip(given.get(b"accept-encoding", b""))
        body = found.packed if is_packed and found.packed is not None else found.plain
        encoding = ((b"content-encoding", b"gzip"),) if is_packed else ()
        headers = (*found.headers, *encoding, (b"content-length", str(len(body)).encode()))
        await _send(send, 200, headers, body, is_head=scope["method"] == "HEAD")


def _read(folder: Path) -> Iterator[tuple[str, BuiltFile]]:
    """The files by the paths they are asked for; a folder's page also by the folder's path."""
    for file in sorted(folder.rglob("*")):
        if not file.is_file() or file.suffix == _PACKED:
            continue
        path = f"/{file.relative_to(folder).as_posix()}"
        built = _built(file, path)
        if file.name == "index.html":
            yield path.removesuffix("index.html"), built
        if file.suffix != ".html":  # a page's own file is no address; what answers for it says so
            yield path, built


def _built(file: Path, path: str) -> BuiltFile:
    plain = file.read_bytes()
    sidecar = file.with_name(file.name + _PACKED)
    packed = sidecar.read_bytes() if sidecar.exists() else gzip.compress(plain, 9, mtime=0)
    kind = "text/javascript" if file.suffix in _SCRIPTS else guess_type(file.name)[0]
    kind = f"{kind}; charset=utf-8" if (kind or "").startswith("text/") else kind
    tag = f'W/"{hashlib.sha256(plain).hexdigest()[:32]}"'.encode()
    return BuiltFile(
        plain,
        packed if len(packed) < len(plain) else None,
        tag,
        (
            (b"content-type", (kind or "application/octet-stream").encode()),
            (b"cache-control", IMMUTABLE if path.startswith("/assets/") else REVALIDATED),
            (b"etag", tag),
            (b"vary", b"accept-encoding"),
        ),
    )


def _takes_gzip(accepted: bytes) -> bool:
    """Whether the `Accept-Encoding` header allows gzip (RFC 9110, section 12.5.3)."""
    for part in accepted.lower().split(b","):
        name, _, weight = part.partition(b";")
        if name.strip() in (b"gzip", b"*"):
            return weight.replace(b" ", b"") not in (b"q=0", b"q=0.0", b"q=0.00", b"q=0.000")
    return False


async def _send(send: Send, status: int, headers: tuple[Header, ...], body: bytes, *, is_head: bool) -> None:
    await send({"type": "http.response.start", "status": status, "headers": list(headers)})
    await send({"type": "http.response.body", "body": b"" if is_head else body})
