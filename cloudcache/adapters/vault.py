"""Seals customer credentials with the keys of the settings; the newest seals, any of them opens.

Fernet (AES-128-CBC with HMAC-SHA256) of `cryptography`, with its MultiFernet for rotation. A key in the settings
is any text of 32 characters or more; the cipher's key is derived from it.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from hashlib import blake2b

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from cloudcache.domain.errors import Reason, Refused
from cloudcache.domain.secret import Token


class FernetVault:
    """`keys` newest first, never empty."""

    def __init__(self, keys: Sequence[str]) -> None:
        self._cipher = MultiFernet([Fernet(_derived(key)) for key in keys])

    def seal(self, token: Token) -> bytes:
        return self._cipher.encrypt(token.reveal().encode())

    def open(self, sealed: bytes) -> Token:
        try:
            return Token(self._cipher.decrypt(sealed).decode())
        except InvalidToken:
            raise Refused(Reason.NOT_CONNECTED, "no configured key opens this credential") from None


def _derived(key: str) -> bytes:
    digest = blake2b(key.encode(), digest_size=32, person=b"cloudcache vault").digest()
    return base64.urlsafe_b64encode(digest)
