"""Files of the built pages: from memory, packed, kept by browsers as long as they may be."""

from __future__ import annotations

import gzip
from pathlib import Path

import httpx
import pytest
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from cloudcache.web.built_files import BuiltFiles

SCRIPT = b"export const page = 1;" * 100


async def elsewhere(scope: Scope, receive: Receive, send: Send) -> None:
    await PlainTextResponse("elsewhere", 404)(scope, receive, send)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "assets").mkdir()
    (tmp_path / "connect").mkdir()
    (tmp_path / "assets/page-B1ab.js").write_bytes(SCRIPT)
    (tmp_path / "assets/page-B1ab.js.gz").write_bytes(gzip.compress(SCRIPT))
    (tmp_path / "cloudcache.css").write_bytes(b"body{}")
    (tmp_path / "connect/index.html").write_text("<head></head>")
    (tmp_path / "connect.html").write_text("<head></head>")
    return tmp_path


@pytest.fixture
def client(folder: Path) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(BuiltFiles(elsewhere, folder))
    return httpx.AsyncClient(transport=transport, base_url="http://test", timeout=60)


async def test_script_with_a_hash_in_its_name_is_kept_for_a_year(client: httpx.AsyncClient):
    answer = await client.get("/assets/page-B1ab.js")

    assert answer.content == SCRIPT
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["vary"] == "accept-encoding"
    assert int(answer.headers["content-length"]) < len(SCRIPT)


async def test_file_with_a_lasting_name_is_asked_for_again_and_not_sent_twice(client: httpx.AsyncClient):
    first = await client.get("/cloudcache.css")
    again = await client.get("/cloudcache.css", headers={"If-None-Match": first.headers["etag"]})

    assert first.headers["cache-control"] == "no-cache"
    assert "content-encoding" not in first.headers  # six bytes are longer when they are packed
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]


async def test_changed_file_has_another_tag(client: httpx.AsyncClient, folder: Path):
    before = (await client.get("/cloudcache.css")).headers["etag"]
    (folder / "cloudcache.css").write_bytes(b"body{color:red}")
    transport = httpx.ASGITransport(BuiltFiles(elsewhere, folder))
    async with httpx.AsyncClient(transport=transport, base_url="http://test", timeout=60) as later:
        answer = await later.get("/cloudcache.css", headers={"If-None-Match": before})

    assert (answer.status_code, answer.content) == (200, b"body{color:red}")


@pytest.mark.parametrize("accepted", ["", "br", "gzip;q=0", "identity"])
async def test_client_that_takes_no_gzip_gets_the_file_as_it_is(client: httpx.AsyncClient, accepted: str):
    answer = await client.get("/assets/page-B1ab.js", headers={"Accept-Encoding": accepted})

    assert "content-encoding" not in answer.headers and answer.content == SCRIPT
    assert int(answer.headers["content-length"]) == len(SCRIPT)


async def test_head_has_the_headers_and_no_body(client: httpx.AsyncClient):
    answer = await client.head("/assets/page-B1ab.js")

    assert answer.status_code == 200 and answer.content == b""
    assert int(answer.headers["content-length"]) > 0


async def test_document_is_found_at_its_folder(client: httpx.AsyncClient):
    answer = await client.get("/connect/")

    assert answer.text == "<head></head>"
    assert answer.headers["content-type"] == "text/html; charset=utf-8"


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/connect.html",
        "/connect/index.html",
        "/assets/../cloudcache.css.gz",
        "/assets/page-B1ab.js.gz",
        "/x",
    ],
)
async def test_other_paths_are_answered_by_the_app(client: httpx.AsyncClient, path: str):
    assert (await client.get(path)).text == "elsewhere"


@pytest.mark.parametrize("method, headers", [("POST", {}), ("GET", {"Range": "bytes=0-3"})])
async def test_other_requests_for_a_file_are_answered_by_the_app(
    client: httpx.AsyncClient, method: str, headers: dict[str, str]
):
    answer = await client.request(method, "/assets/page-B1ab.js", headers=headers)

    assert answer.text == "elsewhere"
