"""OAuth as Cloudflare offers it to server apps: who may ask, which codes are out, what was granted.

        client asks -> a person allows -> code, once, within a minute -> access token and refresh token

A refresh token is exchanged for a new one, and goes on working until the new one is first used: an answer
that was lost on the way locks nobody out. Kept are hashes, never the texts. No HTTP here, see `authorize.py`.
"""

from __future__ import annotations

import re
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from hashlib import sha256
from hmac import compare_digest
from urllib.parse import urlsplit

from cloudcache.emulator.permissions import permissions_of
from cloudcache.emulator.wire import JSON

CODE_SECONDS = 60.0
ACCESS_SECONDS = 3600

_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")


class OAuthRefusal(Exception):
    """A request that is turned down with one of the errors of RFC 6749."""

    def __init__(self, error: str, description: str, status: int = 400) -> None:
        super().__init__(description)
        self.error = error
        self.status = status


@dataclass(frozen=True, slots=True)
class OAuthClient:
    """An app that was registered, with the only addresses that a person may be sent back to."""

    id: str
    secret: str
    redirect_uris: frozenset[str]

    def __post_init__(self) -> None:
        for uri in self.redirect_uris:
            parts = urlsplit(uri)
            if parts.scheme not in ("http", "https") or not parts.netloc or parts.fragment:
                raise ValueError(f"not an address to send anybody back to: {uri}")


@dataclass(frozen=True, slots=True)
class Wish:
    """What a client asks a person for; the fields are the parameters of the request."""

    client_id: str
    redirect_uri: str
    response_type: str
    state: str
    scope: str
    code_challenge: str
    code_challenge_method: str

    @classmethod
    def of(cls, given: Mapping[str, str]) -> Wish:
        """The wish that a query or a form describes; what is missing is empty."""
        return cls(**{field.name: given.get(field.name, "") for field in fields(cls)})

    def parameters(self) -> dict[str, str]:
        """The parameters again."""
        return asdict(self)

    def permissions(self) -> frozenset[str]:
        """What the client would be allowed; an `OAuthRefusal` tells what is wrong with the wish."""
        if self.response_type != "code":
            raise OAuthRefusal("unsupported_response_type", "response_type must be code")
        if self.code_challenge_method != "S256" or not _CHALLENGE.fullmatch(self.code_challenge):
            raise OAuthRefusal("invalid_request", "a code_challenge made with S256 is needed")
        try:
            permissions = permissions_of(self.scope.split())
        except ValueError as trouble:
            raise OAuthRefusal("invalid_scope", str(trouble)) from None
        if not permissions:
            raise OAuthRefusal("invalid_scope", "no scope was asked for")
        return permissions


@dataclass(frozen=True, slots=True)
class Grant:
    """What a person allowed a client. `used` is the refresh token that was used last, `fresh` are the ones
    that it was exchanged for and that nobody used yet.
    """

    id: str
    client_id: str
    account_id: str
    scope: str
    used: str = ""
    fresh: frozenset[str] = frozenset()

    def record(self) -> dict[str, JSON]:
        """The grant as JSON, for keeping."""
        plain: dict[str, JSON] = asdict(self)
        return plain | {"fresh": sorted(self.fresh)}

    @classmethod
    def from_record(cls, record: Mapping[str, JSON]) -> Grant:
        """The grant that was kept."""
        fresh = record["fresh"]
        if not isinstance(fresh, list):
            raise ValueError(f"not a grant: {record}")
        texts = {field.name: str(record[field.name]) for field in fields(cls) if field.name != "fresh"}
        return cls(**texts, fresh=frozenset(str(item) for item in fresh))


@dataclass(frozen=True, slots=True)
class _Code:
    wish: Wish
    account_id: str
    expires_at: float


