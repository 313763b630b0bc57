"""Seals tokens in envelopes: each has a random key of its own, which is wrapped under a key of the settings.

    sealed = "cc2" | id of the wrapping key (4) | nonce (12) | wrapped key (48) | nonce (12) | token

Both layers are AES-256-GCM of `cryptography`; the name under which a token is kept (a credential's id, say) goes in
as associated data, so that an envelope that was moved to another row does not open. Rotation wraps the small key
anew and leaves the token's own ciphertext as it is; until that is done for all, every configured key opens.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Sequence
from hashlib import blake2b, sha256

from cryptography.exceptions import InvalidTag
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from cloudcache.domain.errors import Reason, Refused
from cloudcache.domain.secret import Token

MARK = b"cc2"
ID, NONCE, WRAPPED = 4, 12, 48
_HEAD = len(MARK) + ID + NONCE + WRAPPED


class EnvelopeVault:
    """`keys` newest first, never empty: the newest wraps, any of them unwraps."""

    def __init__(self, keys: Sequence[str]) -> None:
        derived = [_derived(key, b"cloudcache vault") for key in keys]
        self._newest = _id(derived[0])
        self._wrapping = {_id(key): AESGCM(key) for key in derived}
        self._before = MultiFernet([Fernet(base64.urlsafe_b64encode(key)) for key in derived])

    def seal(self, token: Token, name: str) -> bytes:
        own = AESGCM.generate_key(256)
        nonce = os.urandom(NONCE)
        return (
            self._wrap(own, name) + nonce + AESGCM(own).encrypt(nonce, token.reveal().encode(), name.encode())
        )

    def open(self, sealed: bytes, name: str) -> Token:
        try:
            if not sealed.startswith(MARK):  # sealed before there were envelopes; rotation replaces it
                return Token(self._before.decrypt(sealed).decode())
            own, rest = self._unwrap(sealed, name), sealed[_HEAD:]
            return Token(AESGCM(own).decrypt(rest[:NONCE], rest[NONCE:], name.encode()).decode())
        except (InvalidTag, InvalidToken, ValueError, KeyError):
            raise Refused(Reason.NOT_CONNECTED, "no configured key decrypts this credential") from None

    def renewed(self, sealed: bytes, name: str) -> bytes | None:
        """The same under the newest key; None when it is already."""
        if not sealed.startswith(MARK):
            return self.seal(self.open(sealed, name), name)
        if sealed[len(MARK) : len(MARK) + ID] == self._newest:
            return None
        try:
            return self._wrap(self._unwrap(sealed, name), name) + sealed[_HEAD:]
        except (InvalidTag, ValueError, KeyError):
            raise Refused(Reason.NOT_CONNECTED, "no configured key decrypts this credential") from None

    def _wrap(self, own: bytes, name: str) -> bytes:
        nonce = os.urandom(NONCE)
        return MARK + self._newest + nonce + self._wrapping[self._newest].encrypt(nonce, own, name.encode())

    def _unwrap(self, sealed: bytes, name: str) -> bytes:
        rest = sealed[len(MARK) :]
        cipher = self._wrapping[rest[:ID]]
        return cipher.decrypt(rest[ID : ID + NONCE], sealed[_HEAD - WRAPPED : _HEAD], name.encode())


def _derived(key: str, purpose: bytes) -> bytes:
    return blake2b(key.encode(), digest_size=32, person=purpose).digest()


def _id(key: bytes) -> bytes:
    """Tells which key wrapped, and nothing about it."""
    return sha256(b"cloudcache key id" + key).digest()[:ID]
