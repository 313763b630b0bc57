"""A Cloudflare token that cannot be printed.

It shows its last four characters at most; `str`, `repr`, formatting, pickling and tracebacks of a frame
that holds one never show the rest. `reveal` is called in one place: where the Authorization header is made.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NoReturn


class TokenKind(StrEnum):
    """Who a token belongs to; Cloudflare serves some settings to one kind and fails for another."""

    USER = "user"
    ACCOUNT = "account"
    OAUTH = "oauth"
    LEGACY = "legacy"  # made before 2026, when tokens had no prefix yet


_PREFIXES = {"cfut_": TokenKind.USER, "cfat_": TokenKind.ACCOUNT, "cfoat_": TokenKind.OAUTH}


class Token:
    """A credential as a value object; two tokens are equal when their secrets are."""

    __slots__ = ("__secret",)

    def __init__(self, secret: str) -> None:
        if not secret or not secret.isascii() or any(c.isspace() for c in secret):
            raise ValueError("a Cloudflare token is a non-empty word of ASCII characters")
        self.__secret = secret

    def reveal(self) -> str:
        """The secret itself, for the Authorization header and for sealing."""
        return self.__secret

    @property
    def kind(self) -> TokenKind:
        """The kind that the token's prefix names."""
        prefix, mark, _ = self.__secret.partition("_")
        return _PREFIXES.get(prefix + mark, TokenKind.LEGACY)

    @property
    def last_four(self) -> str:
        """The part that may be shown, or nothing when the token is so short that it would tell too much."""
        return self.__secret[-4:] if len(self.__secret) >= 16 else ""

    def __repr__(self) -> str:
        return f"Token(****{self.last_four})"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return repr(self)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Token) and self.__secret == other.__secret

    def __hash__(self) -> int:
        return hash(self.__secret)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a token is never pickled")
