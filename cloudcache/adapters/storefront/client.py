"""Fetches public pages of a store, and nothing else.

The name is resolved here, every address must be public, and the connection goes to the very address that was judged,
with the name in TLS and in `Host`: a name that resolves otherwise a moment later changes nothing. No redirect is
followed, no proxy of the environment is used, and of an answer at most 1 MB is read within ten seconds.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from urllib.parse import urlsplit, urlunsplit

import httpx

from cloudcache.domain.storefront import USER_AGENT, Answer
from cloudcache.ports.storefront import NotPublic, Unreachable

LARGEST_BYTES = 1024 * 1024
SECONDS = 10
LONGEST_HEADER = 4_000

Resolve = Callable[[str], Awaitable[Sequence[str]]]
"""The addresses of a name."""


class StorefrontClient:
    """Fetches pages over https from public addresses."""

    def __init__(
        self,
        resolve: Resolve | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        *,
        contact: str = "",
        seconds: float = SECONDS,
    ) -> None:
        """`contact` is where the operator of this app can be reached; it stands in the user agent."""
        self._resolve = resolve or resolved
        self._seconds = seconds
        self._agent = f"{USER_AGENT}/1.0 (+{contact})" if contact else f"{USER_AGENT}/1.0"
        self._client = httpx.AsyncClient(
            transport=transport,
            trust_env=False,
            follow_redirects=False,
            timeout=seconds,
            limits=httpx.Limits(max_keepalive_connections=0),
        )

    async def get(self, url: str, headers: Mapping[str, str]) -> Answer:
        parts = urlsplit(url)
        host = (parts.hostname or "").lower()
        if parts.scheme != "https" or not host or parts.username is not None or parts.port not in (None, 443):
            raise NotPublic(host)
        try:
            async with asyncio.timeout(self._seconds):
                address = await self._public_address(host)
                target = urlunsplit(("https", address, parts.path or "/", parts.query, ""))
                return await self._fetched(url, target, host, headers)
        except (TimeoutError, httpx.HTTPError, OSError) as error:
            raise Unreachable(type(error).__name__) from None

    async def close(self) -> None:
        await self._client.aclose()

    async def _public_address(self, host: str) -> str:
        """The first address of a name, all of which must be public."""
        addresses = [ipaddress.ip_address(one) for one in await self._resolve(host)]
        if not addresses or not all(map(is_public, addresses)):
            raise NotPublic(host)
        first = min(addresses, key=lambda one: one.version)
        return f"[{first}]" if first.version == 6 else str(first)

    async def _fetched(self, url: str, target: str, host: str, headers: Mapping[str, str]) -> Answer:
        sent = {
            "accept-language": "en",
            "accept-encoding": "identity",
            **headers,
            "host": host,
            "user-agent": self._agent,
        }
        request = self._client.build_request("GET", target, headers=sent, extensions={"sni_hostname": host})
        request.extensions["timeout"] = httpx.Timeout(self._seconds).as_dict()
        answer = await self._client.send(request, stream=True)
        try:
            content = b""
            async for part in answer.aiter_raw():
                content += part
                if len(content) >= LARGEST_BYTES:
                    break
            ends_at = certificate_ends_at(answer)
        finally:
            await answer.aclose()
        text = content[:LARGEST_BYTES].decode("utf-8", "replace")
        found = {name.lower(): answer.headers[name][:LONGEST_HEADER] for name in answer.headers}
        return Answer(url, answer.status_code, found, text, ends_at)


def certificate_ends_at(answer: httpx.Response) -> int | None:
    """When the certificate of a connection ends, in Unix milliseconds; None where there is none."""
    line = answer.extensions.get("network_stream")
    secured = line.get_extra_info("ssl_object") if line is not None else None
    certificate = secured.getpeercert() if secured is not None else None
    ends = certificate.get("notAfter") if certificate else None
    return ssl.cert_time_to_seconds(ends) * 1000 if isinstance(ends, str) else None


def is_public(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """Whether an address is one of the public internet; forms that carry an IPv4 address are judged by that one."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo and address.teredo[1])
        if inner:
            return is_public(inner)
        if address in _NAT64:
            return is_public(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    return address.is_global and not address.is_multicast


_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


async def resolved(host: str) -> Sequence[str]:
    """The addresses of a name, by the system's resolver; none for a name that does not exist."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, 443, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError):
        return []
    return [str(entry[4][0]).partition("%")[0] for entry in found]