class OAuthBook:
    """Clients, codes and grants. `keep` is told of every grant that is new or has changed."""

    def __init__(self, keep: Callable[[Grant], None]) -> None:
        self._keep = keep
        self._clients: dict[str, OAuthClient] = {}
        self._codes: dict[str, _Code] = {}
        self._grants: dict[str, Grant] = {}
        self._by_refresh: dict[str, str] = {}

    def add_client(self, client: OAuthClient) -> None:
        """Registers a client, or registers it anew."""
        self._clients[client.id] = client

    def remember(self, grant: Grant) -> None:
        """Takes up a grant as it is."""
        before = self._grants.get(grant.id)
        for known in _refresh_hashes(before) if before else ():
            self._by_refresh.pop(known, None)
        self._grants[grant.id] = grant
        self._by_refresh.update(dict.fromkeys(_refresh_hashes(grant), grant.id))

    def may_be_sent_back(self, wish: Wish) -> bool:
        """Whether client and address are registered together; if not, nobody may be sent there."""
        client = self._clients.get(wish.client_id)
        return client is not None and wish.redirect_uri in client.redirect_uris

    def authenticate(self, client_id: str, secret: str) -> OAuthClient:
        """The client, if this is its secret."""
        client = self._clients.get(client_id)
        if client is None or not compare_digest(client.secret.encode(), secret.encode()):
            raise OAuthRefusal("invalid_client", "client authentication failed", 401)
        return client

    def allow(self, wish: Wish, account_id: str, now: float) -> str:
        """A person allows it: the code for the client."""
        self._codes = {name: known for name, known in self._codes.items() if known.expires_at > now}
        code = f"cfoac_{secrets.token_urlsafe(32)}"
        self._codes[_hash(code)] = _Code(wish, account_id, now + CODE_SECONDS)
        return code

    def redeem(
        self, client: OAuthClient, code: str, redirect_uri: str, verifier: str, now: float
    ) -> tuple[Grant, str]:
        """The grant behind a code, with its first refresh token. Every try spends the code."""
        known = self._codes.pop(_hash(code), None)
        if known is None or known.expires_at <= now or known.wish.client_id != client.id:
            raise OAuthRefusal("invalid_grant", "the code is unknown, was used or has expired")
        if known.wish.redirect_uri != redirect_uri:
            raise OAuthRefusal("invalid_grant", "redirect_uri is not the one that the code was made for")
        if not compare_digest(challenge_of(verifier).encode(), known.wish.code_challenge.encode()):
            raise OAuthRefusal("invalid_grant", "code_verifier does not fit the code_challenge")
        grant = Grant(secrets.token_hex(16), client.id, known.account_id, known.wish.scope)
        return self._exchange(grant, "")

    def refresh(self, client: OAuthClient, token: str) -> tuple[Grant, str]:
        """The grant behind a refresh token, with the next refresh token."""
        grant = self.grant_of(client, token)
        if grant is None:
            raise OAuthRefusal("invalid_grant", "the refresh token is unknown, was used or revoked")
        return self._exchange(grant, _hash(token))

    def grant_of(self, client: OAuthClient, refresh_token: str) -> Grant | None:
        """The client's grant that this refresh token belongs to."""
        grant = self._grants.get(self._by_refresh.get(_hash(refresh_token), ""))
        return grant if grant is not None and grant.client_id == client.id else None

    def owns(self, client: OAuthClient, grant_id: str) -> bool:
        """Whether it is the client that this was granted to."""
        grant = self._grants.get(grant_id)
        return grant is not None and grant.client_id == client.id

    def end(self, grant: Grant) -> None:
        """From now on none of its refresh tokens works."""
        self._change(replace(grant, used="", fresh=frozenset()))

    def _exchange(self, grant: Grant, used: str) -> tuple[Grant, str]:
        token = f"cfort_{secrets.token_urlsafe(32)}"
        siblings = grant.fresh if used == grant.used else frozenset()
        changed = replace(grant, used=used, fresh=siblings | {_hash(token)})
        self._change(changed)
        return changed, token

    def _change(self, grant: Grant) -> None:
        self._keep(grant)
        self.remember(grant)


def challenge_of(verifier: str) -> str:
    """The S256 challenge of RFC 7636 for a verifier."""
    return urlsafe_b64encode(sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def _refresh_hashes(grant: Grant) -> Iterable[str]:
    return grant.fresh | {grant.used} if grant.used else grant.fresh


def _hash(text: str) -> str:
    return sha256(text.encode()).hexdigest()
