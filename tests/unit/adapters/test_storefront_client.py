"""Only public addresses over https are ever asked, at the very address that was judged, and never for long."""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import AsyncIterator

import httpx
import pytest

from cloudcache.adapters.storefront.client import LARGEST_BYTES, StorefrontClient, is_public, resolved
from cloudcache.ports.storefront import NotPublic, Unreachable

PUBLIC = "104.21.0.1"


def client(
    addresses: list[str], handler: object = None, *, seconds: float = 60
) -> tuple[StorefrontClient, list[httpx.Request]]:
    """A client whose names have these addresses, and the requests that left it."""
    sent: list[httpx.Request] = []

    async def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return (
            await handler(request)
            if callable(handler)
            else httpx.Response(200, stream=httpx.ByteStream(b"hello"))
        )

    async def resolve(host: str) -> list[str]:
        return addresses

    return StorefrontClient(resolve, httpx.MockTransport(answer), seconds=seconds), sent


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "0.0.0.0", "100.64.0.1"),
        *(
            "::1",
            "fc00::1",
            "fe80::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
        ),
        *("224.0.0.1", "ff02::1", "255.255.255.255", "192.0.2.1", "::"),
    ],
)
async def test_address_that_is_not_public_is_never_asked(address: str):
    fetching, sent = client([PUBLIC, address])

    with pytest.raises(NotPublic):
        await fetching.get("https://www.shop.example/", {})

    assert sent == []


@pytest.mark.parametrize("address", [PUBLIC, "2606:4700::6810:1", "23.227.38.65"])
def test_addresses_of_the_internet_are_public(address: str):
    assert is_public(ipaddress.ip_address(address))


async def test_name_without_an_address_is_never_asked():
    fetching, sent = client([])

    with pytest.raises(NotPublic):
        await fetching.get("https://www.shop.example/", {})

    assert sent == []


@pytest.mark.parametrize(
    "url",
    [
        "http://www.shop.example/",
        "https://www.shop.example:8443/",
        "https://user@www.shop.example/",
        "file:///etc/passwd",
        "https:///",
    ],
)
async def test_other_kinds_of_addresses_are_never_asked(url: str):
    fetching, sent = client([PUBLIC])

    with pytest.raises(NotPublic):
        await fetching.get(url, {})

    assert sent == []


async def test_connection_goes_to_the_address_that_was_judged():
    fetching, sent = client([PUBLIC])

    answer = await fetching.get("https://www.shop.example/a?b=c", {"sec-purpose": "prefetch"})

    (request,) = sent
    assert (request.url.host, request.url.raw_path) == (PUBLIC, b"/a?b=c")
    assert request.headers["host"] == "www.shop.example"
    assert request.extensions["sni_hostname"] == "www.shop.example"
    assert request.headers["sec-purpose"] == "prefetch" and "cookie" not in request.headers
    assert request.headers["user-agent"].startswith("cloudcache-storefront-check/")
    assert (answer.status, answer.text, answer.url) == (200, "hello", "https://www.shop.example/a?b=c")


async def test_redirect_is_not_followed():
    async def away(request: httpx.Request) -> httpx.Response:
        return httpx.Response(302, headers={"location": "http://127.0.0.1/"}, stream=httpx.ByteStream(b""))

    fetching, sent = client([PUBLIC], away)

    assert (await fetching.get("https://www.shop.example/", {})).status == 302
    assert len(sent) == 1


async def test_endless_page_is_cut_after_one_megabyte():
    given = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal given
        while True:
            given += 65_536
            yield b"x" * 65_536

    async def page(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=endless())

    fetching, _ = client([PUBLIC], page)

    assert len((await fetching.get("https://www.shop.example/", {})).text) == LARGEST_BYTES
    assert given <= LARGEST_BYTES + 65_536


async def test_page_that_never_answers_is_given_up():
    async def silent(request: httpx.Request) -> httpx.Response:
        await asyncio.Event().wait()
        raise AssertionError

    fetching, _ = client([PUBLIC], silent, seconds=0)

    with pytest.raises(Unreachable):
        await fetching.get("https://www.shop.example/", {})


async def test_bad_certificate_is_no_answer():
    async def refused(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("certificate verify failed")

    fetching, _ = client([PUBLIC], refused)

    with pytest.raises(Unreachable):
        await fetching.get("https://www.shop.example/", {})


async def test_local_name_resolves_to_an_address_that_is_refused():
    assert not any(is_public(ipaddress.ip_address(one)) for one in await resolved("localhost"))
