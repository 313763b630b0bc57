"""Tokens: whom they belong to, what they reach, what they may do. Kept is a hash, never the text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import Literal, TypeAlias, get_args

from cloudcache.emulator.generated import TokenKind, Zone
from cloudcache.emulator.wire import JSON

TokenStatus: TypeAlias = Literal["active", "disabled", "expired", "revoked"]
STATUSES: tuple[str, ...] = get_args(TokenStatus)
TokenOwnership: TypeAlias = Literal["user", "account", "oauth", "legacy"]
OWNERSHIPS: tuple[str, ...] = get_args(TokenOwnership)

EVERY_PERMISSION = frozenset(
    {
        "Zone Read",
        "DNS Read",
        "Workers KV Storage Read",
        "Zone Settings Read",
        "Zone Settings Write",
        "Bot Management Read",
        "Bot Management Write",
        "Zone WAF Read",
        "Zone WAF Write",
        "Page Shield Read",
        "Page Shield",
        "Account Settings Read",
    }
)
"""What a token needs for all that cloudcache does."""

_HEX = frozenset("0123456789abcdef")


def token_id_of(token: str) -> str:
    """The public id of a token, which logs and audit entries may carry."""
    return sha256(token.encode()).hexdigest()[:32]


def as_token_id(text: str) -> str:
    """The id, whether a token was given or its id already."""
    return text if len(text) == 32 and _HEX.issuperset(text) else token_id_of(text)


def user_id_of(email: str) -> str:
    """A user's id, made from the address."""
    return sha256(f"user/{email}".encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Token:
    """One token. `accounts` and `zones` are limits; None stands for every account, and all zones in them. One
    that an app got by OAuth ends by itself and names its grant.
    """

    id: str
    kind: TokenKind
    accounts: frozenset[str] | None
    zones: frozenset[str] | None
    permissions: frozenset[str]
    status: TokenStatus
    user_id: str
    email: str
    name: str
    expires_at: float | None = None
    grant_id: str = ""

    @property
    def budget(self) -> str:
        """Whose budget its calls come out of: a user's tokens share one, an account token has its own."""
        return f"user/{self.user_id}" if self.kind == "user" else f"token/{self.id}"

    def ownership(self, text: str) -> TokenOwnership:
        """The kind of token that its text and its record tell: a user's without a prefix is a legacy one."""
        if self.grant_id:
            return "oauth"
        return "legacy" if self.kind == "user" and not text.startswith("cfut_") else self.kind

    def is_known(self, now: float) -> bool:
        """Whether it is neither revoked nor, as an app's token after an hour, over."""
        return self.status != "revoked" and (self.expires_at is None or now < self.expires_at)

    def reaches_account(self, account_id: str) -> bool:
        """Whether the account is among those it was made for."""
        return self.accounts is None or account_id in self.accounts

    def reaches_zone(self, zone: Zone) -> bool:
        """Whether the zone is among those it was made for."""
        return self.reaches_account(zone.account_id) and (self.zones is None or zone.id in self.zones)

    def may(self, permissions: frozenset[str]) -> bool:
        """Whether it has any of these permissions; an empty set asks for none."""
        return not permissions or not permissions.isdisjoint(self.permissions)

    def record(self) -> dict[str, JSON]:
        """The token as JSON, for keeping."""
        fields: dict[str, JSON] = asdict(self)
        limits = {
            "accounts": None if self.accounts is None else sorted(self.accounts),
            "zones": None if self.zones is None else sorted(self.zones),
            "permissions": sorted(self.permissions),
        }
        return fields | limits

    @classmethod
    def from_record(cls, record: Mapping[str, JSON]) -> Token:
        """The token that was kept."""
        kind, status = str(record["kind"]), str(record["status"])
        if kind not in ("user", "account") or status not in STATUSES:
            raise ValueError(f"not a token: {record}")
        return cls(
            id=str(record["id"]),
            kind="user" if kind == "user" else "account",
            accounts=_limit(record["accounts"]),
            zones=_limit(record["zones"]),
            permissions=_limit(record["permissions"]) or frozenset(),
            status=status_called(status),
            user_id=str(record["user_id"]),
            email=str(record["email"]),
            name=str(record["name"]),
            expires_at=_time(record.get("expires_at")),
            grant_id=str(record.get("grant_id", "")),
        )


def status_called(name: str) -> TokenStatus:
    """The status by its name; `ValueError` for any other word."""
    for status in get_args(TokenStatus):
        if status == name:
            known: TokenStatus = status
            return known
    raise ValueError(f"unknown token status: {name}")


def _time(value: JSON) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def _limit(value: JSON) -> frozenset[str] | None:
    return frozenset(str(item) for item in value) if isinstance(value, list) else None
