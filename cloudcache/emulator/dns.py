"""The DNS records of a zone: those it was given, or the two that a shop behind Cloudflare usually has."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import NamedTuple

from cloudcache.emulator.generated import Zone
from cloudcache.emulator.wire import JSON, moment

TYPES = frozenset(
    {
        "A",
        "AAAA",
        "CAA",
        "CERT",
        "CNAME",
        "DNSKEY",
        "DS",
        "HTTPS",
        "LOC",
        "MX",
        "NAPTR",
        "NS",
        "OPENPGPKEY",
        "PTR",
        "SMIMEA",
        "SRV",
        "SSHFP",
        "SVCB",
        "TLSA",
        "TXT",
        "URI",
    }
)
AUTOMATIC_TTL = 1


@dataclass(frozen=True, slots=True)
class DnsRecord:
    """One record under its full name; a proxied one leads through Cloudflare."""

    name: str
    type: str
    content: str
    proxied: bool

    def __post_init__(self) -> None:
        if self.type not in TYPES:
            raise ValueError(f"unknown type of DNS record: {self.type}")

    def row(self) -> list[JSON]:
        """The record as JSON, for keeping."""
        return [self.name, self.type, self.content, self.proxied]


class Records(NamedTuple):
    """The records of one zone, and since when it has them."""

    records: tuple[DnsRecord, ...]
    since: float


def usual_records(zone: Zone) -> Records:
    """What a zone has that was given none: a server of its own, and the shop under `www`."""
    apex = DnsRecord(zone.name, "A", "203.0.113.10", proxied=True)
    shop = DnsRecord(f"www.{zone.name}", "CNAME", "shops.myshopify.com", proxied=True)
    return Records((apex, shop), zone.created_at)


def dns_result(zone: Zone, record: DnsRecord, since: float) -> dict[str, JSON]:
    """One record as the API shows it. Its id comes from what it says, so it stays over a restart."""
    said = f"{zone.id}/{record.type}/{record.name}/{record.content}"
    return {
        "id": sha256(said.encode()).hexdigest()[:32],
        "name": record.name,
        "type": record.type,
        "content": record.content,
        "proxied": record.proxied,
        "ttl": AUTOMATIC_TTL,
        "created_on": moment(since),
        "modified_on": moment(since),
    }
