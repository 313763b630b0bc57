"""The permissions that a token can have, by name: what each is given for, its group's id, its OAuth scope."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256

ZONE_RESOURCE = "com.cloudflare.api.account.zone"
ACCOUNT_RESOURCE = "com.cloudflare.api.account"

PERMISSIONS = {
    "Account Settings Read": ACCOUNT_RESOURCE,
    "Account Settings Write": ACCOUNT_RESOURCE,
    "Account WAF Read": ACCOUNT_RESOURCE,
    "Account WAF Write": ACCOUNT_RESOURCE,
    "Bot Management Read": ZONE_RESOURCE,
    "Bot Management Write": ZONE_RESOURCE,
    "DNS Read": ZONE_RESOURCE,
    "DNS Write": ZONE_RESOURCE,
    "Domain Page Shield": ZONE_RESOURCE,
    "Domain Page Shield Read": ZONE_RESOURCE,
    "Page Shield": ACCOUNT_RESOURCE,
    "Page Shield Read": ACCOUNT_RESOURCE,
    "SSL and Certificates Read": ZONE_RESOURCE,
    "SSL and Certificates Write": ZONE_RESOURCE,
    "Workers KV Storage Read": ACCOUNT_RESOURCE,
    "Workers KV Storage Write": ACCOUNT_RESOURCE,
    "Zone Read": ZONE_RESOURCE,
    "Zone Settings Read": ZONE_RESOURCE,
    "Zone Settings Write": ZONE_RESOURCE,
    "Zone WAF Read": ZONE_RESOURCE,
    "Zone WAF Write": ZONE_RESOURCE,
    "Zone Write": ZONE_RESOURCE,
}
"""Every permission that some call asks for, with the kind of resource that it is given for."""


def group_id_of(permission: str) -> str:
    """The id of the permission group, made from its name."""
    return sha256(f"permission/{permission}".encode()).hexdigest()[:32]


def scope_of(permission: str) -> str:
    """The OAuth scope that stands for the permission, as in `zone.settings.write`."""
    return permission.lower().replace(" ", ".")


def permissions_of(scopes: Iterable[str]) -> frozenset[str]:
    """The permissions that scopes stand for; `ValueError` when one stands for none."""
    known = {scope_of(permission): permission for permission in PERMISSIONS}
    wanted = set(scopes)
    unknown = sorted(wanted - known.keys())
    if unknown:
        raise ValueError(f"unknown scopes: {' '.join(unknown)}")
    return frozenset(known[scope] for scope in wanted)
