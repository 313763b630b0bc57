"""One request to Cloudflare, before it is made."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

from cloudcache.adapters.cloudflare.envelope import Asked
from cloudcache.domain.ids import CredentialId
from cloudcache.domain.secret import Token
from cloudcache.ports import ZoneAccess

ZONE_PERMISSION = "Zone"
FEED_PERMISSION = "Account Settings"
DNS_PERMISSION = "DNS"
KV_PERMISSION = "Workers KV Storage"


@dataclass(frozen=True, slots=True)
class Call:
    """One request. Without a credential the budget is told of it under the one it was reserved for, if any."""

    method: str
    path: str
    token: Token
    credential: CredentialId | None
    permission: str = ""
    body: bytes | None = None
    is_batch: bool = False

    @property
    def does(self) -> str:
        """What it does, for those who count calls."""
        if self.permission == FEED_PERMISSION:
            return "feed"
        if self.credential is None or self.permission in (ZONE_PERMISSION, DNS_PERMISSION):
            return "look"
        if self.method != "GET":
            return "write"
        return "batch read" if self.is_batch else "read"

    def asked(self, now_ms: int) -> Asked:
        """What decides the meaning of an answer that came now; reads are all that is done with GET."""
        return Asked(self.token, self.method == "GET", self.permission, now_ms)


def of_zone(
    method: str,
    access: ZoneAccess,
    path: str,
    permission: str,
    body: bytes | None = None,
    *,
    is_batch: bool = False,
) -> Call:
    """A call on a path of the zone."""
    whole = f"/zones/{quote(access.zone, safe='')}{path}"
    return Call(method, whole, access.token, access.credential, permission, body, is_batch)
